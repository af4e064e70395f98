import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeviceRule } from '../../config/spec.ts';
import { accessTables } from './device-fixtures.ts';
import { deviceProgram, opcodes } from './device-program.ts';
import { access, allowsAll, deviceRules, type Rule, restrictingRules } from './device-rules.ts';
import { devices, deviceWrites } from './devices.ts';

const defaults = ['b', 'c'].length + 8;
const total = (allow: boolean): DeviceRule => ({ allow, access: 'rwm' });

/** Without the defaults, which come last. */
function v1(rules: DeviceRule[]): string[] {
  const writes = devices({ devices: rules }, 'v1').map(
    ({ file, value }) => `${file.slice('devices.'.length)} ${value}`,
  );
  const end = writes.indexOf('allow c *:* m');
  return end < 0 ? writes : writes.slice(0, end);
}

// Covers /linux/resources/devices
describe('v1 writes', () => {
  test('all is denied first, then the rules in their order, then the defaults', () => {
    const rules: DeviceRule[] = [
      total(false),
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' },
      { allow: true, type: 'b', major: 8, minor: 20, access: 'rw' },
    ];
    expect(v1(rules)).toEqual(['deny a *:* rwm', 'allow c 10:229 rwm', 'allow b 8:20 rw']);
    const all = devices({ devices: rules }, 'v1');
    expect(all.slice(3).map(({ value }) => value)).toEqual([
      'c *:* m',
      'b *:* m',
      'c 1:3 rwm',
      'c 1:5 rwm',
      'c 1:7 rwm',
      'c 1:8 rwm',
      'c 1:9 rwm',
      'c 5:0 rwm',
      'c 136:* rwm',
      'c 5:2 rwm',
    ]);
    expect(all).toHaveLength(3 + defaults);
    expect(all.map(({ from }) => from).slice(0, 4)).toEqual([
      '/linux/resources/devices/0',
      '/linux/resources/devices/1',
      '/linux/resources/devices/2',
      '',
    ]);
  });

  test('everything allowed needs one write', () => {
    expect(
      devices({ devices: [{ allow: true, type: 'b', major: 1 }, total(true)] }, 'v1').map(({ value }) => value),
    ).toEqual(['a *:* rwm']);
  });

  test.each<[string, DeviceRule[], string[]]>([
    [
      'a rule for both types becomes two',
      [{ allow: true, type: 'a', major: 1, minor: -1, access: 'r' }],
      ['deny a *:* rwm', 'allow b 1:* r', 'allow c 1:* r'],
    ],
    [
      'missing access is all of it',
      [{ allow: true, type: 'c', major: 1, minor: 2 }],
      ['deny a *:* rwm', 'allow c 1:2 rwm'],
    ],
    [
      'a denial of what is not allowed needs no write',
      [{ allow: false, type: 'c', major: 1, minor: 2 }],
      ['deny a *:* rwm'],
    ],
    [
      'a wide denial takes narrow allowances back',
      [
        { allow: true, type: 'c', major: 9, minor: 2 },
        { allow: false, type: 'c', major: 9, access: 'w' },
      ],
      ['deny a *:* rwm', 'allow c 9:2 rwm', 'deny c 9:2 w'],
    ],
    [
      'exceptions from allow-all',
      [total(true), { allow: false, type: 'b', access: 'w' }],
      ['allow a *:* rwm', 'deny b *:* w'],
    ],
  ])('%s', (_, rules, expected) => expect(v1(rules)).toEqual(expected));

  test('a hole in a wide allowance is refused', () => {
    const rules: DeviceRule[] = [
      { allow: true, type: 'c', access: 'rwm' },
      { allow: false, type: 'c', major: 1, minor: 3, access: 'w' },
    ];
    expect(() => v1(rules)).toThrow('cgroup v1 cannot deny "c 1:3 w" within the wider rule "c *:* rwm"');
    expect(() => deviceProgram(deviceRules({ devices: rules }))).not.toThrow();
  });

  test('a hole for a default device is named by the rule that lacks it', () => {
    expect(() => v1([total(true), { allow: false, type: 'c', minor: 7, access: 'r' }])).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(
          'cannot allow "c 1:7 rwm", as for every container, within the wider rule "c *:7 r"',
        ),
        place: expect.objectContaining({ pointer: '/linux/resources/devices/1' }),
      }),
    );
  });

  test('unknown access letters are refused', () => {
    expect(() => v1([{ allow: true, access: 'rx' }])).toThrow('may hold only r, w and m');
  });

  test('v2 has none', () => expect(devices({ devices: [total(false)] }, 'v2')).toEqual([]));
});

