import { readFileSync } from 'node:fs';
import type { Spec } from '../config/spec.ts';
import type { RestoreFlags } from '../criu/options.ts';
import { TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import type { HostFacts } from '../host/facts.ts';

type Lsm = keyof HostFacts['lsm'];

/** By the first that the kernel has: AppArmor has attributes of its own since Linux 5.8. */
const attributes: Readonly<Record<Lsm, readonly string[]>> = {
  apparmor: ['apparmor/current', 'current'],
  selinux: ['current'],
};

/**
 * A criu that was built without a security module restores processes without their labels and does not say so: they have
 * criu's own then, which is ours. Whether another label is the right one is the business of who wrote the checkpoint.
 *
 * @param process the first, restored and not running yet
 * @throws TsruncError CRIU_FAILED
 */
export function requireLabel(
  process: number,
  spec: Spec,
  { lsmProfile = '' }: Pick<RestoreFlags, 'lsmProfile'>,
  { lsm }: HostFacts,
): void {
  const { apparmorProfile = '', selinuxLabel = '' } = spec.process ?? {};
  for (const [name, field, configured] of [
    ['apparmor', 'apparmorProfile', apparmorProfile],
    ['selinux', 'selinuxLabel', selinuxLabel],
  ] as const) {
    const wanted = lsmProfile.startsWith(`${name}:`) ? lsmProfile.slice(name.length + 1) : configured;
    if (wanted === '' || !lsm[name] || !isLost(wanted, labelOf(process, name), labelOf('self', name))) continue;
    throw new TsruncError('CRIU_FAILED', `criu has restored the container without its label "${wanted}"`, {
      place: { file: 'config.json', pointer: `/process/${field}` },
      hint: 'This criu was built without support of it (for SELinux: without libselinux): use one that has it.',
    });
  }
}

/** Labels as the kernel prints them: "profile (enforce)" of AppArmor, contexts of SELinux. */
export function isLost(wanted: string, label: string, own: string): boolean {
  return label === own && label.replace(/ \(\w+\)$/, '') !== wanted;
}

function labelOf(process: number | 'self', lsm: Lsm): string {
  for (const attribute of attributes[lsm]) {
    try {
      return readFileSync(`/proc/${process}/attr/${attribute}`, 'utf8').replace(/\0$/, '').trimEnd();
    } catch (error) {
      if (errnoName(error) !== 'ENOENT') throw error;
    }
  }
  return '';
}
