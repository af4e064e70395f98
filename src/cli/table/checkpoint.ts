/** What criu does. */
import type { CommandRow, OptionRow } from './rows.ts';
import { bundle, consoleSocket, container, containerId, noSubreaper, pidFile } from './shared.ts';

const criuOptions = [
  {
    long: 'image-path',
    type: 'text',
    value: 'DIR',
    about: 'directory of the checkpoint',
    fallbackAbout: 'checkpoint, in the current folder',
  },
  {
    long: 'work-path',
    type: 'text',
    value: 'DIR',
    about: "directory for criu's logs and other files of its work",
    fallbackAbout: 'that of --image-path',
  },
  { long: 'tcp-established', type: 'flag', about: 'with open TCP connections' },
  { long: 'ext-unix-sk', type: 'flag', about: 'with unix sockets that are connected to processes outside' },
  { long: 'shell-job', type: 'flag', about: 'with a terminal that belongs to a session outside' },
  { long: 'file-locks', type: 'flag', about: 'with file locks' },
  {
    long: 'manage-cgroups-mode',
    type: 'text',
    value: 'MODE',
    choices: ['soft', 'full', 'strict', 'ignore'],
    fallback: 'soft',
    about: 'what criu does with cgroups and their limits',
  },
  {
    long: 'empty-ns',
    type: 'list',
    value: 'NAMESPACE',
    about: 'make this namespace, but not what was in it (network, for which it is always so)',
  },
  { long: 'auto-dedup', type: 'flag', about: 'free pages in the images of the parent that newer ones replace' },
  { long: 'lazy-pages', type: 'flag', about: 'let the restored container fetch its memory while it runs' },
  {
    long: 'network-lock',
    type: 'text',
    value: 'METHOD',
    choices: ['iptables', 'nftables', 'skip'],
    about: 'how criu keeps TCP packets away meanwhile',
    fallbackAbout: "criu's own default",
  },
] as const satisfies readonly OptionRow[];

export const checkpointCommands = [
  {
    name: 'checkpoint',
    group: 'Life of a container',
    about: 'Write a running container to a directory',
    details:
      'Its processes, memory and open files, by criu, which must be installed. "tsrunc restore" makes it again from there. The container is deleted then, except with --leave-running or --pre-dump.',
    positionals: [container('running')],
    options: [
      ...criuOptions,
      { long: 'leave-running', type: 'flag', about: 'let the container go on' },
      { long: 'pre-dump', type: 'flag', about: 'write memory only, for a later dump that needs only the changes' },
      {
        long: 'parent-path',
        type: 'text',
        value: 'DIR',
        about: 'directory of the earlier pre-dump, relative to --image-path',
      },
      { long: 'link-remap', type: 'flag', about: 'with open files that have been deleted but have other names' },
      { long: 'tcp-skip-in-flight', type: 'flag', about: 'leave out TCP connections that are still being made' },
      {
        long: 'page-server',
        type: 'text',
        value: 'ADDRESS:PORT',
        about: 'send memory to the page server there; with --lazy-pages, be one there',
      },
      {
        long: 'status-fd',
        type: 'count',
        value: 'FD',
        about: 'write a zero byte to this descriptor when lazy pages can be fetched',
      },
    ],
    examples: [
      ['tsrunc checkpoint --image-path /srv/saved web', 'write it down and delete it'],
      ['tsrunc checkpoint --leave-running --image-path /srv/saved web', 'a copy of how it is now'],
    ],
  },
  {
    name: 'restore',
    group: 'Life of a container',
    about: 'Make a container of a checkpoint',
    details:
      'Its processes go on where they were. Mounts, cgroups, limits and hooks come from the bundle\'s config.json, so a changed one must still fit. In the foreground it ends as "tsrunc run" does, with the exit status of the container\'s program.',
    positionals: [containerId],
    options: [
      bundle,
      ...criuOptions,
      { long: 'detach', short: 'd', type: 'flag', about: 'return when the container runs' },
      consoleSocket,
      pidFile,
      noSubreaper,
      {
        long: 'no-pivot',
        type: 'flag',
        about: 'accepted for the sake of engines: criu changes the root in its own way',
      },
      { long: 'tcp-close', type: 'flag', about: 'close the TCP connections of the checkpoint' },
      {
        long: 'lsm-profile',
        type: 'text',
        value: 'TYPE:NAME',
        about: 'another LSM profile: apparmor:NAME or selinux:LABEL',
      },
      { long: 'lsm-mount-context', type: 'text', value: 'CONTEXT', about: 'another SELinux context for mounts' },
    ],
    examples: [
      ['tsrunc restore --image-path /srv/saved --bundle /srv/web web', 'go on, here in the foreground'],
      ['tsrunc restore --detach --image-path /srv/saved --bundle /srv/web web', 'leave it running'],
    ],
  },
] as const satisfies readonly CommandRow[];
