import { describe, expect, test } from 'vitest';
import { type Call, Connection } from './connection.ts';
import { type Answers, FakeBus } from './fixtures.ts';
import type { Message } from './message.ts';

const call = (member: string): Call => ({ destination: 'd.d', path: '/', interface: 'i.i', member });

const connected = async (answers: Answers, run: (connection: Connection, bus: FakeBus) => Promise<void>) => {
  await using bus = await FakeBus.start(answers);
  const connection = await Connection.open(bus.path);
  try {
    await run(connection, bus);
  } finally {
    connection.close();
  }
};

describe('a connection', () => {
  test('several calls at once are answered each on its own', () =>
    connected({ A: { signature: 's', body: ['a'] }, B: { error: 'x.Refused' }, C: {} }, async (connection, bus) => {
      const answers = ['A', 'B', 'C'].map((member) => connection.call(call(member)));
      expect(await Promise.allSettled(answers)).toEqual([
        { status: 'fulfilled', value: ['a'] },
        { status: 'rejected', reason: expect.objectContaining({ error: 'x.Refused', message: 'it says Refused' }) },
        { status: 'fulfilled', value: [] },
      ]);
      expect(bus.members).toEqual(['A', 'B', 'C']);
    }));

  test('signals are heard until that is enough', () =>
    connected({ A: { before: [{ member: 'S', signature: 'u', body: [7] }] } }, async (connection) => {
      const heard: Message[] = [];
      const stop = connection.onSignal((signal) => heard.push(signal));
      await connection.call(call('A'));
      stop();
      await connection.call(call('A'));
      expect(heard).toMatchObject([{ member: 'S', body: [7] }]);
    }));

  test('a bus that ends fails what waits, and all that follows', () =>
    connected({ A: { silent: true } }, async (connection, bus) => {
      const waiting = expect(connection.call(call('A'))).rejects.toThrow('the bus closed the connection');
      const ended = expect(connection.ended).rejects.toThrow('closed');
      await expect.poll(() => bus.members).toEqual(['A']);
      bus.drop();
      await waiting;
      await ended;
      await expect(connection.call(call('B'))).rejects.toThrow('closed');
    }));

  test('a user whom the bus refuses', async () => {
    await using bus = await FakeBus.start({}, 'REJECTED EXTERNAL\r\n');
    await expect(Connection.open(bus.path)).rejects.toThrow('the bus refuses this user: REJECTED EXTERNAL');
  });

  test('a server that does not speak D-Bus', async () => {
    await using bus = await FakeBus.start({}, 'OK 1\r\nHTTP/1.1 400 Bad Request\r\n\r\n');
    const connection = await Connection.open(bus.path);
    await expect(connection.call(call('A'))).rejects.toThrow('does not speak D-Bus');
  });

  test('no bus at all', async () => {
    await expect(Connection.open('/no/such/bus')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
