/** Rules about the filter of system calls: config-linux.md "Seccomp". */
import type { Seccomp, SeccompAction } from '../spec.ts';
import { each, type Report, type Rule } from './helpers.ts';

export const seccompRule: Rule = ({ linux }, report) => {
  const seccomp = linux?.seccomp;
  if (seccomp === undefined) return;
  if (seccomp.defaultErrnoRet !== undefined && !takesErrno(seccomp.defaultAction)) {
    pointlessErrno(report, '/linux/seccomp/defaultErrnoRet', seccomp.defaultAction);
  }
  checkSyscalls(report, seccomp);
  checkNotify(report, seccomp);
};

/** "If the action does not support an errno, the runtime MUST generate an error." */
const takesErrno = (action: SeccompAction): boolean => action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';

const pointlessErrno = (report: Report, pointer: string, action: SeccompAction): void =>
  report.mistake(pointer, `${action} returns no errno`, 'Only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do.');

function checkSyscalls(report: Report, { syscalls }: Seccomp): void {
  each(syscalls, ({ action, errnoRet, names }, index) => {
    const pointer = `/linux/seccomp/syscalls/${index}`;
    if (errnoRet !== undefined && !takesErrno(action)) pointlessErrno(report, `${pointer}/errnoRet`, action);
    // The helper hands the listener over with sendmsg and reports with write: both must work under the filter.
    if (action === 'SCMP_ACT_NOTIFY' && names.includes('write')) {
      report.mistake(`${pointer}/action`, 'SCMP_ACT_NOTIFY cannot be the action of write');
    }
  });
}

function checkNotify(report: Report, { defaultAction, syscalls, listenerPath = '' }: Seccomp): void {
  if (defaultAction === 'SCMP_ACT_NOTIFY') {
    report.mistake('/linux/seccomp/defaultAction', 'SCMP_ACT_NOTIFY cannot be the default action');
  }
  const notifying = syscalls?.findIndex((syscall) => syscall?.action === 'SCMP_ACT_NOTIFY') ?? -1;
  if (notifying >= 0 && listenerPath === '') {
    report.mistake(
      `/linux/seccomp/syscalls/${notifying}/action`,
      'SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath, the socket of the agent that is asked',
    );
  }
}
