import { signalNumber } from '../../host/signals.ts';
import { kill } from '../../lifecycle/kill.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';

export async function run({ global, options, args }: Call<'kill'>): Promise<number> {
  const signal = signalNumber(args.signal ?? 'TERM');
  const store = new Store(global.root);
  await kill({ store, id: args['container-id'], signal, all: options.all, log: global.log });
  return 0;
}
