/** Device rules on cgroup v1: writes to devices.allow and devices.deny. */
import { access, deviceRules, effectiveRules, isTotal, overlap, type Rule } from './device-rules.ts';
import { type Controller, unsupported, type Write } from './write.ts';

/** One exception of the kernel's list, always of one type. */
type Entry = Rule & { readonly type: 'b' | 'c' };

export const devices: Controller = (resources, layout) => (layout === 'v1' ? deviceWrites(deviceRules(resources)) : []);

/**
 * The kernel keeps a default (deny or allow) and a list of exceptions to it. A rule against the default adds an exception; one
 * that agrees with it only removes exceptions of exactly the same device, and does nothing, silently, about a wider one.
 * So the list is kept here as well, and what v1 cannot express is an error.
 */
export function deviceWrites(rules: readonly Rule[]): Write[] {
  const writes: Write[] = [];
  let isAllowed = false;
  let exceptions: readonly Entry[] = [];
  for (const rule of effectiveRules(rules)) {
    if (isTotal(rule)) {
      isAllowed = rule.allow;
      exceptions = [];
      writes.push(writeOf(rule));
    } else if (rule.allow !== isAllowed) {
      const added = entriesOf(rule);
      exceptions = [...exceptions, ...added];
      writes.push(...added.map(writeOf));
    } else {
      const met = exceptions.filter((exception) => overlap(rule, exception));
      for (const exception of met) refuseHole(rule, exception);
      writes.push(
        ...met.map((exception) =>
          writeOf({ ...exception, allow: rule.allow, access: exception.access & rule.access, from: rule.from }),
        ),
      );
      exceptions = exceptions.flatMap((exception) =>
        met.includes(exception) ? remainder(exception, rule) : [exception],
      );
    }
  }
  return writes;
}

/** "a" of a v1 rule ignores its numbers and access, so a rule about both types becomes one for each. */
function entriesOf(rule: Rule): Entry[] {
  const types = rule.type === undefined ? (['b', 'c'] as const) : ([rule.type] as const);
  return types.map((type) => ({ ...rule, type }));
}

/** Taking one device out of an exception for many is beyond v1. */
function refuseHole(rule: Rule, exception: Entry): void {
  const covers = <T>(wide: T | undefined, narrow: T | undefined): boolean => wide === undefined || wide === narrow;
  if (covers(rule.type, exception.type) && covers(rule.major, exception.major) && covers(rule.minor, exception.minor))
    return;
  const verb = rule.allow ? 'allow' : 'deny';
  const isDefault = rule.from === '';
  throw unsupported(
    isDefault ? exception.from : rule.from,
    `cgroup v1 cannot ${verb} "${deviceText(rule)}"${isDefault ? ', as for every container,' : ''} within the wider rule "${deviceText(exception)}"`,
    'Name the devices of the wider rule one by one.',
  );
}

function remainder(exception: Entry, rule: Rule): Entry[] {
  const left = exception.access & ~rule.access;
  return left === 0 ? [] : [{ ...exception, access: left }];
}

const writeOf = (rule: Rule): Write => ({
  controller: 'devices',
  file: rule.allow ? 'devices.allow' : 'devices.deny',
  value: deviceText(rule),
  from: rule.from,
});

/** "c 1:3 rwm", "a *:* rwm" */
function deviceText({ type, major, minor, access: bits }: Rule): string {
  const letters = (['r', 'w', 'm'] as const).filter((letter) => (bits & access[letter]) !== 0).join('');
  return `${type ?? 'a'} ${major ?? '*'}:${minor ?? '*'} ${letters}`;
}
