/**
 * The kernel of the virtual machine: a Debian cloud kernel, downloaded and unpacked into the user's cache, never installed.
 *
 *   <cache>/<package>_<version>/vmlinux     the ELF image: qemu enters it directly (PVH), without the slow self-extraction
 *                               modules/    <release>/..., as below /lib/modules
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { must, report, run, SetupError } from '../run.mjs';

/** @typedef {{ image: string, modules: string, release: string }} Kernel */

/** Meta packages, the preferred one first: newer kernels have what the machine needs built in. */
const packages = ['linux-image-6.12-cloud-amd64', 'linux-image-cloud-amd64'];

/** What the machine cannot even mount its root without; most are built in. */
const bootModules = ['virtio_pci', 'virtio_console', 'fuse', 'virtiofs', 'overlay'];

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'tsrunc', 'vm');

/**
 * The kernel, fetched when the cache lacks it.
 * @returns {Kernel}
 * @throws SetupError when apt has none
 */
export const ensureKernel = () => {
  const meta = packages.find((name) => dependencyOf(name) !== undefined);
  const name = meta && dependencyOf(meta);
  if (name === undefined) throw new SetupError(`apt knows none of ${packages.join(', ')}: try apt-get update.`);
  const version = /^Version: (.*)$/m.exec(must('apt-cache', ['show', '--no-all-versions', name]))?.[1] ?? 'unknown';
  const directory = join(cache, `${name}_${version}`);
  if (!existsSync(directory)) fetchKernel(name, directory);
  const modules = join(directory, 'modules');
  return { image: join(directory, 'vmlinux'), modules, release: String(readdirSync(modules)[0]) };
};

/** @param {string} meta @returns {string | undefined} the package with the kernel itself */
const dependencyOf = (meta) =>
  /^ *Depends: (linux-image-\S+)$/m.exec(run('apt-cache', ['depends', '--important', meta]).stdout)?.[1];

/** @param {string} name @param {string} directory */
const fetchKernel = (name, directory) => {
  report(`fetching ${name}`);
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'new-'));
  try {
    must('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', name], { cwd: work });
    const [archive = ''] = readdirSync(work);
    must('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: work });
    rmSync(join(work, archive));
    arrange(work);
    renameSync(work, directory);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
};

/** @param {string} work */
const arrange = (work) => {
  const unpacked = join(work, 'unpacked');
  const [image = ''] = readdirSync(join(unpacked, 'boot')).filter((file) => file.startsWith('vmlinuz-'));
  writeFileSync(join(work, 'vmlinux'), extract(readFileSync(join(unpacked, 'boot', image))));
  const usr = join(unpacked, 'usr/lib/modules');
  renameSync(existsSync(usr) ? usr : join(unpacked, 'lib/modules'), join(work, 'modules'));
  rmSync(unpacked, { recursive: true });
  // depmod looks below lib/modules of the directory that it is given.
  mkdirSync(join(work, 'lib'));
  renameSync(join(work, 'modules'), join(work, 'lib/modules'));
  must('depmod', ['-b', work, String(readdirSync(join(work, 'lib/modules'))[0])]);
  renameSync(join(work, 'lib/modules'), join(work, 'modules'));
  rmSync(join(work, 'lib'), { recursive: true });
};

/**
 * The ELF image within a bzImage, found by the header's payload_offset and payload_length (Documentation/arch/x86/boot.rst).
 * @param {Buffer} image
 * @returns {Buffer}
 */
export const extract = (image) => {
  const setupSectors = image.readUInt8(0x1f1) || 4;
  const begin = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  // The payload's last four bytes are its size once unpacked; they belong to no compression format.
  const payload = image.subarray(begin, begin + image.readUInt32LE(0x24c) - 4);
  const [, command] = decompressors.find(([magic]) => payload.toString('latin1').startsWith(magic)) ?? [];
  if (command === undefined)
    throw new SetupError(`The kernel is packed in an unknown way: ${payload.toString('hex', 0, 8)}`);
  return decompress(command, payload);
};

/** @type {readonly (readonly [string, string])[]} magic bytes, program */
const decompressors = [
  ['\x28\xb5\x2f\xfd', 'zstd'],
  ['\xfd7zXZ', 'xz'],
  ['\x1f\x8b', 'gzip'],
  ['\x02\x21\x4c\x18', 'lz4'],
];

/** @param {string} command @param {Buffer} input @returns {Buffer} */
const decompress = (command, input) => {
  const { status, stdout, stderr } = spawnSync(command, ['-dc'], { input, maxBuffer: 1 << 28 });
  if (status !== 0) throw new SetupError(`${command} -dc: exit ${status}\n${stderr}`);
  return stdout;
};

/**
 * The modules to load before there is a root, each after what it depends on.
 * @param {Kernel} kernel
 * @returns {{ name: string, content: Buffer }[]}
 */
export const modulesForBoot = ({ modules, release }) => {
  const directory = join(modules, release);
  const dependencies = new Map(
    readFileSync(join(directory, 'modules.dep'), 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([path = '', needs = '']) => [path, needs.split(' ').filter(Boolean)]),
  );
  const paths = [...dependencies.keys()].filter((path) => bootModules.includes(moduleName(path)));
  // depmod lists what a module needs from the nearest to the farthest.
  const ordered = new Set(paths.flatMap((path) => [path, ...(dependencies.get(path) ?? [])].reverse()));
  return [...ordered].map((path) => ({ name: moduleName(path), content: loadable(join(directory, path)) }));
};

/** @param {string} path "kernel/fs/overlayfs/overlay.ko.xz" */
const moduleName = (path) =>
  basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');

/** @param {string} path */
const loadable = (path) => {
  const content = readFileSync(path);
  return path.endsWith('.ko') ? content : decompress(path.endsWith('.xz') ? 'xz' : 'zstd', content);
};
