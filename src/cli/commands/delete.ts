import { deleteContainer } from '../../lifecycle/delete.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';

export async function run({ global, options, args }: Call<'delete'>): Promise<number> {
  const store = new Store(global.root);
  await deleteContainer({ store, id: args['container-id'], force: options.force, log: global.log });
  return 0;
}
