/**
 * The kernel of the virtual machine: a Debian cloud kernel, downloaded and unpacked into the user's cache, never installed.
 *
 *   <cache>/<package>_<version>/vmlinux     the ELF image: qemu enters it directly (PVH), without the slow self-extraction
 *                               modules/    <release>/..., as below /lib/modules
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { aptOptions, fetchInto, cache as whole } from '../apt.mjs';
import { must, report, run, SetupError } from '../run.mjs';

/** @typedef {{ image: string, modules: string, release: string }} Kernel */
/** @typedef {'trixie' | 'sid'} Release of Debian, other than this host's */

/** Meta packages, the preferred one first: newer kernels have what the machine needs built in. */
const packages = ['linux-image-6.12-cloud-amd64', 'linux-image-cloud-amd64'];

/** What the machine cannot even mount its root without; most are built in. */
const bootModules = ['virtio_pci', 'virtio_console', 'fuse', 'virtiofs', 'overlay'];

const cache = join(whole, 'vm');

/**
 * The kernel, fetched when the cache lacks it.
 * @param {Release} [release] whose newest kernel it is; without one, what this host's apt offers
 * @returns {Kernel}
 * @throws SetupError when apt has none
 */
export const ensureKernel = (release) => {
  mkdirSync(cache, { recursive: true });
  const options = release === undefined ? [] : aptOptions({ type: 'deb', release, place: cache });
  const meta = packages.find((name) => dependencyOf(name, options) !== undefined);
  const name = meta && dependencyOf(meta, options);
  if (name === undefined) throw new SetupError(`apt knows none of ${packages.join(', ')}: try apt-get update.`);
  const shown = must('apt-cache', [...options, 'show', '--no-all-versions', name]);
  const directory = join(cache, `${name}_${/^Version: (.*)$/m.exec(shown)?.[1] ?? 'unknown'}`);
  if (!existsSync(directory)) fetchKernel(name, directory, options);
  const modules = join(directory, 'modules');
  return { image: join(directory, 'vmlinux'), modules, release: String(readdirSync(modules)[0]) };
};

/** @param {string} meta @param {readonly string[]} options of apt @returns {string | undefined} the package with the kernel itself */
const dependencyOf = (meta, options) =>
  /^ *Depends: (linux-image-\S+)$/m.exec(run('apt-cache', [...options, 'depends', '--important', meta]).stdout)?.[1];

/** Newer packages are empty and need two others, with the image and with the modules. @param {string} name @param {readonly string[]} options of apt */
const partsOf = (name, options) => {
  const { stdout } = run('apt-cache', [...options, 'depends', '--important', name]);
  return [...stdout.matchAll(/^ *Depends: (linux-(?:binary|modules)-\S+)$/gm)].map(([, part]) => String(part));
};

/** @param {string} name @param {string} directory @param {readonly string[]} options of apt */
const fetchKernel = (name, directory, options) => {
  report(`fetching ${name}`);
  fetchInto({ directory, options, download: ['download', name, ...partsOf(name, options)], arrange });
};

/** In /boot, or with its modules. @param {string} unpacked */
const imageIn = (unpacked) => {
  const boot = join(unpacked, 'boot');
  if (existsSync(boot)) return join(boot, String(readdirSync(boot).find((file) => file.startsWith('vmlinuz-'))));
  const modules = join(unpacked, 'usr/lib/modules');
  return join(modules, String(readdirSync(modules)[0]), 'vmlinuz');
};

/** @param {string} work */
const arrange = (work) => {
  const unpacked = join(work, 'unpacked');
  writeFileSync(join(work, 'vmlinux'), extract(readFileSync(imageIn(unpacked))));
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
