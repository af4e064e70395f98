import { describe, expect, test } from 'vitest';
import { ATIME_FIELD, knownMountOptions, mountAttrs, parseOptions, propagations } from './options.ts';

const { rdonly, nosuid, nodev, noexec, noatime, strictatime, nodiratime, nosymfollow } = mountAttrs;

/** config.md "Linux mount options": the whole list. */
const specified =
  `async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec
  noiversion nolazytime nomand norelatime nostrictatime nosuid private ratime rbind rdev rdiratime relatime remount rexec rnoatime
  rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnodev ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid
  runbindable rw shared silent slave strictatime suid sync symfollow nosymfollow rsymfollow rnosymfollow unbindable tmpcopyup idmap
  ridmap`.split(/\s+/);

test('every option of the specification is known', () => {
  expect(knownMountOptions()).toEqual(expect.arrayContaining(specified));
});

describe('attributes', () => {
  test.each([
    ['ro', rdonly, 0n],
    ['rw', 0n, rdonly],
    ['nosuid', nosuid, 0n],
    ['suid', 0n, nosuid],
    ['nodev', nodev, 0n],
    ['dev', 0n, nodev],
    ['noexec', noexec, 0n],
    ['exec', 0n, noexec],
    ['nodiratime', nodiratime, 0n],
    ['diratime', 0n, nodiratime],
    ['nosymfollow', nosymfollow, 0n],
    ['symfollow', 0n, nosymfollow],
    ['noatime', noatime, ATIME_FIELD],
    ['atime', 0n, ATIME_FIELD],
    ['relatime', 0n, ATIME_FIELD],
    ['strictatime', strictatime, ATIME_FIELD],
    ['nostrictatime', 0n, ATIME_FIELD],
    ['norelatime', 0n, 0n],
    ['defaults', 0n, 0n],
  ])('%s, alone and with what is mounted below', (option, set, clear) => {
    expect(parseOptions([option])).toMatchObject({
      attrsSet: set,
      attrsClear: clear,
      recursiveSet: 0n,
      recursiveClear: 0n,
    });
    if (option === 'defaults') return;
    expect(parseOptions([`r${option}`])).toMatchObject({
      attrsSet: 0n,
      attrsClear: 0n,
      recursiveSet: set,
      recursiveClear: clear,
    });
  });

  test('the later of two counts', () => {
    expect(parseOptions(['ro', 'rw'])).toMatchObject({ attrsSet: 0n, attrsClear: rdonly });
    expect(parseOptions(['rw', 'ro'])).toMatchObject({ attrsSet: rdonly, attrsClear: 0n });
    expect(parseOptions(['noatime', 'strictatime'])).toMatchObject({ attrsSet: strictatime, attrsClear: ATIME_FIELD });
    expect(parseOptions(['strictatime', 'relatime'])).toMatchObject({ attrsSet: 0n, attrsClear: ATIME_FIELD });
  });
});

test.each(Object.entries(propagations))('propagation %s', (name, propagation) => {
  expect(parseOptions([name])).toMatchObject({ propagation, propagationRecursive: false });
  expect(parseOptions([`r${name}`])).toMatchObject({ propagation, propagationRecursive: true });
});

test('flags of the file system are apart from those of the mount', () => {
  expect(parseOptions(['sync', 'dirsync', 'mand', 'lazytime', 'iversion']).superblock).toEqual([
    'sync',
    'dirsync',
    'mand',
    'lazytime',
    'i_version',
  ]);
  expect(parseOptions(['sync', 'async', 'lazytime', 'nolazytime', 'silent', 'loud']).superblock).toEqual([]);
});

test('unknown options are for the file system, with their place', () => {
  expect(parseOptions(['ro', 'size=1m', 'nosuid', 'mode=755']).data).toEqual([
    { option: 'size=1m', index: 1 },
    { option: 'mode=755', index: 3 },
  ]);
});

test('names of Object.prototype are not options', () => {
  expect(parseOptions(['constructor', '__proto__']).data).toHaveLength(2);
});
