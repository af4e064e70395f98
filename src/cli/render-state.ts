/** The output of `state` and `list`; programs parse it, so form and order of fields are those of runc. */
import type { ContainerState } from '../lifecycle/options.ts';

export type OwnerName = (uid: number) => string;

/** Indented by two spaces, without a line feed at the end. The owner's name is left to `list`. */
export const renderState = (state: ContainerState): string => JSON.stringify(ordered(state, ''), null, 2);

/** One line; `null` when there is no container. */
export function renderListJson(containers: readonly ContainerState[], ownerName: OwnerName): string {
  const entries = containers.map((container) => ordered(container, ownerName(container.owner)));
  return `${JSON.stringify(entries.length === 0 ? null : entries)}\n`;
}

export const renderIds = (containers: readonly ContainerState[]): string =>
  containers.map(({ id }) => `${id}\n`).join('');

export function renderTable(containers: readonly ContainerState[], ownerName: OwnerName): string {
  const rows = containers.map(({ id, pid, status, bundle, created, owner }) => [
    id,
    String(pid),
    status,
    bundle,
    created,
    ownerName(owner),
  ]);
  return alignColumns([['ID', 'PID', 'STATUS', 'BUNDLE', 'CREATED', 'OWNER'], ...rows]);
}

/** Columns as Go's tabwriter makes them with minimal width 12 and padding 3; the last one is not padded. */
function alignColumns(rows: readonly (readonly string[])[]): string {
  const widthOf = (column: number): number => Math.max(12, ...rows.map((row) => lengthOf(row[column] ?? '') + 3));
  const widths = rows[0]?.slice(0, -1).map((_, column) => widthOf(column)) ?? [];
  const pad = (cell: string, column: number): string => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell));
  return rows.map((row) => `${row.slice(0, -1).map(pad).join('')}${row.at(-1)}\n`).join('');
}

const lengthOf = (text: string): number => [...text].length;

function ordered({ ociVersion, id, pid, status, bundle, rootfs, created, annotations }: ContainerState, owner: string) {
  const shown = annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations };
  return { ociVersion, id, pid, status, bundle, rootfs, created, ...shown, owner };
}

/**
 * Names of users by their uid; "#1234" for one without a name.
 *
 * @param passwd the text of /etc/passwd
 */
export function ownerNames(passwd: string): OwnerName {
  const names = new Map<string, string>();
  for (const line of passwd.split('\n')) {
    const [name, , uid] = line.split(':');
    // The first line of a uid wins, as in getpwuid(3).
    if (name !== undefined && uid !== undefined && !names.has(uid)) names.set(uid, name);
  }
  return (uid) => names.get(String(uid)) ?? `#${uid}`;
}
