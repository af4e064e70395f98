import { TsruncError } from '../errors.ts';

/** runtime.md "Start": without `process` that is an error, which leaves a created container as it is. */
export const nothingToStart = (): TsruncError =>
  new TsruncError('CONFIG_INVALID', 'There is nothing to start: the configuration of the container has no process', {
    hint: 'Add "process" with its "args" and "cwd" to config.json, and make the container anew.',
  });
