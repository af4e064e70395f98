import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { IntelRdt } from '../config/spec.ts';
import { TsruncError } from '../errors.ts';
import { changeRdt, chooseForChange, type RdtLimits } from './change.ts';
import { applyRdt, chooseRdt, joinRdt, removeRdt } from './group.ts';
import type { Resctrl } from './resctrl.ts';
import { difference, writesOf } from './schemata.ts';
import { rdtStats } from './stats.ts';

const failure = (code: string): Error => Object.assign(new Error(code), { code });

/** A resctrl that behaves like the kernel's: groups are born with files, tasks are in one group of each kind. */
class FakeResctrl implements Resctrl {
  readonly mountpoint = '/res';
  readonly files = new Map<string, string>();
  readonly schemataWrites: string[] = [];
  monitorsLeft = 2;
  classesLeft = 2;

  constructor() {
    this.#populate(this.mountpoint, true);
    this.files.set('/res/info/last_cmd_status', 'ok\n');
  }

  exists = (path: string): boolean =>
    [...this.files.keys()].some((file) => file === path || file.startsWith(`${path}/`));

  list = (path: string): string[] => {
    const below = [...this.files.keys()].filter((file) => file.startsWith(`${path}/`));
    return [...new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))];
  };

  make = (path: string): void => {
    const isMonitor = basename(dirname(path)) === 'mon_groups';
    if (this.exists(path)) throw failure('EEXIST');
    if (isMonitor ? this.monitorsLeft-- <= 0 : this.classesLeft-- <= 0) {
      this.files.set('/res/info/last_cmd_status', isMonitor ? 'Out of RMIDs\n' : 'Out of CLOSIDs\n');
      throw failure('ENOSPC');
    }
    this.#populate(path, !isMonitor);
  };

  remove = (path: string): void => {
    if (!this.exists(path)) throw failure('ENOENT');
    for (const file of this.files.keys()) if (file.startsWith(`${path}/`)) this.files.delete(file);
  };

  read = (path: string): string => this.files.get(path) ?? '';

  write = (path: string, text: string): void => {
    if (!this.files.has(path)) throw failure('ENOENT');
    if (basename(path) === 'tasks') return void this.files.set(path, this.read(path) + text);
    this.schemataWrites.push(text);
    if (!text.endsWith('\n') || text.includes('=0;')) {
      this.files.set('/res/info/last_cmd_status', 'mask out of range\n');
      throw failure('EINVAL');
    }
    this.files.set(path, text);
  };

  #populate(path: string, isClass: boolean): void {
    this.files.set(join(path, 'tasks'), '');
    if (!isClass) return;
    this.files.set(join(path, 'schemata'), 'MB:0= 100;1= 100\n    L3:0=007ff;1=007ff\n');
    this.files.set(join(path, 'mon_groups/.'), '');
  }
}

let resctrl: FakeResctrl;
let undo: [string, () => void][];
beforeEach(() => {
  resctrl = new FakeResctrl();
  undo = [];
});

const pid = 4321;
const enter = (rdt: IntelRdt, id = 'web') => {
  const record = chooseRdt(rdt, id, resctrl);
  applyRdt(record, rdt, pid, resctrl, { add: (what, run) => undo.push([what, run]) });
  return record;
};
const tasks = (group: string): string => resctrl.read(`${group}/tasks`);
const groups = (): string[] =>
  [...resctrl.files.keys()].filter((file) => file.endsWith('/tasks')).map((file) => dirname(file));

