import { pointerTo } from '../config/position.ts';
import type { Spec } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import { isCapable } from '../plan/namespaces.ts';

/** What is right in the configuration, but impossible on this host or for this user. */
export function refuseOnHost(spec: Spec, host: HostFacts): void {
  refuseWithoutPrivileges(spec, host);
  refuseMissingNamespaces(spec, host);
  refuseNetDevices(spec, host);
  refuseMissingModules(spec, host);
  refuseOldSeccomp(spec, host);
}

function refuseWithoutPrivileges(spec: Spec, host: HostFacts): void {
  if (isCapable(host)) return;
  if (spec.linux?.namespaces?.some(({ type }) => type === 'user')) return;
  throw new TsruncError('UNSUPPORTED', 'rootless container requires user namespaces', {
    place: { file: 'config.json', pointer: '/linux/namespaces' },
    hint: 'Run as root, or let `tsrunc spec --rootless` write a configuration for an ordinary user.',
  });
}

function refuseMissingNamespaces(spec: Spec, host: HostFacts): void {
  for (const [index, { type }] of (spec.linux?.namespaces ?? []).entries()) {
    const kernelName = { network: 'net', mount: 'mnt' }[type as string] ?? type;
    if (host.namespaces.includes(kernelName)) continue;
    throw new TsruncError('UNSUPPORTED', `This kernel (${host.kernel.release}) has no ${type} namespaces`, {
      place: { file: 'config.json', pointer: `/linux/namespaces/${index}` },
    });
  }
}

/** An ordinary user has privileges over the container's network alone, never over the devices outside of it. */
function refuseNetDevices(spec: Spec, host: HostFacts): void {
  const [name] = Object.keys(spec.linux?.netDevices ?? {});
  if (name === undefined || isCapable(host)) return;
  throw new TsruncError('UNSUPPORTED', 'An ordinary user cannot move network devices into a container', {
    place: { file: 'config.json', pointer: pointerTo('/linux/netDevices', name) },
    hint: 'Run as root, or leave netDevices out and have a helper such as slirp4netns or pasta connect the container.',
  });
}

/** A label that nobody enforces would leave the user with the belief of being confined. */
export function refuseMissingModules({ process, linux }: Pick<Spec, 'process' | 'linux'>, { lsm }: HostFacts): void {
  if (!lsm.apparmor) refuseLabel('AppArmor', '/process/apparmorProfile', process?.apparmorProfile);
  if (lsm.selinux) return;
  refuseLabel('SELinux', '/process/selinuxLabel', process?.selinuxLabel);
  refuseLabel('SELinux', '/linux/mountLabel', linux?.mountLabel);
}

function refuseLabel(module: 'AppArmor' | 'SELinux', pointer: string, label = ''): void {
  if (label === '') return;
  throw new TsruncError('UNSUPPORTED', `"${label}" cannot be applied: ${module} is not active on this host`, {
    place: { file: 'config.json', pointer },
    hint: `Take the field out of the configuration, or boot with ${module} (/sys/kernel/security/lsm lists what is active).`,
  });
}

/** Older kernels refuse the flag with EINVAL, of which nobody would know what is meant. */
function refuseOldSeccomp({ linux }: Spec, { kernel }: HostFacts): void {
  const index = linux?.seccomp?.flags?.indexOf('SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV') ?? -1;
  if (index < 0 || kernel.major > 5 || (kernel.major === 5 && kernel.minor >= 19)) return;
  throw new TsruncError(
    'UNSUPPORTED',
    `This kernel (${kernel.release}) has no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`,
    {
      place: { file: 'config.json', pointer: `/linux/seccomp/flags/${index}` },
      hint: 'It needs Linux 5.19.',
    },
  );
}
