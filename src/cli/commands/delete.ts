import { deleteContainer } from '../../lifecycle/delete.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';

export async function run({ global, options, args }: Call<'delete'>): Promise<number> {
  const store = new Store(global.root);
  const target = { store, force: options.force, log: global.log };
  if (options.regex) {
    await (await import('../../lifecycle/delete-matching.ts')).deleteMatching({
      ...target,
      pattern: args['container-id'],
    });
  } else await deleteContainer({ ...target, id: args['container-id'] });
  return 0;
}
