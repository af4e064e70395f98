import { state } from '../../lifecycle/state.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';
import { renderState } from '../render-state.ts';

export async function run({ global, args, print }: Call<'state'>): Promise<number> {
  print(renderState(await state({ store: new Store(global.root), id: args['container-id'] })));
  return 0;
}
