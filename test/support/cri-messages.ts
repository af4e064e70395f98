/**
 * The part of Kubernetes' container runtime interface that the tests speak: field numbers of runtime.v1
 * (https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto).
 */
import type { Message, Messages } from './protobuf.ts';

export const criMessages = {
  VersionRequest: {},
  VersionResponse: { runtime_name: [2, 'string'], runtime_version: [3, 'string'], runtime_api_version: [4, 'string'] },
  StatusRequest: {},
  StatusResponse: { status: [1, 'RuntimeStatus'] },
  RuntimeStatus: { conditions: [1, ['RuntimeCondition']] },
  RuntimeCondition: { type: [1, 'string'], status: [2, 'bool'], reason: [3, 'string'], message: [4, 'string'] },

  RunPodSandboxRequest: { config: [1, 'PodSandboxConfig'], runtime_handler: [2, 'string'] },
  RunPodSandboxResponse: { pod_sandbox_id: [1, 'string'] },
  StopPodSandboxRequest: { pod_sandbox_id: [1, 'string'] },
  StopPodSandboxResponse: {},
  RemovePodSandboxRequest: { pod_sandbox_id: [1, 'string'] },
  RemovePodSandboxResponse: {},
  PodSandboxStatusRequest: { pod_sandbox_id: [1, 'string'] },
  PodSandboxStatusResponse: { status: [1, 'PodSandboxStatus'] },
  PodSandboxStatus: {
    id: [1, 'string'],
    state: [3, 'int'],
    network: [5, 'PodSandboxNetworkStatus'],
    runtime_handler: [9, 'string'],
  },
  PodSandboxNetworkStatus: { ip: [1, 'string'] },
  ListPodSandboxRequest: {},
  ListPodSandboxResponse: { items: [1, ['PodSandbox']] },
  PodSandbox: { id: [1, 'string'], state: [3, 'int'] },

  PodSandboxConfig: {
    metadata: [1, 'PodSandboxMetadata'],
    hostname: [2, 'string'],
    log_directory: [3, 'string'],
    dns_config: [4, 'DNSConfig'],
    port_mappings: [5, ['PortMapping']],
    annotations: [7, 'map'],
    linux: [8, 'LinuxPodSandboxConfig'],
  },
  PodSandboxMetadata: { name: [1, 'string'], uid: [2, 'string'], namespace: [3, 'string'], attempt: [4, 'int'] },
  DNSConfig: { servers: [1, ['string']], searches: [2, ['string']], options: [3, ['string']] },
  PortMapping: { protocol: [1, 'int'], container_port: [2, 'int'], host_port: [3, 'int'], host_ip: [4, 'string'] },
  LinuxPodSandboxConfig: {
    cgroup_parent: [1, 'string'],
    security_context: [2, 'LinuxSandboxSecurityContext'],
    sysctls: [3, 'map'],
  },
  LinuxSandboxSecurityContext: {
    namespace_options: [1, 'NamespaceOption'],
    readonly_rootfs: [4, 'bool'],
    privileged: [6, 'bool'],
    seccomp: [9, 'SecurityProfile'],
  },
  NamespaceOption: {
    network: [1, 'int'],
    pid: [2, 'int'],
    ipc: [3, 'int'],
    target_id: [4, 'string'],
    userns_options: [5, 'UserNamespace'],
  },
  UserNamespace: { mode: [1, 'int'], uids: [2, ['IDMapping']], gids: [3, ['IDMapping']] },
  IDMapping: { host_id: [1, 'int'], container_id: [2, 'int'], length: [3, 'int'] },
  SecurityProfile: { profile_type: [1, 'int'], localhost_ref: [2, 'string'] },

  CreateContainerRequest: {
    pod_sandbox_id: [1, 'string'],
    config: [2, 'ContainerConfig'],
    sandbox_config: [3, 'PodSandboxConfig'],
  },
  CreateContainerResponse: { container_id: [1, 'string'] },
  StartContainerRequest: { container_id: [1, 'string'] },
  StartContainerResponse: {},
  StopContainerRequest: { container_id: [1, 'string'], timeout: [2, 'int'] },
  StopContainerResponse: {},
  RemoveContainerRequest: { container_id: [1, 'string'] },
  RemoveContainerResponse: {},
  ListContainersRequest: {},
  ListContainersResponse: { containers: [1, ['Container']] },
  Container: { id: [1, 'string'], state: [6, 'int'] },
  ContainerStatusRequest: { container_id: [1, 'string'] },
  ContainerStatusResponse: { status: [1, 'ContainerStatus'] },
  ContainerStatus: {
    id: [1, 'string'],
    state: [3, 'int'],
    exit_code: [7, 'int'],
    reason: [10, 'string'],
    message: [11, 'string'],
  },
  UpdateContainerResourcesRequest: { container_id: [1, 'string'], linux: [2, 'LinuxContainerResources'] },
  UpdateContainerResourcesResponse: {},
  ReopenContainerLogRequest: { container_id: [1, 'string'] },
  ReopenContainerLogResponse: {},
  ExecSyncRequest: { container_id: [1, 'string'], cmd: [2, ['string']], timeout: [3, 'int'] },
  ExecSyncResponse: { stdout: [1, 'bytes'], stderr: [2, 'bytes'], exit_code: [3, 'int'] },
  ExecRequest: {
    container_id: [1, 'string'],
    cmd: [2, ['string']],
    tty: [3, 'bool'],
    stdin: [4, 'bool'],
    stdout: [5, 'bool'],
    stderr: [6, 'bool'],
  },
  ExecResponse: { url: [1, 'string'] },
  AttachRequest: {
    container_id: [1, 'string'],
    stdin: [2, 'bool'],
    tty: [3, 'bool'],
    stdout: [4, 'bool'],
    stderr: [5, 'bool'],
  },
  AttachResponse: { url: [1, 'string'] },
  ContainerStatsRequest: { container_id: [1, 'string'] },
  ContainerStatsResponse: { stats: [1, 'ContainerStats'] },
  ContainerStats: { cpu: [2, 'CpuUsage'], memory: [3, 'MemoryUsage'] },
  CpuUsage: { usage_core_nano_seconds: [2, 'UInt64Value'] },
  MemoryUsage: { working_set_bytes: [2, 'UInt64Value'] },
  UInt64Value: { value: [1, 'int'] },

  ContainerConfig: {
    metadata: [1, 'ContainerMetadata'],
    image: [2, 'ImageSpec'],
    command: [3, ['string']],
    args: [4, ['string']],
    working_dir: [5, 'string'],
    envs: [6, ['KeyValue']],
    mounts: [7, ['Mount']],
    devices: [8, ['Device']],
    log_path: [11, 'string'],
    stdin: [12, 'bool'],
    stdin_once: [13, 'bool'],
    tty: [14, 'bool'],
    linux: [15, 'LinuxContainerConfig'],
  },
  ContainerMetadata: { name: [1, 'string'], attempt: [2, 'int'] },
  ImageSpec: { image: [1, 'string'] },
  KeyValue: { key: [1, 'string'], value: [2, 'string'] },
  Mount: {
    container_path: [1, 'string'],
    host_path: [2, 'string'],
    readonly: [3, 'bool'],
    propagation: [5, 'int'],
    uidMappings: [6, ['IDMapping']],
    gidMappings: [7, ['IDMapping']],
    recursive_read_only: [8, 'bool'],
  },
  Device: { container_path: [1, 'string'], host_path: [2, 'string'], permissions: [3, 'string'] },
  LinuxContainerConfig: {
    resources: [1, 'LinuxContainerResources'],
    security_context: [2, 'LinuxContainerSecurityContext'],
  },
  LinuxContainerResources: {
    cpu_period: [1, 'int'],
    cpu_quota: [2, 'int'],
    cpu_shares: [3, 'int'],
    memory_limit_in_bytes: [4, 'int'],
    oom_score_adj: [5, 'int'],
    cpuset_cpus: [6, 'string'],
    cpuset_mems: [7, 'string'],
  },
  LinuxContainerSecurityContext: {
    capabilities: [1, 'Capability'],
    privileged: [2, 'bool'],
    namespace_options: [3, 'NamespaceOption'],
    run_as_user: [5, 'Int64Value'],
    readonly_rootfs: [7, 'bool'],
    supplemental_groups: [8, ['int']],
    no_new_privs: [11, 'bool'],
    run_as_group: [12, 'Int64Value'],
    masked_paths: [13, ['string']],
    readonly_paths: [14, ['string']],
    seccomp: [15, 'SecurityProfile'],
  },
  Capability: { add_capabilities: [1, ['string']], drop_capabilities: [2, ['string']] },
  Int64Value: { value: [1, 'int'] },

  ImageStatusRequest: { image: [1, 'ImageSpec'] },
  ImageStatusResponse: { image: [1, 'Image'] },
  Image: { id: [1, 'string'] },
} as const satisfies Messages;

export type CriMessage<N extends keyof typeof criMessages> = Message<typeof criMessages, N>;

/** Values of the enumeration NamespaceMode. */
export const namespaceMode = { pod: 0, container: 1, node: 2, target: 3 } as const;

/** Values of SecurityProfile.ProfileType. */
export const profileType = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;

/** Values of ContainerState. */
export const containerState = { created: 0, running: 1, exited: 2 } as const;
