/**
 * What can be said about each program of the suite beside its result: which of its results do not count, or why it is not
 * run at all. A program that is not named here counts as it is. `spec` is what the runtime-spec says of the point, and `covered`
 * our own test of it.
 */

/**
 * @typedef {object} Program
 * @property {string} [unfair] why its results say nothing on any host: it is not run
 * @property {readonly string[]} [controllers] of cgroup v1, which alone it knows: where one is missing it is not run
 * @property {string} [module] the Linux security module without which it is not run
 * @property {number} [links] network interfaces of the host that it names: where there are fewer it is not run
 * @property {boolean} [raises] it raises limits: without CAP_SYS_RESOURCE it is not run
 * @property {readonly RegExp[]} [exempt] results that do not count: matched with "NUMBER DESCRIPTION"
 * @property {string} [why] of the exempt ones
 * @property {number} [tries] for programs that race with the container: one good run of so many is enough
 * @property {string} [spec] the sentence of runtime-spec 1.3 that it is about, after its place
 * @property {string} [covered] our test of what it means to check: "FILE > words of its title"
 * @property {boolean} [silent] it prints no results when all is well, only a diagnostic with an error
 */

/**
 * @typedef {object} Host
 * @property {readonly string[]} controllers of cgroup v1 that are mounted
 * @property {readonly string[]} modules Linux security modules
 * @property {number} links network interfaces
 * @property {boolean} raises whether CAP_SYS_RESOURCE is there
 */

/** @param {Program} program @param {Host} host @returns {string | undefined} why it is not run there */
export const unfairOn = (program, host) => {
  if (program.unfair !== undefined) return program.unfair;
  const missing = program.controllers?.filter((name) => !host.controllers.includes(name)) ?? [];
  if (missing.length > 0) return `needs the cgroup v1 controller ${missing.join(' and ')}, which this host lacks`;
  if (program.module !== undefined && !host.modules.includes(program.module)) return `needs ${program.module}`;
  if (program.links !== undefined && host.links < program.links) return `needs ${program.links} network interfaces`;
  return program.raises && !host.raises ? 'needs CAP_SYS_RESOURCE, which this host does not give' : undefined;
};

const blkio = 'sets weights for the disk 8:0, which few hosts have';

/** @type {Readonly<Record<string, Program>>} */
export const programs = {
  delete: {
    exempt: [/^[23] /],
    why: 'engines delete created containers, and so does runc',
    spec: 'runtime.md, Delete: Attempting to delete a container that is not stopped MUST have no effect on the container and MUST generate an error.',
    covered: 'test/lifecycle.test.ts > refuses a running container, takes a stopped one and one that was never started',
  },
  hooks: {
    unfair: 'compares the output of hooks with a text that no runtime can give',
    spec: 'config.md, POSIX-platform Hooks: Hooks MUST be called in the listed order.',
    covered: 'test/hooks.test.ts > run in the order of the spec',
  },
  killsig: { tries: 3, why: 'the signal may come before the shell has set its trap' },
  delete_only_create_resources: { controllers: ['pids'] },
  delete_resources: { controllers: ['pids'] },
  linux_cgroups_blkio: { unfair: blkio, covered: 'test/resources.test.ts > a disk with BFQ has a weight of its own' },
  linux_cgroups_relative_blkio: {
    unfair: blkio,
    covered: 'test/resources.test.ts > a disk with BFQ has a weight of its own',
  },
  linux_cgroups_cpus: { controllers: ['cpu', 'cpuset'] },
  linux_cgroups_relative_cpus: { controllers: ['cpu', 'cpuset'] },
  linux_cgroups_devices: { controllers: ['devices'] },
  linux_cgroups_relative_devices: { controllers: ['devices'] },
  linux_cgroups_hugetlb: { controllers: ['hugetlb'] },
  linux_cgroups_relative_hugetlb: { controllers: ['hugetlb'] },
  linux_cgroups_network: { controllers: ['net_cls', 'net_prio'], links: 2 },
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
    spec: 'config.md, Linux Process: apparmorProfile specifies the name of the AppArmor profile for the process.',
    covered: 'test/apparmor.test.ts > confines the program %s',
  },
  misc_props: {
    exempt: [/annotation/i],
    why: 'the program looks for the annotation where it did not put it',
    spec: 'config.md, Annotations: annotations contains arbitrary metadata for the container.',
    covered: 'test/lifecycle.test.ts > is the JSON that clients parse, without a line feed at its end',
  },
  pidfile: {
    unfair: 'reads the pid file while it is being written',
    covered: 'test/lifecycle.test.ts > prints nothing and writes the pid file, digits only',
  },
  poststart: { tries: 3, silent: true, why: 'the container’s program and its hook write to one file at the same time' },
  poststart_fail: {
    unfair: 'wants a failing poststart hook to be a warning; since 1.1 it is an error',
    spec: 'runtime.md, Lifecycle 9: If any poststart hook fails, the runtime MUST generate an error, stop the container, and continue the lifecycle at step 12.',
    covered: 'test/hooks.test.ts > a failing poststart hook destroys the container and fails start',
  },
  poststop: { silent: true },
  poststop_fail: { silent: true, tries: 3, why: 'its hook may end before its standard input is written' },
  prestart: {
    unfair: 'wants prestart hooks to run at start; since 1.0 they run at create',
    spec: 'runtime.md, Lifecycle 3 (before 6, the start command): The prestart hooks MUST be invoked by the runtime.',
    covered: 'test/hooks.test.ts > run in the order of the spec',
  },
  prestart_fail: { silent: true },
  process_capabilities: {
    raises: true,
    covered:
      'test/process.test.ts > each of the five sets is exactly the one of the config, for a user that is not root',
  },
  process_capabilities_fail: {
    unfair: 'wants an error for a capability that the kernel does not know; since 1.0.2 that is a warning',
    spec: 'config.md, Linux Process: Any value which cannot be mapped to a relevant kernel interface, or cannot be granted otherwise, MUST be logged as a warning by the runtime.',
    covered: 'src/config/rules.test.ts > misspelled capability',
  },
  process_rlimits: {
    exempt: [/RLIMIT_NOFILE/],
    why: 'the program is written in Go, which raises its own soft limit',
    covered: 'test/process.test.ts > rlimits are set, each with its two values',
  },
  process_rlimits_fail: { silent: true },
  start: {
    exempt: [/^7 /],
    why: 'the program’s condition is the wrong way round',
    spec: 'runtime.md, Start: Attempting to start a container that is not created MUST have no effect on the container and MUST generate an error.',
    covered: 'test/lifecycle.test.ts > refuses a running and a stopped container',
  },
};
