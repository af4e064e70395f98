/**
 * Engines that let systemd manage the cgroups, as most hosts with cgroup v2 do: Docker, podman, ctr, and the CRI with
 * SystemdCgroup. Needs systemd as process 1: `npm run test:vm -- test/clients/systemd-drivers.test.ts`.
 */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { image as busybox, Containerd } from '../support/containerd.ts';
import { cniPlugins, pauseImage } from '../support/containerd-config.ts';
import { Cri } from '../support/cri.ts';
import { Docker } from '../support/docker.ts';
import { hasCommand, isCgroupV2 } from '../support/host.ts';
import { Podman } from '../support/podman.ts';
import { eventually, patient } from '../support/process.ts';
import { engineUnavailable } from '../support/realm.ts';
import { isKnown, knob, property, systemctl } from '../support/systemd.ts';

const MiB = 1024 * 1024;
const slice = 'tsrunctestclients.slice';

/** Why there are no tests here. */
const unavailable = existsSync('/run/systemd/system') && isCgroupV2 ? '' : ': needs systemd and cgroup v2';

const named = (engine: string, reason: string | undefined): string =>
  reason === undefined ? engine : `${engine}: ${reason}`;

/** What systemd and the kernel say of the limits; the same once more when systemd has written all it knows. */
const limitsOf = (unit: string): Record<string, string> => {
  const read = () => ({
    memory: `${property(unit, 'MemoryMax')} ${knob(unit, 'memory.max')}`,
    tasks: `${property(unit, 'TasksMax')} ${knob(unit, 'pids.max')}`,
    cpu: `${property(unit, 'CPUQuotaPerSecUSec')} ${knob(unit, 'cpu.max')}`,
  });
  const limits = read();
  systemctl('daemon-reload');
  expect(read()).toEqual(limits);
  return limits;
};

const limited = (memory: number) => ({
  memory: `${memory * MiB} ${memory * MiB}`,
  tasks: '20 20',
  cpu: '500ms 50000 100000',
});

/** Of the tests of one engine. */
const timeLimit = patient(60_000);

