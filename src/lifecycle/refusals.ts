import { pointerTo } from '../config/position.ts';
import type { Spec } from '../config/spec.ts';
import { sysctlNamespace, sysctlPath } from '../config/sysctl.ts';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import { isOwnNamespace } from '../host/namespaces.ts';
import { isCapable, namespaceNames } from '../plan/namespaces.ts';
import type { FdName } from '../plan/ops.ts';
import type { FdRequest } from '../plan/plan.ts';

/** What is right in the configuration, but impossible on this host or for this user. */
export function refuseOnHost(spec: Spec, host: HostFacts): void {
  refuseWithoutPrivileges(spec, host);
  refuseMissingNamespaces(spec, host);
  refuseNetDevices(spec, host);
  refuseMissingModules(spec, host);
  refuseMissingSeccomp(spec, host);
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
      hint: `Leave it out of linux.namespaces, or boot a kernel that has it (CONFIG_${kernelName.toUpperCase()}_NS).`,
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

/**
 * A namespace may be joined by a path that leads to the runtime's own: what is set in it would be set for the host. Told by the
 * namespace that was opened, since paths and links to one are many.
 */
export function refuseOwnNamespaces(
  spec: Spec,
  requests: readonly FdRequest[],
  opened: ReadonlyMap<FdName, number>,
): void {
  for (const request of requests) {
    const fd = opened.get(request.name);
    if (request.kind !== 'namespace' || fd === undefined) continue;
    const type = namespaceNames(request.flag);
    const pointer = settingIn(type, spec);
    if (pointer === undefined || !isOwnNamespace(fd, type)) continue;
    throw new TsruncError(
      'CONFIG_INVALID',
      `The ${type} namespace at "${request.path}" is the runtime's own: this would change the host`,
      {
        place: { file: 'config.json', pointer },
        hint: 'Leave the path out for a new namespace, or take the setting out.',
      },
    );
  }
}

/** The first field that sets something of the namespace. */
function settingIn(type: string, { hostname, domainname, linux }: Spec): string | undefined {
  if (type === 'uts' && (hostname ?? '') !== '') return '/hostname';
  if (type === 'uts' && (domainname ?? '') !== '') return '/domainname';
  const name = Object.keys(linux?.sysctl ?? {}).find((each) => sysctlNamespace(sysctlPath(each) ?? '') === type);
  return name === undefined ? undefined : pointerTo('/linux/sysctl', name);
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
    hint: `Leave it out, or boot with ${module} (/sys/kernel/security/lsm lists what is active).`,
  });
}

/** Without the filter the program would run with nothing forbidden. */
function refuseMissingSeccomp({ linux }: Spec, { seccomp, kernel }: HostFacts): void {
  if (linux?.seccomp === undefined || seccomp) return;
  throw new TsruncError('UNSUPPORTED', `This kernel (${kernel.release}) has no filters of system calls`, {
    place: { file: 'config.json', pointer: '/linux/seccomp' },
    hint: 'Leave linux.seccomp out of the configuration, or boot a kernel that has them (CONFIG_SECCOMP_FILTER).',
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
