import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { Spec } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';

/** The annotation that chooses it. */
export const criuConfigAnnotation = 'org.criu.config';
const directory = '/etc/criu';

/** Options for criu that an administrator has written down: ours, or those that are there for runc. */
const files = [`${directory}/tsrunc.conf`, `${directory}/runc.conf`] as const;

/**
 * The file of further options for criu: what the annotation org.criu.config names (nothing: none), else the administrator's.
 * Engines copy annotations from images, whose own files are on the host as well, and an option can make criu run a program
 * there as root (criu(8), --action-script). So the annotation chooses between the administrator's files; runc takes any.
 * @throws TsruncError CONFIG_INVALID
 */
export function criuConfigFile({ annotations }: Spec): string | undefined {
  const asked = annotations?.[criuConfigAnnotation];
  if (asked === undefined) return files.find((path) => existsSync(path));
  if (asked === '') return undefined;
  if (posix.normalize(asked).startsWith(`${directory}/`)) return asked;
  throw new TsruncError(
    'CONFIG_INVALID',
    `${criuConfigAnnotation} names ${JSON.stringify(asked)}, which is not in ${directory}`,
    {
      place: { file: 'config.json', pointer: `/annotations/${criuConfigAnnotation}` },
      hint: `Annotations may come from an image, and criu's options can run programs: move the file to ${directory}.`,
    },
  );
}

/** criu(8), "Configuration files": one option in a line, its argument behind white space or "=", in quotes or not. */
const logOption = /^\s*log-file(?:\s*=\s*|\s+)(?:"((?:[^"\\]|\\.)*)"|([^\s"#]\S*))/;

/**
 * Where the file sends criu's log; undefined where that is no absolute path, so that the log is in the directory for logs, and
 * where the file cannot be read, which criu tells.
 */
export function logElsewhere(configFile: string | undefined): string | undefined {
  if (configFile === undefined) return undefined;
  const found = linesOf(configFile).findLast((line) => logOption.test(line)) ?? '';
  const [, quoted, plain] = logOption.exec(found) ?? [];
  const path = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
  return path?.startsWith('/') === true ? path : undefined;
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
