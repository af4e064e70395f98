import type { CgroupDriver } from '../cgroup/driver.ts';
import type { LoadedConfig } from '../config/load.ts';
import { TsruncError } from '../errors.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Native } from '../native/native.ts';
import { questions } from '../plan/ops.ts';
import { rlimitsOf } from '../plan/rlimits.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Answers } from './conversation.ts';
import { runHooks } from './hooks.ts';
import { writeIdMaps } from './idmaps.ts';
import { hookState } from './state.ts';
import type { Terminal } from './terminal.ts';
import type { Undo } from './undo.ts';

export interface AnswerContext {
  readonly native: Native;
  readonly config: Pick<LoadedConfig, 'spec' | 'locate'>;
  readonly host: HostFacts;
  readonly record: ContainerRecord;
  readonly terminal: Terminal;
  /** Of a further process there is nothing to make sure of. */
  readonly cgroup: Pick<CgroupDriver, 'oomKills'> & Partial<Pick<CgroupDriver, 'ensureInside'>>;
  readonly undo: Undo;
}

/** What the runtime does for the helper of one container. */
export function answers(context: AnswerContext): Answers {
  const byNumber = new Map<number, (context: AnswerContext, pid: number) => Promise<void>>([
    [questions.idMaps, mapIds],
    [questions.runtimeHooks, runtimeHooks],
    [questions.rlimits, setRlimits],
    [questions.netDevices, moveNetDevices],
    [questions.cgroups, async ({ cgroup }, pid) => cgroup.ensureInside?.(pid)],
  ]);
  return {
    ask: async (question, pid) => {
      const answer = byNumber.get(question);
      if (answer === undefined)
        throw new Error(`the init helper asks question ${question}, which this version does not know`);
      await answer(context, pid);
    },
    console: (fd) => context.terminal.take(fd),
    notify: (fd, pid) => toAgent(context, fd, pid),
    // The words of failures are loaded when there is one.
    failure: async (op, message) =>
      (await import('../plan/failure.ts')).stepFailure(op, message, context.config.locate),
    died: async () => initDied(context),
  };
}

async function mapIds({ native, config, host }: AnswerContext, pid: number): Promise<void> {
  const { uidMappings = [], gidMappings = [] } = config.spec.linux ?? {};
  await writeIdMaps(native, pid, { uid: uidMappings, gid: gidMappings }, host);
}

async function toAgent({ native, config, record }: AnswerContext, listener: number, pid: number): Promise<void> {
  const { handOverListener } = await import('./agent.ts');
  const isFirst = record.phase === 'creating';
  const state = isFirst ? hookState(record, 'creating', pid) : hookState(record, 'running', record.pid);
  handOverListener(listener, { native, spec: config.spec, state, pid, locate: config.locate });
}

/**
 * prestart and createRuntime: the environment is made, pivot_root is still to come (config.md "Hooks"). The status is that
 * after step 2 of the lifecycle, to which the hooks do not belong (runtime.md "State", "Lifecycle").
 */
async function runtimeHooks({ native, config, record }: AnswerContext, pid: number): Promise<void> {
  const state = hookState(record, 'created', pid);
  await runHooks(native, 'prestart', config.spec.hooks?.prestart, state);
  await runHooks(native, 'createRuntime', config.spec.hooks?.createRuntime, state);
}

/** Raising limits needs CAP_SYS_RESOURCE in the initial user namespace, which the helper has left. */
async function setRlimits({ config, host, native }: AnswerContext, pid: number): Promise<void> {
  for (const { resource, soft, hard } of rlimitsOf(config.spec, host))
    native.setProcessLimit(pid, resource, soft, hard);
}

/** Few containers have some. */
const moveNetDevices = async (context: AnswerContext, pid: number): Promise<void> =>
  (await import('./net-devices.ts')).moveNetDevices(pid, context);

/** The usual reason for a silent death is the memory limit: the helper's own pages count. */
function initDied({ config, cgroup }: AnswerContext): TsruncError {
  const limit = config.spec.linux?.resources?.memory?.limit;
  if (limit !== undefined && cgroup.oomKills() > 0) {
    return new TsruncError(
      'INIT_DIED',
      `The container's memory limit of ${limit} bytes is too low to start it: it was killed for lack of memory`,
      {
        place: config.locate('/linux/resources/memory/limit'),
        hint: 'Raise the limit; starting needs about 1 MiB besides what the program itself uses.',
      },
    );
  }
  return new TsruncError('INIT_DIED', 'The init helper ended without a report: something killed it', {
    hint: 'Look for it in the kernel log (dmesg), and whether a seccomp filter or a security module forbids what it does.',
  });
}
