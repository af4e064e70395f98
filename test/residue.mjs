/**
 * What containers can leave behind on a host: processes, mounts, namespaces, cgroups, state directories, files. Taken
 * before and after the tests; what is new and ours fails the gate.
 *
 * "Ours" is told by the name, because a developer's machine does other things meanwhile: everything that the tests
 * make has "tsrunc" in its name (container ids, hence cgroups; temporary directories, hence mounts), and processes
 * carry the mark of the run in their environment or live in such a cgroup.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {ReadonlyMap<string, string>} Things identity -> what to print */
/** @typedef {{ [kind: string]: Things }} Snapshot */

/**
 * Read a file or directory of /proc or a cgroup that may vanish at any moment.
 * @template T
 * @param {() => T} read
 * @param {T} gone
 */
const orGone = (read, gone) => {
  try {
    return read();
  } catch (error) {
    const code = /** @type {NodeJS.ErrnoException} */ (error).code;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR' || code === 'EACCES') return gone;
    throw error;
  }
};

/** @param {string} path */
const text = (path) => orGone(() => readFileSync(path, 'utf8'), '');
/** @param {string} path */
const entries = (path) => orGone(() => readdirSync(path, { withFileTypes: true }), []);

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

/**
 * Processes of this run: by mark, by cgroup, or by name.
 * @param {string} mark
 * @returns {Things}
 */
const processes = (mark) => {
  const found = new Map();
  for (const pid of pids().filter((pid) => pid !== String(process.pid))) {
    const command = text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    const ours =
      text(`/proc/${pid}/environ`).includes(mark) ||
      text(`/proc/${pid}/cgroup`).includes('tsrunc') ||
      text(`/proc/${pid}/comm`).startsWith('tsrunc');
    // Start time: the pid may be another process by the second look.
    const start = text(`/proc/${pid}/stat`).split(') ')[1]?.split(' ')[19];
    if (ours && start !== undefined) found.set(`${pid} ${start}`, `process ${pid}: ${command}`);
  }
  return found;
};

/** @returns {Things} */
const mounts = () => {
  const lines = text('/proc/self/mountinfo').split('\n').filter(Boolean);
  return new Map(lines.map((line) => [line.split(' ').slice(0, 5).join(' '), `mount ${line.split(' ')[4]}`]));
};

/** Network namespaces with a name; nameless ones live only as long as a process or a mount. @returns {Things} */
const networks = () => new Map(entries('/run/netns').map(({ name }) => [name, `network namespace /run/netns/${name}`]));

/**
 * @param {string} directory
 * @returns {string[]}
 */
const directoriesBelow = (directory) =>
  entries(directory)
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(directory, entry.name))
    .flatMap((path) => [path, ...directoriesBelow(path)]);

/** @returns {Things} */
const cgroups = () => {
  const hierarchies = text('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] ?? '');
  const paths = [...new Set(hierarchies)].flatMap(directoriesBelow);
  return new Map(paths.map((path) => [path, `cgroup ${path}`]));
};

/** Places where a runtime, its clients or its tests may leave files. @param {string} temporary @returns {Things} */
const files = (temporary) => {
  const places = ['/tmp', '/var/tmp', '/dev/shm', '/run', '/run/tsrunc', process.env.XDG_RUNTIME_DIR, temporary];
  const paths = places
    .filter((place) => place !== undefined && place !== '' && existsSync(place))
    .flatMap((place) => entries(String(place)).map(({ name }) => join(String(place), name)))
    .filter((path) => path !== temporary);
  return new Map(paths.map((path) => [path, `file ${path}`]));
};

/**
 * @param {{ mark: string, temporary: string }} run the text that this run's processes have in their environment;
 *   its private directory for temporary files, which has to be empty in the end
 * @returns {Snapshot}
 */
export const takeSnapshot = ({ mark, temporary }) => ({
  processes: processes(mark),
  mounts: mounts(),
  networks: networks(),
  cgroups: cgroups(),
  files: files(temporary),
});

// Processes are chosen by their mark already; nothing but containers makes named network namespaces.
const selfTelling = ['processes', 'networks'];

/**
 * What `after` has and `before` had not, and whose name says that it is ours.
 * @param {Snapshot} before
 * @param {Snapshot} after
 */
export const residue = (before, after) =>
  Object.entries(after).flatMap(([kind, things]) =>
    [...things]
      .filter(([identity]) => !before[kind]?.has(identity))
      .map(([, description]) => description)
      .filter((description) => selfTelling.includes(kind) || description.includes('tsrunc')),
  );

/**
 * The residue, once it has had time to go: the kernel removes cgroups, mounts and processes a moment after the last
 * user has ended.
 * @param {Snapshot} before
 * @param {{ mark: string, temporary: string }} run
 * @param {number} [timeout] milliseconds
 */
export const settledResidue = async (before, run, timeout = 3000) => {
  for (const end = Date.now() + timeout; ; ) {
    const left = residue(before, takeSnapshot(run));
    if (left.length === 0 || Date.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
