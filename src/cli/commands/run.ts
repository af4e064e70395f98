import { run as runContainer } from '../../lifecycle/run.ts';
import { createOptions } from '../bundle.ts';
import type { Call } from '../commands.ts';

export async function run(call: Call<'run'>): Promise<number> {
  const { detach, keep, 'no-subreaper': noSubreaper } = call.options;
  return runContainer({ ...createOptions(call), detach, keep, noSubreaper });
}
