import { flags as filterFlags } from '../seccomp/tables.ts';
import { capabilityNames } from './capabilities.ts';
import { memoryPolicyFlags, memoryPolicyModes } from './memory-policy.ts';
import { ATIME_FIELD, attrNames, propagationName } from './mounts/options.ts';
import { namespaceNames } from './namespaces.ts';
import { type Op, type OpName, type OpNamed, questions } from './ops.ts';
import type { Plan } from './plan.ts';
import { rlimitNumbers } from './rlimits.ts';
import { ioClasses, personalities, schedulerPolicies } from './scheduling.ts';

/** A forgotten operation does not compile. */
type Phrases = { readonly [N in OpName]: (op: OpNamed<N>) => string };
type Details = { readonly [N in OpName]?: (op: OpNamed<N>) => readonly string[] };

const quote = (text: string): string => JSON.stringify(text);
const given = (condition: boolean | number, text: string): readonly string[] => (condition ? [text] : []);
const octal = (mode: number): string => `0${mode.toString(8)}`;

const nameOf = (table: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(table).find(([, number]) => number === value)?.[0] ?? String(value);

/** What an operation does, as words after "Cannot" or "to". */
const phrases: Phrases = {
  resetProcess: () => 'reset signals and standard streams',
  joinCgroup: ({ file }) => ['join the', file.replace(/^cgroup:/, ''), 'cgroup'].filter(Boolean).join(' '),
  joinNamespace: ({ flag }) => `join the ${namespaceNames(flag)} namespace`,
  joinProcess: ({ flags }) => `join namespaces of the container: ${namespaceNames(flags)}`,
  unshare: ({ flags }) => `make new namespaces: ${namespaceNames(flags)}`,
  ask: ({ question }) => asked[nameOf(questions, question)] ?? `ask the runtime question ${question}`,
  dropGroups: () => 'drop the supplementary groups of the caller',
  assumeIdentity: ({ uid, gid }) => `become uid ${uid}, gid ${gid} of the user namespace`,
  setTimeOffset: ({ clock, seconds, nanoseconds }) =>
    `set the offset of the ${clock === 1 ? 'monotonic' : 'boottime'} clock to ${seconds} s ${nanoseconds} ns`,
  fork: ({ flags }) =>
    flags === 0 ? 'go on in a child process' : `go on in a child process in a new ${namespaceNames(flags)} namespace`,
  protect: () => 'refuse to be traced',
  startSession: () => 'start a session',
  joinKeyring: ({ name }) => `join the new session keyring ${quote(name)}`,
  setSecurityLabel: ({ attributes, value }) => `set the security label ${attributes.at(-1)} to ${quote(value)}`,
  bringLoopbackUp: () => 'bring the loopback interface up',

  setPropagation: ({ propagation, recursive }) =>
    `make the mounts of "/" ${propagationName(propagation, recursive === 1)}`,
  openRoot: ({ path }) => `take ${quote(path)} as the root`,
  useRoot: ({ path }) => `use ${quote(path)} as the root`,
  mount: ({ fstype, target }) => `mount ${quote(fstype)} at ${quote(target)}`,
  bind: ({ source, target }) => `bind ${quote(source)} at ${quote(target)}`,
  remount: ({ target }) => `change the mount at ${quote(target)}`,
  symlink: ({ target, text }) => `make the link ${quote(target)} to ${quote(text)}`,
  makeDirectory: ({ target }) => `make the directory ${quote(target)}`,
  device: ({ path }) => `make the device ${quote(path)}`,
  setFileLabel: ({ target, label }) => `label ${quote(target)} as ${quote(label)}`,
  maskPath: ({ path }) => `mask ${quote(path)}`,
  readonlyPath: ({ path }) => `make ${quote(path)} read-only`,
  runHook: ({ path }) => `run the hook ${quote(path)}`,
  pivotRoot: () => 'make the root the new "/" (pivot_root)',
  moveRoot: () => 'make the root the new "/" (move and chroot)',
  changeRoot: () => 'make the root the new "/" (chroot)',
  setRootAttrs: ({ attrsSet, propagation, propagationRecursive }) =>
    `make "/" ${[...given(attrsSet & 1n ? 1 : 0, 'read-only'), ...given(propagation, propagationName(propagation, propagationRecursive === 1))].join(', ')}`,
  openConsole: () => 'open the terminal of the container',

  setHostname: ({ name }) => `set the hostname to ${quote(name)}`,
  setDomainname: ({ name }) => `set the domain name to ${quote(name)}`,
  setSysctl: ({ path, value }) => `set the kernel parameter ${path} to ${quote(value)}`,

  setRlimit: ({ resource, soft, hard }) =>
    `set ${nameOf(rlimitNumbers, resource)} to ${limit(soft)} soft, ${limit(hard)} hard`,
  setPersonality: ({ persona }) => `set the execution domain to ${nameOf(personalities, persona)}`,
  setScheduler: ({ policy }) => `set the scheduling policy to ${nameOf(schedulerPolicies, policy)}`,
  setIoPriority: ({ value }) => `set the I/O priority to ${nameOf(ioClasses, value >> 13)}, level ${value & 0x1fff}`,
  setAffinity: ({ cpus }) =>
    cpus.length === 0 ? 'allow every CPU of the cgroup' : `restrict the process to CPU ${indexes(cpus)}`,
  setMemoryPolicy: ({ mode }) => `set the NUMA policy to ${nameOf(memoryPolicyModes, mode & MEMORY_POLICY_MODE)}`,
  changeDirectory: ({ path }) => `change to the directory ${quote(path)}`,
  setUmask: ({ mask }) => `set the umask to ${octal(mask)}`,
  setBoundingCapabilities: () => 'drop capabilities from the bounding set',
  setUser: ({ uid, gid }) => `become uid ${uid}, gid ${gid}`,
  setCapabilities: () => 'set the capabilities',
  narrowCapabilities: () => 'give up the capabilities that only loading the filter needed',
  setNoNewPrivileges: () => 'give up new privileges',
  loadSeccomp: ({ filter }) => `load the seccomp filter (${filter.length} bytes)`,
  adoptNull: () => "take the container's null device for the host's",
  findProgram: ({ name }) => `find the program ${quote(name)}`,
  findHome: ({ uid }) => `find the home directory of uid ${uid}`,
  closeFds: ({ preserve }) => `close the file descriptors from ${3 + preserve} on`,
  ready: () => 'tell the runtime that all is prepared',
  takeGo: () => 'tell that the hooks have ended',
  awaitStart: ({ listener }) => (listener === '' ? 'wait for the runtime to start' : 'wait for start'),
  exec: ({ args }) => `execute ${args.map(quote).join(' ')}`,

  supervise: ({ pid }) => `supervise process ${pid}`,
  cleanUp: () => 'clean up',
  exitAsProcess: () => 'exit as the container did',
};

const flagNames = (flags: number): readonly string[] =>
  Object.entries(filterFlags).flatMap(([name, flag]) =>
    (flags & flag) === 0 ? [] : [name.replace('SECCOMP_FILTER_FLAG_', '').toLowerCase().replaceAll('_', ' ')],
  );

const asked: Readonly<Record<string, string>> = {
  idMaps: 'have the runtime write the id mappings',
  runtimeHooks: 'have the runtime run its hooks',
  rlimits: 'have the runtime set the resource limits',
  netDevices: 'have the runtime move network devices here',
  cgroups: 'have the runtime see that its cgroups are still there',
};

/** The low bits of set_mempolicy's first argument; the others are flags. */
const MEMORY_POLICY_MODE = 0xfff;

/** The set bits of a mask, "0 1 2 7". */
function indexes(mask: Uint8Array): string {
  const found: number[] = [];
  for (let index = 0; index < mask.length * 8; index++) {
    if (((mask[index >> 3] ?? 0) >> (index & 7)) & 1) found.push(index);
  }
  return found.join(' ');
}

const limit = (value: bigint): string => (value === (1n << 64n) - 1n ? 'unlimited' : String(value));

const capabilities = (label: string, mask: bigint): string => `${label} ${capabilityNames(mask).join(' ') || 'none'}`;

/** Attribute changes as options: what is cleared and set again belongs to the access time field. */
function changes(set: bigint, clear: bigint, prefix: string): readonly string[] {
  const names = attrNames(set);
  const cleared = attrNames(clear & ~set & ~ATIME_FIELD).map((name) => `not ${name}`);
  const atime = (clear & ATIME_FIELD) !== 0n && (set & ATIME_FIELD) === 0n ? ['relatime'] : [];
  return [...names, ...atime, ...cleared].map((name) => `${prefix}${name}`);
}

const details: Details = {
  dropGroups: ({ whereAllowed }) => given(whereAllowed, 'where the user namespace allows it'),
  openRoot: ({ privateParent }) => given(privateParent, 'its parent made private'),
  mount: (op) => [
    ...attrNames(op.attrs),
    ...op.options,
    ...given(op.propagation, propagationName(op.propagation, op.propagationRecursive === 1)),
    ...given(op.source !== '' && op.source !== op.fstype, `source ${quote(op.source)}`),
    ...given(op.noSymlinks, 'no symbolic links'),
    ...given(op.copyUp, 'copy up'),
    ...given(op.idmap !== '', 'idmapped'),
  ],
  bind: (op) => [
    ...given(op.recursive, 'recursive'),
    ...changes(op.attrsSet, op.attrsClear, ''),
    ...changes(op.recursiveSet, op.recursiveClear, 'recursively '),
    ...given(op.propagation, propagationName(op.propagation, op.propagationRecursive === 1)),
    ...given(op.sourceNoFollow, 'source not followed'),
    ...given(op.targetNoFollow, 'target not followed'),
    ...given(op.copyLink, 'a link is copied'),
    ...given(op.idmap !== '', op.idmapRecursive === 1 ? 'recursively idmapped' : 'idmapped'),
    ...given(op.tree !== '', 'opened by the runtime'),
  ],
  remount: (op) => [
    ...changes(op.attrsSet, op.attrsClear, ''),
    ...changes(op.recursiveSet, op.recursiveClear, 'recursively '),
    ...given(op.propagation, propagationName(op.propagation, op.propagationRecursive === 1)),
    ...op.options,
  ],
  device: (op) => [
    `${deviceTypes.get(op.mode & 0o170000) ?? 'node'} ${op.major}:${op.minor}`,
    octal(op.mode & 0o7777),
    ...given(op.uid !== 0 || op.gid !== 0, `owner ${op.uid}:${op.gid}`),
    ...given(op.bindOnly, 'bound from the host'),
  ],
  runHook: ({ args, timeoutSeconds }) => [
    args.map(quote).join(' '),
    ...given(timeoutSeconds, `${timeoutSeconds} s at most`),
  ],
  openConsole: ({ width, height, uid, bindConsole }) => [
    ...given(width !== 0 && height !== 0, `${width}x${height}`),
    `owner ${uid}`,
    ...given(bindConsole, 'also at "/dev/console"'),
  ],
  setScheduler: ({ nice, priority, runtime, deadline, period }) => [
    ...given(nice !== 0, `nice ${nice}`),
    ...given(priority, `priority ${priority}`),
    ...given(runtime !== 0n, `runtime ${runtime} ns, deadline ${deadline} ns, period ${period} ns`),
  ],
  setMemoryPolicy: ({ mode, nodes }) => [
    ...Object.entries(memoryPolicyFlags).flatMap(([name, flag]) => given(mode & flag, name)),
    ...given(nodes.length, `nodes ${indexes(nodes)}`),
  ],
  setBoundingCapabilities: ({ keep }) => [capabilities('keep', keep)],
  setUser: ({ groups, setGroups }) => given(setGroups, `groups ${groups.join(' ') || 'none'}`),
  setCapabilities: (op) => [
    capabilities('effective', op.effective),
    capabilities('permitted', op.permitted),
    capabilities('inheritable', op.inheritable),
    capabilities('ambient', op.ambient),
  ],
  loadSeccomp: ({ flags, notify }) => [...flagNames(flags), ...given(notify, 'an agent is asked')],
  findProgram: ({ directories }) => given(directories.length, `in ${directories.join(':')}`),
  exec: ({ env }) => [`environment ${env.map(quote).join(' ') || 'empty'}`],
};

const deviceTypes: ReadonlyMap<number, string> = new Map([
  [0o020000, 'character device'],
  [0o060000, 'block device'],
  [0o010000, 'FIFO'],
]);

/** What the operation does, as a verb phrase. */
export function phrase<N extends OpName>(op: OpNamed<N>): string {
  // The table is keyed by the tag of the very operation, which the type of an indexed union cannot express.
  return (phrases[op.op as N] as (op: OpNamed<N>) => string)(op);
}

function detailsOf<N extends OpName>(op: OpNamed<N>): readonly string[] {
  return (details[op.op as N] as ((op: OpNamed<N>) => readonly string[]) | undefined)?.(op) ?? [];
}

/** One operation in one line. */
export function explainOp(op: Op): string {
  const more = detailsOf(op).join(', ');
  const from = op.from === '' ? '' : `  [${op.from}]`;
  return `${phrase(op)}${more === '' ? '' : ` (${more})`}${from}`;
}

/** The plan for people: one line an operation, with the place in config.json that asked for it. */
export function explain({ cloneFlags, prologue, init, fds }: Plan): string {
  return [
    `clone (new namespaces: ${namespaceNames(cloneFlags)})`,
    ...section('enter the namespaces', prologue.map(explainOp)),
    ...section('build the container', init.map(explainOp)),
    ...section(
      'file descriptors',
      fds.map(({ name, kind, from }) => `${name} (${kind})${from === '' ? '' : `  [${from}]`}`),
    ),
    '',
  ].join('\n');
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
