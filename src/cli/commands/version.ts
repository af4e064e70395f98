import { newestSpecVersion } from '../../config/spec-version.ts';
import { commit, version } from '../../generated/version.ts';
import type { Call } from '../commands.ts';

/**
 * Docker takes the last word of the last line with "version", and the line "commit: "; go-runc splits the first three
 * lines at " version " and ": ". So no other line may hold these words.
 */
export function run({ print }: Call<'version'>): number {
  const engine = ['quickjs', 'bun', 'node'].find((name) => process.versions[name] !== undefined) ?? 'unknown';
  print(
    `tsrunc version ${version}\ncommit: ${commit}\nspec: ${newestSpecVersion}\nengine: ${engine} ${process.versions[engine]}\n`,
  );
  return 0;
}
