/** Profiles of AppArmor that are loaded for one test; for a host where it is active, and has its parser. */
import { execFileSync } from 'node:child_process';
import { probeHost } from '../../src/host/probe.ts';
import { hasCommand, isRoot } from './host.ts';

export const canLoadProfiles = isRoot && probeHost().lsm.apparmor && hasCommand('apparmor_parser');

let counter = 0;

/** What a program of any kind needs; a profile denies all that it does not name. */
export const everyday = ['file,', 'capability,', 'network,', 'signal,', 'ptrace,', 'unix,'] as const;

/** A profile of this kernel until it is disposed of; no task may be under it any longer by then. */
export class Profile {
  readonly name = `tsrunc-test-${process.pid}-${++counter}`;
  readonly #text: string;

  constructor(rules: readonly string[]) {
    // The flags are those that engines use: paths of another mount namespace, files without a name.
    const flags = 'flags=(attach_disconnected,mediate_deleted)';
    this.#text = [`profile ${this.name} ${flags} {`, ...rules.map((rule) => `  ${rule}`), '}', ''].join('\n');
    this.#parse('--replace');
  }

  /** What /proc/self/attr/current says of a process under it. */
  get current(): string {
    return `${this.name} (enforce)\n`;
  }

  [Symbol.dispose](): void {
    this.#parse('--remove');
  }

  #parse(action: '--replace' | '--remove'): void {
    execFileSync('apparmor_parser', ['--quiet', '--skip-cache', action], { input: this.#text });
  }
}
