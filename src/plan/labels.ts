/** Labels of security modules: AppArmor profiles and SELinux contexts. */
import type { Process, Spec } from '../config/spec.ts';
import type { Op } from './ops.ts';

/**
 * What the kernel changes to when the program is executed. While the helper has its privileges: some hosts let only those
 * change an unconfined process's profile. The startContainer hooks, programs of the image, run under it as well.
 */
export const planLabels = ({ apparmorProfile = '', selinuxLabel = '' }: Process): readonly Op[] => [
  ...(apparmorProfile === ''
    ? []
    : [label(['apparmor/exec', 'exec'], `exec ${apparmorProfile}`, '/process/apparmorProfile')]),
  ...(selinuxLabel === '' ? [] : [label(['exec'], selinuxLabel, '/process/selinuxLabel')]),
];

/** The session keyring that is made next belongs to the container, and so does its label; executing a program resets this. */
export const planKeyringLabel = ({ process }: Spec): readonly Op[] =>
  (process?.selinuxLabel ?? '') === ''
    ? []
    : [label(['keycreate'], process?.selinuxLabel ?? '', '/process/selinuxLabel')];

/** Before Linux 5.8 AppArmor has no attributes of its own, only those that it shares with the other modules. */
const label = (attributes: readonly string[], value: string, from: string): Op => ({
  op: 'setSecurityLabel',
  attributes,
  value,
  from,
});
