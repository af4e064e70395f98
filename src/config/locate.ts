import { type Place, TsruncError } from '../errors.ts';

/** An error that only knows which field of the configuration asked for what failed, with its line; any other as it is. */
export function located(error: unknown, locate: (pointer: string) => Place): unknown {
  if (!(error instanceof TsruncError) || error.place === undefined || error.place.line !== undefined) return error;
  const { code, message, cause, hint } = error;
  const place = locate(error.place.pointer);
  return new TsruncError(code, message, { cause, place, ...(hint === undefined ? {} : { hint }) });
}
