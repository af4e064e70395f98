/** Rules of access to devices in the form that v1 writes and the v2 program are made from; pure. */
import type { DeviceRule, Resources } from '../../config/spec.ts';
import { invalid, pointer } from './write.ts';

/** Bits of the kernel (BPF_DEVCG_ACC_*). */
export const access = { m: 1, r: 2, w: 4 } as const;
export const fullAccess = access.m | access.r | access.w;

/** One rule; undefined numbers and types mean all. */
export interface Rule {
  readonly allow: boolean;
  readonly type: 'b' | 'c' | undefined;
  readonly major: number | undefined;
  readonly minor: number | undefined;
  /** Bits of `access`. */
  readonly access: number;
  readonly from: string;
}

const allowed = (type: 'b' | 'c', major: number | undefined, minor: number | undefined, bits: number): Rule => ({
  allow: true,
  type,
  major,
  minor,
  access: bits,
  from: '',
});

/**
 * What every container may do whatever its rules say: have nodes of any device, and open the devices of config-linux.md "Default
 * Devices": null, zero, full, random, urandom, tty, and terminals (pts and ptmx). /dev/console is a bind of one of those
 * terminals, so 5:1, the host's console, is not among them.
 */
export const defaultRules: readonly Rule[] = [
  allowed('c', undefined, undefined, access.m),
  allowed('b', undefined, undefined, access.m),
  allowed('c', 1, 3, fullAccess),
  allowed('c', 1, 5, fullAccess),
  allowed('c', 1, 7, fullAccess),
  allowed('c', 1, 8, fullAccess),
  allowed('c', 1, 9, fullAccess),
  allowed('c', 5, 0, fullAccess),
  allowed('c', 136, undefined, fullAccess),
  allowed('c', 5, 2, fullAccess),
];

/** Everything is denied, then the config's rules count in their order, then the defaults. */
export function deviceRules({ devices }: Resources): Rule[] {
  const denyAll: Rule = {
    allow: false,
    type: undefined,
    major: undefined,
    minor: undefined,
    access: fullAccess,
    from: '',
  };
  return [denyAll, ...(devices ?? []).map(ruleOf), ...defaultRules];
}

function ruleOf(rule: DeviceRule, index: number): Rule {
  const from = pointer('devices', index);
  return {
    allow: rule.allow,
    type: rule.type === 'b' || rule.type === 'c' ? rule.type : undefined,
    major: deviceNumber(rule.major),
    minor: deviceNumber(rule.minor),
    access: accessBits(rule.access, from),
    from,
  };
}

/** -1 is how Go clients write "all". */
const deviceNumber = (value: number | undefined | null): number | undefined =>
  value === undefined || value === null || value === -1 ? undefined : value;

function accessBits(text: string | undefined, from: string): number {
  let bits = 0;
  for (const letter of text || 'rwm') {
    if (letter !== 'r' && letter !== 'w' && letter !== 'm')
      throw invalid(`${from}/access`, `access "${text}" may hold only r, w and m`);
    bits |= access[letter];
  }
  return bits;
}

/** Whether a rule is about every access to every device. */
export function isTotal({ type, major, minor, access: bits }: Rule): boolean {
  return type === undefined && major === undefined && minor === undefined && bits === fullAccess;
}

/** The rules from the last total one on: whatever stood before it does not count. */
export function effectiveRules(rules: readonly Rule[]): readonly Rule[] {
  return rules.slice(Math.max(rules.findLastIndex(isTotal), 0));
}

/** Whether the rules let everything pass, so that nothing needs to enforce them. */
export function allowsAll(rules: readonly Rule[]): boolean {
  const [first, ...rest] = effectiveRules(rules);
  return first !== undefined && isTotal(first) && first.allow && rest.every(({ allow }) => allow);
}

/** The rules that take something away from what others allow: exceptions from a wider rule, and access to read or write alone. */
export function restrictingRules({ devices }: Resources): readonly Rule[] {
  const rules = effectiveRules((devices ?? []).map(ruleOf));
  return rules.filter((rule, index) =>
    rule.allow ? isOneWay(rule) : rules.slice(0, index).some((earlier) => earlier.allow && overlap(rule, earlier)),
  );
}

const isOneWay = ({ access: bits }: Rule): boolean => ((bits & access.r) === 0) !== ((bits & access.w) === 0);

/** Whether both rules are about some access to some device. */
export function overlap(a: Rule, b: Rule): boolean {
  const fits = <T>(left: T | undefined, right: T | undefined): boolean =>
    left === undefined || right === undefined || left === right;
  return fits(a.type, b.type) && fits(a.major, b.major) && fits(a.minor, b.minor) && (a.access & b.access) !== 0;
}
