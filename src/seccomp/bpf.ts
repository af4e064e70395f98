/** A little assembler for classic BPF (linux/filter.h): conditional jumps to labels further down. */

const LOAD_WORD = 0x20;
const JUMP = 0x05;
const RETURN = 0x06;
const conditions = { equal: 0x15, above: 0x25, anyBit: 0x45 } as const;

export const INSTRUCTION_BYTES = 8;
/** BPF_MAXINSNS: longer programs are refused by the kernel. */
export const MOST_INSTRUCTIONS = 4096;

export type Label = string;

export type Line =
  | { readonly label: Label }
  /** Load 32 bits of struct seccomp_data. */
  | { readonly load: number }
  | { readonly jump: Label }
  | { readonly when: keyof typeof conditions; readonly value: number; readonly goTo: Label }
  | { readonly answer: number };

/** Assemble; the label `end` lies behind the last instruction. @throws RangeError for a jump that is too far or back */
export function assemble(lines: readonly Line[]): Uint8Array {
  const targets = new Map<Label, number>();
  const instructions = lines.filter((line) => !('label' in line));
  let position = 0;
  for (const line of lines) {
    if ('label' in line) targets.set(line.label, position);
    else position++;
  }
  targets.set('end', position);
  const bytes = new DataView(new ArrayBuffer(position * INSTRUCTION_BYTES));
  for (const [index, line] of instructions.entries()) encode(bytes, index, line, targets);
  return new Uint8Array(bytes.buffer);
}

function encode(bytes: DataView, index: number, line: Line, targets: ReadonlyMap<Label, number>): void {
  const put = (code: number, value: number, ifTrue = 0): void => {
    const at = index * INSTRUCTION_BYTES;
    bytes.setUint16(at, code, true);
    bytes.setUint8(at + 2, ifTrue);
    bytes.setUint8(at + 3, 0);
    bytes.setUint32(at + 4, value, true);
  };
  const distance = (label: Label, most: number): number => {
    const far = (targets.get(label) ?? -1) - index - 1;
    if (far < 0 || far > most) throw new RangeError(`no jump from instruction ${index} to "${label}"`);
    return far;
  };
  if ('load' in line) put(LOAD_WORD, line.load);
  else if ('jump' in line) put(JUMP, distance(line.jump, MOST_INSTRUCTIONS));
  else if ('when' in line) put(conditions[line.when], line.value, distance(line.goTo, 255));
  else if ('answer' in line) put(RETURN, line.answer);
}
