/**
 * What becomes of every field of the configuration. The runtime-spec lets no runtime drop a field silently (runtime.md
 * "Create": what cannot be applied MUST be an error), so each leaf of the schema is in exactly one of three lists, and a test
 * fails on a leaf that is in none. A * stands for any item or name; {a,b} for each of a and b.
 */

/** Applied by the planner, the cgroup driver or the lifecycle. Only leaves: a new field must be added by hand. */
export const planned: readonly string[] = [
  '/{ociVersion,hostname,domainname,annotations/*}',
  '/process/{terminal,consoleSize/height,consoleSize/width,cwd,env/*,args/*,noNewPrivileges,oomScoreAdj}',
  '/process/user/{uid,gid,umask,additionalGids/*}',
  '/process/capabilities/{bounding,effective,inheritable,permitted,ambient}/*',
  '/process/rlimits/*/{type,soft,hard}',
  '/process/scheduler/{policy,nice,priority,flags/*,runtime,deadline,period}',
  '/process/ioPriority/{class,priority}',
  '/process/execCPUAffinity/{initial,final}',
  '/root/{path,readonly}',
  '/mounts/*/{destination,type,source,options/*}',
  '/mounts/*/{uidMappings,gidMappings}/*/{containerID,hostID,size}',
  '/hooks/{prestart,createRuntime,createContainer,startContainer,poststart,poststop}/*/{path,args/*,env/*,timeout}',
  '/linux/namespaces/*/{type,path}',
  '/linux/{uidMappings,gidMappings}/*/{containerID,hostID,size}',
  '/linux/timeOffsets/{boottime,monotonic}/{secs,nanosecs}',
  '/linux/memoryPolicy/{mode,nodes,flags/*}',
  '/linux/netDevices/*/name',
  '/linux/intelRdt/{closID,schemata/*,l3CacheSchema,memBwSchema,enableMonitoring}',
  '/linux/devices/*/{type,path,major,minor,fileMode,uid,gid}',
  '/linux/{cgroupsPath,rootfsPropagation,sysctl/*,maskedPaths/*,readonlyPaths/*,personality/domain}',
  '/linux/resources/devices/*/{allow,type,major,minor,access}',
  '/linux/resources/memory/{limit,reservation,swap,kernel,kernelTCP,swappiness,disableOOMKiller,useHierarchy,checkBeforeUpdate}',
  '/linux/resources/cpu/{shares,quota,burst,period,realtimeRuntime,realtimePeriod,cpus,mems,idle}',
  '/linux/resources/pids/limit',
  '/linux/resources/blockIO/{weight,leafWeight}',
  '/linux/resources/blockIO/weightDevice/*/{major,minor,weight,leafWeight}',
  '/linux/resources/blockIO/throttle{ReadBps,WriteBps,ReadIOPS,WriteIOPS}Device/*/{major,minor,rate}',
  '/linux/resources/hugepageLimits/*/{pageSize,limit}',
  '/linux/resources/network/classID',
  '/linux/resources/network/priorities/*/{name,priority}',
  '/linux/resources/rdma/*/{hcaHandles,hcaObjects}',
  '/linux/resources/unified/*',
  '/linux/seccomp/{defaultAction,defaultErrnoRet,architectures/*,flags/*,listenerPath,listenerMetadata}',
  '/linux/seccomp/syscalls/*/{names/*,action,errnoRet}',
  '/linux/seccomp/syscalls/*/args/*/{index,value,valueTwo,op}',
];

export interface Rejection {
  /** The sentence of the error. */
  readonly reason: string;
  /**
   * What makes the field count as set. Clients send empty objects, zeros and empty strings for what they do not want, so by
   * default only other values do. `member`: any member at all, whatever its value.
   */
  readonly setBy: 'value' | 'member';
}

const notYet = (what: string): Rejection => ({ reason: `${what} not supported yet`, setBy: 'value' });

/** Refused when set. A whole branch may be given by its root. */
export const rejected: Readonly<Record<string, Rejection>> = {
  '/process/apparmorProfile': notYet('AppArmor profiles are'),
  '/process/selinuxLabel': notYet('SELinux labels are'),
  '/linux/mountLabel': notYet('SELinux labels are'),
  '/linux/personality/flags': { reason: 'The runtime-spec defines no flags of personality', setBy: 'value' },
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
