import fs from 'node:fs';
import { list } from '../../lifecycle/list.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';
import { ownerNames, renderIds, renderListJson, renderTable } from '../render-state.ts';

export async function run({ global, options, print }: Call<'list'>): Promise<number> {
  const containers = await list({ store: new Store(global.root), log: global.log });
  if (options.quiet) {
    print(renderIds(containers));
    return 0;
  }
  const render = options.format === 'json' ? renderListJson : renderTable;
  print(render(containers, ownerNames(readUsers())));
  return 0;
}

/** A host without user names is fine: the owners are numbers then. */
const readUsers = (): string => (fs.existsSync('/etc/passwd') ? fs.readFileSync('/etc/passwd', 'utf8') : '');
