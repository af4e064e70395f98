/** Names of a container's systemd unit; pure. */
import { TsruncError } from '../../errors.ts';
import { placeOf } from '../failure.ts';

/** The transient scope of a container and the slice that it lies in. */
export interface ScopeName {
  /** "cri-containerd-abc.scope" */
  readonly name: string;
  /** "kubepods-besteffort.slice" */
  readonly slice: string;
}

export interface ScopeRequest {
  /** linux.cgroupsPath, "slice:prefix:name"; undefined or '' where it is not set. */
  readonly cgroupsPath: string | undefined;
  readonly id: string;
  /** Whose systemd: the user's own has no system.slice. */
  readonly manager: 'system' | 'user';
}

const slices = { system: 'system.slice', user: 'user.slice' } as const;

/**
 * The unit that linux.cgroupsPath asks for, as runc reads it: any of the three parts may be empty.
 * @throws TsruncError CONFIG_INVALID
 */
export function scopeName({ cgroupsPath, id, manager }: ScopeRequest): ScopeName {
  const [slice = '', prefix = '', name = '', ...more] = (cgroupsPath || `:tsrunc:${id}`).split(':');
  if (more.length > 0 || (cgroupsPath && !/^[^:]*:[^:]*:[^:]*$/.test(cgroupsPath)))
    throw invalid(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${cgroupsPath}" instead`,
      'An example: "system.slice:docker:1234". For a path like "/a/b" leave out --systemd-cgroup.',
    );
  if (name.endsWith('.slice'))
    throw invalid(`cgroupsPath asks for "${name}": a slice holds no processes`, 'Name the container, not the slice.');
  const full = [prefix, name || id].filter(Boolean).join('-');
  return { name: `${escaped(full)}.scope`, slice: checkedSlice(slice || slices[manager]) };
}

/** Characters that systemd does not take in the name of a unit become \xNN, as systemd-escape(1) has it. */
function escaped(name: string): string {
  return [...Buffer.from(name)]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[A-Za-z0-9:_.\\@-]/.test(letter) ? letter : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

/** systemd.slice(5): "a-b.slice" lies in "a.slice"; empty parts have no meaning. "-.slice" is the root. */
function checkedSlice(slice: string): string {
  if (slice === '-.slice') return slice;
  const parts = slice.endsWith('.slice') ? slice.slice(0, -'.slice'.length).split('-') : [''];
  if (parts.every((part) => /^[A-Za-z0-9:_.\\@]+$/.test(part))) return slice;
  throw invalid(`"${slice}" in cgroupsPath is not the name of a systemd slice`, 'An example: "machine.slice".');
}

function invalid(message: string, hint: string): TsruncError {
  return new TsruncError('CONFIG_INVALID', message, { hint, ...placeOf('/linux/cgroupsPath') });
}
