/**
 * What a container needs of systemd (org.freedesktop.systemd1(5)). Methods that change a unit answer with a job at once; the job's
 * end comes as a signal.
 *
 *   tsrunc                                       systemd
 *   Hello, AddMatch, Subscribe, Get Version ───▶
 *         ◀────────────────────────────────────── replies
 *   StartTransientUnit(scope, PIDs) ───────────▶ makes the cgroup, moves the processes
 *         ◀────────────────────────────────────── job
 *         ◀────────────────────────────────────── JobRemoved(job, "done")
 */
import { BusError, type Connection } from '../../dbus/connection.ts';
import type { Message } from '../../dbus/message.ts';
import type { Value, Variant } from '../../dbus/values.ts';
import { TsruncError } from '../../errors.ts';
import type { Property } from '../controllers/systemd.ts';
import { type ManagerKind, type Opened, openSystemd } from './bus.ts';
import { systemdFailed } from './failure.ts';

const systemd = 'org.freedesktop.systemd1';
const managerPath = '/org/freedesktop/systemd1';
const managerInterface = `${systemd}.Manager`;
const bus = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };

/** systemd answers in milliseconds; when it is busy with hundreds of units, in seconds. */
const patienceMs = 30_000;

export class Systemd {
  readonly #connection: Connection;
  readonly #patienceMs: number;
  /** Results of jobs that have ended, by their object's path: the signal may come before the reply that names the job. */
  readonly #results = new Map<string, string>();
  #onResult: () => void = () => undefined;
  #version = 0;

