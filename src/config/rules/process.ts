/** Rules about the program: config.md "Process". */
import { mostCpus, parseIndexList } from '../index-list.ts';
import { toU64 } from '../integers.ts';
import type { Process, Scheduler } from '../spec.ts';
import { checkEnvironment, each, eachDuplicate, isAbsolute, quoted, type Report, type Rule } from './helpers.ts';

export const processRule: Rule = ({ process }, report) => {
  if (process === undefined) {
    // runtime.md "Start": only start needs a process.
    report.caution('', 'The configuration has no process: the container can be created, but not started');
    return;
  }
  checkArgs(report, process);
  checkEnvironment(report, '/process/env', process.env);
  if (!isAbsolute(process.cwd)) {
    report.mistake('/process/cwd', `The working directory must be an absolute path, but is ${quoted(process.cwd)}`);
  }
  const size = process.consoleSize;
  if (size !== undefined && (size.height > 0 || size.width > 0) && process.terminal !== true) {
    report.caution('/process/consoleSize', 'The size of the console has no effect: process.terminal is not true');
  }
};

function checkArgs(report: Report, { args }: Process): void {
  if (args === undefined || args.length === 0) {
    report.mistake('/process/args', 'process.args must not be empty', 'It names the program to run: ["/bin/sh"].');
  } else if (args[0] === '') {
    report.mistake('/process/args/0', 'The name of the program is empty');
  }
}

export const affinityRule: Rule = ({ process }, report) => {
  const { initial = '', final = '' } = process?.execCPUAffinity ?? {};
  for (const [field, text] of Object.entries({ initial, final })) {
    const list = parseIndexList(text, mostCpus);
    const pointer = `/process/execCPUAffinity/${field}`;
    if ('wrong' in list) report.mistake(pointer, `The list of CPUs ${quoted(text)} ${list.wrong}`);
  }
};

export const rlimitRule: Rule = ({ process }, report) => {
  each(process?.rlimits, ({ type, soft, hard }, index) => {
    if (soft > hard) {
      report.mistake(
        `/process/rlimits/${index}/soft`,
        `The soft limit of ${type} (${toU64(soft)}) is above its hard limit (${toU64(hard)})`,
      );
    }
  });
  eachDuplicate(
    process?.rlimits,
    ({ type }) => type,
    (type, index, first) => {
      // config.md "POSIX process": duplicated types MUST be an error.
      const message = `${type} is already limited by /process/rlimits/${first}`;
      report.mistake(`/process/rlimits/${index}/type`, message, 'Keep one of them.');
    },
  );
};

export const schedulerRule: Rule = ({ process }, report) => {
  const scheduler = process?.scheduler;
  if (scheduler === undefined) return;
  checkNice(report, scheduler);
  checkPriority(report, scheduler);
  if (scheduler.policy === 'SCHED_DEADLINE') return;
  for (const field of ['runtime', 'deadline', 'period'] as const) {
    if ((scheduler[field] ?? 0) !== 0) misplaced(report, field, scheduler, 'SCHED_DEADLINE');
  }
};

const misplaced = (report: Report, field: string, { policy }: Scheduler, owners: string): void =>
  report.mistake(`/process/scheduler/${field}`, `${field} belongs to ${owners}, but the policy is ${policy}`);

/** sched(7): nice values are -20 to 19 and those of the ordinary policies. */
function checkNice(report: Report, scheduler: Scheduler): void {
  const nice = scheduler.nice ?? 0;
  if (nice < -20 || nice > 19) {
    report.mistake('/process/scheduler/nice', `The nice value is ${nice}; allowed are -20 to 19`);
  }
  if (nice !== 0 && scheduler.policy !== 'SCHED_OTHER' && scheduler.policy !== 'SCHED_BATCH') {
    misplaced(report, 'nice', scheduler, 'SCHED_OTHER and SCHED_BATCH');
  }
}

/** sched(7): the real-time policies have priorities 1 to 99, the others none. */
function checkPriority(report: Report, scheduler: Scheduler): void {
  const { policy, priority = 0 } = scheduler;
  const realTime = policy === 'SCHED_FIFO' || policy === 'SCHED_RR';
  if (realTime && (priority < 1 || priority > 99)) {
    report.mistake('/process/scheduler/priority', `The priority of ${policy} is ${priority}; allowed are 1 to 99`);
  } else if (!realTime && priority !== 0) {
    misplaced(report, 'priority', scheduler, 'SCHED_FIFO and SCHED_RR');
  }
}
