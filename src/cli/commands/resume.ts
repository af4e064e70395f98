import { resume } from '../../lifecycle/pause.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';

export async function run({ global, args }: Call<'resume'>): Promise<number> {
  await resume({ store: new Store(global.root), id: args['container-id'] });
  return 0;
}
