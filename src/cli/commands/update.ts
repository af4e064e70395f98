import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Change } from '../../cgroup/driver.ts';
import { misspelledResources, parseResources, placeInResources } from '../../config/resources.ts';
import { TsruncError } from '../../errors.ts';
import { hintToRead } from '../../host/errno.ts';
import type { UpdateOptions } from '../../lifecycle/options.ts';
import { update } from '../../lifecycle/update.ts';
import type { Logger } from '../../log/logger.ts';
import { Store } from '../../store/store.ts';
import type { Call } from '../commands.ts';
import { given, placeInOptions, placeInRdtOptions, rdtLimitsOf, resourcesOf } from '../resource-options.ts';

export async function run({ global, options, args, print }: Call<'update'>): Promise<number> {
  const { resources: file } = options;
  if (file !== undefined && given(options).length > 0) {
    global.log.warn('--resources is given, so the other options of update are ignored');
  }
  const wanted = file === undefined ? fromOptions(options) : await fromFile(file, options, global.log);
  const store = new Store(global.root);
  const rdt = rdtLimitsOf(options);
  const changes = await update({ store, id: args['container-id'], log: global.log, rdt, ...wanted });
  if (options.report) print(changes.map(renderChange).join(''));
  return 0;
}

type Wanted = Pick<UpdateOptions, 'resources' | 'locate'>;

const fromOptions = (options: Call<'update'>['options']): Wanted => ({
  resources: resourcesOf(options),
  locate: (pointer) => placeInRdtOptions(options, pointer) ?? placeInOptions(options, pointer),
});

const stdin = 0;

async function fromFile(file: string, options: Call<'update'>['options'], log: Logger): Promise<Wanted> {
  const name = file === '-' ? 'standard input' : file;
  const text = read(file === '-' ? stdin : file, name);
  if (text.trim() === '') throw nothing(file);
  const resources = await parseResources(text, name);
  for (const sentence of await misspelledResources(text, name)) log.warn(sentence);
  return {
    resources,
    locate: (pointer) => placeInRdtOptions(options, pointer) ?? placeInResources(text, name, pointer),
  };
}

function read(source: string | number, name: string): string {
  try {
    return readFileSync(source, 'utf8');
  } catch (cause) {
    throw new TsruncError('SYSTEM', `Cannot read the resources from ${name}`, { cause, ...hintToRead(cause) });
  }
}

function nothing(file: string): TsruncError {
  const name = file === '-' ? 'Standard input' : `"${file}"`;
  return new TsruncError('CONFIG_INVALID', `${name} is empty: linux.resources is expected as JSON`);
}

/** "pids.max: 20 -> 30" */
const renderChange = ({ path, before, after }: Change): string => `${basename(path)}: ${before ?? '?'} -> ${after}\n`;
