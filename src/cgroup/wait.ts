/** Bounded waits for the few facts of cgroups that no file descriptor of ours can be polled for. */
import { type FSWatcher, watch } from 'node:fs';

const firstPauseMs = 1;
const longestPauseMs = 50;

/**
 * Wait until `done()`, looking again after growing pauses, and at once when the file `watched` says that it changed (v2's
 * cgroup.events; v1 has nothing of the kind).
 * @returns false when limitMs passed first
 */
export async function until(done: () => boolean, limitMs: number, watched?: string): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (let pauseMs = firstPauseMs; !done(); pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if (performance.now() >= end) return false;
    await changeOrPause(watched, pauseMs);
  }
  return true;
}

function changeOrPause(watched: string | undefined, pauseMs: number): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watched === undefined ? undefined : tryWatch(watched, wake);
    const timer = setTimeout(wake, pauseMs);
    function wake(): void {
      clearTimeout(timer);
      watcher?.close();
      resolve();
    }
  });
}

/** Without a watch (the file is gone, or inotify is used up) the pauses alone lead to the same end, a little later. */
function tryWatch(path: string, wake: () => void): FSWatcher | undefined {
  try {
    return watch(path, wake).on('error', wake);
  } catch {
    return undefined;
  }
}
