/** Labels of security modules in checkpoints: criu writes and restores them, or does not and says nothing. */
import { readFileSync } from 'node:fs';
import type { Process, Spec } from '../config/spec.ts';
import { type ErrorDetails, TsruncError } from '../errors.ts';
import { errnoName } from '../host/errno.ts';
import type { HostFacts } from '../host/facts.ts';

export type Lsm = keyof HostFacts['lsm'];

interface Module {
  readonly field: keyof Process & ('apparmorProfile' | 'selinuxLabel');
  /** Below /proc/PID/attr, the first that the kernel has: AppArmor has attributes of its own since Linux 5.8. */
  readonly attributes: readonly string[];
  /** Why criu may not know it. */
  readonly reason: string;
}

const modules: Readonly<Record<Lsm, Module>> = {
  apparmor: {
    field: 'apparmorProfile',
    attributes: ['apparmor/current', 'current'],
    reason: 'criu looks for AppArmor in /sys/kernel/security: mount securityfs there.',
  },
  selinux: {
    field: 'selinuxLabel',
    attributes: ['current'],
    reason: 'A criu that was built without libselinux loses labels: use one that was built with it.',
  },
};

/** What the container was to be confined by: of a module that is active, and not in vain. */
interface Wanted {
  readonly lsm: Lsm;
  readonly label: string;
  /** Where it is said; none for a flag. */
  readonly details: Pick<ErrorDetails, 'place'>;
}

/** @param flag --lsm-profile, TYPE:NAME */
function wanted({ process }: Pick<Spec, 'process'>, { lsm }: Pick<HostFacts, 'lsm'>, flag = ''): readonly Wanted[] {
  return (['apparmor', 'selinux'] as const)
    .filter((name) => lsm[name])
    .map((name): Wanted => {
      const { field } = modules[name];
      if (flag.startsWith(`${name}:`)) return { lsm: name, label: flag.slice(name.length + 1), details: {} };
      const place = { file: 'config.json', pointer: `/process/${field}` } as const;
      return { lsm: name, label: process?.[field] ?? '', details: { place } };
    })
    .filter(({ label }) => label !== '' && label !== 'unconfined');
}

/**
 * What criu has not restored has the label of criu. Whether another one is right is the business of who wrote the checkpoint.
 *
 * @param lsm whose label is restored by now
 * @param pids of the first process, which does not run yet, and of criu
 * @param flag --lsm-profile
 * @throws TsruncError CRIU_FAILED
 */
export function refuseLostLabel(
  lsm: Lsm,
  pids: { readonly restored: number; readonly criu: number },
  spec: Spec,
  host: Pick<HostFacts, 'lsm'>,
  flag?: string,
): void {
  const one = wanted(spec, host, flag).find((each) => each.lsm === lsm);
  if (one === undefined || !isLost(one.label, labelOf(pids.restored, lsm), labelOf(pids.criu, lsm))) return;
  throw new TsruncError('CRIU_FAILED', `criu has restored the container without its label "${one.label}"`, {
    ...one.details,
    hint: `The checkpoint may be of a container without one. ${modules[lsm].reason}`,
  });
}

/** Labels as the kernel prints them: "profile (enforce)" of AppArmor, contexts of SELinux. */
export const isLost = (wanted: string, label: string, ofCriu: string): boolean =>
  label === ofCriu && withoutMode(label) !== wanted;

/**
 * The label of a process that is about to be dumped, which the images have to hold: without it the container could only come back
 * unconfined.
 *
 * @returns what looks for it in an image of a process; undefined when there is nothing to look for
 */
export function labelToKeep(
  pid: number,
  spec: Spec,
  host: Pick<HostFacts, 'lsm'>,
): { isIn: (image: string) => boolean; readonly missing: () => TsruncError } | undefined {
  const [first] = wanted(spec, host);
  if (first === undefined) return undefined;
  const { lsm, details } = first;
  const label = withoutMode(labelOf(pid, lsm));
  if (label === '' || label === 'unconfined') return undefined;
  const hint = `Its checkpoint could not be restored. ${modules[lsm].reason}`;
  return {
    isIn: (image) => image.includes(label),
    missing: () =>
      new TsruncError('CRIU_FAILED', `criu has not written the container's label "${label}"`, { ...details, hint }),
  };
}

const withoutMode = (label: string): string => label.replace(/ \(\w+\)$/, '');

function labelOf(pid: number, lsm: Lsm): string {
  for (const attribute of modules[lsm].attributes) {
    try {
      return readFileSync(`/proc/${pid}/attr/${attribute}`, 'utf8').replace(/\0$/, '').trimEnd();
    } catch (error) {
      if (errnoName(error) !== 'ENOENT') throw error;
    }
  }
  return '';
}