test.each<[boolean, DeviceRule[]]>([
  [false, []],
  [false, [total(false)]],
  [true, [total(true)]],
  [true, [{ allow: false, type: 'c' }, total(true)]],
  [false, [total(true), { allow: false, type: 'c' }]],
])('allowsAll is %s for %j', (expected, rules) => expect(allowsAll(deviceRules({ devices: rules }))).toBe(expected));

interface Access {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  readonly bits: number;
}

/** The kernel's interpreter for the few instructions that the program uses. */
function run(program: Uint8Array, { type, major, minor, bits }: Access): number {
  const view = new DataView(program.buffer);
  const context = [(type === 'b' ? 1 : 2) | (bits << 16), major, minor];
  const registers = new Array<number>(10).fill(0);
  for (let at = 0, steps = 0; steps < 10_000; steps++) {
    const code = view.getUint8(at * 8);
    const dst = view.getUint8(at * 8 + 1) & 0xf;
    const src = view.getUint8(at * 8 + 1) >> 4;
    const offset = view.getInt16(at * 8 + 2, true);
    const imm = view.getUint32(at * 8 + 4, true);
    const value = registers[dst] ?? 0;
    at += 1;
    if (code === opcodes.loadWord) registers[dst] = context[offset / 4] ?? 0;
    else if (code === opcodes.moveRegister) registers[dst] = registers[src] ?? 0;
    else if (code === opcodes.move) registers[dst] = imm;
    else if (code === opcodes.and) registers[dst] = (value & imm) >>> 0;
    else if (code === opcodes.shiftRight) registers[dst] = value >>> imm;
    else if (code === opcodes.jumpIfNot) at += value === imm ? 0 : offset;
    else if (code === opcodes.jumpIfAny) at += (value & imm) === 0 ? 0 : offset;
    else if (code === opcodes.jump) at += offset;
    else if (code === opcodes.exit) return registers[0] ?? 0;
    else throw new Error(`unknown opcode ${code}`);
  }
  throw new Error('the program does not end');
}

/** What the rules mean: for each bit, the last rule that speaks about it decides; what none speaks about is denied. */
function meaning(rules: readonly Rule[], wanted: Access): number {
  const decides = (rule: Rule, bit: number): boolean =>
    (rule.type ?? wanted.type) === wanted.type &&
    (rule.major ?? wanted.major) === wanted.major &&
    (rule.minor ?? wanted.minor) === wanted.minor &&
    (rule.access & bit) !== 0;
  const bits = Object.values(access).filter((bit) => (wanted.bits & bit) !== 0);
  return bits.every((bit) => rules.findLast((rule) => decides(rule, bit))?.allow) ? 1 : 0;
}

