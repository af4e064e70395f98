/** What /proc/self/mountinfo says, and containers whose host side has mounts of its own. */
import { readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Mount } from '../../src/config/spec.ts';
import type { Box, Bundle } from './box.ts';
import { runtime } from './host.ts';
import { type ExecOptions, exec, type Outcome } from './process.ts';

/** A line of /proc/[pid]/mountinfo (proc(5)). */
export interface MountInfo {
  readonly id: number;
  readonly parent: number;
  /** Path in the file system that is the root of the mount. */
  readonly root: string;
  readonly target: string;
  /** Options of the mount, sorted. */
  readonly options: readonly string[];
  /** Optional fields: "shared", "master", "unbindable", without the numbers of the groups. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the file system, sorted. */
  readonly fsOptions: readonly string[];
}

const list = (text = ''): string[] => text.split(',').toSorted();

const parseLine = (line: string): MountInfo => {
  const words = line.split(' ');
  const separator = words.indexOf('-');
  const [id, parent, , root = '', target = '', options] = words;
  const [type = '', source = '', fsOptions] = words.slice(separator + 1);
  const propagation = words.slice(6, separator).map((field) => field.replace(/:\d+$/, ''));
  return {
    id: Number(id),
    parent: Number(parent),
    root,
    target,
    options: list(options),
    propagation: propagation.filter((field) => field !== 'propagate_from'),
    type,
    source,
    fsOptions: list(fsOptions),
  };
};

/** All lines that are mountinfo in a text, in their order. */
export const parseMounts = (text: string): MountInfo[] =>
  text
    .split('\n')
    .filter((line) => /^\d+ \d+ \d+:\d+ \//.test(line))
    .map(parseLine);

/** The mount that is seen at `target`: the last one there. @throws when there is none */
export const mountAt = (mounts: readonly MountInfo[], target: string): MountInfo => {
  const found = mounts.findLast((mount) => mount.target === target);
  if (found === undefined)
    throw new Error(`nothing is mounted at ${target}:\n${mounts.map((m) => m.target).join('\n')}`);
  return found;
};

/**
 * Options of a mount that shows something in the directory of temporary files: these, and what that has on this host. Sorted, as
 * mountAt() has them.
 */
export const withTemporary = (...options: readonly string[]): string[] => {
  const path = realpathSync(tmpdir());
  const isAbove = (target: string): boolean => target === '/' || path === target || path.startsWith(`${target}/`);
  const [nearest] = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
    .filter(({ target }) => isAbove(target))
    .toSorted((a, b) => b.target.length - a.target.length);
  const inherited = nearest?.options.filter((option) => ['nodev', 'noexec', 'nosuid'].includes(option)) ?? [];
  return [...new Set([...options, ...inherited])].toSorted();
};

/** Path, type, source and options of a mount in one go. */
export const tmpfs = (destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options,
});
export const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['bind', ...options],
});
export const rbind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', ...options],
});

/** `program` of the host after `script`, both in a mount namespace of their own that takes nothing back to the host. */
export const unshared = (script: string, program: readonly string[], options: ExecOptions = {}): Promise<Outcome> =>
  exec('unshare', ['--mount', 'sh', '-ec', `${script}\nexec "$@"`, 'sh', ...program], options);

/** As box.run(), on a host where `script` has mounted something. */
export const runAfter = (box: Box, script: string, bundle: Bundle, ...flags: readonly string[]): Promise<Outcome> =>
  unshared(script, [runtime, '--root', box.root, 'run', '--bundle', bundle.path, ...flags, box.id()]);

const ALL = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SYS_ADMIN',
  'CAP_SYS_CHROOT',
];

/** Capabilities for a script that mounts or makes something itself. */
export const mighty = () => ({ bounding: ALL, effective: ALL, permitted: ALL });
