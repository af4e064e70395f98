import { closeSync } from 'node:fs';
import { type Place, TsruncError } from '../errors.ts';
import type { Native, SystemCallError } from '../native/native.ts';
import { namespaceNames } from '../plan/namespaces.ts';
import type { FdName } from '../plan/ops.ts';
import type { FdRequest } from '../plan/plan.ts';
import { START_SOCKET } from '../store/store.ts';
import type { Undo } from './undo.ts';

/** What a plan's requests may refer to. */
export interface FdSources {
  readonly native: Native;
  /** The container's state directory, open; holds the start socket. */
  readonly stateDirectory?: number;
  /** Open the container's list of processes in a hierarchy, by the name that the plan uses. */
  readonly openTasks?: (hierarchy: string) => number;
  /** pidfd of the container's first process; it stays the caller's. */
  readonly container?: number;
  /** From a JSON pointer to the place in the user's file. */
  readonly locate: (pointer: string) => Place;
}

/**
 * Open what the plan asks for. The descriptors live until they are sent; closeAll gives them back, on success and failure.
 */
export class PlanFds {
  readonly byName = new Map<FdName, number>();
  readonly #opened: number[] = [];

  constructor(requests: readonly FdRequest[], sources: FdSources, undo: Undo) {
    undo.add('close what the plan opened', () => this.closeAll());
    // In their order: a tree refers to the user namespace that was opened before it.
    for (const request of requests) {
      const fd = openRequest(request, sources, this.byName);
      this.byName.set(request.name, fd);
      if (request.kind !== 'container') this.#opened.push(fd);
    }
  }

  closeAll(): void {
    for (const fd of this.#opened.splice(0)) closeSync(fd);
    this.byName.clear();
  }
}

type Opened = ReadonlyMap<FdName, number>;

function openRequest(request: FdRequest, sources: FdSources, opened: Opened): number {
  try {
    return open(request, sources, opened);
  } catch (cause) {
    throw cause instanceof TsruncError ? cause : explain(request, cause as SystemCallError, sources.locate);
  }
}

function open(request: FdRequest, sources: FdSources, opened: Opened): number {
  const { native } = sources;
  switch (request.kind) {
    case 'namespace':
      return native.openNamespace(request.path, request.flag);
    case 'tree':
      return openTree(request, native, opened);
    case 'userNamespace':
      return native.makeUserNamespace(request.uidMap, request.gidMap);
    case 'startSocket':
      return native.listen(present(sources.stateDirectory), START_SOCKET);
    case 'cgroupTasks':
      return present(sources.openTasks)(request.hierarchy);
    case 'container':
      return present(sources.container);
  }
}

function present<T>(source: T | undefined): T {
  if (source === undefined) throw new Error('the plan asks for something of a container that is not there yet');
  return source;
}

function openTree(request: FdRequest & { readonly kind: 'tree' }, native: Native, opened: Opened): number {
  const { path, recursive, noFollow, idmap } = request;
  const userNamespace = idmap === undefined ? undefined : opened.get(idmap.userNamespace);
  if (idmap === undefined || userNamespace === undefined) return native.openTree({ path, recursive, noFollow });
  return native.openTree({ path, recursive, noFollow, idmap: { userNamespace, recursive: idmap.recursive } });
}

function explain(request: FdRequest, cause: SystemCallError, locate: FdSources['locate']): TsruncError {
  const place = request.from === '' ? {} : { place: locate(request.from) };
  const because = `${cause.syscall ?? 'open'}: ${cause.code ?? cause.message}`;
  switch (request.kind) {
    case 'namespace':
      return new TsruncError('STEP_FAILED', `Cannot join the ${namespaceSentence(request, cause, because)}`, {
        cause,
        ...place,
        hint: 'The path must name a living namespace of the declared type, such as /proc/PID/ns/net or a bind mount of it.',
      });
    case 'tree':
      return new TsruncError('STEP_FAILED', `Cannot bind "${request.path}": ${because}`, {
        cause,
        ...place,
        ...treeHint(cause),
      });
    case 'userNamespace':
      return new TsruncError('STEP_FAILED', `Cannot make the id mapping of the mount: ${because}`, {
        cause,
        ...place,
        ...(cause.code === 'EPERM' ? { hint: 'Only root may map the ids of a mount: leave its mappings out.' } : {}),
      });
    case 'startSocket':
      return new TsruncError('SYSTEM', `Cannot listen for start in the state directory: ${because}`, { cause });
    case 'cgroupTasks':
      return new TsruncError(
        'CGROUP_FAILED',
        `Cannot open the list of processes in the cgroup hierarchy "${request.hierarchy}": ${because}`,
        {
          cause,
        },
      );
    case 'container':
      return new TsruncError('SYSTEM', `Cannot reach the container: ${because}`, { cause });
  }
}

function namespaceSentence(
  { path, flag }: FdRequest & { readonly kind: 'namespace' },
  { syscall, code }: SystemCallError,
  because: string,
): string {
  const what = `${namespaceNames(flag)} namespace at "${path}"`;
  if (syscall !== 'NS_GET_NSTYPE') return `${what}: ${because}`;
  return code === 'EINVAL' ? `${what}: it is a namespace of another type` : `${what}: that is no namespace`;
}

function treeHint({ syscall, code }: SystemCallError): { readonly hint?: string } {
  if (syscall === 'mount_setattr') return { hint: 'The file system does not support idmapped mounts on this kernel.' };
  if (code === 'ENOENT') return { hint: 'The source of a bind mount must exist on the host.' };
  return code === 'EINVAL' ? { hint: 'The source, or a mount below it, is unbindable.' } : {};
}
