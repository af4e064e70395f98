import { describe, expect, test } from 'vitest';
import type { Spec } from '../config/spec.ts';
import {
  type DumpFlags,
  type DumpSource,
  dumpOptions,
  type RestoreFlags,
  type RestoreSource,
  restoreOptions,
} from './options.ts';

const NEWNET = 0x4000_0000;
const spec: Spec = { ociVersion: '1.3.0', linux: { namespaces: [{ type: 'mount' }, { type: 'network' }] } };

const dumpFlags: DumpFlags = {
  tcpEstablished: false,
  extUnixSk: false,
  shellJob: false,
  fileLocks: false,
  autoDedup: false,
  lazyPages: false,
  manageCgroups: 'soft',
  networkLock: undefined,
  leaveRunning: false,
  preDump: false,
  parentPath: undefined,
  linkRemap: false,
  tcpSkipInFlight: false,
  pageServer: undefined,
};
const dumpSource: DumpSource = {
  spec,
  rootfs: '/bundle/rootfs',
  pid: 300,
  mounts: [],
  resolve: (path) => path,
  namespaceInode: () => 4026532000,
  hierarchies: ['cpu,cpuacct', 'freezer'],
  freezer: '/sys/fs/cgroup/freezer/box',
  externalFiles: ['file[1b:1]'],
  directories: { images: 7, work: undefined },
  configFile: undefined,
};
const dump = (flags: Partial<DumpFlags> = {}, source: Partial<DumpSource> = {}) =>
  dumpOptions({ ...dumpFlags, ...flags }, { ...dumpSource, ...source });

describe('what criu is told of a dump', () => {
  test('without flags', () => {
    expect(dump()).toMatchObject({
      images_dir_fd: 7,
      pid: 300,
      root: '/bundle/rootfs',
      log_file: 'dump.log',
      notify_scripts: true,
      orphan_pts_master: true,
      leave_running: false,
      manage_cgroups_mode: 3,
      cgroup_dump_controller: ['cpu,cpuacct', 'freezer'],
      freeze_cgroup: '/sys/fs/cgroup/freezer/box',
      empty_ns: NEWNET,
      external: ['file[1b:1]'],
    });
  });

  test.each([
    [{ tcpEstablished: true }, { tcp_established: true }],
    [{ extUnixSk: true }, { ext_unix_sk: true }],
    [{ shellJob: true }, { shell_job: true }],
    [{ fileLocks: true }, { file_locks: true }],
    [{ autoDedup: true }, { auto_dedup: true }],
    [{ lazyPages: true }, { lazy_pages: true }],
    [{ leaveRunning: true }, { leave_running: true }],
    [{ linkRemap: true }, { link_remap: true }],
    [{ tcpSkipInFlight: true }, { tcp_skip_in_flight: true }],
    [{ preDump: true }, { track_mem: true, ext_mnt: [] }],
    [{ parentPath: '../first' }, { track_mem: true, parent_img: '../first' }],
    [{ pageServer: { address: '::1', port: 99 } }, { ps: { address: '::1', port: 99 } }],
    [{ manageCgroups: 'ignore' }, { manage_cgroups_mode: 0 }],
    [{ manageCgroups: 'full' }, { manage_cgroups_mode: 4 }],
    [{ manageCgroups: 'strict' }, { manage_cgroups_mode: 5 }],
    [{ networkLock: 'iptables' }, { network_lock: 1 }],
    [{ networkLock: 'nftables' }, { network_lock: 2 }],
    [{ networkLock: 'skip' }, { network_lock: 3 }],
  ] as const)('%j is %j', (flags, options) => {
    expect(dump(flags)).toMatchObject(options);
  });

  test('without a cgroup of its own none is dumped', () => {
    // An empty list would mean all of them.
    expect(dump({}, { hierarchies: [] }).cgroup_dump_controller).toEqual(['no hierarchy']);
    expect(dump({ manageCgroups: 'ignore' })).not.toHaveProperty('cgroup_dump_controller');
  });

  test('what is not asked for is absent: criu tells that from a default', () => {
    for (const name of ['work_dir_fd', 'ps', 'parent_img', 'track_mem', 'network_lock', 'config_file']) {
      expect(dump()).not.toHaveProperty(name);
    }
    expect(dump({}, { freezer: undefined })).not.toHaveProperty('freeze_cgroup');
  });

  test('network and pid namespaces of others, by inode', () => {
    const namespaces = [
      { type: 'network', path: '/run/netns/a' },
      { type: 'pid', path: '/proc/1/ns/pid' },
      { type: 'uts', path: '/proc/1/ns/uts' },
    ] as const;
    expect(dump({}, { spec: { ...spec, linux: { namespaces: [...namespaces] } }, externalFiles: [] }).external).toEqual(
      ['net[4026532000]:extRootNetNS', 'pid[4026532000]:extRootPidNS'],
    );
  });

  test('further options are in a file', () => {
    expect(dump({}, { configFile: '/etc/criu/runc.conf' }).config_file).toBe('/etc/criu/runc.conf');
  });
});

const restoreFlags: RestoreFlags = { ...dumpFlags, tcpClose: false, lsmProfile: undefined, lsmMountContext: undefined };
const restoreSource: RestoreSource = {
  spec,
  rootfs: '/bundle/rootfs',
  directories: { images: 7, work: 8 },
  configFile: undefined,
  inherited: [{ key: 'pipe:[5]', fd: 1 }],
  cgroupRoots: [{ ctrl: 'cpu', path: '/box' }],
  sourceOf: ({ source = '' }) => source,
  cgroups: [],
  hostMounts: [],
};
const restore = (flags: Partial<RestoreFlags> = {}, source: Partial<RestoreSource> = {}) =>
  restoreOptions({ ...restoreFlags, ...flags }, { ...restoreSource, ...source });

describe('what criu is told of a restore', () => {
  test('without flags', () => {
    expect(restore()).toMatchObject({
      images_dir_fd: 7,
      work_dir_fd: 8,
      root: '/bundle/rootfs',
      log_file: 'restore.log',
      rst_sibling: true,
      evasive_devices: true,
      empty_ns: NEWNET,
      inherit_fd: [{ key: 'pipe:[5]', fd: 1 }],
      cg_root: [{ ctrl: 'cpu', path: '/box' }],
      join_ns: [],
    });
  });

  test.each([
    [{ tcpClose: true }, { tcp_close: true }],
    [{ lsmProfile: 'apparmor:x' }, { lsm_profile: 'apparmor:x' }],
    [{ lsmMountContext: 'system_u:x' }, { lsm_mount_context: 'system_u:x' }],
    [{ manageCgroups: 'ignore' }, { cg_root: [] }],
  ] as const)('%j is %j', (flags, options) => {
    expect(restore(flags)).toMatchObject(options);
  });

  test('namespaces of others that criu joins by path', () => {
    const namespaces = [
      { type: 'network', path: '/run/netns/a' },
      { type: 'uts', path: '/proc/1/ns/uts' },
      { type: 'ipc', path: '' },
    ] as const;
    expect(restore({}, { spec: { ...spec, linux: { namespaces: [...namespaces] } } }).join_ns).toEqual([
      { ns: 'uts', ns_file: '/proc/1/ns/uts' },
    ]);
  });
});
