// The methods of Native (src/native/native.ts), one function each.
#pragma once

#include <napi.h>

namespace node {

using Method = Napi::Value (*)(const Napi::CallbackInfo&);

Napi::Value Spawn(const Napi::CallbackInfo& info);
Napi::Value SendPart(const Napi::CallbackInfo& info);
Napi::Value SendGo(const Napi::CallbackInfo& info);
Napi::Value Receive(const Napi::CallbackInfo& info);
Napi::Value DatagramPair(const Napi::CallbackInfo& info);
Napi::Value SendDatagram(const Napi::CallbackInfo& info);
Napi::Value ReceiveDatagram(const Napi::CallbackInfo& info);
Napi::Value PidfdOpen(const Napi::CallbackInfo& info);
Napi::Value PidfdSendSignal(const Napi::CallbackInfo& info);
Napi::Value WaitReadable(const Napi::CallbackInfo& info);
Napi::Value EndWaits(const Napi::CallbackInfo& info);
Napi::Value OpenEventfd(const Napi::CallbackInfo& info);
Napi::Value RunProgram(const Napi::CallbackInfo& info);
Napi::Value Reap(const Napi::CallbackInfo& info);
Napi::Value SetChildSubreaper(const Napi::CallbackInfo& info);
Napi::Value OpenTree(const Napi::CallbackInfo& info);
Napi::Value OpenNamespace(const Napi::CallbackInfo& info);
Napi::Value MakeUserNamespace(const Napi::CallbackInfo& info);
Napi::Value MoveNetDevice(const Napi::CallbackInfo& info);
Napi::Value SetProcessLimit(const Napi::CallbackInfo& info);
Napi::Value AttachDeviceProgram(const Napi::CallbackInfo& info);
Napi::Value CompileFilter(const Napi::CallbackInfo& info);
Napi::Value Fingerprint(const Napi::CallbackInfo& info);
Napi::Value DetachMount(const Napi::CallbackInfo& info);
Napi::Value Listen(const Napi::CallbackInfo& info);
Napi::Value Connect(const Napi::CallbackInfo& info);
Napi::Value SendFd(const Napi::CallbackInfo& info);
Napi::Value Lock(const Napi::CallbackInfo& info);
Napi::Value CopyWindowSize(const Napi::CallbackInfo& info);
Napi::Value KeepSignals(const Napi::CallbackInfo& info);
Napi::Value BecomeMonitor(const Napi::CallbackInfo& info);

}  // namespace node
