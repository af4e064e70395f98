/** Containers that are saved by checkpoint and come back by restore. */
import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type Box, type Bundle, eventually, expect, type Patch, patient } from './box.ts';
import { repository, runtime } from './host.ts';

/** Counts in /count, ten times a second. */
export const counter = 'i=0; while :; do i=$((i+1)); echo $i > /new; mv /new /count; sleep 0.1; done';

export interface Saved {
  readonly id: string;
  readonly bundle: Bundle;
  readonly images: string;
}

/** A container that runs a script. */
export const start = async (box: Box, script: string, patch?: Patch): Promise<Saved> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.process.args = ['sh', '-c', script];
    return patch?.(config);
  });
  await box.ok('run', '-d', '-b', bundle.path, id);
  return { id, bundle, images: join(box.path, `images-${id}`) };
};

/** The same with streams of the caller's choice. */
export const startWith = async (box: Box, script: string, stdio: StdioOptions, patch?: Patch): Promise<Saved> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.process.args = ['sh', '-c', script];
    return patch?.(config);
  });
  const child = spawn(runtime, ['--root', box.root, 'run', '-d', '-b', bundle.path, id], { stdio });
  expect(await ended(child)).toBe(0);
  return { id, bundle, images: join(box.path, `images-${id}`) };
};

export const ended = (child: ChildProcess): Promise<number | string | null> =>
  new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));

export const restoreWith = (box: Box, { id, bundle, images }: Saved, stdio: StdioOptions): ChildProcess =>
  spawn(runtime, ['--root', box.root, 'restore', '-b', bundle.path, '--image-path', images, id], { stdio });

export const counted = ({ bundle }: Saved): number => {
  const path = join(bundle.rootfs, 'count');
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
};

export const reaches = (saved: Saved, count: number): Promise<number> =>
  eventually(`it counts to ${count}`, () => (counted(saved) >= count ? counted(saved) : undefined));

export const save = (box: Box, { id, images }: Saved, ...flags: readonly string[]) =>
  box.ok('checkpoint', '--image-path', images, ...flags, id);

export const revive = (box: Box, { id, bundle, images }: Saved, ...flags: readonly string[]) =>
  box.ok('restore', '-d', '-b', bundle.path, '--image-path', images, ...flags, id);

/** The program of holder.c, on the host. */
export const holder = join(repository, 'build', `holder-${process.pid}`);

/** Compile it for the tests of this file. */
export function useHolder(): void {
  beforeAll(() => {
    execFileSync('musl-gcc', ['-static', '-O1', '-s', '-o', holder, join(import.meta.dirname, 'holder.c')]);
  }, patient(30_000));
  afterAll(() => rmSync(holder, { force: true }));
}

/** A container whose program is the holder; it holds what it should when this returns. */
export const holding = async (box: Box, words: readonly string[], patch?: Patch): Promise<Saved> => {
  const id = box.id();
  const bundle = await box.bundle((config) => {
    config.process.args = ['/bin/holder', ...words];
    return patch?.(config);
  });
  copyFileSync(holder, join(bundle.rootfs, 'bin/holder'));
  await box.ok('run', '-d', '-b', bundle.path, id);
  await eventually('it is up', () => existsSync(join(bundle.rootfs, 'up')) || undefined);
  return { id, bundle, images: join(box.path, `images-${id}`) };
};
