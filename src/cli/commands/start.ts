import { start } from '../../lifecycle/start.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';

export async function run({ global, args }: Call<'start'>): Promise<number> {
  await start({ store: new Store(global.root), id: args['container-id'], log: global.log });
  return 0;
}
