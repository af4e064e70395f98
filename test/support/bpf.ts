/** Runs a filter as the kernel does (Documentation/networking/filter.rst), to ask it about system calls without making them. */

export interface SystemCall {
  readonly number: number;
  /** AUDIT_ARCH_* */
  readonly arch: number;
  readonly args?: readonly bigint[];
}

const DATA_BYTES = 64;

/** struct seccomp_data, little endian. */
function dataOf({ number, arch, args = [] }: SystemCall): DataView {
  const data = new DataView(new ArrayBuffer(DATA_BYTES));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  for (const [index, arg] of args.entries()) data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, arg), true);
  return data;
}

interface Machine {
  readonly data: DataView;
  readonly memory: Map<number, number>;
  a: number;
}

type Condition = (a: number, k: number) => boolean;

const conditions: ReadonlyMap<number, Condition> = new Map<number, Condition>([
  [0x15, (a, k) => a === k],
  [0x25, (a, k) => a > k],
  [0x35, (a, k) => a >= k],
  [0x45, (a, k) => (a & k) !== 0],
]);

type Statement = (machine: Machine, k: number) => number;

/** What each leaves in the accumulator. */
const statements: ReadonlyMap<number, Statement> = new Map<number, Statement>([
  [0x20, ({ data }, k) => data.getUint32(k, true)],
  [0x60, ({ memory }, k) => memory.get(k) ?? 0],
  [0x02, ({ memory, a }, k) => memory.set(k, a).get(k) ?? 0],
  [0x54, ({ a }, k) => (a & k) >>> 0],
]);

const RETURN = 0x06;
const JUMP = 0x05;

/**
 * What the filter answers, SECCOMP_RET_*.
 * @throws where the kernel would refuse the program: an unknown instruction, or none left
 */
export function runFilter(program: Uint8Array, call: SystemCall): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const machine: Machine = { data: dataOf(call), memory: new Map(), a: 0 };
  for (let at = 0; at < program.length; at += 8) {
    const opcode = code.getUint16(at, true);
    const k = code.getUint32(at + 4, true);
    if (opcode === RETURN) return k;
    const condition = conditions.get(opcode);
    if (opcode === JUMP) at += 8 * k;
    else if (condition !== undefined) at += 8 * code.getUint8(at + (condition(machine.a, k) ? 2 : 3));
    else execute(machine, opcode, k, at / 8);
  }
  throw new Error('the program runs past its end');
}

function execute(machine: Machine, opcode: number, k: number, index: number): void {
  const statement = statements.get(opcode);
  if (statement === undefined) throw new Error(`instruction ${index} is unknown: 0x${opcode.toString(16)}`);
  machine.a = statement(machine, k);
}
