/** The engine's end of --console-socket and --pidfd-socket. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { repository } from './host.ts';
import { eventually, patient } from './process.ts';

/** Somebody who listens on a unix socket; `output` is what came: all of a terminal, or the facts of a pidfd. */
export interface Receiver {
  readonly output: Promise<string>;
}

export type Listen = (socket: string, input?: string) => Promise<Receiver>;

/**
 * Build the receiver for the tests of a file.
 * @returns a function that listens; its `input` is typed into the terminal, "--fdinfo" asks for a pidfd's facts
 */
export const useReceiver = (): Listen => {
  const program = join(repository, 'build', `recvtty-${process.pid}`);
  beforeAll(() => {
    execFileSync('cc', ['-O1', '-o', program, join(import.meta.dirname, 'recvtty.c')]);
  }, patient(30_000));
  afterAll(() => rmSync(program, { force: true }));
  return async (socket, input) => {
    const args = input === undefined ? [socket] : [socket, input];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    const output = new Promise<string>((resolve) => child.on('close', () => resolve(text.replaceAll('\r', ''))));
    await eventually(`somebody listens on ${socket}`, () => existsSync(socket) || undefined);
    return { output };
  };
};
