/** linux.resources.unified (config-linux.md "Unified"): files of cgroup v2 and what to write to them, as they stand. */
import type { Resources } from '../../config/spec.ts';
import type { Leniency } from '../leniency.ts';
import { type Controller, escaped, type Former, invalid, type Layout, pointer, unsupported } from './write.ts';

/** Files with a line for each device, by what stands for a device without one; all others have one value, or cannot be undone. */
const lineFiles: Readonly<Record<string, Former>> = {
  'io.max': { kind: 'line', none: 'rbps=max wbps=max riops=max wiops=max' },
  'io.latency': { kind: 'line', none: 'target=0' },
  'rdma.max': { kind: 'line', none: 'hca_handle=max hca_object=max' },
};

/** JSON pointers of all keys. @throws TsruncError CONFIG_INVALID for a key that can be no file */
export const unifiedFields = ({ unified: wanted }: Resources): string[] => Object.keys(wanted ?? {}).map(fieldOf);

function fieldOf(file: string): string {
  const from = pointer('unified', escaped(file));
  if (file.includes('/') || !file.includes('.'))
    throw invalid(from, `"${file}" is not the name of a cgroup file (controller.file)`);
  return from;
}

export const v2Only = 'only cgroup v2 has such files, and this host has cgroup v1';

/** The resources without `unified`, which an ordinary user's container on cgroup v1 goes without, listed but no error. */
export function attainable(resources: Resources, layout: Layout, { rights }: Pick<Leniency, 'rights'>): Resources {
  return rights && layout === 'v1' ? withoutUnified(resources) : resources;
}

export const withoutUnified = ({ unified: _, ...others }: Resources): Resources => others;

export const unified: Controller = ({ unified: wanted }, layout) =>
  Object.entries(wanted ?? {}).map(([file, value]) => {
    const from = fieldOf(file);
    if (layout === 'v1') throw unsupported(from, v2Only);
    const former = lineFiles[file];
    const asked = { controller: file.slice(0, file.indexOf('.')), file, value, from };
    return former === undefined ? asked : { ...asked, former };
  });
