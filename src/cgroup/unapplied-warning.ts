/** The one sentence about everything that an ordinary user's container lacks for want of rights; loaded only when it does. Pure. */
import type { HostFacts } from '../host/facts.ts';
import type { Obstacle, Unapplied } from './unapplied.ts';

/**
 * @param fields at least one
 * @param hidesOthers whether neither a cgroup nor a pid namespace of its own says which processes are the container's
 */
export function renderUnapplied(
  fields: readonly Unapplied[],
  facts: Pick<HostFacts, 'user' | 'cgroup'>,
  hidesOthers = false,
): string {
  const names = fields.map(({ from }) => fieldName(from)).join(', ');
  const obstacles = fields.map(({ obstacle }) => obstacle);
  const what = `Not applied: ${names}; ${reasons(obstacles, facts).join(', and ')}`;
  return [what, ...(hidesOthers ? [consequence] : []), ...wayOut(obstacles, facts)].join('. ');
}

const consequence =
  'Without a cgroup and a pid namespace of its own only its first process will be found: kill and delete leave the others running, ps fails';

/** "linux.resources.hugepageLimits[0].limit", "linux.resources.unified["memory.high"]" of a JSON pointer */
export function fieldName(pointer: string): string {
  const [first = '', ...parts] = pointer.slice(1).split('/');
  return first + parts.map((part) => member(part.replaceAll('~1', '/').replaceAll('~0', '~'))).join('');
}

function member(name: string): string {
  if (/^\d+$/.test(name)) return `[${name}]`;
  return /^\w+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

function reasons(obstacles: readonly Obstacle[], { user }: Pick<HostFacts, 'user'>): string[] {
  const who = `uid ${user.euid}${user.inUserNamespace ? ' of this user namespace' : ''}`;
  const cgroups = obstacles.filter(({ kind }) => kind === 'cgroup');
  const controllers = obstacles.filter((each) => each.kind === 'controller');
  const lacking = listed(controllers.map(({ name }) => name));
  return [
    ...(cgroups.length === 0 ? [] : [`the cgroup is not delegated to ${who}: ${pathsOf(cgroups)}`]),
    ...(lacking === '' ? [] : [`the controllers delegated to ${who} lack ${lacking}: ${pathsOf(controllers)}`]),
    ...new Set(obstacles.flatMap((each) => (each.kind === 'other' ? [each.reason] : []))),
  ];
}

const pathsOf = (obstacles: readonly Obstacle[]): string =>
  listed(obstacles.flatMap((each) => (each.kind === 'other' ? [] : [each.path])));

const listed = (items: readonly string[]): string => [...new Set(items)].join(', ');

/** None or one. */
function wayOut(obstacles: readonly Obstacle[], { user, cgroup }: Pick<HostFacts, 'user' | 'cgroup'>): string[] {
  const kinds = obstacles.map(({ kind }) => kind);
  const account = user.inUserNamespace ? '' : `${user.euid}`;
  if (kinds.includes('controller'))
    return [
      `Root can delegate them: "systemctl edit user@${account}.service" with [Service] Delegate=cpu cpuset io memory pids`,
    ];
  if (!kinds.includes('cgroup')) return [];
  return [cgroup.layout === 'v2' ? wayOutOnV2 : wayOutOnV1];
}

const wayOutOnV1 =
  'On cgroup v1 root has to give the user those cgroups; on v2 --systemd-cgroup does it in a session of systemd, or a unit with Delegate=yes';
const wayOutOnV2 =
  'Use --systemd-cgroup in a session of systemd ("systemctl --user" must work), or run it in a unit with Delegate=yes (systemd-run --user --pty -p Delegate=yes tsrunc ...)';
