/** From the text of a configuration to its values. */
import type { Spec } from './spec.ts';

/** Maps whose names are data: a null in them is a mistake, not an unset field. */
const dataMaps: ReadonlySet<string> = new Set(['annotations', 'sysctl', 'unified', 'netDevices', 'rdma']);

/**
 * Go programs write null for lists and objects that are not set, and runc reads it as such: members that are null are
 * taken out, in place.
 */
function dropNulls(document: unknown): void {
  // A list of its own instead of calls: how deep the values are is for their author to choose.
  for (const open = [document]; open.length > 0; ) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    const members = value as Record<string, unknown>;
    for (const [name, member] of Object.entries(members)) {
      if (member === null && !Array.isArray(value)) delete members[name];
      else if (!dataMaps.has(name)) open.push(member);
    }
  }
}

/**
 * JSON.parse, without the nulls of unset fields.
 * @throws SyntaxError where the text is not JSON
 */
export function parseJson(text: string): unknown {
  const document: unknown = JSON.parse(text);
  if (/:\s*null\b/.test(text)) dropNulls(document);
  return document;
}

/** Text that loadConfig has accepted before, such as the copy in the state directory; not validated again. */
export const parseAcceptedSpec = (text: string): Spec => parseJson(text) as Spec;
