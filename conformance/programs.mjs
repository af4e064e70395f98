/**
 * What can be said about each program of the suite beside its result: which of its results do not count, or why it is not
 * run at all. A program that is not named here counts as it is. `covered` names our own test of the same point.
 */

/**
 * @typedef {object} Program
 * @property {string} [unfair] why its results say nothing on any host: it is not run
 * @property {readonly string[]} [controllers] of cgroup v1, which alone it knows: where one is missing it is not run
 * @property {string} [module] the Linux security module without which it is not run
 * @property {boolean} [raises] it raises limits: without CAP_SYS_RESOURCE it is not run
 * @property {readonly RegExp[]} [exempt] results that do not count: matched with "NUMBER DESCRIPTION"
 * @property {string} [why] of the exempt ones
 * @property {number} [tries] for programs that race with the container: one good run of so many is enough
 * @property {string} [covered] our test of what it means to check
 * @property {boolean} [silent] it prints no results when all is well, only a diagnostic with an error
 */

/**
 * @typedef {object} Host
 * @property {readonly string[]} controllers of cgroup v1 that are mounted
 * @property {readonly string[]} modules Linux security modules
 * @property {boolean} raises whether CAP_SYS_RESOURCE is there
 */

/** @param {Program} program @param {Host} host @returns {string | undefined} why it is not run there */
export const unfairOn = (program, host) => {
  if (program.unfair !== undefined) return program.unfair;
  const missing = program.controllers?.filter((name) => !host.controllers.includes(name)) ?? [];
  if (missing.length > 0) return `needs the cgroup v1 controller ${missing.join(' and ')}, which this host lacks`;
  if (program.module !== undefined && !host.modules.includes(program.module)) return `needs ${program.module}`;
  return program.raises && !host.raises ? 'needs CAP_SYS_RESOURCE, which this host does not give' : undefined;
};

const blkio = 'sets weights for the disk 8:0, which few hosts have';

/** @type {Readonly<Record<string, Program>>} */
export const programs = {
  delete: {
    exempt: [/^[23] /],
    why: 'engines delete created containers, and so does runc; runtime.md asks for an error',
    covered: 'test/lifecycle.test.ts',
  },
  hooks: { unfair: 'compares the output of hooks with a text that no runtime can give', covered: 'test/hooks.test.ts' },
  killsig: { tries: 3, why: 'the signal may come before the shell has set its trap' },
  delete_only_create_resources: { controllers: ['pids'] },
  delete_resources: { controllers: ['pids'] },
  linux_cgroups_blkio: { unfair: blkio, covered: 'test/resources.test.ts' },
  linux_cgroups_relative_blkio: { unfair: blkio, covered: 'test/resources.test.ts' },
  linux_cgroups_cpus: { controllers: ['cpu', 'cpuset'] },
  linux_cgroups_relative_cpus: { controllers: ['cpu', 'cpuset'] },
  linux_cgroups_devices: { controllers: ['devices'] },
  linux_cgroups_relative_devices: { controllers: ['devices'] },
  linux_cgroups_hugetlb: { controllers: ['hugetlb'] },
  linux_cgroups_relative_hugetlb: { controllers: ['hugetlb'] },
  linux_cgroups_network: { controllers: ['net_cls', 'net_prio'] },
  linux_cgroups_relative_network: { controllers: ['net_cls', 'net_prio'] },
  linux_cgroups_pids: { controllers: ['pids'] },
  linux_cgroups_relative_pids: { controllers: ['pids'] },
  linux_cgroups_memory: {
    controllers: ['memory'],
    exempt: [/memory kernel is set correctly/],
    why: 'Linux 6 takes memory.kmem.limit_in_bytes and ignores it',
  },
  linux_cgroups_relative_memory: {
    controllers: ['memory'],
    exempt: [/memory kernel is set correctly/],
    why: 'Linux 6 takes memory.kmem.limit_in_bytes and ignores it',
  },
  linux_mount_label: { module: 'selinux' },
  linux_process_apparmor_profile: {
    unfair: 'needs an AppArmor profile that it does not bring',
    covered: 'test/security.test.ts',
  },
  misc_props: { exempt: [/annotation/i], why: 'the program looks for the annotation where it did not put it' },
  pidfile: { unfair: 'reads the pid file while it is being written', covered: 'test/lifecycle.test.ts' },
  poststart: { tries: 3, silent: true, why: 'the container’s program and its hook write to one file at the same time' },
  poststart_fail: {
    unfair: 'wants a failing poststart hook to be a warning; since 1.1 it is an error (runtime.md, Lifecycle 9)',
    covered: 'test/hooks.test.ts',
  },
  poststop: { silent: true },
  poststop_fail: { silent: true, tries: 3, why: 'its hook may end before its standard input is written' },
  prestart: {
    unfair: 'wants prestart hooks to run at start; since 1.0 they run at create',
    covered: 'test/hooks.test.ts',
  },
  prestart_fail: { silent: true },
  process_capabilities: { raises: true, covered: 'test/process.test.ts' },
  process_capabilities_fail: {
    unfair: 'wants an error for a capability that the kernel does not know; since 1.0.2 that is a warning',
    covered: 'test/process.test.ts',
  },
  process_rlimits: {
    exempt: [/RLIMIT_NOFILE/],
    why: 'the program is written in Go, which raises its own soft limit',
    covered: 'test/process.test.ts',
  },
  process_rlimits_fail: { silent: true },
  start: {
    exempt: [/^7 /],
    why: 'the program’s condition is the wrong way round',
    covered: 'test/lifecycle.test.ts',
  },
};
