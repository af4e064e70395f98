/** The seccomp agent of agent.c. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { repository } from './host.ts';
import { eventually } from './process.ts';

const program = join(repository, 'build', `agent-${process.pid}`);

/** Compile the agent for the tests of this file. */
export function useAgents(): void {
  beforeAll(() => {
    execFileSync('cc', ['-O1', '-o', program, join(import.meta.dirname, 'agent.c')]);
  });
  afterAll(() => rmSync(program, { force: true }));
}

export class Agent {
  readonly #process: ChildProcess;
  #said = '';

  private constructor(words: readonly string[]) {
    this.#process = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process.stdout?.on('data', (data) => {
      this.#said += data;
    });
  }

  /** An agent that listens at `socket`; it ends with the test. `interrupting`: milliseconds between its signal and its answer. */
  static async at(socket: string, answer: string, interrupting?: number): Promise<Agent> {
    const agent = new Agent([socket, answer, ...(interrupting === undefined ? [] : [String(interrupting)])]);
    onTestFinished(() => agent.end());
    await agent.says('ready');
    return agent;
  }

  /** Wait for a line that begins with the word; its rest. */
  says(word: string): Promise<string> {
    return eventually(`the agent says "${word}"`, () => this.lines(word)[0]);
  }

  /** The rest of each line that begins with the word. */
  lines(word: string): string[] {
    const all = this.#said.split('\n').slice(0, -1);
    return all.filter((line) => line.split(' ', 1)[0] === word).map((line) => line.slice(word.length + 1));
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}
