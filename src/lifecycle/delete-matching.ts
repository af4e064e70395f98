import { TsruncError } from '../errors.ts';
import { deleteContainer } from './delete.ts';
import type { DeleteOptions } from './options.ts';

/**
 * Delete every container whose id matches a regular expression; one that cannot be deleted does not keep the others.
 * @throws TsruncError USAGE for what is no expression; what deleting throws, of several containers all in one
 */
export async function deleteMatching({
  pattern,
  ...options
}: Omit<DeleteOptions, 'id'> & { readonly pattern: string }): Promise<void> {
  const expression = compile(pattern);
  const failures: unknown[] = [];
  for (const id of options.store.list().filter((each) => expression.test(each))) {
    await deleteContainer({ ...options, id }).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : together(failures);
}

function together(failures: readonly unknown[]): TsruncError {
  const [first] = failures;
  const sentences = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
  const code = first instanceof TsruncError ? first.code : 'SYSTEM';
  return new TsruncError(code, sentences.join('; '), { cause: first });
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new TsruncError('USAGE', `"${pattern}" is no regular expression`, { cause });
  }
}
