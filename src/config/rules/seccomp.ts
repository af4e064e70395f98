/** Rules about the filter of system calls: config-linux.md "Seccomp". */
import type { Seccomp, SeccompAction, SeccompArg } from '../spec.ts';
import { each, hasHole, type Report, type Rule } from './helpers.ts';

export const seccompRule: Rule = ({ linux }, report) => {
  const seccomp = linux?.seccomp;
  if (seccomp === undefined) return;
  const { defaultAction, defaultErrnoRet } = seccomp;
  if (defaultErrnoRet !== undefined)
    checkErrno(report, '/linux/seccomp/defaultErrnoRet', defaultAction, defaultErrnoRet);
  checkSyscalls(report, seccomp);
  checkNotify(report, seccomp);
};

/** "If the action does not support an errno, the runtime MUST generate an error." */
const takesErrno = (action: SeccompAction): action is keyof typeof largest =>
  action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';

/** libseccomp stays below MAX_ERRNO of the kernel; a tracer gets 16 bits. */
const largest = { SCMP_ACT_ERRNO: 4094, SCMP_ACT_TRACE: 65535 } as const;

function checkErrno(report: Report, pointer: string, action: SeccompAction, errno: number): void {
  if (!takesErrno(action)) {
    report.mistake(pointer, `${action} returns no errno`, 'Only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do.');
  } else if (errno > largest[action]) {
    report.mistake(pointer, `The errno ${errno} is too large: ${action} returns at most ${largest[action]}`);
  }
}

function checkSyscalls(report: Report, { syscalls }: Seccomp): void {
  each(syscalls, ({ action, errnoRet, names, args = [] }, index) => {
    const pointer = `/linux/seccomp/syscalls/${index}`;
    if (errnoRet !== undefined) checkErrno(report, `${pointer}/errnoRet`, action, errnoRet);
    if (action === 'SCMP_ACT_NOTIFY' && names.includes('write')) notifiesWrite(report, pointer);
    if (!hasHole(args) && repeatsArgument(args)) {
      report.caution(
        `${pointer}/args`,
        'Several conditions are on one argument: each of them is enough for the rule, they need not all hold',
      );
    }
  });
}

/** Other runtimes report with write and could not any more, so a profile with it works nowhere; the words are runc's. */
const notifiesWrite = (report: Report, pointer: string): void =>
  report.mistake(`${pointer}/action`, 'SCMP_ACT_NOTIFY cannot be used for the write syscall');

/** Whether one argument has several conditions. */
export const repeatsArgument = (args: readonly Pick<SeccompArg, 'index'>[]): boolean =>
  new Set(args.map(({ index }) => index)).size < args.length;

function checkNotify(report: Report, { defaultAction, syscalls, listenerPath = '', listenerMetadata }: Seccomp): void {
  if (listenerPath === '' && (listenerMetadata ?? '') !== '') {
    report.mistake('/linux/seccomp/listenerMetadata', 'listenerMetadata must not be set without listenerPath');
  }
  if (defaultAction === 'SCMP_ACT_NOTIFY') {
    report.mistake('/linux/seccomp/defaultAction', 'SCMP_ACT_NOTIFY cannot be used as default action');
  }
  const notifying = syscalls?.findIndex((syscall) => syscall?.action === 'SCMP_ACT_NOTIFY') ?? -1;
  if (notifying >= 0 && listenerPath === '') {
    report.mistake(
      `/linux/seccomp/syscalls/${notifying}/action`,
      'SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath, the socket of the agent that is asked',
    );
  }
}
