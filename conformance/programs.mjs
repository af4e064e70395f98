/**
 * What can be said about each program of the suite beside its result: which of its results do not count, or why it is not
 * run at all. A program that is not named here counts as it is. `covered` names our own test of the same point.
 */

/**
 * @typedef {object} Program
 * @property {string} [unfair] why its results say nothing: it is not run
 * @property {readonly RegExp[]} [exempt] results that do not count: matched with "NUMBER DESCRIPTION"
 * @property {string} [why] of the exempt ones
 * @property {number} [tries] for programs that race with the container: one good run of so many is enough
 * @property {string} [covered] our test of what it means to check
 * @property {boolean} [silent] it prints no results when all is well, only a diagnostic with an error
 */

const capability = 'needs CAP_SYS_RESOURCE, which this host may not give';
const controllers = 'needs a cgroup v1 controller that this host lacks';

/** @type {Readonly<Record<string, Program>>} */
export const programs = {
  delete: {
    exempt: [/^[23] /],
    why: 'engines delete created containers, and so does runc; runtime.md asks for an error',
    covered: 'test/lifecycle.test.ts',
  },
  hooks: { unfair: 'compares the output of hooks with a text that no runtime can give', covered: 'test/hooks.test.ts' },
  killsig: { tries: 3, why: 'the signal may come before the shell has set its trap' },
  linux_cgroups_blkio: { unfair: controllers },
  linux_cgroups_relative_blkio: { unfair: controllers },
  linux_cgroups_hugetlb: { unfair: controllers },
  linux_cgroups_relative_hugetlb: { unfair: controllers },
  linux_cgroups_network: { unfair: controllers },
  linux_cgroups_relative_network: { unfair: controllers },
  linux_cgroups_memory: {
    exempt: [/memory kernel is set correctly/],
    why: 'Linux 6 takes memory.kmem.limit_in_bytes and ignores it',
  },
  linux_cgroups_relative_memory: {
    exempt: [/memory kernel is set correctly/],
    why: 'Linux 6 takes memory.kmem.limit_in_bytes and ignores it',
  },
  linux_mount_label: { unfair: 'needs SELinux' },
  linux_process_apparmor_profile: { unfair: 'needs AppArmor' },
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
  process_capabilities: { unfair: capability, covered: 'test/process.test.ts' },
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