describe.skipIf(unavailable)(`engines with systemd's cgroups${unavailable}`, () => {
  const noDocker = engineUnavailable('dockerd', 'docker', 'containerd', 'iptables');

  describe.skipIf(noDocker)(named('Docker', noDocker), () => {
    let docker: Docker;
    beforeAll(async () => {
      docker = await Docker.start('systemd');
    }, timeLimit);
    afterAll(() => docker?.close(), timeLimit);

    test('a container is a scope in the slice, with its limits; they change, and nothing stays', async () => {
      expect(await docker.ok('info', '--format', '{{.CgroupDriver}}')).toBe('systemd');
      const flags = ['--memory=64m', '--cpus=0.5', '--pids-limit=20'];
      const id = await docker.detached(flags, 'sleep', '1000');
      const unit = `docker-${id}.scope`;
      expect(property(unit, 'Slice')).toBe(docker.realm.cgroup);
      expect(limitsOf(unit)).toEqual(limited(64));
      await docker.ok('update', '--memory=48m', '--memory-swap=48m', id);
      expect(limitsOf(unit)).toEqual(limited(48));
      expect(await docker.ok('exec', id, 'cat', '/sys/fs/cgroup/memory.max')).toBe(String(48 * MiB));
      expect(await docker.ok('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', id)).toMatch(
        / \/ 48MiB 1$/,
      );
      await docker.ok('stop', '--time', '0', id);
      await docker.ok('rm', id);
      expect(isKnown(unit)).toBe(false);
    });

    test('pause freezes the scope', async () => {
      const id = await docker.detached([], 'sleep', '1000');
      const isFrozen = () => /^frozen (\d)$/m.exec(knob(`docker-${id}.scope`, 'cgroup.events'))?.[1];
      await docker.ok('pause', id);
      expect([isFrozen(), await docker.inspect(id, '{{.State.Status}}')]).toEqual(['1', 'paused']);
      await docker.ok('unpause', id);
      expect([isFrozen(), await docker.inspect(id, '{{.State.Status}}')]).toEqual(['0', 'running']);
      await docker.ok('rm', '--force', id);
    });

    test('restarts after it was killed for its memory', async () => {
      const eater = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1'];
      const flags = ['--memory=32m', '--memory-swap=32m', '--restart=on-failure:1'];
      const id = await docker.detached(flags, ...eater);
      // Whether it was memory the shim asks the cgroup, which systemd removes as soon as it is empty.
      const state = () => docker.inspect(id, '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}');
      await expect.poll(state, { timeout: patient(20_000) }).toBe('1 exited 137');
      await docker.ok('rm', id);
      expect(isKnown(`docker-${id}.scope`)).toBe(false);
    });
  });

  const noPodman = engineUnavailable('podman', 'conmon');

  describe.skipIf(noPodman)(named('podman', noPodman), () => {
    let podman: Podman;
    beforeAll(async () => {
      podman = await Podman.start({ manager: 'systemd' });
    }, timeLimit);
    afterAll(() => podman?.close(), timeLimit);

    test('a container is a scope in the slice, with its limits; it is paused, and nothing stays', async () => {
      const flags = ['--memory=64m', '--cpus=0.5', '--pids-limit=20'];
      const id = await podman.detached(flags, 'sleep', '1000');
      const unit = `libpod-${id}.scope`;
      expect(property(unit, 'Slice')).toBe(podman.realm.cgroup);
      expect(limitsOf(unit)).toEqual(limited(64));
      expect(await podman.ok('exec', id, 'cat', '/sys/fs/cgroup/memory.max')).toBe(String(64 * MiB));
      await podman.ok('pause', id);
      expect(knob(unit, 'cgroup.events')).toContain('frozen 1');
      await podman.ok('unpause', id);
      expect(knob(unit, 'cgroup.events')).toContain('frozen 0');
      await podman.ok('stop', '--time', '0', id);
      await podman.removeAll();
      expect(isKnown(unit)).toBe(false);
    });
  });

  const noContainerd = engineUnavailable('containerd', 'ctr');

  describe.skipIf(noContainerd)(named('containerd', noContainerd), () => {
    let daemon: Containerd;
    let cri: Cri;
    const isAble = cniPlugins !== undefined && ['iptables', 'musl-gcc'].every(hasCommand);
    beforeAll(async () => {
      daemon = await Containerd.start({ cri: isAble, manager: 'systemd' });
      cri = new Cri(daemon);
      if (isAble) await cri.ready(busybox, pauseImage);
    }, timeLimit);
    afterAll(async () => {
      cri?.close();
      await daemon?.stop();
      if (isKnown(slice)) systemctl('stop', slice);
    }, timeLimit);

    test('ctr: a container is a scope; it is measured, updated, paused, and nothing stays', async () => {
      const flags = [
        '--runc-systemd-cgroup',
        '--cgroup',
        `${slice}:ctr:one`,
        '--memory-limit',
        String(64 * MiB),
        '--detach',
      ];
      const outcome = await daemon.run(flags, 'one', 'sleep', '1000');
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      const unit = 'ctr-one.scope';
      expect([property(unit, 'Slice'), knob(unit, 'memory.max')]).toEqual([slice, String(64 * MiB)]);
      await daemon.update('one', { memory: { limit: 48 * MiB, swap: 48 * MiB }, pids: { limit: 20 } });
      const { memory, tasks } = limitsOf(unit);
      expect({ memory, tasks }).toEqual({ memory: limited(48).memory, tasks: limited(48).tasks });
      const metrics = JSON.parse((await daemon.ok('task', 'metrics', '--format', 'json', 'one')).stdout);
      expect(metrics).toMatchObject({ pids: { current: 1 }, memory: { usage_limit: 48 * MiB } });
      await daemon.ok('task', 'pause', 'one');
      expect(knob(unit, 'cgroup.events')).toContain('frozen 1');
      await daemon.ok('task', 'resume', 'one');
      await daemon.ok('task', 'kill', '--signal', 'KILL', 'one');
      await eventually(
        'it is deleted',
        async () => (await daemon.ctr('task', 'delete', 'one')).code === 0 || undefined,
      );
      await daemon.ok('container', 'delete', 'one');
      expect(isKnown(unit)).toBe(false);
    });

    test.skipIf(!isAble)('CRI: a pod is scopes in its slice, with their limits, and nothing stays', async () => {
      const pod = await cri.pod({ linux: { cgroup_parent: `/${slice}` } });
      const resources = { memory_limit_in_bytes: 64 * MiB, cpu_quota: 50_000, cpu_period: 100_000 };
      const container = await pod.start('limited', { args: ['sleep', '1000'], linux: { resources } });
      const [unit, sandbox] = [container.id, pod.id].map((id) => `cri-containerd-${id}.scope`) as [string, string];
      expect([unit, sandbox].map((one) => property(one, 'Slice'))).toEqual([slice, slice]);
      expect(limitsOf(unit)).toMatchObject({ memory: limited(64).memory, cpu: limited(64).cpu });
      const update = { ...resources, memory_limit_in_bytes: 48 * MiB };
      await cri.call('UpdateContainerResources', { container_id: container.id, linux: update });
      expect(limitsOf(unit)).toMatchObject({ memory: limited(48).memory, cpu: limited(48).cpu });
      expect(await container.exec('cat', '/proc/self/cgroup')).toMatchObject({ code: 0, stdout: '0::/\n' });
      await pod.stop();
      await cri.call('RemovePodSandbox', { pod_sandbox_id: pod.id });
      expect([unit, sandbox].map(isKnown)).toEqual([false, false]);
    });
  });
});
