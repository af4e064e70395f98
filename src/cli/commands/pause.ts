import { pause } from '../../lifecycle/pause.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';

export async function run({ global, args }: Call<'pause'>): Promise<number> {
  await pause({ store: new Store(global.root), id: args['container-id'] });
  return 0;
}
