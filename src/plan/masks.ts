import type { Context } from './context.ts';
import type { Op } from './ops.ts';

export const planReadonlyPaths = ({ spec }: Context): readonly Op[] =>
  (spec.linux?.readonlyPaths ?? []).map((path, index) => ({
    op: 'readonlyPath',
    path,
    from: `/linux/readonlyPaths/${index}`,
  }));

/** Before the change of root, while /dev/null is still the host's (CVE-2025-31133). */
export const planMaskedPaths = ({ spec }: Context): readonly Op[] =>
  (spec.linux?.maskedPaths ?? []).map((path, index) => ({
    op: 'maskPath',
    path,
    label: spec.linux?.mountLabel ?? '',
    from: `/linux/maskedPaths/${index}`,
  }));
