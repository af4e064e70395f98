/** The configuration of a private containerd. What it says of the runtime is the table of docs/kubernetes.md, as it stands there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { documented } from './document.ts';
import { versionOf } from './engines.ts';
import { runtime } from './host.ts';
import type { CgroupManager } from './realm.ts';

export const pauseImage = 'docker.io/library/tsrunc-pause:latest';

/** Where distributions install the plugins that connect pods to networks. */
export const cniPlugins = ['/usr/lib/cni', '/usr/libexec/cni', '/opt/cni/bin'].find((path) =>
  existsSync(join(path, 'bridge')),
);

export interface ContainerdOptions {
  readonly cri?: boolean;
  readonly manager?: CgroupManager;
}

const disabled = ['snapshotter.v1.btrfs', 'snapshotter.v1.zfs', 'snapshotter.v1.devmapper', 'snapshotter.v1.aufs'];
const criPlugins = ['grpc.v1.cri', 'cri.v1.runtime', 'cri.v1.images'];

/** That of containerd 2 is another. */
const formatVersion = (): 2 | 3 => (/ v?1\.\d/.test(versionOf('containerd')) ? 2 : 3);

/** Where the formats differ: the plugin with the runtimes, the beginning of its table after the image of the pods, the network plugins. */
const formats = {
  2: {
    plugin: 'io.containerd.grpc.v1.cri',
    head: `[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"`,
    binaries: `bin_dir = "${cniPlugins}"`,
  },
  3: {
    plugin: 'io.containerd.cri.v1.runtime',
    head: `[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${pauseImage}"
[plugins."io.containerd.cri.v1.runtime"]`,
    binaries: `bin_dirs = ["${cniPlugins}"]`,
  },
} as const;

/** The table of the runtime for readers, with the one under test. */
const runtimeTable = (version: 2 | 3, manager: CgroupManager): string =>
  documented('docs/kubernetes.md', `\`version = ${version}\``)
    .replace('/usr/local/bin/tsrunc', runtime)
    .replace('SystemdCgroup = false', `SystemdCgroup = ${manager === 'systemd'}`);

// Without CAP_SYS_RESOURCE nobody lowers an oom_score_adj, which is what the interface asks for pods: hence the restriction.
const criConfig = (path: string, version: 2 | 3, manager: CgroupManager): string => {
  const { plugin, head, binaries } = formats[version];
  return `${head}
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
[plugins."${plugin}".containerd]
  default_runtime_name = "tsrunc"
[plugins."${plugin}".cni]
  ${binaries}
  conf_dir = "${path}/cni"
${runtimeTable(version, manager)}
`;
};

/** @param path the private directory */
export const containerdConfig = (path: string, { cri = false, manager = 'cgroupfs' }: ContainerdOptions): string => {
  const version = formatVersion();
  const without = [...disabled, 'internal.v1.opt', ...(cri ? [] : criPlugins)].map((name) => `io.containerd.${name}`);
  return `version = ${version}
root = "${path}/root"
state = "/run/containerd"
disabled_plugins = ${JSON.stringify(without)}
[grpc]
  address = "/run/containerd/containerd.sock"
${cri ? criConfig(path, version, manager) : ''}`;
};
