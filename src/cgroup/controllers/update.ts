/** What an update of linux.resources means: pure. */
import type { Resources } from '../../config/spec.ts';
import type { UpdateRequest } from '../driver.ts';
import { limitWrites } from './compile.ts';
import { withoutUnified } from './unified.ts';
import type { Layout, Write } from './write.ts';

/**
 * The writes that `asked` makes necessary, with the values that follow from all the resources.
 * @throws TsruncError UNSUPPORTED, CONFIG_INVALID
 */
export function updateWrites({ asked, resources }: UpdateRequest, layout: Layout): Write[] {
  // On v1 an ordinary user's container may have been made without; asking for it again is refused.
  const wanted = layout === 'v1' && asked.unified === undefined ? withoutUnified(resources) : resources;
  return limitWrites(wanted, layout).filter(
    ({ from, also }) => names(asked, from) || (also !== undefined && names(asked, also)),
  );
}

/** Whether a JSON pointer below /linux/resources leads to something. */
function names(asked: Resources, pointer: string): boolean {
  const parts = pointer.split('/').slice(3);
  let value: unknown = asked;
  for (const part of parts) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return false;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value !== undefined;
}

/** Fields whose 0 is a wish; elsewhere clients send zeros and empty strings for what they leave as it is. */
const realZeros: ReadonlySet<string> = new Set(['burst', 'idle', 'swappiness']);

/**
 * What a request to update asks for: without fields that are unset in the way of Go's JSON, and without device rules, because the
 * Kubernetes CRI sends a deny-all there that is not meant.
 */
export function meant({ memory, cpu, pids, blockIO, network, devices: _, ...others }: Resources): Resources {
  // Whoever lifts the limit of memory does not mean to keep one of memory and swap together.
  const lifted = memory?.limit === -1 && !memory.swap ? { ...memory, swap: -1 } : memory;
  return {
    ...others,
    ...(lifted === undefined ? {} : { memory: setFields(lifted) }),
    ...(cpu === undefined ? {} : { cpu: setFields(cpu) }),
    ...(pids?.limit === undefined ? {} : { pids }),
    ...(blockIO === undefined ? {} : { blockIO: setFields(blockIO) }),
    ...(network === undefined ? {} : { network: setFields(network) }),
  };
}

function setFields<T extends object>(fields: T): T {
  const isMeant = ([name, value]: [string, unknown]): boolean =>
    value !== undefined && value !== '' && (value !== 0 || realZeros.has(name));
  return Object.fromEntries(Object.entries(fields).filter(isMeant)) as T;
}

type Fields = Readonly<Record<string, unknown>>;

/** The resources after an update. @param asked as meant() returns it */
export const merge = (current: Resources, asked: Resources): Resources => mergeFields({ ...current }, { ...asked });

function mergeFields(current: Fields, asked: Fields): Fields {
  const merged: Record<string, unknown> = { ...current };
  for (const [name, value] of Object.entries(asked)) merged[name] = mergeValue(merged[name], value);
  return merged;
}

function mergeValue(current: unknown, asked: unknown): unknown {
  if (Array.isArray(asked)) return mergeLists(Array.isArray(current) ? current : [], asked);
  if (!isObject(asked)) return asked;
  return mergeFields(isObject(current) ? current : {}, asked);
}

/** Items that are asked for come first, so that their places in the list are those in the request. */
function mergeLists(current: readonly unknown[], asked: readonly unknown[]): unknown[] {
  const others = current.filter((item) => !asked.some((wanted) => keyOf(wanted) === keyOf(item)));
  const same = (wanted: unknown): unknown => current.find((item) => keyOf(item) === keyOf(wanted));
  return [...asked.map((wanted) => mergeValue(same(wanted), wanted)), ...others];
}

/** What an item of a list is about: a device, a size of huge pages, an interface. */
function keyOf(item: unknown): string {
  if (!isObject(item)) return String(item);
  return [item.major, item.minor, item.pageSize, item.name].join(':');
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
