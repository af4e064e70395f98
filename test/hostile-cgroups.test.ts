/** A container that may write to its own cgroup and tries to outlive `delete --force` by what it makes below. */
import { readFileSync } from 'node:fs';
import { describe } from 'vitest';
import { alive, type Box, eventually, expect, type Patch, test } from './support/box.ts';
import { cgroupDirectories, isCgroupV2, isRoot } from './support/host.ts';

/** Directory and files of the freezer, inside. */
const own = isCgroupV2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/freezer';
const freezer = isCgroupV2 ? 'cgroup.freeze' : 'freezer.state';
const frozen = isCgroupV2 ? '1' : 'FROZEN';

const ready = 'echo > /ready; sleep 1000';

/** A container with its cgroup mounted for writing; resolves when its script says that it is ready. */
const villain = async (box: Box, script: string, patch: Patch = () => {}): Promise<string> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.linux.cgroupsPath = `/${id}`;
    config.linux.namespaces.push({ type: 'cgroup' });
    config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['rw'] });
    config.process.args = ['sh', '-ec', script];
    return patch(config);
  });
  await box.ok('run', '-d', '-b', bundle.path, id);
  await eventually('the trap is laid', () => {
    try {
      return readFileSync(`${bundle.rootfs}/ready`, 'utf8');
    } catch {
      return undefined;
    }
  });
  return id;
};

/** Its processes, as soon as there are so many. */
const processesOf = (box: Box, id: string, count: number): Promise<number[]> =>
  eventually(`${count} processes`, async () => {
    const pids: number[] = JSON.parse((await box.ok('ps', '--format', 'json', id)).stdout);
    return pids.length === count ? pids : undefined;
  });

const expectGone = (id: string, pids: readonly number[]): void => {
  expect(pids.filter((pid) => alive(pid))).toEqual([]);
  expect(cgroupDirectories(id)).toEqual([]);
};

const withoutPidNamespace: Patch = (config) => {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid');
};

const freezeChild = `mkdir ${own}/ice ${own}/ice/deep
  sleep 1000 & echo $! > ${own}/ice/deep/cgroup.procs; echo ${frozen} > ${own}/ice/${freezer}`;

describe.skipIf(!isRoot)('a container that owns its cgroup', () => {
  test.for([
    ['with a pid namespace', () => {}],
    ['without', withoutPidNamespace],
  ] as const)('froze a cgroup of its own, %s', async ([, patch], { box }) => {
    const id = await villain(box, `${freezeChild}; ${ready}`, patch);
    const pids = await processesOf(box, id, 2);
    await box.ok('delete', '--force', id);
    expectGone(id, pids);
  });

  test('froze a cgroup of its own: KILL ends it as well', async ({ box }) => {
    const id = await villain(box, `${freezeChild}; ${ready}`);
    await box.ok('kill', id, 'KILL');
    await box.reached(id, 'stopped');
    await box.ok('delete', id);
  });

  test('goes on freezing while it is killed', async ({ box }) => {
    const loop = `(while :; do echo ${frozen} > ${own}/ice/${freezer}; done) &`;
    const id = await villain(box, `${freezeChild}; ${loop} ${loop} ${ready}`);
    const pids = await processesOf(box, id, 4);
    await box.ok('delete', '--force', id);
    expectGone(id, pids);
  });

  test('keeps its own pause when it is paused and resumed from outside', async ({ box }) => {
    const id = await villain(box, `${freezeChild}; ${ready}`);
    await box.ok('pause', id);
    await box.ok('resume', id);
    const directory = isCgroupV2 ? `/sys/fs/cgroup/${id}` : `/sys/fs/cgroup/freezer/${id}`;
    expect(readFileSync(`${directory}/ice/${freezer}`, 'utf8').trim()).toBe(frozen);
  });

  const long = 'x'.repeat(200);

  test.for([
    ['names that are longer than a path', `for i in $(seq 21); do mkdir ${long}; cd -P ${long}; done`],
    ['names that are no text', `n=$(printf 'a\\377\\376'); mkdir "$n" "$n/b"; cd "$n/b"`],
    // A decoder that takes the end of the line for part of the name joins it with the next.
    ['a name that ends within a character', `n=$(printf 'a\\342'); mkdir "$n"; cd "$n"`],
    ['a thousand levels', 'for i in $(seq 1000); do mkdir d; cd d; done'],
  ])('hides a process below %s', async ([, descend], { box }) => {
    // A name that mkdir cannot say at once is said by the way there.
    const script = `cd ${own}; ${descend}; sleep 1000 & echo $! > cgroup.procs; cd /; ${ready}`;
    const id = await villain(box, script, withoutPidNamespace);
    const pids = await processesOf(box, id, 2);
    await box.ok('delete', '--force', id);
    expectGone(id, pids);
  });
});