function errorOf(run: () => unknown): TsruncError {
  try {
    run();
  } catch (error) {
    if (error instanceof TsruncError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

// Covers /linux/intelRdt/{closID,schemata,l3CacheSchema,memBwSchema}
describe('the class of service', () => {
  test('without closID has the name of the container, and goes with it', () => {
    const record = enter({ l3CacheSchema: 'L3:0=f' });
    expect(tasks('/res/web')).toBe('4321\n');
    expect(record.remove).toEqual(['/res/web']);
    removeRdt(record, resctrl);
    expect(groups()).toEqual(['/res']);
    expect(() => removeRdt(record, resctrl)).not.toThrow();
  });

  test('without closID, made by somebody else before, is used and stays', () => {
    resctrl.make('/res/web');
    const record = enter({});
    expect(tasks('/res/web')).toBe('4321\n');
    expect(record.remove).toEqual([]);
  });

  test('with closID and a schema is made where it is missing, and stays', () => {
    const record = enter({ closID: 'gold', memBwSchema: 'MB:0=20;1=70' });
    expect(tasks('/res/gold')).toBe('4321\n');
    expect(record.remove).toEqual([]);
  });

  test('with closID alone must be there', () => {
    const error = errorOf(() => enter({ closID: 'gold' }));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', place: { pointer: '/linux/intelRdt/closID' } });
    resctrl.make('/res/gold');
    enter({ closID: 'gold' });
    expect(tasks('/res/gold')).toBe('4321\n');
    expect(resctrl.schemataWrites).toEqual([]);
  });

  test('"/" is the default class', () => {
    expect(enter({ closID: '/' })).toMatchObject({ group: '/res', remove: [] });
    expect(tasks('/res')).toBe('4321\n');
  });

  test.each(['info', 'mon_groups', 'mon_data', '..', 'a/b'])('cannot be called %s', (closID) => {
    expect(errorOf(() => enter({ closID })).message).toContain('cannot be the name of an RDT class of service');
  });

  test('that exists and has another schema is an error', () => {
    resctrl.make('/res/gold');
    const error = errorOf(() => enter({ closID: 'gold', l3CacheSchema: 'L3:0=7ff;1=f' }));
    expect(error.message).toBe('The RDT class of service /res/gold exists and differs: it has no "L3:1=f"');
    expect(tasks('/res/gold')).toBe('');
  });

  test('that exists and has the same schema is joined; schemata is written all the same', () => {
    resctrl.make('/res/gold');
    enter({ closID: 'gold', l3CacheSchema: 'L3:1=7FF', memBwSchema: 'MB:0=100', schemata: ['L2:0=f'] });
    expect(tasks('/res/gold')).toBe('4321\n');
    expect(resctrl.schemataWrites.at(-1)).toBe('L2:0=f\n');
  });

  test('that cannot be made says why', () => {
    resctrl.classesLeft = 0;
    const error = errorOf(() => enter({}));
    expect(error.message).toBe('Cannot make the RDT class of service /res/web: ENOSPC (Out of CLOSIDs)');
    expect(error.hint).toContain('no class of service or monitor left');
  });

  test('whose schema the kernel refuses is removed again', () => {
    const error = errorOf(() => enter({ closID: 'gold', schemata: ['L3:0=0;1=0'] }));
    expect(error.message).toBe('Cannot write "L3:0=0;1=0" to /res/gold/schemata: EINVAL (mask out of range)');
    for (const [, run] of undo) run();
    expect(groups()).toEqual(['/res']);
  });

  test('that somebody else has joined meanwhile is left', () => {
    enter({ closID: 'gold', schemata: ['L3:0=f'] });
    resctrl.write('/res/gold/tasks', '77\n');
    for (const [, run] of undo) run();
    expect(groups()).toContain('/res/gold');
  });
});

// Covers /linux/intelRdt/enableMonitoring
describe('monitoring', () => {
  test('has a group of the container below its class, which goes with it', () => {
    const record = enter({ enableMonitoring: true });
    expect(tasks('/res/web/mon_groups/web')).toBe('4321\n');
    expect(record.remove).toEqual(['/res/web/mon_groups/web', '/res/web']);
    removeRdt(record, resctrl);
    expect(groups()).toEqual(['/res']);
  });

  test('in a class of another name leaves that', () => {
    resctrl.make('/res/gold');
    const record = enter({ closID: 'gold', enableMonitoring: true });
    removeRdt(record, resctrl);
    expect(groups().sort()).toEqual(['/res', '/res/gold']);
  });

  test('in the default class', () => {
    expect(enter({ closID: '/', enableMonitoring: true }).monitor).toBe('/res/mon_groups/web');
  });

  test('that the hardware has no more counters for is an error', () => {
    resctrl.monitorsLeft = 0;
    expect(errorOf(() => enter({ enableMonitoring: true })).message).toContain('ENOSPC (Out of RMIDs)');
  });
});

test('a further process joins the groups of the container', () => {
  const record = enter({ enableMonitoring: true });
  joinRdt(record, 99, resctrl);
  expect([tasks('/res/web'), tasks('/res/web/mon_groups/web')]).toEqual(['4321\n99\n', '4321\n99\n']);
});

describe('schemata', () => {
  test('are written in the order of the specification, each by itself', () => {
    const rdt = { memBwSchema: 'MB:0=20', l3CacheSchema: 'L3:0=f', schemata: ['L3:0=ff', 'L2:1=f'] };
    expect(writesOf(rdt)).toEqual(['L3:0=f\n', 'MB:0=20\n', 'L3:0=ff\nL2:1=f\n']);
    expect(writesOf({ closID: 'x', schemata: [] })).toEqual([]);
  });

  test('beside memBwSchema the bandwidth in l3CacheSchema does not count', () => {
    const l3CacheSchema = 'L3:0=f\nMB:0=50;1=60\nL2:0=3';
    expect(writesOf({ l3CacheSchema, memBwSchema: 'MB:0=20' })).toEqual(['L3:0=f\nL2:0=3\n', 'MB:0=20\n']);
    expect(writesOf({ l3CacheSchema })).toEqual([`${l3CacheSchema}\n`]);
    expect(writesOf({ l3CacheSchema: 'MB:0=50', memBwSchema: 'MB:0=20' })).toEqual(['MB:0=20\n']);
  });

  test.each([
    ['L3:0=f', '    L3:0=0f;1=ff\n', undefined],
    ['L3:0=F;1=00ff', 'L3:0=f;1=ff', undefined],
    ['MB:0=20', 'MB:0= 20;1= 100', undefined],
    ['L3:0=f\nMB:0=20', 'MB:0=30\nL3:0=f', 'MB:0=20'],
    ['L3:2=f', 'L3:0=f;1=f', 'L3:2=f'],
    ['L2:0=f', 'L3:0=f', 'L2:0=f'],
    ['L3:0=0', 'L3:0=0', undefined],
  ])('%j in %j: %s', (wanted, present, expected) => {
    expect(difference(wanted, present)).toBe(expected);
  });
});

describe('statistics', () => {
  const fill = (files: Readonly<Record<string, string>>): void => {
    for (const [path, text] of Object.entries(files)) resctrl.files.set(`/res/${path}`, `${text}\n`);
  };

  test('tell what the hardware has, what the group may use, and what it has used', () => {
    const record = enter({ enableMonitoring: true });
    fill({
      'info/L3/cbm_mask': '7ff',
      'info/L3/min_cbm_bits': '1',
      'info/L3/num_closids': '16',
      'info/MB/bandwidth_gran': '10',
      'info/MB/delay_linear': '1',
      'info/MB/min_bandwidth': '10',
      'info/MB/num_closids': '8',
      'web/schemata': 'MB:0= 20;1= 100\n    L3:0=00f;1=7ff',
      'web/mon_groups/web/mon_data/mon_L3_01/mbm_total_bytes': '0',
      'web/mon_groups/web/mon_data/mon_L3_01/mbm_local_bytes': '300',
      'web/mon_groups/web/mon_data/mon_L3_01/llc_occupancy': '4096',
      'web/mon_groups/web/mon_data/mon_L3_00/mbm_total_bytes': '200',
      'web/mon_groups/web/mon_data/mon_L3_00/llc_occupancy': '2048',
    });
    expect(rdtStats(record, resctrl)).toEqual({
      l3_cache_info: { cbm_mask: '7ff', min_cbm_bits: 1, num_closids: 16 },
      l3_cache_schema_root: 'L3:0=007ff;1=007ff',
      l3_cache_schema: 'L3:0=00f;1=7ff',
      mem_bw_info: { bandwidth_gran: 10, delay_linear: 1, min_bandwidth: 10, num_closids: 8 },
      mem_bw_schema_root: 'MB:0= 100;1= 100',
      mem_bw_schema: 'MB:0= 20;1= 100',
      mbm_stats: [{ mbm_total_bytes: 200 }, { mbm_local_bytes: 300 }],
      cmt_stats: [{ llc_occupancy: 2048 }, { llc_occupancy: 4096 }],
    });
  });

  test('without a monitoring group are those of the class', () => {
    const record = enter({});
    fill({ 'web/mon_data/mon_L3_00/llc_occupancy': '1' });
    expect(rdtStats(record, resctrl).cmt_stats).toEqual([{ llc_occupancy: 1 }]);
  });

  test('that the hardware does not have are left out', () => {
    const record = enter({});
    resctrl.files.set('/res/schemata', '');
    resctrl.files.set('/res/web/schemata', '');
    expect(rdtStats(record, resctrl)).toEqual({});
  });
});

describe('a change of the limits', () => {
  const threads = readdirSync('/proc/self/task');
  const change = (limits: RdtLimits, record?: ReturnType<typeof enter>) => {
    const running = { record, id: 'web', pids: () => [process.pid] };
    const chosen = chooseForChange(running, resctrl);
    return {
      chosen,
      changes: changeRdt(chosen, limits, running, resctrl, { add: (what, run) => undo.push([what, run]) }),
    };
  };
  const rollBack = (): void => {
    for (const [, run] of undo.toReversed()) run();
  };

  test('is written to the class of the container, and can be taken back', () => {
    const record = enter({ l3CacheSchema: 'L3:0=f;1=f' });
    undo = [];
    resctrl.files.set('/res/web/schemata', 'MB:0= 100;1=  50\n    L3:0=00f;1=00f\n');
    const { chosen, changes } = change({ l3CacheSchema: 'L3:0=ff', memBwSchema: 'MB:1=20' }, record);
    expect(chosen).toBe(record);
    expect(resctrl.schemataWrites.slice(-2)).toEqual(['L3:0=ff\n', 'MB:1=20\n']);
    expect(changes[0]).toEqual({ path: '/res/web/schemata', before: 'L3:0=00f;1=00f', after: 'L3:0=ff' });
    expect(tasks('/res/web')).toBe('4321\n');
    rollBack();
    expect(resctrl.schemataWrites.at(-1)).toBe('L3:0=00f;1=00f\n');
  });

  test('moves every thread of a container that had no class into one of its own', () => {
    const { chosen } = change({ memBwSchema: 'MB:0=20' });
    expect(chosen).toEqual({ mountpoint: '/res', group: '/res/web', monitor: '', remove: ['/res/web'] });
    expect(tasks('/res/web').trimEnd().split('\n')).toEqual(expect.arrayContaining(threads));
    rollBack();
    expect(groups()).toEqual(['/res']);
    expect(tasks('/res').trimEnd().split('\n')).toEqual(expect.arrayContaining(threads));
  });

  test('that the kernel refuses names the field, and leaves no class', () => {
    const error = errorOf(() => change({ l3CacheSchema: 'L3:0=0;1=0' }));
    expect(error.message).toContain('mask out of range');
    expect(error.place?.pointer).toBe('/linux/intelRdt/l3CacheSchema');
    rollBack();
    expect(groups()).toEqual(['/res']);
  });
});