  private constructor(connection: Connection, patience: number) {
    this.#connection = connection;
    this.#patienceMs = patience;
    connection.onSignal((signal) => this.#hear(signal));
  }

  /** Connect and subscribe. @throws TsruncError HOST_UNSUITABLE when there is no systemd to be reached */
  static async open(kind: ManagerKind): Promise<Systemd> {
    return await Systemd.on(await openSystemd(kind));
  }

  /** On an open connection, which becomes its own. @param patience milliseconds until a TIMEOUT */
  static async on({ connection, bus: throughBus }: Opened, patience = patienceMs): Promise<Systemd> {
    const opened = new Systemd(connection, patience);
    try {
      await opened.#within('answer', opened.#introduce(throughBus));
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  async #introduce(throughBus: boolean): Promise<void> {
    const rule = `type='signal',sender='${systemd}',interface='${managerInterface}',member='JobRemoved'`;
    // All at once: the answers come in the same order, and only the first round trip is waited for.
    const greeting = throughBus
      ? [
          this.#connection.call({ ...bus, member: 'Hello' }),
          this.#connection.call({ ...bus, member: 'AddMatch', signature: 's', body: [rule] }),
        ]
      : [];
    const version = this.#get(managerPath, managerInterface, 'Version');
    await Promise.all([...greeting, this.#manager('Subscribe'), version]);
    this.#version = Number.parseInt(String(await version), 10) || 0;
  }

  /** Major version, 252. */
  get version(): number {
    return this.#version;
  }

  close(): void {
    this.#connection.close();
  }

  /** @throws TsruncError CGROUP_FAILED, TIMEOUT */
  async startScope(unit: string, properties: readonly Property[], pid: number): Promise<void> {
    const all = [...properties.map(wire), ['PIDs', { signature: 'au', value: [pid] }] as const];
    await this.#job('start', unit, () =>
      this.#manager('StartTransientUnit', 'ssa(sv)a(sa(sv))', [unit, 'fail', all, []]),
    );
  }

  /** End the unit; nothing happens where there is none. */
  async stop(unit: string): Promise<void> {
    await unlessGone(() => this.#job('stop', unit, () => this.#manager('StopUnit', 'ss', [unit, 'replace'])));
  }

  /** Forget that the unit failed, which would keep its name taken. */
  async resetFailed(unit: string): Promise<void> {
    await unlessGone(() => this.#ask('reset', unit, this.#manager('ResetFailedUnit', 's', [unit])));
  }

  async kill(unit: string, signal: number): Promise<void> {
    await unlessGone(() => this.#ask('signal', unit, this.#manager('KillUnit', 'ssi', [unit, 'all', signal])));
  }

  /** Until the next boot. On return systemd has written the files as well: it does so before it turns to another call. */
  async setProperties(unit: string, properties: readonly Property[]): Promise<void> {
    if (properties.length === 0) return;
    const body = [unit, true, properties.map(wire)];
    await this.#ask('change', unit, this.#manager('SetUnitProperties', 'sba(sv)', body));
    await this.activeState(unit);
  }

  /** The unit's cgroup below the root of the hierarchy; '' when it has none. */
  async controlGroup(unit: string): Promise<string> {
    return await this.#property(unit, `${systemd}.Scope`, 'ControlGroup');
  }

  /** "active", "failed", "inactive", "deactivating"... */
  async activeState(unit: string): Promise<string> {
    return await this.#property(unit, `${systemd}.Unit`, 'ActiveState');
  }

  /** URIs that the unit names; none where there is no such unit. */
  async documentation(unit: string): Promise<readonly Value[]> {
    const found = await this.#ask('ask about', unit, this.#get(objectPath(unit), `${systemd}.Unit`, 'Documentation'));
    return Array.isArray(found) ? found : [];
  }

  async #property(unit: string, from: string, name: string): Promise<string> {
    return String(await this.#ask('ask about', unit, this.#get(objectPath(unit), from, name)));
  }

  async #get(path: string, from: string, name: string): Promise<Value> {
    const properties = { destination: systemd, path, interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
    const [found] = await this.#connection.call({ ...properties, signature: 'ss', body: [from, name] });
    return (found as Variant | undefined)?.value ?? '';
  }

  #manager(member: string, signature = '', body: readonly Value[] = []): Promise<readonly Value[]> {
    return this.#connection.call({
      destination: systemd,
      path: managerPath,
      interface: managerInterface,
      member,
      signature,
      body,
    });
  }

  /** Start a job and wait for its end. */
  async #job(action: string, unit: string, start: () => Promise<readonly Value[]>): Promise<void> {
    const result = await this.#ask(action, unit, this.#resultOf(start()));
    if (result !== 'done') throw systemdFailed(action, unit, `the job ended with "${result}"`);
  }

  async #resultOf(started: Promise<readonly Value[]>): Promise<string> {
    const [job] = await started;
    for (;;) {
      const result = this.#results.get(String(job));
      if (result !== undefined) return result;
      await Promise.race([this.#connection.ended, this.#nextResult()]);
    }
  }

  #nextResult(): Promise<void> {
    return new Promise((resolve) => {
      this.#onResult = resolve;
    });
  }

  #hear({ interface: from, member, body: [, job, , result] }: Message): void {
    if (from !== managerInterface || member !== 'JobRemoved') return;
    this.#results.set(String(job), String(result));
    this.#onResult();
  }

  async #ask<T>(action: string, unit: string, answer: Promise<T>): Promise<T> {
    try {
      return await this.#within(`${action} ${unit}`, answer);
    } catch (cause) {
      if (cause instanceof TsruncError) throw cause;
      throw systemdFailed(action, unit, cause);
    }
  }

  async #within<T>(action: string, answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(late(action, this.#patienceMs)), this.#patienceMs);
    });
    try {
      return await Promise.race([answer, limit]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const wire = ({ name, signature, value }: Property): readonly [string, Variant] => [name, { signature, value }];

/** The object of a unit: every byte but letters and digits is escaped as _XX. */
function objectPath(unit: string): string {
  const escaped = unit.replace(/[^A-Za-z0-9]/g, (letter) => `_${letter.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `${managerPath}/unit/${escaped}`;
}

async function unlessGone(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const cause = error instanceof TsruncError ? error.cause : error;
    if (!(cause instanceof BusError) || cause.error !== `${systemd}.NoSuchUnit`) throw error;
  }
}

function late(action: string, patience: number): TsruncError {
  return new TsruncError('TIMEOUT', `systemd did not ${action} within ${patience / 1000} s`, {
    hint: 'See what it is busy with: systemctl list-jobs; journalctl -b. Without --systemd-cgroup it is not asked.',
  });
}