// Covers /linux/resources/devices
describe('v2 program', () => {
  const program = (rules: DeviceRule[]) => deviceProgram(deviceRules({ devices: rules }));
  const null3 = { type: 'c', major: 1, minor: 3 } as const;

  test.each<[string, DeviceRule[], Access, number]>([
    ['a default device', [total(false)], { ...null3, bits: 6 }, 1],
    ['the same numbers as a block device', [total(false)], { ...null3, type: 'b', bits: 6 }, 0],
    ['mknod of anything', [total(false)], { type: 'b', major: 8, minor: 0, bits: 1 }, 1],
    ['opening anything', [total(false)], { type: 'b', major: 8, minor: 0, bits: 2 }, 0],
    [
      'read and write by two rules',
      [
        { allow: true, type: 'b', major: 8, access: 'r' },
        { allow: true, type: 'b', minor: 1, access: 'w' },
      ],
      { type: 'b', major: 8, minor: 1, bits: 6 },
      1,
    ],
    [
      'a bit taken out again',
      [
        { allow: true, type: 'b', major: 8 },
        { allow: false, type: 'b', major: 8, minor: 1, access: 'w' },
      ],
      { type: 'b', major: 8, minor: 1, bits: 6 },
      0,
    ],
    ['all allowed', [total(true)], { type: 'b', major: 8, minor: 1, bits: 7 }, 1],
    [
      'a major of 32 bits',
      [{ allow: true, type: 'c', major: 4294967295, minor: 1 }],
      { type: 'c', major: 4294967295, minor: 1, bits: 2 },
      1,
    ],
  ])('%s', (_, rules, wanted, expected) => expect(run(program(rules), wanted)).toBe(expected));

  test.each(accessTables)('$name', ({ rules, allowed }) => {
    const compiled = program(rules);
    const found = Object.keys(allowed).map((node) => {
      const [type, major, minor] = node.split(/[ :]/);
      const wanted = { type: type === 'b' ? 'b' : 'c', major: Number(major), minor: Number(minor) } as const;
      const letters = (['r', 'w', 'm'] as const).filter((letter) => run(compiled, { ...wanted, bits: access[letter] }));
      return [node, letters.join('')];
    });
    expect(Object.fromEntries(found)).toEqual(allowed);
  });

  const number = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
  const rule: fc.Arbitrary<Rule> = fc.record({
    allow: fc.boolean(),
    type: fc.constantFrom('b', 'c', undefined),
    major: number,
    minor: number,
    access: fc.integer({ min: 1, max: 7 }),
    from: fc.constant(''),
  });
  const rules = fc.array(rule, { maxLength: 12 });
  const accesses: Access[] = [];
  for (const type of ['b', 'c'] as const) {
    for (let at = 0; at < 4 * 4 * 7; at++)
      accesses.push({ type, major: at % 4, minor: (at >> 2) % 4, bits: 1 + (at >> 4) });
  }

  test('decides every access as the rules mean it', () => {
    fc.assert(
      fc.property(rules, (generated) => {
        const instructions = deviceProgram(generated);
        return accesses.every((wanted) => run(instructions, wanted) === meaning(generated, wanted));
      }),
    );
  });

  /** The kernel's v1 bookkeeping: a default, and exceptions to it that only an equal entry takes back. */
  function kernelV1(generated: readonly Rule[], wanted: Access): number | undefined {
    let isAllowed = false;
    let exceptions: { readonly key: string; readonly access: number }[] = [];
    for (const { file, value } of deviceWrites([
      { allow: false, type: undefined, major: undefined, minor: undefined, access: 7, from: '' },
      ...generated,
    ])) {
      const [type, numbers, letters = ''] = value.split(' ');
      const allow = file === 'devices.allow';
      const bits = [...letters].reduce((sum, letter) => sum | access[letter as keyof typeof access], 0);
      if (type === 'a') {
        isAllowed = allow;
        exceptions = [];
      } else if (allow !== isAllowed) exceptions.push({ key: `${type} ${numbers}`, access: bits });
      else
        exceptions = exceptions.map((entry) =>
          entry.key === `${type} ${numbers}` ? { ...entry, access: entry.access & ~bits } : entry,
        );
    }
    const { type, major, minor } = wanted;
    const keys = [`${major}:${minor}`, `*:${minor}`, `${major}:*`, '*:*'].map((numbers) => `${type} ${numbers}`);
    const excepted = exceptions.filter(({ key }) => keys.includes(key)).reduce((sum, entry) => sum | entry.access, 0);
    return isAllowed ? Number((excepted & wanted.bits) === 0) : Number((wanted.bits & ~excepted) === 0);
  }

  // Of a single bit: for several at once the kernel wants one exception that has them all.
  test('v1 writes, where they are possible, mean the same', () => {
    const single = accesses.filter(({ bits }) => [1, 2, 4].includes(bits));
    let compared = 0;
    fc.assert(
      fc.property(rules, (generated) => {
        try {
          deviceWrites(generated);
        } catch {
          return true;
        }
        compared += 1;
        const denyAll: Rule = {
          allow: false,
          type: undefined,
          major: undefined,
          minor: undefined,
          access: 7,
          from: '',
        };
        return single.every((wanted) => kernelV1(generated, wanted) === meaning([denyAll, ...generated], wanted));
      }),
      { numRuns: 300 },
    );
    expect(compared).toBeGreaterThan(30);
  });
});

describe('restrictingRules', () => {
  const allow = (major: number, minor: number, wanted = 'rwm'): DeviceRule => ({
    allow: true,
    type: 'c',
    major,
    minor,
    access: wanted,
  });
  const deny = (major?: number, minor?: number): DeviceRule => ({
    allow: false,
    type: 'c',
    access: 'rwm',
    ...(major === undefined ? {} : { major }),
    ...(minor === undefined ? {} : { minor }),
  });

  test.each<[string, DeviceRule[], number[]]>([
    ['no rules', [], []],
    ['deny all', [total(false)], []],
    ['allow all', [total(true)], []],
    ["an engine's list", [total(false), allow(1, 3), { allow: true, type: 'b', access: 'm' }, deny(10, 229)], []],
    ['only to read', [total(false), allow(1, 3), allow(10, 229, 'r')], [2]],
    ['all but one', [total(true), deny(10, 229)], [1]],
    ['an exception', [total(false), allow(10, -1), deny(10, 229), deny(11, 3)], [2]],
    ['what a later rule for all undoes', [total(true), deny(10, 229), total(false), allow(1, 3)], []],
  ])('%s', (_, rules, expected) =>
    expect(restrictingRules({ devices: rules }).map(({ from }) => from)).toEqual(
      expected.map((index) => `/linux/resources/devices/${index}`),
    ),
  );
});
