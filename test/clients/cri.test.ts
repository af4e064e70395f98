/**
 * Kubernetes' path to the runtime: pods and containers by containerd's CRI, with the requests that the kubelet sends. Pods
 * have a network of their own by CNI (bridge, host-local, portmap, loopback), which lives and ends with the private daemon.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { alive, eventually, patient } from '../support/box.ts';
import { Containerd, image } from '../support/containerd.ts';
import { cniPlugins, pauseImage } from '../support/containerd-config.ts';
import {
  type ContainerConfig,
  Cri,
  defaultPaths,
  type Pod,
  type PodConfig,
  type PodContainer,
} from '../support/cri.ts';
import { type CriMessage, containerState, namespaceMode, profileType } from '../support/cri-messages.ts';
import { hasCapability, hasCommand, isCgroupV2, isRoot } from '../support/host.ts';
import type { RemoteCommand } from '../support/remote-command.ts';

const able =
  isRoot && cniPlugins !== undefined && ['containerd', 'ctr', 'nsenter', 'iptables', 'musl-gcc'].every(hasCommand);

const soon = { timeout: patient(10_000) };

describe.skipIf(!able)(
  'CRI (needs root and the packages containerd, containernetworking-plugins, iptables, musl-tools)',
  () => {
    let daemon: Containerd;
    let cri: Cri;
    let version: string;
    /** For tests that need nothing special of the pod. */
    let pod: Pod;

    beforeAll(async () => {
      daemon = await Containerd.start({ cri: true });
      cri = new Cri(daemon);
      await cri.ready(image, pauseImage);
      version = (await cri.call('Version', {})).runtime_version ?? '';
      pod = await cri.pod();
    }, patient(60_000));

    afterAll(async () => {
      await pod?.remove();
      cri?.close();
      await daemon?.stop();
    }, patient(30_000));

    const ownPod = async (config?: PodConfig, handler?: string): Promise<Pod> => {
      const made = await cri.pod(config, handler);
      onTestFinished(() => made.remove(), patient(30_000));
      return made;
    };

    /** The sleeper with these settings, in the common pod; stopped and removed when the test ends. */
    const sleeper = async (security?: CriMessage<'LinuxContainerSecurityContext'>): Promise<PodContainer> => {
      const container = await pod.sleeper('sleeper', security);
      onTestFinished(async () => {
        await container.remove();
      });
      return container;
    };

    /** Run to the end in the common pod. */
    const run = async (script: string, config: ContainerConfig = {}): Promise<{ code: number; log: string[] }> => {
      const container = await pod.start('script', { command: ['sh', '-c', script], ...config });
      const { exit_code = 0 } = await container.ended();
      const log = container.log();
      await container.remove();
      return { code: exit_code, log };
    };

    /** Whether the shell on this terminal gets its size. The change and the question have no order between them. */
    const shows = async (shell: RemoteCommand, columns: number, rows: number): Promise<void> => {
      shell.resize(columns, rows);
      const asked = () => {
        shell.type('stty size\n');
        return shell.stdout;
      };
      await expect.poll(asked, { ...soon, interval: 200 }).toContain(`\n${rows} ${columns}\r\n`);
    };

    const serving = (port: number, text: string): ContainerConfig => ({
      args: ['nc', '-ll', '-p', String(port), '-e', 'echo', text],
    });

    const withSecurity = (security: CriMessage<'LinuxContainerSecurityContext'>): ContainerConfig => ({
      linux: { security_context: security },
    });

    describe('the pod', () => {
      test('has an address, a route and a loopback device; the host sees none of it', async () => {
        const ip = await pod.ip();
        expect(ip).toMatch(/^10\.99\.\d+\.\d+$/);
        const { log } = await run('ip -4 -o addr show | sed "s/ *brd.*//"; ip route');
        expect(log.join('\n')).toContain(`eth0    inet ${ip}/16`);
        expect(log.join('\n')).toContain('lo    inet 127.0.0.1/8');
        expect(log.join('\n')).toContain('default via 10.99.0.1');
        expect(readdirSync('/sys/class/net')).not.toContain('pods0');
        const { log: names } = await run('cat /etc/resolv.conf /etc/hostname');
        expect(names).toEqual(['search cluster.test', 'nameserver 10.99.0.1', 'pod'].map((line) => `stdout F ${line}`));
      });

      test('two containers share its network, ipc, uts and pid namespaces and /dev/shm, and nothing else', async () => {
        const one = await sleeper();
        const two = await sleeper();
        const namespaces = async (container: PodContainer): Promise<Record<string, string>> => {
          const script = 'for name in net ipc uts pid mnt cgroup; do readlink /proc/self/ns/$name; done';
          const { stdout } = await container.exec('sh', '-c', script);
          return Object.fromEntries(stdout.split('\n').map((line) => line.split(':') as [string, string]));
        };
        const [first, second] = [await namespaces(one), await namespaces(two)];
        for (const name of ['net', 'ipc', 'uts', 'pid']) expect(first[name], name).toBe(second[name]);
        expect(first.mnt).not.toBe(second.mnt);
        await one.exec('sh', '-c', 'echo shared > /dev/shm/note; echo own > /tmp/note');
        expect((await two.exec('cat', '/dev/shm/note')).stdout).toBe('shared\n');
        expect((await two.exec('ls', '/tmp/note')).code).toBe(1);
        expect((await two.exec('ps', '-o', 'pid,args')).stdout).toMatch(/^ +1 \/pause\n(.*\n)* +\d+ sleep 1000$/m);
        expect((await two.exec('hostname')).stdout).toBe('pod\n');
      });

      test('they reach each other on the loopback device, and another pod by the bridge', async () => {
        await pod.start('server', serving(7000, 'served'));
        const client = await sleeper();
        await expect.poll(async () => (await client.exec('nc', '127.0.0.1', '7000')).stdout, soon).toBe('served\n');
        const other = await ownPod();
        const stranger = await other.sleeper('stranger');
        expect((await stranger.exec('nc', await pod.ip(), '7000')).stdout).toBe('served\n');
        expect((await stranger.exec('nc', '127.0.0.1', '7000')).code).not.toBe(0);
      });

      test('a host port leads to it', async () => {
        const published = await ownPod({ port_mappings: [{ container_port: 7001, host_port: 8001 }] });
        const server = await published.start('server', serving(7001, 'published'));
        const ask = () => daemon.inside('sh', '-c', 'busybox nc 10.99.0.1 8001 < /dev/null');
        await expect.poll(async () => (await ask()).stdout, soon).toBe('published\n');
        await server.stop();
        expect((await ask()).stdout).toBe('');
      });

      test('containers may have a pid namespace of their own, or that of another container', async () => {
        const own = await sleeper({ namespace_options: { pid: namespaceMode.container } });
        expect((await own.exec('cat', '/proc/1/cmdline')).stdout).toBe('sleep\x001000\0');
        const debug = await sleeper({ namespace_options: { pid: namespaceMode.target, target_id: own.id } });
        expect((await debug.exec('ps', '-o', 'args')).stdout.match(/sleep 1000/g)).toHaveLength(2);
        const [one, two] = await Promise.all(
          [own, debug].map((container) => container.exec('readlink', '/proc/self/ns/pid')),
        );
        expect(one).toEqual(two);
      });

      test('on the network of the node', async () => {
        const options = { namespace_options: { network: namespaceMode.node } };
        const host = await ownPod({ hostname: '', linux: { security_context: options } });
        const container = await host.sleeper('host', options);
        expect((await container.exec('ls', '/sys/class/net')).stdout).toContain('pods0\n');
      });

      test('sysctls of its namespaces', async () => {
        const sysctls = { 'net.ipv4.ip_local_port_range': '2000\t3000', 'kernel.shm_rmid_forced': '1' };
        const tuned = await ownPod({ linux: { sysctls } });
        const container = await tuned.sleeper('tuned');
        const files = ['/proc/sys/net/ipv4/ip_local_port_range', '/proc/sys/kernel/shm_rmid_forced'];
        expect((await container.exec('cat', ...files)).stdout).toBe('2000\t3000\n1\n');
      });

      test('by the name of its runtime class; an unknown one is refused', async () => {
        const classed = await ownPod({}, 'tsrunc');
        const { status } = await cri.call('PodSandboxStatus', { pod_sandbox_id: classed.id });
        expect(status).toMatchObject({ runtime_handler: 'tsrunc' });
        await expect(cri.pod({}, 'nosuch')).rejects.toThrow('no runtime for "nosuch" is configured');
      });

      test('removed with running containers, nothing of it stays', async () => {
        const doomed = await cri.pod();
        const container = await doomed.sleeper('doomed');
        const [pid] = container.cgroupFile('cgroup.procs').split('\n');
        expect(alive(pid)).toBe(true);
        const before = await cri.call('ListContainers', {});
        expect(before.containers?.map(({ id }) => id)).toContain(container.id);
        await doomed.remove(); // which fails where a cgroup is left
        expect(alive(pid)).toBe(false);
        const { stdout } = await daemon.inside('sh', '-c', 'cat /proc/1/mountinfo; ls /run/containerd/runc/k8s.io');
        expect(stdout).not.toContain(container.id);
        expect(stdout).not.toContain(doomed.id);
        const { items } = await cri.call('ListPodSandbox', {});
        expect(items?.map(({ id }) => id)).not.toContain(doomed.id);
        expect((await cri.call('ListContainers', {})).containers?.map(({ id }) => id) ?? []).not.toContain(
          container.id,
        );
      });
    });

    describe('a pod with a user namespace', () => {
      const map = [{ container_id: 0, host_id: 200_000, length: 65_536 }];
      const mapped = { uidMappings: map, gidMappings: map };
      const options = { namespace_options: { userns_options: { mode: namespaceMode.pod, uids: map, gids: map } } };

      /** Why containerd cannot do it before this version; undefined where it can. */
      const lacking = (what: string, since: readonly [number, number]): string | undefined => {
        const [major = 0, minor = 0] = version.split('.').map(Number);
        const isOlder = major < since[0] || (major === since[0] && minor < since[1]);
        return isOlder ? `containerd ${version} has no ${what} (${since.join('.')} has)` : undefined;
      };

      test('its root is an ordinary user of the node', async ({ skip }) => {
        const reason = lacking('user namespaces for pods', [1, 7]);
        skip(reason !== undefined, reason);
        const own = await ownPod({ linux: { security_context: options } });
        const container = await own.sleeper('mapped', options);
        const { stdout } = await container.exec('cat', '/proc/self/uid_map');
        expect(stdout.trim().split(/\s+/)).toEqual(['0', '200000', '65536']);
        expect((await container.exec('sh', '-c', 'id -u; echo x > /note; stat -c %u /note')).stdout).toBe('0\n0\n');
        const pid = container.cgroupFile('cgroup.procs').split('\n')[0] ?? '';
        expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t200000\t/m);
      });

      test('volumes have the same owners in it and on the node', async ({ skip }) => {
        const reason = lacking('id-mapped volumes', [2, 0]);
        skip(reason !== undefined, reason);
        const volume = join(daemon.path, 'owned');
        mkdirSync(volume);
        writeFileSync(join(volume, 'theirs'), '');
        chownSync(join(volume, 'theirs'), 1000, 1001);
        const own = await ownPod({ linux: { security_context: options } });
        const container = await own.start('volumes', {
          args: ['sleep', '1000'],
          mounts: [
            { container_path: '/volume', host_path: volume, ...mapped },
            { container_path: '/fixed', host_path: volume, ...mapped, readonly: true },
            { container_path: '/unmapped', host_path: volume },
          ],
          ...withSecurity(options),
        });
        const owners = await container.exec(
          'stat',
          '-c',
          '%u:%g',
          '/volume',
          '/volume/theirs',
          '/fixed/theirs',
          '/unmapped',
        );
        expect(owners.stdout).toBe('0:0\n1000:1001\n1000:1001\n65534:65534\n');
        const script =
          'cd /volume && touch ours given && chown 5:6 given && chown 7:8 theirs && echo x > /fixed/theirs';
        expect(await container.exec('sh', '-c', script)).toMatchObject({
          code: 1,
          stderr: "sh: can't create /fixed/theirs: Read-only file system\n",
        });
        expect(statSync(join(volume, 'ours'))).toMatchObject({ uid: 0, gid: 0 });
        expect(statSync(join(volume, 'given'))).toMatchObject({ uid: 5, gid: 6 });
        expect(statSync(join(volume, 'theirs'))).toMatchObject({ uid: 7, gid: 8, size: 0 });
      });
    });

    describe('a container', () => {
      test('its output is logged by stream and line', async () => {
        const { code, log } = await run('echo one; echo two >&2; printf three; exit 7');
        expect(code).toBe(7);
        expect(log.toSorted()).toEqual(['stderr F two', 'stdout F one', 'stdout P three'].toSorted());
      });

      test('its log is reopened after a rotation', async () => {
        const script = 'echo before; while [ ! -e /dev/shm/go ]; do sleep 0.05; done; echo after; sleep 1000';
        const container = await pod.start('rotated', { command: ['sh', '-c', script] });
        await expect.poll(() => container.log(), soon).toEqual(['stdout F before']);
        renameSync(container.logPath, `${container.logPath}.1`);
        await cri.call('ReopenContainerLog', { container_id: container.id });
        await container.exec('touch', '/dev/shm/go');
        await expect.poll(() => container.log(), soon).toEqual(['stdout F after']);
        await container.remove();
      });

      test('with a terminal', async () => {
        const { log } = await run('tty; test -t 0 && test -t 2 && echo all', { tty: true });
        expect(log.map((line) => line.trim())).toEqual(['stdout F /dev/pts/0', 'stdout F all']);
      });

      test('command, arguments, environment and working directory', async () => {
        const { log } = await run('pwd; echo "$GREETING"', {
          working_dir: '/new/place',
          envs: [{ key: 'GREETING', value: 'hello  there' }],
        });
        expect(log).toEqual(['stdout F /new/place', 'stdout F hello  there']);
      });

      test('a missing program fails the start with its name', async () => {
        const container = await pod.create('missing', { command: ['nosuch'] });
        await expect(container.start()).rejects.toThrow('exec: "nosuch": executable file not found in $PATH');
        expect(await container.status()).toMatchObject({
          state: containerState.exited,
          exit_code: 128,
          reason: 'StartError',
        });
        expect(container.cgroups()).toEqual([]);
        await container.remove();
      });

      test('exec: streams, status, a missing program, a time-out', async () => {
        const container = await sleeper({ run_as_user: { value: 1000 }, run_as_group: { value: 1001 } });
        expect(await container.exec('sh', '-c', 'id -u; id -g; echo problem >&2; exit 5')).toEqual({
          code: 5,
          stdout: '1000\n1001\n',
          stderr: 'problem\n',
        });
        await expect(container.exec('nosuch')).rejects.toThrow('exec: "nosuch": executable file not found in $PATH');
        const late = cri.call('ExecSync', { container_id: container.id, cmd: ['sleep', '500'], timeout: 1 });
        await expect(late).rejects.toThrow('deadline exceeded');
        expect((await container.exec('ps', '-o', 'args')).stdout).not.toContain('sleep 500');
      });

      test('stop: SIGTERM with its time, then SIGKILL', async () => {
        const polite = await pod.start('polite', {
          command: ['sh', '-c', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'],
        });
        await expect.poll(() => polite.log(), soon).toEqual(['stdout F ready']);
        await polite.stop(20);
        expect(await polite.status()).toMatchObject({ state: containerState.exited, exit_code: 9, reason: 'Error' });
        const deaf = await pod.start('deaf', {
          command: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done'],
        });
        await expect.poll(() => deaf.log(), soon).toEqual(['stdout F ready']);
        await deaf.stop(1);
        expect(await deaf.status()).toMatchObject({ state: containerState.exited, exit_code: 137 });
        await deaf.stop(1); // once more is no error
        expect(deaf.cgroups()).toEqual([]);
        for (const container of [polite, deaf]) await container.remove();
      });

      test('a restart: the next attempt in the same pod has a fresh root file system and the same namespaces', async () => {
        const script = 'readlink /proc/self/ns/net; ls /note 2>/dev/null; touch /note; exit 1';
        const attempts = [await run(script), await run(script)];
        expect(attempts.map(({ code }) => code)).toEqual([1, 1]);
        expect(attempts[0]?.log).toHaveLength(1);
        expect(attempts[1]).toEqual(attempts[0]);
      });

      test('volumes, writable and read-only, and a device', async () => {
        const [volume, shared] = [join(daemon.path, 'volume'), join(daemon.path, 'shared')];
        writeFileSync(volume, 'from the host\n');
        writeFileSync(shared, '');
        const { log } = await run('cat /data; echo x > /data; echo inside > /shared; ls -l /dev/extra | cut -c 1', {
          mounts: [
            { container_path: '/data', host_path: volume, readonly: true },
            { container_path: '/shared', host_path: shared },
          ],
          devices: [{ container_path: '/dev/extra', host_path: '/dev/zero', permissions: 'rw' }],
        });
        // The two streams have no order between them.
        expect(log.toSorted()).toEqual([
          "stderr F sh: can't create /data: Read-only file system",
          'stdout F c',
          'stdout F from the host',
        ]);
        expect(readFileSync(volume, 'utf8')).toBe('from the host\n');
        expect(readFileSync(shared, 'utf8')).toBe('inside\n');
      });
    });

    describe('remote commands (kubectl exec, attach, cp)', () => {
      /** A container whose own program reads its stdin. */
      const listening = async (script: string, config: ContainerConfig): Promise<PodContainer> => {
        const container = await pod.start('listening', { command: ['sh', '-c', script], stdin: true, ...config });
        onTestFinished(async () => {
          await container.remove();
        });
        return container;
      };

      test('exec -i: an answer while stdin is open, both outputs, the end of stdin, the status', async () => {
        const command = await (await sleeper()).remote({ stdin: true }, 'sh', '-c', 'cat; echo end >&2; exit 5');
        command.type('one\n');
        await expect.poll(() => command.stdout, soon).toBe('one\n');
        command.type('two');
        command.endInput();
        expect(await command.ended()).toEqual({ code: 5, stdout: 'one\ntwo', stderr: 'end\n' });
      });

      test('exec without stdin: it reads nothing', async () => {
        const command = await (await sleeper()).remote({}, 'sh', '-c', 'cat; echo over');
        expect(await command.ended()).toEqual({ code: 0, stdout: 'over\n', stderr: '' });
      });

      test('cp: a megabyte in, and out again', async () => {
        const container = await sleeper();
        const content = randomBytes(1 << 19).toString('hex');
        const upload = await container.remote({ stdin: true }, 'sh', '-c', 'cat > /copy; sha256sum < /copy');
        upload.type(content);
        upload.endInput();
        const sum = createHash('sha256').update(content).digest('hex');
        expect(await upload.ended()).toEqual({ code: 0, stdout: `${sum}  -\n`, stderr: '' });
        const download = await container.remote({}, 'cat', '/copy');
        const { code, stdout } = await download.ended();
        expect([code, createHash('sha256').update(stdout).digest('hex')]).toEqual([0, sum]);
      });

      test('exec of a missing program says its name', async () => {
        const command = await (await sleeper()).remote({}, 'nosuch');
        await expect(command.ended()).rejects.toThrow('exec: "nosuch": executable file not found in $PATH');
      });

      test('exec -it: a terminal with the size of the user’s, an interrupt, the status', async () => {
        const container = await sleeper();
        const shell = await container.remote({ stdin: true, tty: true }, 'sh');
        shell.type('tty; test -t 1 && test -t 2 && echo all\n');
        await expect.poll(() => shell.stdout, soon).toMatch(/^\/dev\/pts\/\d+\r\nall\r\n/m);
        await shows(shell, 100, 40);
        await shows(shell, 30, 20);
        shell.type('sleep 500\n');
        await expect.poll(async () => (await container.exec('ps', '-o', 'args')).stdout, soon).toMatch(/^sleep 500$/m);
        shell.type('\x03');
        shell.type('echo "status $?"\n');
        await expect.poll(() => shell.stdout, soon).toContain('status 130\r\n');
        shell.type('exit 3\n');
        expect(await shell.ended()).toMatchObject({ code: 3, stderr: '' });
      });

      test('attach: stdin reaches the program that runs, which outlives the user; who only watches sees it too', async () => {
        const container = await listening('while read line; do echo "got $line"; echo "no $line" >&2; done', {});
        const first = await container.attach({ stdin: true });
        first.type('one\n');
        await expect.poll(() => [first.stdout, first.stderr], soon).toEqual(['got one\n', 'no one\n']);
        first.hangUp();
        const [watching, second] = [await container.attach({}), await container.attach({ stdin: true })];
        // Nothing says from when on a user sees the output.
        const asked = () => {
          second.type('two\n');
          return watching.stdout;
        };
        await expect.poll(asked, soon).toContain('got two\n');
        await container.stop();
        for (const user of [watching, second]) {
          const { stdout, stderr } = await user.ended();
          expect([stdout, stderr]).toEqual([
            expect.stringMatching(/^(got two\n)+$/),
            expect.stringMatching(/^(no two\n)+$/),
          ]);
        }
        expect(container.log()).toEqual(expect.arrayContaining(['stdout F got one', 'stderr F no one']));
      });

      test('attach, stdinOnce: the program’s stdin ends with the first user’s', async () => {
        const container = await listening('cat; exit 4', { stdin_once: true });
        const user = await container.attach({ stdin: true });
        user.type('only\n');
        user.endInput();
        expect(await user.ended()).toMatchObject({ stdout: 'only\n' });
        expect(await container.ended()).toMatchObject({ exit_code: 4 });
      });

      test('attach -it: the container’s own terminal', async () => {
        const container = await listening('sh; exit 6', { tty: true });
        const user = await container.attach({ stdin: true, tty: true });
        await shows(user, 90, 35);
        user.type('exit\n');
        await user.ended();
        expect(await container.ended()).toMatchObject({ exit_code: 6 });
      });
    });

    describe('resources', () => {
      const limits = {
        cpu_period: 100_000,
        cpu_quota: 50_000,
        cpu_shares: 512,
        memory_limit_in_bytes: 64 << 20,
        oom_score_adj: 900,
        cpuset_cpus: '0',
      };

      test('are the kernel’s, and change while it runs', async () => {
        const container = await pod.start('limited', { args: ['sleep', '1000'], linux: { resources: limits } });
        const memory = () => container.cgroupFile('memory.max', 'memory.limit_in_bytes');
        const quota = () => container.cgroupFile('cpu.max', 'cpu.cfs_quota_us').split(' ')[0];
        expect([memory(), quota()]).toEqual([String(64 << 20), '50000']);
        // On a curve, or on a line as runc did it until 1.3.
        expect(container.cgroupFile('cpu.weight', 'cpu.shares')).toMatch(isCgroupV2 ? /^(59|20)$/ : /^512$/);
        expect(container.cgroupFile('cpuset.cpus')).toBe('0');
        expect((await container.exec('cat', '/proc/1/oom_score_adj', '/proc/self/oom_score_adj')).stdout).toContain(
          '900\n',
        );
        await cri.call('UpdateContainerResources', {
          container_id: container.id,
          linux: { ...limits, memory_limit_in_bytes: 32 << 20, cpu_quota: 70_000, cpuset_cpus: '0-1' },
        });
        expect([memory(), quota(), container.cgroupFile('cpuset.cpus')]).toEqual([String(32 << 20), '70000', '0-1']);
        await container.remove();
      });

      test('what it uses is measured', async () => {
        const container = await sleeper();
        const measured = await eventually('the daemon has measured', async () => {
          const { stats } = await cri.call('ContainerStats', { container_id: container.id });
          return stats?.memory?.working_set_bytes?.value ? stats : undefined;
        });
        expect(measured.cpu?.usage_core_nano_seconds?.value).toBeGreaterThan(0);
        expect(measured.memory?.working_set_bytes?.value).toBeLessThan(64 << 20);
      });

      test('a container that takes more memory than it may is OOMKilled', async () => {
        const container = await pod.start('eater', {
          args: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'],
          linux: { resources: { memory_limit_in_bytes: 16 << 20 } },
        });
        // The news of the kill and of the end come separately, in any order.
        await expect.poll(() => container.status(), soon).toMatchObject({ exit_code: 137, reason: 'OOMKilled' });
        await container.remove();
      });
    });

    describe('the security context', () => {
      const statusOf = async (
        security: CriMessage<'LinuxContainerSecurityContext'>,
      ): Promise<Record<string, string>> => {
        const { log } = await run('cat /proc/self/status', withSecurity(security));
        return Object.fromEntries(log.map((line) => line.replace('stdout F ', '').split(/:\s*/) as [string, string]));
      };

      test('user, group and further groups', async () => {
        const security = {
          run_as_user: { value: 1234 },
          run_as_group: { value: 1235 },
          supplemental_groups: [1236, 1237],
        };
        const { log } = await run('id', withSecurity(security));
        expect(log).toEqual(['stdout F uid=1234 gid=1235 groups=1235,1236,1237']);
      });

      test('capabilities are dropped and added; no new privileges', async () => {
        const capabilities = { drop_capabilities: ['ALL'], add_capabilities: ['NET_BIND_SERVICE'] };
        expect(await statusOf({ capabilities, no_new_privs: true })).toMatchObject({
          CapBnd: '0000000000000400',
          CapEff: '0000000000000400',
          CapPrm: '0000000000000400',
          CapAmb: '0000000000000000',
          NoNewPrivs: '1',
        });
      });

      test('a read-only root file system', async () => {
        const { code, log } = await run(
          'echo x > /note || echo x > /dev/shm/note',
          withSecurity({ readonly_rootfs: true }),
        );
        expect({ code, log }).toEqual({ code: 0, log: ["stderr F sh: can't create /note: Read-only file system"] });
      });

      test('seccomp: the runtime’s default, none, a profile of the node', async () => {
        const attempt = 'unshare -U true && echo done; grep "^Seccomp:" /proc/self/status';
        const standard = await run(attempt, withSecurity({ seccomp: { profile_type: profileType.runtimeDefault } }));
        // Two streams: their lines have an order only within each.
        expect(standard.log.toSorted()).toEqual([
          expect.stringMatching(/^stderr F unshare.*Operation not permitted$/),
          'stdout F Seccomp:\t2',
        ]);
        const none = await run(attempt, withSecurity({ seccomp: { profile_type: profileType.unconfined } }));
        expect(none.log).toContain('stdout F Seccomp:\t0');
        const profile = join(daemon.path, 'profile.json');
        const syscalls = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }];
        writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
        const seccomp = { profile_type: profileType.localhost, localhost_ref: profile };
        expect((await run('mkdir /new', withSecurity({ seccomp }))).log).toEqual([
          "stderr F mkdir: can't create directory '/new': No space left on device",
        ]);
      });

      test('procMount: masked and read-only paths, or none', async () => {
        const script = [
          'head -c 1 /proc/kcore | wc -c',
          'ls /sys/firmware | wc -l',
          'echo 1 > /proc/sys/net/ipv4/ip_forward && echo written',
          'touch /proc/irq/note',
          `for path in ${defaultPaths.readonly_paths.join(' ')}; do ! test -e $path || grep -q " $path ro," /proc/self/mountinfo || echo "$path is writable"; done`,
        ].join('; ');
        const masked = await run(script, withSecurity(defaultPaths));
        expect(masked.log.filter((line) => line.startsWith('stdout'))).toEqual(['stdout F 0', 'stdout F 0']);
        expect(masked.log.join('\n')).toContain("can't create /proc/sys/net/ipv4/ip_forward: Read-only file system");
        const open = await run('grep -c " /proc/" /proc/self/mountinfo', withSecurity({}));
        expect(open.log).toEqual(['stdout F 0']);
      });

      test.skipIf(!hasCapability('SYS_RESOURCE'))('privileged (needs CAP_SYS_RESOURCE)', async () => {
        const security = { linux: { security_context: { privileged: true } } };
        const privileged = await ownPod(security);
        const container = await privileged.sleeper('privileged', { privileged: true });
        const { stdout } = await container.exec(
          'sh',
          '-c',
          'mount -t tmpfs tmpfs /tmp && grep CapEff /proc/self/status; ls /dev/kmsg',
        );
        expect(stdout).toMatch(/CapEff:\t0*1f{10}\n\/dev\/kmsg\n/);
      });
    });
  },
);
