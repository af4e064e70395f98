import { join } from 'node:path';
import type { IntelRdt } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import type { RdtRecord } from './record.ts';
import { makeGroup, type Resctrl, removeGroup, writeGroup } from './resctrl.ts';
import { difference, writesOf } from './schemata.ts';

/** Entries of a resctrl directory that are no groups. */
const reserved: readonly string[] = ['.', '..', 'info', 'mon_groups', 'mon_data'];

/**
 * Choose the groups of a new container (config-linux.md "IntelRdt"). Nothing is made yet.
 * @throws TsruncError CONFIG_INVALID, UNSUPPORTED
 */
export function chooseRdt(rdt: IntelRdt, id: string, resctrl: Resctrl): RdtRecord {
  const { mountpoint } = resctrl;
  const group = groupOf(rdt, id, mountpoint);
  const exists = resctrl.exists(group);
  if (!isOwn(rdt) && !exists && writesOf(rdt).length === 0) throw noSuchClass(rdt, group);
  const monitor = rdt.enableMonitoring === true ? join(group, 'mon_groups', id) : '';
  const remove = [...(monitor === '' ? [] : [monitor]), ...(isOwn(rdt) && !exists ? [group] : [])];
  return { mountpoint, group, monitor, remove };
}

/** Without a name the class is the container's own, made and removed with it; one with a name is somebody's who named it. */
const isOwn = ({ closID = '' }: IntelRdt): boolean => closID === '';

function groupOf({ closID = '' }: IntelRdt, id: string, mountpoint: string): string {
  if (closID === '/') return mountpoint;
  const name = closID || id;
  if (!reserved.includes(name) && !name.includes('/')) return join(mountpoint, name);
  throw new TsruncError('CONFIG_INVALID', `"${name}" cannot be the name of an RDT class of service`, {
    place: { file: 'config.json', pointer: '/linux/intelRdt' },
    hint: 'It names a directory of resctrl; "/" means the default class.',
  });
}

function noSuchClass({ closID }: IntelRdt, group: string): TsruncError {
  return new TsruncError('UNSUPPORTED', `There is no RDT class of service "${closID}" (${group})`, {
    place: { file: 'config.json', pointer: '/linux/intelRdt/closID' },
    hint: 'It must be made before, unless schemata, l3CacheSchema or memBwSchema say what it is to be.',
  });
}

export interface RdtUndo {
  add(what: string, run: () => void): void;
}

/**
 * Make the groups and put a process, and so its later children, into them.
 * @throws TsruncError SYSTEM; CONFIG_INVALID when the class exists and is another one
 */
export function applyRdt(record: RdtRecord, rdt: IntelRdt, pid: number, resctrl: Resctrl, undo: RdtUndo): void {
  const { group, monitor } = record;
  if (resctrl.exists(group)) {
    if (!isOwn(rdt)) compare(rdt, group, resctrl);
  } else {
    makeGroup(resctrl, group, 'make the RDT class of service');
    undo.add('remove the RDT class of service', () => removeUnlessUsed(resctrl, group, pid));
  }
  for (const text of writesOf(rdt)) writeGroup(resctrl, join(group, 'schemata'), text);
  if (monitor !== '') {
    makeGroup(resctrl, monitor, 'make the RDT monitoring group');
    undo.add('remove the RDT monitoring group', () => removeGroup(resctrl, monitor));
  }
  joinRdt(record, pid, resctrl);
}

/** Put a process into the groups of a container. @throws TsruncError SYSTEM */
export function joinRdt({ group, monitor }: RdtRecord, pid: number, resctrl: Resctrl): void {
  writeGroup(resctrl, join(group, 'tasks'), `${pid}\n`);
  if (monitor !== '') writeGroup(resctrl, join(monitor, 'tasks'), `${pid}\n`);
}

/** Remove what goes with the container; no error when it is gone. @throws TsruncError SYSTEM */
export function removeRdt(record: RdtRecord, resctrl: Resctrl): void {
  for (const path of record.remove) removeGroup(resctrl, path);
}

/** `schemata` may change an existing group, the others have to be what it is. */
function compare({ schemata: _, ...fixed }: IntelRdt, group: string, resctrl: Resctrl): void {
  const wanted = writesOf(fixed);
  if (wanted.length === 0) return;
  const line = difference(wanted.join(''), resctrl.read(join(group, 'schemata')));
  if (line === undefined) return;
  throw new TsruncError('CONFIG_INVALID', `The RDT class of service ${group} exists and differs: it has no "${line}"`, {
    place: { file: 'config.json', pointer: '/linux/intelRdt' },
    hint: `Compare with ${join(group, 'schemata')}, or name another class.`,
  });
}

/** Another container may have joined the class meanwhile. */
function removeUnlessUsed(resctrl: Resctrl, group: string, own: number): void {
  const others = resctrl
    .read(join(group, 'tasks'))
    .split('\n')
    .filter((line) => line !== '' && line !== String(own));
  if (others.length === 0) removeGroup(resctrl, group);
}
