// Mount trees, namespaces, sockets, terminals.
#include "../host/device_program.h"
#include "../host/net_device.h"
#include "../host/sockets.h"
#include "../host/terminal.h"
#include "../host/tree.h"
#include "convert.h"
#include "methods.h"

namespace node {

Napi::Value OpenTree(const Napi::CallbackInfo& info) {
  const auto asked = info[0].As<Napi::Object>();
  host::TreeRequest request{.path = toString(asked.Get("path")),
                            .recursive = toBool(asked.Get("recursive")),
                            .noFollow = toBool(asked.Get("noFollow")),
                            .idmap = -1,
                            .idmapRecursive = false};
  if (const Napi::Value mapping = asked.Get("idmap"); mapping.IsObject()) {
    const auto idmap = mapping.As<Napi::Object>();
    request.idmap = toInt(idmap.Get("userNamespace"));
    request.idmapRecursive = toBool(idmap.Get("recursive"));
  }
  return finish(info.Env(), host::openTree(request));
}

Napi::Value OpenNamespace(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::openNamespace(toString(info[0]), toU32(info[1])));
}

Napi::Value MakeUserNamespace(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::makeUserNamespace(toIdMaps(info[0]), toIdMaps(info[1])));
}

Napi::Value MoveNetDevice(const Napi::CallbackInfo& info) {
  const auto asked = info[0].As<Napi::Object>();
  const host::Outcome<host::MovedNetDevice> moved = host::moveNetDevice({.from = toInt(asked.Get("from")),
                                                                         .to = toInt(asked.Get("to")),
                                                                         .name = toString(asked.Get("name")),
                                                                         .newName = toString(asked.Get("newName")),
                                                                         .up = toBool(asked.Get("up"))});
  if (moved.failure) return finish(info.Env(), moved.failure);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("name", moved.value.name);
  result.Set("wasUp", moved.value.wasUp);
  return result;
}

Napi::Value AttachDeviceProgram(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::attachDeviceProgram(toInt(info[0]), toBytes(info[1])));
}

Napi::Value DetachMount(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::detachMount(toString(info[0])));
}

Napi::Value Listen(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::listenAt(toInt(info[0]), toString(info[1])));
}

Napi::Value Connect(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::connectAt(toInt(info[0]), toString(info[1])));
}

Napi::Value SendFd(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::sendFd(toString(info[0]), toInt(info[1]), toString(info[2])));
}

Napi::Value CopyWindowSize(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::copyWindowSize(toInt(info[0]), toInt(info[1])));
}

}  // namespace node
