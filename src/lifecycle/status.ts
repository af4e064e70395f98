import { existsSync } from 'node:fs';
import { openCgroup } from '../cgroup/choose.ts';
import { processStatus } from '../host/process.ts';
import type { ContainerRecord } from '../store/record.ts';
import { type ContainerDir, START_SOCKET } from '../store/store.ts';
import type { ContainerStatus } from './options.ts';

/**
 * The state machine of runtime-spec (runtime.md "State") plus runc's "paused":
 *
 *   creating ──▶ created ──start──▶ running ◀──resume/pause──▶ paused
 *      │            │                  │                          │
 *      └────────────┴──── the process ends ───▶ stopped ◀─────────┘
 *
 * Nothing of it is stored but that creation has ended: a status is read from the process (pid + start time), from the start
 * socket, which `start` removes in the same moment as it gives the word, and from the freezer. So no crash can leave a
 * wrong status behind.
 */
export function statusOf(directory: ContainerDir, record: ContainerRecord): ContainerStatus {
  const alive = record.pid > 0 && processStatus(record.pid, record.startTime) === 'running';
  if (record.phase === 'creating') return alive || record.pid === 0 ? 'creating' : 'stopped';
  if (!alive) return 'stopped';
  if (record.cgroup !== undefined && openCgroup(record.cgroup).frozen()) return 'paused';
  return existsSync(directory.file(START_SOCKET)) ? 'created' : 'running';
}
