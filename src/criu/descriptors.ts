/**
 * What the container's standard streams led to when it was made: pipes and files of whoever made it, which criu cannot bring
 * back. The dump names them, and a restore puts its own streams in their place. The list lies beside the images, as runc keeps it.
 */

/** Name of the file beside the images: a JSON list with one entry for each of fds 0, 1, 2. */
export const descriptorsFile = 'descriptors.json';

/** One open file, as stat(2) and /proc/self/fdinfo tell. */
export interface Stream {
  /** What /proc/self/fd/N leads to: "pipe:[123]", "/var/log/x". */
  readonly target: string;
  /** Read for files only. */
  readonly mountId: () => number;
  readonly device: number;
  readonly inode: number;
  /** Major and minor of a character device; undefined for other files. */
  readonly characterDevice: number | undefined;
}

const hex = (value: number): string => value.toString(16);

/** Major numbers of terminals: tty, console, pseudo-terminals (devices.txt of the kernel). */
const isTerminal = (rdev: number): boolean => {
  const major = (rdev >> 8) & 0xfff;
  return (major >= 136 && major <= 143) || major === 4 || major === 5;
};

/** The null device gives way to the container's own. */
const NULL_DEVICE = 0x103;

/** The name that a dump and its restore have for a stream, in criu's notation; for what needs none, its target. */
export function streamKey({ target, mountId, device, inode, characterDevice }: Stream): string {
  if (!target.startsWith('/') || characterDevice === NULL_DEVICE) return target;
  if (characterDevice !== undefined && isTerminal(characterDevice))
    return `tty[${hex(characterDevice)}:${hex(device)}]`;
  return `file[${hex(mountId())}:${hex(inode)}]`;
}

/** Those that the dump must be told of; pipes it finds out itself. */
export const externalFiles = (keys: readonly string[]): string[] => [
  ...new Set(keys.filter((key) => /^(file|tty)\[/.test(key))),
];

/** Which of our streams takes the place of which: the first of those that shared one file. */
export const inheritedStreams = (keys: readonly string[]): { readonly key: string; readonly fd: number }[] =>
  keys.flatMap((key, fd) => (/^(pipe:|file\[|tty\[)/.test(key) && keys.indexOf(key) === fd ? [{ key, fd }] : []));

/** fds 0, 1, 2. */
const streams = 3;

/**
 * A checkpoint may come from elsewhere. An entry more would hand the restored container a descriptor of criu's own that happens
 * to have its number: 3 is the socket that criu takes its orders from.
 * @throws Error on anything but a list of texts, three at most
 */
export function parseDescriptors(text: string): readonly string[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string'))
    throw new Error('it is no list of texts');
  if (list.length > streams) throw new Error(`it has ${list.length} entries, and there are ${streams} streams`);
  return list;
}
