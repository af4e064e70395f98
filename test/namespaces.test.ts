/** runtime-spec config-linux.md "Namespaces": new, inherited and joined, each alone, together, and in every combination. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Namespace, NamespaceType } from '../src/config/spec.ts';
import { type Box, type Bundle, type Config, eventually, exec, expect, output, test } from './support/box.ts';

/** Names in /proc/PID/ns. */
const files = {
  pid: 'pid',
  network: 'net',
  mount: 'mnt',
  ipc: 'ipc',
  uts: 'uts',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
} as const satisfies Record<NamespaceType, string>;
const types = Object.keys(files) as NamespaceType[];

const inode = (pid: number | 'self', type: NamespaceType): string => readlinkSync(`/proc/${pid}/ns/${files[type]}`);
const inodes = (pid: number | 'self'): Record<NamespaceType, string> =>
  Object.fromEntries(types.map((type) => [type, inode(pid, type)])) as Record<NamespaceType, string>;

const root = { containerID: 0, hostID: 100_000, size: 65_536 };

/** Exactly these namespaces, and of the rest of the config what can be had with them. */
const only =
  (...namespaces: Namespace[]) =>
  (config: Config): void => {
    const has = (type: NamespaceType): boolean => namespaces.some((namespace) => namespace.type === type);
    config.linux.namespaces = namespaces;
    if (!has('uts')) delete config.hostname;
    if (!namespaces.some(({ type, path }) => type === 'mount' && path === undefined)) {
      config.mounts = [];
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
    }
  };

const detached = async (box: Box, bundle: Bundle): Promise<{ id: string; pid: number }> => {
  const id = box.id();
  await box.ok('run', '--detach', '--bundle', bundle.path, id);
  const { pid } = await box.state(id);
  if (pid === undefined) throw new Error(`${id} has no pid`);
  return { id, pid };
};

test('scratch', async ({ box }) => {
  const out: string[] = [];
  for (let n = 0; n < 256; n++) {
    const chosen = types.filter((_, i) => (n >> i) & 1);
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
      only(...chosen.map((type) => ({ type })))(config);
      if (chosen.includes('user')) {
        config.linux.uidMappings = [root];
        config.linux.gidMappings = [root];
      }
      const drop = new Set<string>();
      if (chosen.includes('user')) {
        if (!chosen.includes('pid')) drop.add('proc');
        if (!chosen.includes('network')) drop.add('sysfs');
        if (!chosen.includes('ipc')) drop.add('mqueue');
      }
      config.mounts = config.mounts.filter((m) => !drop.has(m.type ?? ''));
      if (drop.size) {
        config.linux.maskedPaths = [];
        config.linux.readonlyPaths = [];
      }
    });
    if (chosen.includes('user')) await output('chown', ['-hR', '100000:100000', bundle.rootfs]);
    const id = box.id();
    const r = await box.tsrunc('run', '--detach', '--bundle', bundle.path, id);
    if (r.code !== 0) out.push(`${chosen.join('+')}: ${r.stderr.trim()}`);
    else {
      const { pid } = await box.state(id);
      const host = inodes('self');
      const got = inodes(pid ?? 0);
      for (const t of types) if ((got[t] !== host[t]) !== chosen.includes(t)) out.push(`${chosen.join('+')}: wrong ${t}`);
    }
    await box.tsrunc('delete', '-f', id);
    await output('rm', ['-rf', bundle.path]);
  }
  writeFileSync('/tmp/nsx.3r1y/out', out.join('\n'));
}, 120_000);
