/** criu's RPC messages (images/rpc.proto of criu): the fields that are used here, with criu's own names. */
import type { MessageOf, Table } from './protobuf.ts';

const pair = { key: { number: 1, type: 'string' }, val: { number: 2, type: 'string' } } as const satisfies Table;

export const optsTable = {
  images_dir_fd: { number: 1, type: 'int' },
  pid: { number: 2, type: 'int' },
  leave_running: { number: 3, type: 'bool' },
  ext_unix_sk: { number: 4, type: 'bool' },
  tcp_established: { number: 5, type: 'bool' },
  evasive_devices: { number: 6, type: 'bool' },
  shell_job: { number: 7, type: 'bool' },
  file_locks: { number: 8, type: 'bool' },
  log_level: { number: 9, type: 'int' },
  log_file: { number: 10, type: 'string' },
  ps: { number: 11, type: { address: { number: 1, type: 'string' }, port: { number: 2, type: 'int' } } },
  notify_scripts: { number: 12, type: 'bool' },
  root: { number: 13, type: 'string' },
  parent_img: { number: 14, type: 'string' },
  track_mem: { number: 15, type: 'bool' },
  auto_dedup: { number: 16, type: 'bool' },
  work_dir_fd: { number: 17, type: 'int' },
  link_remap: { number: 18, type: 'bool' },
  ext_mnt: { number: 23, type: pair, repeated: true },
  manage_cgroups: { number: 24, type: 'bool' },
  cg_root: {
    number: 25,
    type: { ctrl: { number: 1, type: 'string' }, path: { number: 2, type: 'string' } },
    repeated: true,
  },
  rst_sibling: { number: 26, type: 'bool' },
  inherit_fd: {
    number: 27,
    type: { key: { number: 1, type: 'string' }, fd: { number: 2, type: 'int' } },
    repeated: true,
  },
  manage_cgroups_mode: { number: 34, type: 'int' },
  external: { number: 37, type: 'string', repeated: true },
  empty_ns: { number: 38, type: 'int' },
  join_ns: {
    number: 39,
    type: { ns: { number: 1, type: 'string' }, ns_file: { number: 2, type: 'string' } },
    repeated: true,
  },
  cgroup_dump_controller: { number: 43, type: 'string', repeated: true },
  freeze_cgroup: { number: 44, type: 'string' },
  tcp_skip_in_flight: { number: 46, type: 'bool' },
  lazy_pages: { number: 48, type: 'bool' },
  orphan_pts_master: { number: 50, type: 'bool' },
  config_file: { number: 51, type: 'string' },
  tcp_close: { number: 52, type: 'bool' },
  lsm_profile: { number: 53, type: 'string' },
  lsm_mount_context: { number: 63, type: 'string' },
  network_lock: { number: 64, type: 'int' },
} as const satisfies Table;

export type CriuOpts = MessageOf<typeof optsTable>;

const featuresTable = {
  mem_track: { number: 1, type: 'bool' },
  lazy_pages: { number: 2, type: 'bool' },
} as const satisfies Table;
export type CriuFeature = keyof typeof featuresTable;

export const requestTable = {
  type: { number: 1, type: 'int' },
  opts: { number: 2, type: optsTable },
  notify_success: { number: 3, type: 'bool' },
  keep_open: { number: 4, type: 'bool' },
  features: { number: 5, type: featuresTable },
} as const satisfies Table;
export type CriuRequest = MessageOf<typeof requestTable>;

export const responseTable = {
  type: { number: 1, type: 'int' },
  success: { number: 2, type: 'bool' },
  restore: { number: 4, type: { pid: { number: 1, type: 'int' } } },
  notify: { number: 5, type: { script: { number: 1, type: 'string' }, pid: { number: 2, type: 'int' } } },
  cr_errno: { number: 7, type: 'int' },
  features: { number: 8, type: featuresTable },
  cr_errmsg: { number: 9, type: 'string' },
  version: {
    number: 10,
    type: {
      major_number: { number: 1, type: 'int' },
      minor_number: { number: 2, type: 'int' },
      sublevel: { number: 4, type: 'int' },
    },
  },
} as const satisfies Table;
export type CriuResponse = MessageOf<typeof responseTable>;

/** criu_req_type */
export const requestTypes = {
  dump: 1,
  restore: 2,
  check: 3,
  preDump: 4,
  notify: 6,
  featureCheck: 9,
  version: 10,
} as const;

/** criu_cg_mode */
export const cgroupModes = { ignore: 0, soft: 3, full: 4, strict: 5 } as const;
export type CgroupMode = keyof typeof cgroupModes;

/** criu_network_lock_method */
export const networkLocks = { iptables: 1, nftables: 2, skip: 3 } as const;
export type NetworkLock = keyof typeof networkLocks;
