/**
 * A cgroup and all below it. What is below was made inside the container, which may try to hide in it: by names that together
 * are longer than a path may be, that are no UTF-8, or by thousands of levels. So each level is opened in the one above, its
 * name is bytes, and nothing grows with the depth but a list of names.
 */
import { closeSync, constants, openSync, readdirSync } from 'node:fs';
import { errnoName } from '../host/errno.ts';

export interface Visitor {
  /** A cgroup, before those below it; `path` is valid during the call only. */
  readonly enter?: (path: string) => void;
  /** A cgroup below the first one, after those below itself; the path again only during the call. */
  readonly leave?: (path: Buffer) => void;
}

/** Nothing happens where the cgroup is gone; those that go meanwhile are left out. */
export function visitTree(directory: string, visitor: Visitor): void {
  const fd = openIfThere(directory);
  if (fd === undefined) return;
  const walk = new Walk(fd, visitor);
  try {
    walk.run();
  } finally {
    walk.close();
  }
}

class Walk {
  readonly #visitor: Visitor;
  readonly #levels: { readonly name: string; readonly children: string[] }[] = [];
  /** Where the walk stands: the last of the levels. */
  #fd: number;

  constructor(fd: number, visitor: Visitor) {
    this.#fd = fd;
    this.#visitor = visitor;
  }

  run(): void {
    this.#enter('');
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const child = level.children.pop();
      if (child === undefined) this.#ascend();
      else this.#descend(child);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #enter(name: string): void {
    this.#visitor.enter?.(pathOf(this.#fd));
    this.#levels.push({ name, children: childrenOf(this.#fd) });
  }

  #descend(name: string): void {
    const fd = openIfThere(below(this.#fd, name));
    if (fd === undefined) return;
    this.#moveTo(fd);
    this.#enter(name);
  }

  /** A cgroup cannot be moved to another parent, so ".." is where we came from. */
  #ascend(): void {
    const left = this.#levels.pop();
    if (left === undefined || this.#levels.length === 0) return;
    this.#moveTo(openDirectory(`${pathOf(this.#fd)}/..`));
    this.#visitor.leave?.(below(this.#fd, left.name));
  }

  #moveTo(fd: number): void {
    closeSync(this.#fd);
    this.#fd = fd;
  }
}

const pathOf = (fd: number): string => `/proc/self/fd/${fd}`;

/** Names are read as Latin-1, which has a character for each byte. */
const below = (fd: number, name: string): Buffer => Buffer.from(`${pathOf(fd)}/${name}`, 'latin1');

const openDirectory = (path: string | Buffer): number => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);

const openIfThere = (path: string | Buffer): number | undefined => unlessGone(() => openDirectory(path));

function childrenOf(fd: number): string[] {
  const entries = unlessGone(() => readdirSync(pathOf(fd), { withFileTypes: true, encoding: 'latin1' })) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

function unlessGone<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined;
    throw error;
  }
}
