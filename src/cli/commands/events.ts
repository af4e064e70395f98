import { statsJson } from '../../cgroup/stats/json.ts';
import { TsruncError } from '../../errors.ts';
import { events, stats } from '../../lifecycle/events.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';
import { durationMs } from '../duration.ts';

export async function run({ global, options, args, print }: Call<'events'>): Promise<number> {
  const intervalMs = interval(options.interval);
  const target = { store: new Store(global.root), id: args['container-id'] };
  if (options.stats) {
    print(line({ type: 'stats', id: target.id, data: stats(target) }));
    return 0;
  }
  for await (const event of events({ ...target, intervalMs })) {
    // Nobody reads any more: `tsrunc events web | head -1`.
    if (!print(line(event))) return 0;
  }
  return 0;
}

const line = (event: unknown): string => `${statsJson(event)}\n`;

/** What a timer of the kernel can wait for, 24 days. */
const longestMs = 2 ** 31 - 1;

function interval(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) {
    throw new TsruncError('USAGE', `invalid value "${text}" for option --interval: it is like 5s, 100ms or 1m30s`);
  }
  if (ms <= 0) {
    throw new TsruncError('USAGE', 'duration interval must be greater than 0', {
      place: { file: 'command line', pointer: '--interval' },
    });
  }
  return Math.min(Math.ceil(ms), longestMs);
}
