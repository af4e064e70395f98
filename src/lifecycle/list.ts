import { TsruncError } from '../errors.ts';
import type { ContainerState, ListOptions } from './options.ts';
import { state } from './state.ts';

/**
 * All containers below the root, by id. One whose state cannot be read, or that goes while we look, is left out with a
 * warning: it must not hide the others.
 */
export function list({ store, log }: ListOptions): ContainerState[] {
  return store.list().flatMap((id) => {
    try {
      return [state({ store, id })];
    } catch (error) {
      if (!(error instanceof TsruncError)) throw error;
      if (error.code !== 'CONTAINER_UNKNOWN') log.warn(error.message);
      return [];
    }
  });
}
