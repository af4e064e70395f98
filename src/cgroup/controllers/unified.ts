/** linux.resources.unified (config-linux.md "Unified"): files of cgroup v2 and what to write to them, as they stand. */
import { type Controller, invalid, pointer, unsupported } from './write.ts';

export const unified: Controller = ({ unified: wanted }, layout) =>
  Object.entries(wanted ?? {}).map(([file, value]) => {
    const from = pointer('unified', file.replaceAll('~', '~0').replaceAll('/', '~1'));
    if (layout === 'v1') throw unsupported(from, 'only cgroup v2 has such files, and this host has cgroup v1');
    if (file.includes('/') || !file.includes('.'))
      throw invalid(from, `"${file}" is not the name of a cgroup file (controller.file)`);
    return { controller: file.slice(0, file.indexOf('.')), file, value, from };
  });
