#include "../generated/ops.h"
#include "../host/seccomp.h"
#include "methods.h"

namespace {

struct Entry {
  const char* name;
  node::Method method;
};

constexpr Entry methods[] = {
    {"spawn", node::Spawn},
    {"sendPart", node::SendPart},
    {"sendGo", node::SendGo},
    {"receive", node::Receive},
    {"datagramPair", node::DatagramPair},
    {"sendDatagram", node::SendDatagram},
    {"receiveDatagram", node::ReceiveDatagram},
    {"pidfdOpen", node::PidfdOpen},
    {"pidfdSendSignal", node::PidfdSendSignal},
    {"waitPidfd", node::WaitReadable},  // a pidfd is readable when its process has ended
    {"waitReadable", node::WaitReadable},
    {"endWaits", node::EndWaits},
    {"openEventfd", node::OpenEventfd},
    {"runProgram", node::RunProgram},
    {"reap", node::Reap},
    {"setChildSubreaper", node::SetChildSubreaper},
    {"openTree", node::OpenTree},
    {"openNamespace", node::OpenNamespace},
    {"makeUserNamespace", node::MakeUserNamespace},
    {"moveNetDevice", node::MoveNetDevice},
    {"setProcessLimit", node::SetProcessLimit},
    {"attachDeviceProgram", node::AttachDeviceProgram},
    {"compileFilter", node::CompileFilter},
    {"fingerprint", node::Fingerprint},
    {"detachMount", node::DetachMount},
    {"listen", node::Listen},
    {"connect", node::Connect},
    {"sendFd", node::SendFd},
    {"lock", node::Lock},
    {"copyWindowSize", node::CopyWindowSize},
    {"keepSignals", node::KeepSignals},
    {"becomeMonitor", node::BecomeMonitor},
};

std::string hex(const uint8_t (&bytes)[32]) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("wireHash", hex(op::tableHash));
  exports.Set("libseccompVersion", host::libseccompVersion());
  for (const Entry& entry : methods) exports.Set(entry.name, Napi::Function::New(env, entry.method, entry.name));
  return exports;
}

}  // namespace

NODE_API_MODULE(tsrunc, Init)
