/** From the options before the verb to what the lifecycle takes. */
import { resolve } from 'node:path';
import type { CgroupManager, GlobalOptions } from '../lifecycle/options.ts';
import type { Logger, LogSettings } from '../log/logger.ts';
import type { GlobalValues } from './table.ts';

export function logSettings(values: GlobalValues): LogSettings {
  return {
    file: values.log,
    format: values['log-format'],
    level: values.debug ? 'debug' : values['log-level'],
  };
}

/** @param defaultRoot asked only when --root is not given */
export function globalOptions(values: GlobalValues, log: Logger, defaultRoot: () => string): GlobalOptions {
  const cgroupManager: CgroupManager = values['systemd-cgroup'] ? 'systemd' : (values['cgroup-manager'] ?? 'cgroupfs');
  return {
    root: values.root === undefined ? defaultRoot() : resolve(values.root),
    systemdCgroup: cgroupManager === 'systemd',
    cgroupManager,
    rootless: values.rootless,
    log,
  };
}
