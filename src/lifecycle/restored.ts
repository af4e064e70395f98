import { closeSync } from 'node:fs';
import type { RestoreFlags } from '../criu/options.ts';
import { TsruncError } from '../errors.ts';
import { isEnding } from '../host/process.ts';
import { planLoopbackOf } from '../plan/criu.ts';
import { namespaceOrigin } from '../plan/namespaces.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Notification } from './criu.ts';
import { runHooks } from './hooks.ts';
import { fdSources, finish, type Making } from './prepare.ts';
import { requireLabel } from './restored-label.ts';
import { hookState } from './state.ts';
import { runSteps } from './steps.ts';

const SIGKILL = 9;
/** Looks, a second apart, at a container that has ended before criu has: what criu itself ends takes less. */
const MOST_LOOKS = 5;

/** The container that criu is making: what has to be done for it in between. */
export class Restored {
  readonly #making: Making;
  readonly #foreground: boolean;
  readonly #flags: RestoreFlags;
  #looks = 0;
  #made: { readonly pid: number; readonly pidfd: number; readonly record: ContainerRecord } | undefined;

  constructor(making: Making, { detach, flags }: { readonly detach: boolean; readonly flags: RestoreFlags }) {
    this.#making = making;
    this.#foreground = !detach;
    this.#flags = flags;
    making.undo.add('end the container', () => this.#end());
  }

  get process(): { readonly pid: number; readonly pidfd: number } {
    return this.#required();
  }

  get record(): ContainerRecord {
    return this.#required().record;
  }

  /** criu waits meanwhile. */
  async notified({ script, pid, fd }: Notification): Promise<void> {
    if (fd >= 0 && script !== 'orphan-pts-master') closeSync(fd);
    switch (script) {
      case 'setup-namespaces':
        return await this.#equip(pid);
      case 'orphan-pts-master':
        return await this.#making.terminal.take(fd);
      case 'post-restore':
        return this.#finish(pid);
      case 'pre-resume':
        return await this.#requireLabel();
    }
  }

  /** Its namespaces are there and its processes are not: the network is made, as it was for the first container. */
  async #equip(pid: number): Promise<void> {
    const { native, config, record } = this.#making;
    const { spec } = config;
    if (namespaceOrigin(spec, 'network') === 'new') {
      await runSteps(native, planLoopbackOf(pid), fdSources(this.#making));
      if (spec.linux?.netDevices !== undefined) (await import('./net-devices.ts')).moveNetDevices(pid, this.#making);
    }
    const state = hookState(record, 'created', pid);
    await runHooks(native, 'prestart', spec.hooks?.prestart, state);
    await runHooks(native, 'createRuntime', spec.hooks?.createRuntime, state);
  }

  /**
   * Whether criu waits for what cannot come: that the first process ends, which as that of a pid namespace does so only when
   * all others have been reaped, and criu traces those, so that nobody else can reap them. Its restore of a label that does not
   * exist ends so. For who asks once a second.
   */
  stuckAfterSilence(): boolean {
    this.#looks = this.#made !== undefined && isEnding(this.#made.pid) ? this.#looks + 1 : 0;
    return this.#looks >= MOST_LOOKS;
  }

  #finish(pid: number): void {
    const { native } = this.#making;
    const pidfd = native.pidfdOpen(pid);
    // It was all done by another plan, none of which is left to be explained.
    const record = finish(this.#making, { pid, pidfd, stepsSent: 0 });
    this.#made = { pid, pidfd, record };
    // From here on the program may run, and signals are meant for it.
    if (this.#foreground) native.keepSignals();
  }

  /** The processes have their credentials, and do not run yet: criu lets them go whatever we answer. */
  async #requireLabel(): Promise<void> {
    const { native, config, host, cgroup } = this.#making;
    const { pid, pidfd } = this.#required();
    try {
      requireLabel(pid, config.spec, this.#flags, host);
    } catch (error) {
      native.pidfdSendSignal(pidfd, SIGKILL);
      await cgroup.kill(SIGKILL);
      throw error;
    }
  }

  async #end(): Promise<void> {
    if (this.#made === undefined) return;
    const { native } = this.#making;
    const { pidfd } = this.#made;
    native.pidfdSendSignal(pidfd, SIGKILL);
    await native.waitPidfd(pidfd, 10_000);
    native.reap(pidfd);
    closeSync(pidfd);
  }

  #required(): { readonly pid: number; readonly pidfd: number; readonly record: ContainerRecord } {
    if (this.#made !== undefined) return this.#made;
    throw new TsruncError('CRIU_FAILED', 'criu says that it has restored the container, but named no process');
  }
}
