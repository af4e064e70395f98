import { closeSync, fstatSync } from 'node:fs';
import type { LoadedConfig } from '../config/load.ts';
import { pointerTo } from '../config/position.ts';
import { type ErrorDetails, TsruncError } from '../errors.ts';
import type { Native, SystemCallError } from '../native/native.ts';
import { namespaceFlags } from '../plan/namespaces.ts';
import type { Undo } from './undo.ts';

interface Surroundings {
  readonly native: Native;
  readonly config: Pick<LoadedConfig, 'spec' | 'locate'>;
  readonly undo: Undo;
}

/**
 * Move network devices of the runtime's network namespace into that of the process `pid` (config-linux.md "Network
 * Devices"). They are the container's from the moment that it exists, and go with its namespace: the runtime-spec forbids
 * to take them back then. Where it does not come to that they return, as they were.
 *
 * @throws TsruncError STEP_FAILED with the device's place; it and those before it are back then
 */
export function moveNetDevices(pid: number, surroundings: Surroundings): void {
  const { config, native, undo } = surroundings;
  const from = native.openNamespace('/proc/thread-self/ns/net', namespaceFlags.network);
  closeInTheEnd(undo, from);
  const to = native.openNamespace(`/proc/${pid}/ns/net`, namespaceFlags.network);
  closeInTheEnd(undo, to);
  refuseSame(from, to);
  for (const [name, device] of Object.entries(config.spec.linux?.netDevices ?? {})) {
    moveOne(surroundings, { from, to, name, newName: device.name || name, up: true });
  }
}

function closeInTheEnd(undo: Undo, fd: number): void {
  const close = (): void => closeSync(fd);
  undo.add('close a network namespace', close, close);
}

function refuseSame(from: number, to: number): void {
  if (fstatSync(from).ino !== fstatSync(to).ino) return;
  throw new TsruncError('STEP_FAILED', "The container's network namespace is the one that tsrunc itself is in", {
    place: { file: 'config.json', pointer: '/linux/netDevices' },
    hint: 'Its devices are there already: leave netDevices out.',
  });
}

function moveOne({ native, undo }: Surroundings, move: Parameters<Native['moveNetDevice']>[0]): void {
  try {
    const { name, wasUp } = native.moveNetDevice(move);
    const { from, to } = move;
    undo.add(`give the network device "${move.name}" back`, () => {
      native.moveNetDevice({ from: to, to: from, name, newName: move.name, up: wasUp });
    });
  } catch (cause) {
    throw refused(move, cause as SystemCallError);
  }
}

function refused(move: { readonly name: string; readonly newName: string }, cause: SystemCallError): TsruncError {
  const { why, hint } = explain(move.newName, cause);
  const details: ErrorDetails = {
    cause,
    place: { file: 'config.json', pointer: pointerTo('/linux/netDevices', move.name) },
    ...(hint === undefined ? {} : { hint }),
  };
  return new TsruncError(
    'STEP_FAILED',
    `Cannot move the network device "${move.name}" into the container: ${why}`,
    details,
  );
}

function explain(
  newName: string,
  { syscall, code }: SystemCallError,
): { readonly why: string; readonly hint?: string } {
  switch (`${syscall} ${code}`) {
    case 'RTM_GETLINK ENODEV':
      return {
        why: 'there is no such device',
        hint: 'It must be in the network namespace that tsrunc runs in: see "ip link".',
      };
    case 'RTM_GETLINK(new name) EEXIST':
      return {
        why: `the container has a device "${newName}" already`,
        hint: 'Choose another name, or a template such as "eth%d".',
      };
    case 'RTM_SETLINK(IFLA_NET_NS_FD) EINVAL':
      return {
        why: 'it cannot leave its network namespace',
        hint: 'The kernel binds some devices to their namespace: loopback, bridges, the fallback devices of tunnels.',
      };
    default:
      return { why: `${syscall}: ${code}`, ...hintOf(syscall, code) };
  }
}

function hintOf(syscall: string, code: string): { readonly hint?: string } {
  if (code === 'EPERM') return { hint: 'That takes CAP_NET_ADMIN over both network namespaces.' };
  if (syscall === 'RTM_NEWADDR') {
    return { hint: 'Its addresses must be kept; IPv6 may be disabled in the network namespace of the container.' };
  }
  return syscall === 'RTM_SETLINK(back)' ? { hint: 'It could not be moved back either, and is gone.' } : {};
}
