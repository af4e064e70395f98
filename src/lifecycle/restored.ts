import { closeSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { isEnding } from '../host/process.ts';
import { planLoopbackOf } from '../plan/criu.ts';
import { namespaceOrigin } from '../plan/namespaces.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Notification } from './criu.ts';
import { runHooks } from './hooks.ts';
import { type Lsm, refuseLostLabel } from './labels.ts';
import { fdSources, finish, type Making } from './prepare.ts';
import type { RestoreOptions } from './restore.ts';
import { hookState } from './state.ts';
import { runSteps } from './steps.ts';

const SIGKILL = 9;
/** Seconds that criu may say nothing when the container has ended: what criu itself ends takes less. */
const MOST_SILENCE = 5;

/** The container that criu is making: what has to be done for it in between. */
export class Restored {
  readonly #making: Making;
  readonly #foreground: boolean;
  readonly #refuseLostLabel: (lsm: Lsm, pid: number) => void;
  #silence = 0;
  #made: { readonly pid: number; readonly pidfd: number; readonly record: ContainerRecord } | undefined;

  /** @param criu its process id */
  constructor(making: Making, { detach, flags }: Pick<RestoreOptions, 'detach' | 'flags'>, criu: number) {
    this.#making = making;
    this.#foreground = !detach;
    this.#refuseLostLabel = (lsm, restored) =>
      refuseLostLabel(lsm, { restored, criu }, making.config.spec, making.host, flags.lsmProfile);
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
        // SELinux changes labels of processes with one thread only, so criu has restored them by now, and a refusal is heard.
        this.#refuseLostLabel('selinux', pid);
        return this.#finish(pid);
      case 'pre-resume':
        return await this.#beforeItRuns();
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
   * exist ends so. Counts how often it is called in a row, once for each second of silence.
   */
  countSilence(): boolean {
    this.#silence = this.#made !== undefined && isEnding(this.#made.pid) ? this.#silence + 1 : 0;
    return this.#silence >= MOST_SILENCE;
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

  /** Its processes have their credentials, and criu lets them go whatever we answer. */
  async #beforeItRuns(): Promise<void> {
    const { native, cgroup } = this.#making;
    const { pid, pidfd } = this.#required();
    try {
      this.#refuseLostLabel('apparmor', pid);
    } catch (error) {
      native.pidfdSendSignal(pidfd, SIGKILL);
      // Those that share a pid namespace with others. Undoing kills them once more, and says it where that fails.
      await cgroup.kill(SIGKILL).catch(() => undefined);
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
