/** One boot of the virtual machine: qemu without KVM, the host's file systems by virtiofs, one command inside. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SetupError } from '../run.mjs';
import { archive, DIRECTORY, PROGRAM } from './archive.mjs';
import { modulesForBoot } from './kernel.mjs';

/**
 * @typedef {object} Boot
 * @property {import('./kernel.mjs').Kernel} kernel
 * @property {'plain' | 'selinux' | 'systemd' | 'user' | 'v1'} mode process 1 is the command's shell; the same with SELinux; or systemd; as an ordinary user of it; systemd with cgroup v1
 * @property {string} command for /bin/sh
 * @property {string} directory where it runs
 * @property {readonly string[]} paths directories of the host that it needs
 * @property {number} seconds after which the machine is switched off
 * @property {(data: Buffer) => void} onOutput what the command writes
 */

/**
 * @typedef {object} End
 * @property {boolean} started whether the command began
 * @property {boolean} timedOut
 * @property {number | undefined} status of the command; undefined when the machine stopped before its end
 * @property {string} console what the kernel and process 1 said
 */

const here = import.meta.dirname;
const virtiofsds = ['/usr/lib/qemu/virtiofsd', '/usr/libexec/virtiofsd'];

/**
 * Boot, run the command, switch off.
 * @param {Boot} boot
 * @returns {Promise<End>}
 */
export const bootOnce = async (boot) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsrunc-vm-'));
  /** @type {import('node:child_process').ChildProcess[]} */
  const children = [];
  const stop = () => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', stop);
  try {
    const shares = sharesOf(boot.paths);
    const all = [{ tag: 'root', path: '/' }, { tag: 'modules', path: boot.kernel.modules }, ...shares.own];
    const sockets = await serveShares(all, directory, children);
    writeFileSync(join(directory, 'initramfs'), initramfs(boot, shares.list));
    return await runQemu(boot, directory, sockets, children);
  } finally {
    process.off('exit', stop);
    stop();
  }
};

/**
 * Directories that the root share alone does not show: those on other file systems get a share of their own, those below
 * directories that the machine has itself are carried over.
 * @param {readonly string[]} paths
 */
