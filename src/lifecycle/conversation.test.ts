import { openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TsruncError } from '../errors.ts';
import type { Message } from '../native/native.ts';
import { type Op, questions } from '../plan/ops.ts';
import { Conversation } from './conversation.ts';

/** A conversation in which the other side says this, whatever it is told; and what it made the runtime do. */
function overheard(...said: readonly Message[]) {
  const messages = [...said];
  const done: string[] = [];
  const native = {
    sendPart: () => undefined,
    sendGo: () => undefined,
    receive: async (): Promise<Message> => messages.shift() ?? { kind: 'closed', unread: false },
    waitPidfd: async () => true,
    reap: () => undefined,
  };
  const conversation = new Conversation(
    native,
    { pid: 1, pidfd: -1, socket: -1 },
    {
      ask: async (question) => void done.push(`answered ${question}`),
      console: async () => void done.push('console'),
      notify: async () => void done.push('notify'),
      failure: async () => new TsruncError('STEP_FAILED', 'failed'),
      died: async () => new TsruncError('INIT_DIED', 'died'),
    },
  );
  return { conversation, done };
}

const ask: Op = { op: 'ask', question: questions.runtimeHooks, from: '' };
const hooks: Message = { kind: 'ask', question: questions.runtimeHooks };
const ready: Message = { kind: 'ready' };

test('what the plan asks for is answered', async () => {
  const { conversation, done } = overheard(hooks, ready);
  await conversation.send([ask], new Map());
  await conversation.untilReady();
  expect(done).toEqual(['answered 2']);
});

test('what ends without having taken the word has not become the program', async () => {
  await expect(overheard({ kind: 'closed', unread: true }).conversation.start()).rejects.toMatchObject({
    code: 'INIT_DIED',
  });
  await overheard({ kind: 'closed', unread: false }).conversation.start();
});

test.each<[string, readonly Message[], readonly string[]]>([
  ['twice', [hooks, hooks, ready], ['answered 2']],
  ['another question', [{ kind: 'ask', question: questions.netDevices }, ready], []],
  ['a terminal that nobody wants', [{ kind: 'console', fd: openSync('/dev/null', 'r') }, ready], []],
  ['a listener', [{ kind: 'notify', fd: openSync('/dev/null', 'r') }, ready], []],
  ['another process', [{ kind: 'forked', pid: 1, pidfd: openSync('/dev/null', 'r') }, ready], []],
])('and nothing else is believed: %s', async (_, said, expected) => {
  const { conversation, done } = overheard(...said);
  await conversation.send([ask], new Map());
  await expect(conversation.untilReady()).rejects.toMatchObject({ code: 'INIT_DIED' });
  expect(done).toEqual(expected);
});
