import { closeSync } from 'node:fs';
import { TsruncError } from '../errors.ts';
import { planLoopbackOf } from '../plan/criu.ts';
import { namespaceOrigin } from '../plan/namespaces.ts';
import type { ContainerRecord } from '../store/record.ts';
import type { Notification } from './criu.ts';
import { runHooks } from './hooks.ts';
import { fdSources, finish, type Making } from './prepare.ts';
import { hookState } from './state.ts';
import { runSteps } from './steps.ts';

/** The container that criu is making: what has to be done for it in between. */
export class Restored {
  readonly #making: Making;
  readonly #foreground: boolean;
  #made: { readonly pid: number; readonly pidfd: number; readonly record: ContainerRecord } | undefined;

  constructor(making: Making, { detach }: { readonly detach: boolean }) {
    this.#making = making;
    this.#foreground = !detach;
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

  #finish(pid: number): void {
    const { native } = this.#making;
    const pidfd = native.pidfdOpen(pid);
    // It was all done by another plan, none of which is left to be explained.
    const record = finish(this.#making, { pid, pidfd, stepsSent: 0 });
    this.#made = { pid, pidfd, record };
    // From here on the program may run, and signals are meant for it.
    if (this.#foreground) native.keepSignals();
  }

  async #end(): Promise<void> {
    if (this.#made === undefined) return;
    const { native } = this.#making;
    const { pidfd } = this.#made;
    native.pidfdSendSignal(pidfd, 9);
    await native.waitPidfd(pidfd, 10_000);
    native.reap(pidfd);
    closeSync(pidfd);
  }

  #required(): { readonly pid: number; readonly pidfd: number; readonly record: ContainerRecord } {
    if (this.#made !== undefined) return this.#made;
    throw new TsruncError('CRIU_FAILED', 'criu says that it has restored the container, but named no process');
  }
}