const sharesOf = (paths) => {
  const root = statSync('/').dev;
  const wanted = [...new Set(paths)];
  const tagged = wanted.map((path, index) => ({
    path,
    tag: `${statSync(path).dev === root ? 'kept' : 'share'}${index}`,
  }));
  const own = tagged.filter(({ tag }) => tag.startsWith('share'));
  const hidden = tagged.filter(({ tag, path }) => tag.startsWith('kept') && /^\/(tmp|run)\//.test(path));
  return { own, list: [...own, ...hidden] };
};

/** @param {Boot} boot @param {readonly { tag: string, path: string }[]} shares */
const initramfs = ({ kernel, mode, command, directory }, shares) => {
  const modules = modulesForBoot(kernel);
  const conf = {
    MODE: mode,
    MODULES: modules.map(({ name }) => name).join(' '),
    SHARES: shares.map(({ tag, path }) => `${tag}:${path}`).join(' '),
    DIRECTORY: directory,
  };
  const script = /** @param {string} name */ (name) => ({
    name,
    mode: PROGRAM,
    content: readFileSync(join(here, name)),
  });
  return archive([
    ...['bin', 'modules', 'dev', 'proc'].map((name) => ({ name, mode: DIRECTORY })),
    { name: 'bin/busybox', mode: PROGRAM, content: readFileSync('/bin/busybox') },
    ...modules.map(({ name, content }) => ({ name: `modules/${name}.ko`, mode: PROGRAM, content })),
    { ...script('init.sh'), name: 'init' },
    script('systemd.sh'),
    script('command.sh'),
    {
      name: 'conf',
      mode: PROGRAM,
      content: Object.entries(conf)
        .map(([key, value]) => `${key}=${quote(value)}\n`)
        .join(''),
    },
    { name: 'command', mode: PROGRAM, content: `${command}\n` },
  ]);
};

/** @param {string} word for a shell */
export const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * A virtiofsd per share; read-only by a bind mount of its own, since no option of all its versions says so.
 * @param {readonly { tag: string, path: string }[]} shares
 * @param {string} directory
 * @param {import('node:child_process').ChildProcess[]} children
 */
const serveShares = async (shares, directory, children) => {
  const program = virtiofsds.find((path) => existsSync(path));
  if (program === undefined) throw new SetupError(`No virtiofsd: neither ${virtiofsds.join(' nor ')} is there.`);
  const served = [];
  for (const { tag, path } of shares) {
    const socket = join(directory, `${tag}.socket`);
    const mount = join(directory, tag);
    mkdirSync(mount);
    const script = `mount --bind "$1" "$2" && mount -o remount,bind,ro "$2" && exec "$3" --socket-path="$4" \
-o source="$2" -o sandbox=chroot -o cache=always --thread-pool-size=0`;
    const child = spawn(
      'unshare',
      ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', path, mount, program, socket],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    children.push(child);
    await appears(socket, child);
    served.push({ tag, socket });
  }
  return served;
};

/**
 * @param {string} path
 * @param {import('node:child_process').ChildProcess} child who makes it
 */
const appears = async (path, child) => {
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  for (const end = Date.now() + 10_000; !existsSync(path); ) {
    if (child.exitCode !== null || Date.now() > end) throw new SetupError(`virtiofsd does not start: ${said}`);
    await new Promise((done) => setTimeout(done, 10));
  }
};

/**
 * A unix socket for qemu to write to.
 * @param {string} path
 * @param {(data: Buffer) => void} onData
 * @returns {Promise<{ ended: Promise<void>, close: () => void }>}
 */
const sink = (path, onData) =>
  new Promise((ready, reject) => {
    const server = createServer();
    /** @type {Promise<void>} */
    const ended = new Promise((done) => {
      server.on('connection', (socket) => {
        socket.on('data', onData);
        socket.on('close', () => done());
        server.close();
      });
      server.on('close', done);
    });
    server.on('error', reject);
    server.listen(path, () => ready({ ended, close: () => server.close() }));
  });

/**
 * @param {Boot} boot
 * @param {string} directory
 * @param {readonly { tag: string, socket: string }[]} shares
 * @param {import('node:child_process').ChildProcess[]} children
 * @returns {Promise<End>}
 */
const runQemu = async (boot, directory, shares, children) => {
  const text = { console: '', status: '' };
  const sinks = await Promise.all([
    sink(join(directory, 'output'), boot.onOutput),
    sink(join(directory, 'status'), (data) => {
      text.status += data;
    }),
    sink(join(directory, 'console'), (data) => {
      text.console += data;
    }),
  ]);
  const qemu = spawn('qemu-system-x86_64', qemuArguments(boot, directory, shares), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(qemu);
  qemu.stderr.on('data', (data) => {
    text.console += data;
  });
  let timedOut = false;
  const limit = setTimeout(() => {
    timedOut = true;
    qemu.kill('SIGKILL');
  }, boot.seconds * 1000);
  await new Promise((done, reject) => {
    qemu.on('error', reject);
    qemu.on('close', done);
  });
  clearTimeout(limit);
  for (const { close } of sinks) close();
  await Promise.all(sinks.map(({ ended }) => ended));
  const status = /^exit (\d+)$/m.exec(text.status)?.[1];
  return {
    started: text.status.startsWith('started'),
    timedOut,
    status: status === undefined ? undefined : Number(status),
    console: text.console,
  };
};

/** @type {Readonly<Record<string, string>>} by mode; SELinux takes the place of AppArmor */
const kernelArguments = { v1: 'systemd.unified_cgroup_hierarchy=0', selinux: 'security=selinux selinux=1' };

/**
 * thread=single: with a host thread per processor the emulator now and then loses a race with the kernel that patches its own
 * code, and the machine dies of "Oops: int3".
 * @param {Boot} boot
 * @param {string} directory
 * @param {readonly { tag: string, socket: string }[]} shares
 */
const qemuArguments = ({ kernel, mode }, directory, shares) => {
  const memory = '3G';
  const at = /** @param {string} name */ (name) => resolve(directory, name);
  const port = /** @param {string} name */ (name) => [
    ['-chardev', `socket,id=${name},path=${at(name)}`],
    ['-device', `virtserialport,chardev=${name},name=${name}`],
  ];
  return [
    ['-accel', 'tcg,thread=single', '-cpu', 'max', '-smp', '2', '-m', memory],
    ['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`, '-machine', 'q35,memory-backend=memory'],
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ['-kernel', kernel.image, '-initrd', at('initramfs')],
    ['-append', `console=ttyS0 panic=-1 quiet loglevel=4 ${kernelArguments[mode] ?? ''}`],
    ['-chardev', `socket,id=console,path=${at('console')}`, '-serial', 'chardev:console'],
    ['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...port('output'),
    ...port('status'),
    ...shares.map(({ tag, socket }) => [
      '-chardev',
      `socket,id=${tag},path=${socket}`,
      '-device',
      `vhost-user-fs-pci,chardev=${tag},tag=${tag}`,
    ]),
  ].flat();
};
