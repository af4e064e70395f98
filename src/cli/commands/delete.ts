import { deleteContainer } from '../../lifecycle/delete.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';

export async function run({ global, options, args }: Call<'delete'>): Promise<number> {
  const store = new Store(global.root);
  const remove = (id: string): Promise<void> => deleteContainer({ store, id, force: options.force, log: global.log });
  const target = args['container-id'];
  if (options.regex) await (await import('../../lifecycle/matching.ts')).eachMatching(store, target, remove);
  else await remove(target);
  return 0;
}
