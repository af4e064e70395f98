/** Bundles for tests: a busybox root file system and a small valid config, changed as the test likes. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Linux, Mount, Namespace, Process, Root, Spec } from '../../src/config/spec.ts';
import { repository } from './host.ts';
import { output } from './process.ts';

/** The config that a test starts from: these parts are always there. */
export type Config = Spec & {
  root: Root;
  process: Process;
  mounts: Mount[];
  linux: Linux & { namespaces: Namespace[] };
};

export interface Bundle {
  readonly path: string;
  readonly rootfs: string;
  /** What was written to config.json. */
  readonly config: Config;
}

/** Change `config` in place, or return what is to be written in its stead (also something invalid). */
export type Patch = (config: Config) => unknown;

const capabilities = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'];

/** Five new namespaces, the usual mounts, few capabilities, no terminal; runs `true` as uid 0. */
export const baseConfig = (): Config => ({
  ociVersion: '1.3.0',
  process: {
    terminal: false,
    user: { uid: 0, gid: 0 },
    args: ['true'],
    env: ['PATH=/bin:/usr/bin', 'TERM=dumb'],
    cwd: '/',
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    noNewPrivileges: true,
  },
  root: { path: 'rootfs', readonly: false },
  hostname: 'box',
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  ],
  linux: {
    namespaces: [{ type: 'pid' }, { type: 'network' }, { type: 'ipc' }, { type: 'uts' }, { type: 'mount' }],
    maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
  },
});

const template = join(repository, 'build', 'busybox-rootfs');

/** Made once, then copied: 260 links cost ten times less to copy than to make. */
const rootfsTemplate = async (): Promise<string> => {
  if (existsSync(template)) return template;
  const fresh = `${template}.${process.pid}`;
  await output(join(repository, 'bundles', 'make-rootfs'), [fresh]);
  try {
    renameSync(fresh, template);
  } catch (error) {
    rmSync(fresh, { recursive: true });
    if (!existsSync(template)) throw error; // else another worker was faster
  }
  return template;
};

/**
 * Write a bundle at `path`: config.json from baseConfig() and `patch`, a private busybox root file system in rootfs/.
 * Without `rootfs` the directory stays empty.
 */
export const writeBundle = async (path: string, patch?: Patch, options = { rootfs: true }): Promise<Bundle> => {
  const config = baseConfig();
  const replaced = patch?.(config);
  const rootfs = join(path, 'rootfs');
  mkdirSync(path, { recursive: true });
  if (options.rootfs) await output('cp', ['-a', await rootfsTemplate(), rootfs]);
  else mkdirSync(rootfs);
  writeFileSync(join(path, 'config.json'), JSON.stringify(replaced ?? config, undefined, 2));
  return { path, rootfs, config };
};
