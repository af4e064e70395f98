/** Block devices of a test's own: loop devices over a file in its box. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Box } from './box.ts';
import { output } from './process.ts';

export const hasLoopDevices = existsSync('/dev/loop-control');

type Use = (device: string) => Promise<void>;

/** `use` gets one of 2 MiB, "/dev/loop0", which is detached afterwards. */
export const withLoopDevice = async (box: Box, use: Use): Promise<void> => {
  const image = join(box.path, 'image');
  await output('truncate', ['-s', '2M', image]);
  const device = (await output('losetup', ['--find', '--show', image])).trim();
  await use(device).finally(() => output('losetup', ['--detach', device]));
};

/** The same with a new ext4 on it. */
export const withExt4 = (box: Box, use: Use): Promise<void> =>
  withLoopDevice(box, async (device) => {
    await output('mkfs.ext4', ['-q', device]);
    await use(device);
  });

/** The same with the scheduler BFQ. `skip` is called where the kernel has none. */
export const withBfqDevice = (box: Box, skip: (reason: string) => void, use: Use): Promise<void> =>
  withLoopDevice(box, async (device) => {
    const scheduler = `/sys/block/${basename(device)}/queue/scheduler`;
    const usual = /\[(.*)\]/.exec(readFileSync(scheduler, 'utf8'))?.[1] ?? '';
    try {
      writeFileSync(scheduler, 'bfq');
    } catch {
      return skip('this kernel has no BFQ');
    }
    await use(device).finally(() => writeFileSync(scheduler, usual));
  });
