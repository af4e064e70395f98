/**
 * The file-system operations of the init helper without a runtime: addon/test/fs_driver.cpp runs a list of operations in
 * namespaces made by unshare(1), then a shell script inside that looks at the result.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePart } from '../../src/native/encode.ts';
import { type FieldType, type Op, type OpName, type OpNamed, opTable } from '../../src/plan/ops.ts';
import { repository } from './host.ts';

const addon = join(repository, 'addon');
const driver = join(addon, 'build', 'fs-driver');

const empty: Readonly<Record<FieldType, unknown>> = {
  u32: 0,
  i64: 0,
  u64: 0n,
  str: '',
  strs: [],
  u32s: [],
  bytes: new Uint8Array(),
  fd: '',
};

/** An operation with the given fields; the others are 0 or empty. */
export const make = <N extends OpName>(op: N, fields: Partial<Omit<OpNamed<N>, 'op' | 'from'>> = {}): Op => {
  const defaults = Object.entries<FieldType>(opTable[op]).map(([name, type]) => [name, empty[type]]);
  return { op, from: '', ...Object.fromEntries(defaults), ...fields } as Op;
};

/** MS_* of mount(2) for propagation, MOUNT_ATTR_* of mount_setattr(2). */
export const propagation = { unbindable: 1 << 17, private: 1 << 18, slave: 1 << 19, shared: 1 << 20 } as const;
export const attr = { rdonly: 1n, nosuid: 2n, nodev: 4n, noexec: 8n, atimeField: 0x70n, noatime: 0x10n } as const;

export interface LabResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What a failing operation said, "step errno call detail"; undefined when all went well. */
  readonly failure: { step: number; errno: number; call: string; detail: string } | undefined;
}

export interface LabOptions {
  /** In a new user namespace as its uid 0. */
  readonly user?: boolean;
  /** Shell commands on the host side, in the new mount namespace, before the operations run. */
  readonly before?: string;
  /** File descriptors for the `fd` fields, by name. */
  readonly fds?: Readonly<Record<string, number>>;
}

export class Lab {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsrunc-fs-'));
  readonly rootfs = join(this.directory, 'rootfs');
  readonly outside = join(this.directory, 'outside');

  static build(): void {
    execFileSync('make', ['-s', '-C', addon, 'fs-driver'], { stdio: 'inherit' });
  }

  constructor() {
    chmodSync(this.directory, 0o755);
    for (const name of ['rootfs/bin', 'rootfs/tmp', 'outside'])
      mkdirSync(join(this.directory, name), { recursive: true });
    copyFileSync('/bin/busybox', join(this.rootfs, 'bin/busybox'));
    // The links are absolute, to where the host has it: /bin, or /usr/bin.
    symlinkSync('.', join(this.rootfs, 'usr'));
    execFileSync('/bin/busybox', ['--install', '-s', join(this.rootfs, 'bin')], { stdio: 'ignore' });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** setPropagation, openRoot, `ops`, pivotRoot, then `script` inside. */
  inside(ops: readonly Op[], script: string, options: LabOptions = {}): LabResult {
    const first = [
      make('setPropagation', { propagation: propagation.slave, recursive: 1 }),
      make('openRoot', { path: this.rootfs, privateParent: 1 }),
    ];
    return this.run([...first, ...ops, make('pivotRoot')], script, options);
  }

  run(ops: readonly Op[], script: string, options: LabOptions = {}): LabResult {
    const fds = Object.entries(options.fds ?? {});
    const part = join(this.directory, 'part');
    writeFileSync(
      part,
      encodePart(ops, (name) => fds.findIndex(([known]) => known === name)),
    );
    const unshare = ['--mount', '--pid', '--ipc', '--uts', '--cgroup', '--fork', '--kill-child'];
    if (options.user) unshare.push('--user', '--map-root-user');
    const program = ['/bin/busybox', 'sh', '-c', `export PATH=/bin; ${script}`];
    const command = `${options.before ?? ':'} && exec "$@"`;
    const argv = [...unshare, 'sh', '-c', command, 'sh', driver, part, String(fds.length), ...program];
    const stdio = ['ignore', 'pipe', 'pipe', ...fds.map(([, fd]) => fd)] as const;
    const { status, stdout, stderr } = spawnSync('unshare', argv, { encoding: 'utf8', stdio: [...stdio] });
    return { status, stdout, stderr, failure: status === 90 ? parseFailure(stdout) : undefined };
  }
}

/** A user namespace with one mapping ("inside outside count") for users and groups, open as `fd`. */
export class UserNamespace {
  readonly #child: ChildProcess;
  readonly fd: number;

  private constructor(child: ChildProcess, map: string) {
    this.#child = child;
    for (const file of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${file}`, map);
    this.fd = openSync(`/proc/${child.pid}/ns/user`, 'r');
  }

  static async make(map: string): Promise<UserNamespace> {
    const child = spawn('unshare', ['--user', 'sh', '-c', 'echo; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return new UserNamespace(child, map);
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
    this.#child.kill('SIGKILL');
  }
}

function parseFailure(line: string): LabResult['failure'] {
  const [step, errno, call = '', ...detail] = line.trimEnd().split(' ');
  return { step: Number(step), errno: Number(errno), call, detail: detail.join(' ') };
}
