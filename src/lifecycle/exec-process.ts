import type { LoadedProcess } from '../config/load-process.ts';
import type { Process, Spec, User } from '../config/spec.ts';
import type { Place } from '../errors.ts';
import type { ExecOptions, ProcessChanges } from './options.ts';

/** What `exec` runs, as the `process` of a configuration. */
export interface ChosenProcess {
  readonly process: Process;
  readonly warnings: readonly string[];
  /** Where a JSON pointer into the configuration was said: in a file, or on the command line. */
  readonly locate: (pointer: string) => Place;
}

/**
 * @param container the container's configuration, as it was at create
 * @throws TsruncError CONFIG_UNREADABLE, CONFIG_INVALID of a process in a file
 */
export async function chooseProcess(container: Spec, wanted: ExecOptions['process']): Promise<ChosenProcess> {
  if (!('file' in wanted)) return changed(container.process, wanted);
  const { loadProcess } = await import('../config/load-process.ts');
  const { process, warnings, locate } = await loadProcess(wanted.file, container);
  return { process: withLimitsOf(container.process, process), warnings: await sentences(warnings), locate };
}

async function sentences(warnings: LoadedProcess['warnings']): Promise<readonly string[]> {
  if (warnings.length === 0) return [];
  const { renderWarning } = await import('../config/report.ts');
  return warnings.map(renderWarning);
}

const inherited = [
  'capabilities',
  'rlimits',
  'apparmorProfile',
  'selinuxLabel',
  'oomScoreAdj',
  'scheduler',
  'ioPriority',
  'execCPUAffinity',
] as const;

/**
 * What restricts the container's process restricts a further one as well, where its document is silent. Engines write an
 * empty string or list for what they leave to the container.
 */
function withLimitsOf(own: Process | undefined, process: Process): Process {
  const silent = inherited.filter((field) => isUnset(process[field]));
  const taken = silent.map((field) => [field, own?.[field]]).filter(([, value]) => value !== undefined);
  return { ...process, ...Object.fromEntries(taken) };
}

const isUnset = (value: unknown): boolean =>
  value === undefined || value === '' || (Array.isArray(value) && value.length === 0);

function changed(own: Process | undefined, changes: ProcessChanges): ChosenProcess {
  const { args, terminal, cwd, apparmorProfile, selinuxLabel, noNewPrivileges } = changes;
  const base: Process = own ?? { cwd: '/' };
  const process: Process = {
    ...base,
    args: [...args],
    terminal,
    env: [...(base.env ?? []), ...changes.env],
    user: changedUser(base, changes),
    ...changedCapabilities(base, changes),
    ...(cwd === undefined ? {} : { cwd }),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
  };
  return { process, warnings: [], locate: (pointer) => placeOfChange(pointer, changes) };
}

function changedUser({ user = {} }: Process, { user: asked, additionalGids: more }: ProcessChanges): User {
  const additionalGids = [...(user.additionalGids ?? []), ...more];
  const ids = asked === undefined ? {} : { uid: asked.uid, gid: asked.gid ?? user.gid ?? 0 };
  return { ...user, ...ids, additionalGids };
}

/**
 * Inheritable capabilities are never added to (CVE-2022-29162), so a capability becomes ambient only where the container's
 * process has it as an inheritable one.
 */
function changedCapabilities(
  { capabilities: sets = {} }: Process,
  { capabilities: more }: ProcessChanges,
): Pick<Process, 'capabilities'> {
  if (more.length === 0) return {};
  const ambient = more.filter((name) => sets.inheritable?.includes(name));
  return {
    capabilities: {
      ...sets,
      bounding: [...(sets.bounding ?? []), ...more],
      effective: [...(sets.effective ?? []), ...more],
      permitted: [...(sets.permitted ?? []), ...more],
      ambient: [...(sets.ambient ?? []), ...ambient],
    },
  };
}

/** Which option said it; what no option said stands in the configuration that create kept. */
function placeOfChange(pointer: string, changes: ProcessChanges): Place {
  if (!pointer.startsWith('/')) return { file: 'command line', pointer };
  const options: readonly (readonly [pointer: string, option: string, given: boolean])[] = [
    ['/process/args', 'the command', true],
    ['/process/cwd', '--cwd', changes.cwd !== undefined],
    ['/process/user', '--user', changes.user !== undefined || changes.additionalGids.length > 0],
    ['/process/capabilities', '--cap', changes.capabilities.length > 0],
    ['/process/apparmorProfile', '--apparmor', changes.apparmorProfile !== undefined],
    ['/process/selinuxLabel', '--process-label', changes.selinuxLabel !== undefined],
    ['/process/noNewPrivileges', '--no-new-privs', changes.noNewPrivileges !== undefined],
    ['/process/terminal', '--tty', changes.terminal],
  ];
  const found = options.find(([prefix, , given]) => given && pointer.startsWith(prefix));
  return found === undefined ? { file: 'config.json', pointer } : { file: 'command line', pointer: found[1] };
}
