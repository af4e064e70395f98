/**
 * Writes, from the table of operations, what the init helper and the addon must share with TypeScript:
 * addon/generated/ops.h (structs, decoder, dispatch, hash) and src/generated/wire-hash.ts. Run by `npx bun`.
 * A file whose content would not change is left alone, so that nothing is rebuilt for it.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type FieldType, opTable } from '../src/plan/ops.ts';

const cppTypes: Readonly<Record<FieldType, string>> = {
  u32: 'uint32_t',
  i64: 'int64_t',
  u64: 'uint64_t',
  str: 'Str',
  strs: 'Strs',
  u32s: 'U32s',
  bytes: 'Bytes',
  fd: 'int',
};

/** Words of the table that C++ keeps for itself get a trailing underscore. */
const cppKeywords = new Set(['namespace', 'default', 'class', 'operator', 'new', 'delete', 'template', 'register']);
const member = (name: string): string => (cppKeywords.has(name) ? `${name}_` : name);
const structName = (op: string): string => op.charAt(0).toUpperCase() + op.slice(1);

type Entry = readonly [op: string, fields: readonly (readonly [string, FieldType])[]];
const entries: readonly Entry[] = Object.entries(opTable).map(([op, fields]) => [op, Object.entries(fields)]);

/** The order of operations and of fields is part of the wire, so the JSON is hashed in the table's own order. */
const hash = createHash('sha256').update(JSON.stringify(opTable)).digest();

const struct = ([op, fields]: Entry): string =>
  [`struct ${structName(op)} {`, ...fields.map(([name, type]) => `  ${cppTypes[type]} ${member(name)};`), '};'].join(
    '\n',
  );

const decoder = ([op, fields]: Entry): string => {
  const reads = fields.map(([name]) => `in.take(o.${member(name)})`).join(' && ');
  return reads === ''
    ? `inline bool decode(Reader&, op::${structName(op)}&) { return true; }`
    : `inline bool decode(Reader& in, op::${structName(op)}& o) { return ${reads}; }`;
};

const runner = ([op]: Entry): string => `Failure run(World& w, const op::${structName(op)}& o);`;

const visitCase = ([op]: Entry): string =>
  `    case op::Code::${op}: {\n      op::${structName(op)} o{};\n` +
  `      return decode(in, o) && in.atEnd() ? visitor(o) : malformed;\n    }`;

const hashBytes = [...hash].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(', ');

const header = `// Generated from src/plan/ops.ts by scripts/generate-wire.ts. Do not edit.
#pragma once
#include "../init/decode.h"

struct World;

namespace op {
inline constexpr uint8_t tableHash[32] = {${hashBytes}};
enum class Code : uint32_t { ${entries.map(([op], code) => `${op} = ${code}`).join(', ')} };
inline constexpr uint32_t codeCount = ${entries.length};

${entries.map(struct).join('\n')}
}  // namespace op

${entries.map(decoder).join('\n')}

${entries.map(runner).join('\n')}

// Decodes one operation and hands it to visitor(const op::X&), which returns a Failure.
template <class Visitor>
Failure visit(uint32_t code, Reader in, Visitor&& visitor) {
  switch (static_cast<op::Code>(code)) {
${entries.map(visitCase).join('\n')}
  }
  return malformed;
}
`;

const hashModule = `/** Hash of the table of operations (src/plan/ops.ts). Written by scripts/generate-wire.ts. */
export const wireHash = '${hash.toString('hex')}';
export const wireHashBytes: Uint8Array = new Uint8Array([${[...hash].join(', ')}]);
`;

function writeIfChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const root = join(import.meta.dirname, '..');
writeIfChanged(join(root, 'addon/generated/ops.h'), header);
writeIfChanged(join(root, 'src/generated/wire-hash.ts'), hashModule);
