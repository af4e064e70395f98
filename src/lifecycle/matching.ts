import { TsruncError } from '../errors.ts';
import type { Store } from '../store/store.ts';

/**
 * Do something with every container whose id matches a regular expression; one that fails does not keep the others.
 * @throws TsruncError USAGE for what is no expression; what `work` throws, of several containers all in one
 */
export async function eachMatching(store: Store, pattern: string, work: (id: string) => Promise<void>): Promise<void> {
  const expression = compile(pattern);
  const failures: unknown[] = [];
  for (const id of store.list().filter((each) => expression.test(each))) {
    await work(id).catch((error: unknown) => {
      // Somebody else deletes as well.
      if (!(error instanceof TsruncError && error.code === 'CONTAINER_UNKNOWN')) failures.push(named(error, id));
    });
  }
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : together(failures);
}

/** Whoever names many has to be told which of them it is. */
function named(error: unknown, id: string): unknown {
  if (!(error instanceof TsruncError) || error.message.includes(`"${id}"`)) return error;
  const { code, message, cause, hint, place } = error;
  return new TsruncError(code, `${id}: ${message}`, {
    cause,
    ...(place === undefined ? {} : { place }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function together(failures: readonly unknown[]): TsruncError {
  const [first] = failures;
  const sentences = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
  const code = first instanceof TsruncError ? first.code : 'SYSTEM';
  return new TsruncError(code, sentences.join('; '), { cause: first });
}

/** What the engine says of a wrong one is said in its own words, and by each engine in others. */
function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch {
    throw new TsruncError('USAGE', `"${pattern}" is no regular expression`, {
      hint: `'^test-' fits every id that begins with "test-"; brackets come in pairs, or have a backslash before them.`,
    });
  }
}
