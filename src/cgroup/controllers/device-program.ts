/**
 * Device rules on cgroup v2: the program (BPF_PROG_TYPE_CGROUP_DEVICE) that the kernel asks on every open and mknod. Pure: rules
 * in, instructions out.
 *
 *   in    r1 -> struct bpf_cgroup_dev_ctx { u32 access_type (type | access << 16); u32 major; u32 minor }
 *   out   r0: 1 allow, 0 deny
 *
 * One access can ask for several bits ("rw"), and different rules may speak about each. So the rules are tried from the last to
 * the first: one that denies a bit which is still open denies all, one that allows takes its bits out of the open ones, and when
 * none is left the access is allowed. What no rule speaks about is denied.
 */
import { effectiveRules, fullAccess, isTotal, type Rule } from './device-rules.ts';

interface Instruction {
  readonly code: number;
  readonly dst: number;
  readonly src?: number;
  readonly offset?: number;
  readonly imm?: number;
}

/** Opcodes of linux/bpf.h, composed: class | operation | source. */
export const opcodes = {
  loadWord: 0x61, // LDX | MEM | W
  moveRegister: 0xbc, // ALU | MOV | X
  move: 0xb7, // ALU64 | MOV | K
  and: 0x54, // ALU | AND | K
  shiftRight: 0x74, // ALU | RSH | K
  jumpIfNot: 0x56, // JMP32 | JNE | K
  jumpIfAny: 0x46, // JMP32 | JSET | K
  jump: 0x05, // JMP | JA
  exit: 0x95, // JMP | EXIT
} as const;

const result = 0;
const context = 1;
const typeRegister = 2;
const open = 3;
const majorRegister = 4;
const minorRegister = 5;
/** BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR */
const typeNumber = { b: 1, c: 2 } as const;
const instructionBytes = 8;

const prologue: readonly Instruction[] = [
  { code: opcodes.loadWord, dst: typeRegister, src: context, offset: 0 },
  { code: opcodes.moveRegister, dst: open, src: typeRegister },
  { code: opcodes.and, dst: typeRegister, imm: 0xffff },
  { code: opcodes.shiftRight, dst: open, imm: 16 },
  { code: opcodes.loadWord, dst: majorRegister, src: context, offset: 4 },
  { code: opcodes.loadWord, dst: minorRegister, src: context, offset: 8 },
];

/** The program as struct bpf_insn, little endian. */
export function deviceProgram(rules: readonly Rule[]): Uint8Array {
  return encode(assemble(rules));
}

function assemble(rules: readonly Rule[]): Instruction[] {
  const backwards = effectiveRules(rules).toReversed();
  const instructions = [...prologue];
  for (const rule of backwards) {
    instructions.push(...matched(rule, verdict(rule)));
    // The verifier refuses instructions that cannot be reached.
    if (isTotal(rule)) return instructions;
  }
  return [...instructions, ...answer(0)];
}

/** The body, jumped over when the access is not about the rule's devices. */
function matched(rule: Rule, body: readonly Instruction[]): Instruction[] {
  const wanted = [
    { dst: typeRegister, imm: rule.type && typeNumber[rule.type] },
    { dst: majorRegister, imm: rule.major },
    { dst: minorRegister, imm: rule.minor },
  ].filter((check): check is { dst: number; imm: number } => check.imm !== undefined);
  const checks = wanted.map(({ dst, imm }, index) => {
    const offset = wanted.length - 1 - index + body.length;
    return { code: opcodes.jumpIfNot, dst, imm, offset };
  });
  return [...checks, ...body];
}

function verdict({ allow, access }: Rule): Instruction[] {
  const final = answer(allow ? 1 : 0);
  if (access === fullAccess) return final;
  if (allow) {
    return [
      { code: opcodes.and, dst: open, imm: fullAccess & ~access },
      { code: opcodes.jumpIfNot, dst: open, imm: 0, offset: final.length },
      ...final,
    ];
  }
  return [
    { code: opcodes.jumpIfAny, dst: open, imm: access, offset: 1 },
    { code: opcodes.jump, dst: 0, offset: final.length },
    ...final,
  ];
}

const answer = (value: 0 | 1): Instruction[] => [
  { code: opcodes.move, dst: result, imm: value },
  { code: opcodes.exit, dst: 0 },
];

function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * instructionBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, dst, src = 0, offset = 0, imm = 0 }] of instructions.entries()) {
    const at = index * instructionBytes;
    view.setUint8(at, code);
    view.setUint8(at + 1, dst | (src << 4));
    view.setInt16(at + 2, offset, true);
    // Majors and minors use all 32 bits; the kernel compares them unsigned in 32-bit jumps.
    view.setUint32(at + 4, imm >>> 0, true);
  }
  return bytes;
}
