/**
 * What becomes of every field of the configuration. The runtime-spec lets no runtime drop a field silently (runtime.md
 * "Create": what cannot be applied MUST be an error), so each leaf of the schema is in exactly one of three lists, and a test
 * fails on a leaf that is in none. A * stands for any item or name; {a,b} for each of a and b.
 *
 * docs/spec-coverage.md shows it all, with the tests of each field (test/schemas/coverage.test.ts).
 */

/** Applied, and the source that reads the field. Only leaves: a new field must be added by hand. */
export const planned: Readonly<Record<string, string>> = {
  '/ociVersion': 'src/config/rules/document.ts',
  '/{hostname,domainname}': 'src/plan/hostname.ts',
  '/annotations/*': 'src/store/record.ts',
  '/process/{terminal,consoleSize/height,consoleSize/width}': 'src/plan/terminal.ts',
  '/process/{cwd,env/*,args/*,noNewPrivileges}': 'src/plan/process.ts',
  '/process/{apparmorProfile,selinuxLabel}': 'src/plan/labels.ts',
  '/process/oomScoreAdj': 'src/lifecycle/oom.ts',
  '/process/user/{uid,gid,umask,additionalGids/*}': 'src/plan/process.ts',
  '/process/capabilities/{bounding,effective,inheritable,permitted,ambient}/*': 'src/plan/capabilities.ts',
  '/process/rlimits/*/{type,soft,hard}': 'src/plan/rlimits.ts',
  '/process/scheduler/{policy,nice,priority,flags/*,runtime,deadline,period}': 'src/plan/scheduling.ts',
  '/process/ioPriority/{class,priority}': 'src/plan/scheduling.ts',
  '/process/execCPUAffinity/{initial,final}': 'src/plan/affinity.ts',
  '/root/{path,readonly}': 'src/plan/rootfs.ts',
  '/mounts/*/{destination,type,options/*}': 'src/plan/mounts/entry.ts',
  '/mounts/*/source': 'src/plan/mounts/bind.ts',
  '/mounts/*/{uidMappings,gidMappings}/*/{containerID,hostID,size}': 'src/plan/mounts/idmap.ts',
  '/hooks/{prestart,createRuntime,poststart,poststop}/*/{path,args/*,env/*,timeout}': 'src/lifecycle/hooks.ts',
  '/hooks/{createContainer,startContainer}/*/{path,args/*,env/*,timeout}': 'src/plan/hooks.ts',
  '/linux/namespaces/*/{type,path}': 'src/plan/namespaces.ts',
  '/linux/{uidMappings,gidMappings}/*/{containerID,hostID,size}': 'src/lifecycle/idmaps.ts',
  '/linux/timeOffsets/{boottime,monotonic}/{secs,nanosecs}': 'src/plan/namespaces.ts',
  '/linux/memoryPolicy/{mode,nodes,flags/*}': 'src/plan/memory-policy.ts',
  '/linux/netDevices/*/name': 'src/lifecycle/net-devices.ts',
  '/linux/intelRdt/{closID,enableMonitoring}': 'src/rdt/group.ts',
  '/linux/intelRdt/{schemata/*,l3CacheSchema,memBwSchema}': 'src/rdt/schemata.ts',
  '/linux/devices/*/{type,path,major,minor,fileMode,uid,gid}': 'src/plan/devices.ts',
  '/linux/cgroupsPath': 'src/cgroup/paths.ts',
  '/linux/rootfsPropagation': 'src/plan/rootfs.ts',
  '/linux/sysctl/*': 'src/plan/sysctl.ts',
  '/linux/{maskedPaths,readonlyPaths}/*': 'src/plan/masks.ts',
  '/linux/mountLabel': 'src/plan/mounts/filesystem.ts',
  '/linux/personality/domain': 'src/plan/scheduling.ts',
  '/linux/resources/devices/*/{allow,type,major,minor,access}': 'src/cgroup/controllers/devices.ts',
  '/linux/resources/memory/{limit,reservation,swap,kernel,kernelTCP,swappiness,disableOOMKiller,useHierarchy,checkBeforeUpdate}':
    'src/cgroup/controllers/memory.ts',
  '/linux/resources/cpu/{shares,quota,burst,period,realtimeRuntime,realtimePeriod,idle}':
    'src/cgroup/controllers/cpu.ts',
  '/linux/resources/cpu/{cpus,mems}': 'src/cgroup/controllers/cpuset.ts',
  '/linux/resources/pids/limit': 'src/cgroup/controllers/pids.ts',
  '/linux/resources/blockIO/{weight,weightDevice/*/major,weightDevice/*/minor,weightDevice/*/weight}':
    'src/cgroup/controllers/block-io.ts',
  '/linux/resources/blockIO/throttle{ReadBps,WriteBps,ReadIOPS,WriteIOPS}Device/*/{major,minor,rate}':
    'src/cgroup/controllers/block-io.ts',
  '/linux/resources/hugepageLimits/*/{pageSize,limit}': 'src/cgroup/controllers/hugetlb.ts',
  '/linux/resources/network/{classID,priorities/*/name,priorities/*/priority}': 'src/cgroup/controllers/network.ts',
  '/linux/resources/rdma/*/{hcaHandles,hcaObjects}': 'src/cgroup/controllers/rdma.ts',
  '/linux/resources/unified/*': 'src/cgroup/controllers/unified.ts',
  '/linux/seccomp/{defaultAction,defaultErrnoRet,architectures/*}': 'src/seccomp/profile.ts',
  '/linux/seccomp/flags/*': 'src/plan/seccomp.ts',
  '/linux/seccomp/{listenerPath,listenerMetadata}': 'src/lifecycle/filter.ts',
  '/linux/seccomp/syscalls/*/{names/*,action,errnoRet}': 'src/seccomp/profile.ts',
  '/linux/seccomp/syscalls/*/args/*/{index,value,valueTwo,op}': 'src/seccomp/profile.ts',
};

const noLeafWeights = 'Linux has had no leaf weights since 5.0, when the CFQ scheduler went';

/** Refused when set, with the sentence of the error. A whole branch may be given by its root. */
export const rejected: Readonly<Record<string, string>> = {
  '/linux/personality/flags': 'The runtime-spec defines no flags of personality',
  '/linux/resources/blockIO/leafWeight': noLeafWeights,
  '/linux/resources/blockIO/weightDevice/*/leafWeight': noLeafWeights,
};

/** Without effect, and why that is right. */
export const ignored: Readonly<Record<string, string>> = {
  '/process/commandLine': 'belongs to Windows',
  '/process/user/username': 'belongs to Windows',
  '/windows': 'belongs to Windows',
  '/solaris': 'belongs to Solaris',
  '/vm': 'belongs to runtimes that use virtual machines',
  '/zos': 'belongs to z/OS',
  '/freebsd': 'belongs to FreeBSD',
};

/** '/a/{b,c}' as '/a/b' and '/a/c'. */
export function expand(pattern: string): string[] {
  const match = /\{([^{}]*)\}/.exec(pattern);
  if (match === null) return [pattern];
  const [braces, names = ''] = match;
  return names.split(',').flatMap((name) => expand(pattern.replace(braces, name)));
}
