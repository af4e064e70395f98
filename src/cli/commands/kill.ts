import { signalNumber } from '../../host/signals.ts';
import { kill } from '../../lifecycle/kill.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';

export async function run({ global, options, args }: Call<'kill'>): Promise<number> {
  const signal = signalNumber(args.signal ?? 'TERM');
  const store = new Store(global.root);
  const send = (id: string): Promise<void> => kill({ store, id, signal, all: options.all, log: global.log });
  const target = args['container-id'];
  if (options.regex) await (await import('../../lifecycle/matching.ts')).eachMatching(store, target, send);
  else await send(target);
  return 0;
}
