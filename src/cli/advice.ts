/** Hints that only the command line can give: what the lifecycle refuses may have been meant for another option. */
import { TsruncError } from '../errors.ts';
import type { Invocation } from './parse.ts';
import type { Verb } from './table.ts';

type Given = Pick<Invocation<Verb>, 'verb' | 'args'>;

/** The error with the hint of its command, or as it is. */
export function advised(error: unknown, given: Given): unknown {
  if (!(error instanceof TsruncError) || error.code !== 'CONTAINER_ID_INVALID') return error;
  const advice = adviceForId(given);
  if (advice === undefined) return error;
  const { code, message, cause, place, hint } = error;
  return new TsruncError(code, message, {
    cause,
    ...(place === undefined ? {} : { place }),
    hint: hint === undefined ? advice : `${hint} ${advice}`,
  });
}

function adviceForId({ verb, args }: Given): string | undefined {
  const id = 'container-id' in args ? (args['container-id'] ?? '') : '';
  const isMaker = verb === 'run' || verb === 'create' || verb === 'restore';
  if (isMaker && id.includes('/')) return `A bundle is named by --bundle: tsrunc ${verb} --bundle ${id} ID`;
  const isExpression = (verb === 'delete' || verb === 'kill') && /[\^$*?[\]()|\\]/.test(id);
  return isExpression ? `For an expression use --regex: tsrunc ${verb} --regex '${id}'` : undefined;
}
