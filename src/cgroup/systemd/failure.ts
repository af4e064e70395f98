/** Sentences for what systemd refuses. */
import { BusError } from '../../dbus/connection.ts';
import { TsruncError } from '../../errors.ts';

const hints: readonly { readonly error: RegExp; readonly hint: string }[] = [
  {
    error: /\.UnitExists$/,
    hint: 'Another container, or one that was never deleted, has this name: choose another id or linux.cgroupsPath.',
  },
  {
    error: /\.(AccessDenied|InteractiveAuthorizationRequired)$/,
    hint: 'An ordinary user asks the own systemd: leave out --rootless=false.',
  },
  {
    error: /\.(PropertyReadOnly|UnknownProperty|InvalidArgs)$/,
    hint: 'This version of systemd may not know the property, or not the value: see systemctl --version and the org.systemd.property annotations.',
  },
];

/** @param action as in "Cannot start a.scope" @param cause what the bus threw, or the reason in words */
export function systemdFailed(action: string, unit: string, cause: unknown): TsruncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const hint = cause instanceof BusError ? hints.find(({ error }) => error.test(cause.error))?.hint : undefined;
  return new TsruncError('CGROUP_FAILED', `systemd cannot ${action} ${unit}: ${reason}`, {
    ...(cause instanceof Error ? { cause } : {}),
    ...(hint === undefined ? {} : { hint }),
  });
}
