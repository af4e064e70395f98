import { type Place, TsruncError } from '../errors.ts';
import { rejected } from './coverage.ts';
import { type Finding, mistake } from './findings.ts';
import { pointerParts, pointerTo } from './position.ts';
import type { Spec } from './spec.ts';

type Visit = (pointer: string, value: unknown) => void;

/** Visit the values whose pointer fits the pattern. No generator: the first run of one costs more than this whole walk. */
function visitMatches(value: unknown, parts: readonly string[], depth: number, pointer: string, visit: Visit): void {
  const part = parts[depth];
  if (part === undefined) {
    visit(pointer, value);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const members = value as Readonly<Record<string, unknown>>;
  if (part !== '*') {
    if (part in members) visitMatches(members[part], parts, depth + 1, pointerTo(pointer, part), visit);
    return;
  }
  for (const name of Object.keys(members)) {
    visitMatches(members[name], parts, depth + 1, pointerTo(pointer, name), visit);
  }
}

/** Whether a value asks for anything: clients send zeros, empty strings and empty objects for what they leave unset. */
function isSet(asked: unknown): boolean {
  for (const open = [asked]; open.length > 0; ) {
    const value = open.pop();
    if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) open.push(member);
    else if (value !== undefined && value !== null && value !== 0 && value !== '' && value !== false) return true;
  }
  return false;
}

/** Fields that are set but cannot be applied by this version; create refuses them, as the runtime-spec demands. */
export function unsupported(spec: Spec): Finding[] {
  const findings: Finding[] = [];
  for (const [pattern, reason] of Object.entries(rejected)) {
    visitMatches(spec, pointerParts(pattern), 0, '', (pointer, value) => {
      if (isSet(value)) findings.push(mistake(pointer, reason));
    });
  }
  return findings;
}

/**
 * Refuses what `unsupported` finds.
 * @throws TsruncError UNSUPPORTED with the place of the first
 */
export function refuseUnsupported(spec: Spec, locate: (pointer: string) => Place): void {
  const [first] = unsupported(spec);
  if (first === undefined) return;
  const hint = 'Take the field out of the configuration.';
  throw new TsruncError('UNSUPPORTED', first.message, { place: locate(first.pointer), hint });
}
