/** --pidfd-socket of create and run: the receiver holds the container's first process, whatever becomes of its number. */
import { join } from 'node:path';
import { expect, test } from './support/box.ts';
import { useReceiver } from './support/receive.ts';

const listen = useReceiver();

test.for(['create', 'run --detach'])('%s sends a pidfd of the first process', async (verb, { box }) => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['sleep', '100'];
  });
  const id = box.id();
  const socket = join(box.path, 'pidfd.sock');
  const receiver = await listen(socket, '--fdinfo');
  await box.ok(...verb.split(' '), '--pidfd-socket', socket, '--bundle', bundle.path, id);
  const { pid } = await box.state(id);
  expect(await receiver.output).toMatch(new RegExp(`^Pid:\t${pid}$`, 'm'));
});

test('a pid namespace and a user namespace in between make no difference', async ({ box }) => {
  const bundle = await box.bundle((config) => {
    config.process.args = ['sleep', '100'];
    config.linux.namespaces.push({ type: 'user' }, { type: 'time' });
    config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
  });
  const id = box.id();
  const socket = join(box.path, 'pidfd.sock');
  const receiver = await listen(socket, '--fdinfo');
  await box.ok('create', '--pidfd-socket', socket, '--bundle', bundle.path, id);
  const { pid } = await box.state(id);
  expect(await receiver.output).toMatch(new RegExp(`^Pid:\t${pid}$`, 'm'));
});

test('nobody listens: an error with the path, and no container', async ({ box }) => {
  const bundle = await box.bundle();
  const socket = join(box.path, 'nobody.sock');
  const id = box.id();
  const { code, stderr } = await box.tsrunc('create', '--pidfd-socket', socket, '--bundle', bundle.path, id);
  expect(code).toBe(1);
  expect(stderr).toContain(socket);
  expect((await box.tsrunc('state', id)).stderr).toContain('container does not exist');
});
