/** Lists of device rules, and what they let a container do. No driver has these numbers. */
import type { DeviceRule } from '../../config/spec.ts';

export interface AccessTable {
  readonly name: string;
  readonly rules: DeviceRule[];
  /** By "c 3001:1": the accesses that are allowed; `m` always is. */
  readonly allowed: Readonly<Record<string, string>>;
  /** Whether cgroup v1 can express the rules. */
  readonly onV1: boolean;
}

const [block, character] = [{ type: 'b' }, { type: 'c' }] as const;

export const accessTables: readonly AccessTable[] = [
  {
    name: 'nothing but what is allowed',
    rules: [
      { allow: false, access: 'rwm' },
      { allow: true, ...character, major: 3001, minor: 1, access: 'rwm' },
      { allow: true, ...character, major: 3001, minor: 2, access: 'r' },
      { allow: true, ...block, major: 3001, minor: 2, access: 'w' },
      { allow: true, ...block, major: 3002, minor: -1, access: 'rw' },
      { allow: true, ...character, major: 3003, minor: 3, access: 'rw' },
      { allow: false, ...character, major: 3003, access: 'w' },
      { allow: true, ...character, major: 3004, minor: 4, access: 'rwm' },
      { allow: false, ...character, major: 3004, minor: 4, access: 'rwm' },
      { allow: true, ...character, major: 3004, minor: 4, access: 'w' },
      { allow: true, ...block, major: 3005, minor: 1_048_575, access: 'm' },
      { allow: true, major: 3006, access: 'r' },
      { allow: true, ...character, minor: 7, access: 'w' },
    ],
    allowed: {
      'c 3001:1': 'rwm',
      'b 3001:1': 'm',
      'c 3001:2': 'rm',
      'b 3001:2': 'wm',
      'b 3002:0': 'rwm',
      'b 3002:1048575': 'rwm',
      'c 3002:0': 'm',
      'c 3003:3': 'rm',
      'c 3004:4': 'wm',
      'b 3005:1048575': 'm',
      'c 3006:9': 'rm',
      'b 3006:9': 'rm',
      'c 4095:7': 'wm',
      'c 3003:7': 'wm',
      'b 4095:7': 'm',
    },
    onV1: true,
  },
  {
    name: 'all but what is denied',
    rules: [
      { allow: false, access: 'rwm' },
      { allow: true, access: 'rwm' },
      { allow: false, ...block, major: 3001, access: 'w' },
      { allow: false, ...block, minor: 7, access: 'r' },
      { allow: false, ...character, major: 3002, minor: 2, access: 'rwm' },
      { allow: true, ...character, major: 3002, minor: 2, access: 'r' },
      { allow: false, major: 3003, minor: 3, access: 'm' },
    ],
    allowed: {
      'b 3001:5': 'rm',
      'c 3001:5': 'rwm',
      'b 4095:7': 'wm',
      'c 4095:7': 'rwm',
      'b 3001:7': 'm',
      'c 3002:2': 'rm',
      'b 3002:2': 'rwm',
      'c 3003:3': 'rwm',
    },
    onV1: true,
  },
  {
    name: 'exceptions from exceptions',
    rules: [
      { allow: true, ...character, major: 3001, access: 'rwm' },
      { allow: false, ...character, major: 3001, minor: 3, access: 'rw' },
      { allow: true, ...character, minor: 3, access: 'r' },
      { allow: true, ...block, access: 'rw' },
      { allow: false, ...block, major: 3002, access: 'rw' },
      { allow: true, ...block, major: 3002, minor: 2, access: 'w' },
    ],
    allowed: {
      'c 3001:1': 'rwm',
      'c 3001:3': 'rm',
      'c 3002:3': 'rm',
      'c 3002:1': 'm',
      'b 3001:1': 'rwm',
      'b 3002:1': 'm',
      'b 3002:2': 'wm',
    },
    onV1: false,
  },
];
