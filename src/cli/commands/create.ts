import { create } from '../../lifecycle/create.ts';
import { createOptions } from '../bundle.ts';
import type { Call } from '../commands.ts';

export async function run(call: Call<'create'>): Promise<number> {
  await create(createOptions(call));
  return 0;
}
