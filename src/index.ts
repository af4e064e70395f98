/**
 * The library: the same code as the command line, for programs that make containers themselves.
 *
 *   import { Container } from 'tsrunc';
 *   const container = await Container.create({ id: 'c1', bundle: '/bundles/hello' });
 *   await container.start();
 *   const { code } = await container.wait();
 *   await container.delete();
 */

export type { Change } from './cgroup/driver.ts';
export type { Stats } from './cgroup/stats/types.ts';
export type * from './config/spec.ts';
export { Container, type ContainerOptions } from './container.ts';
export { type ErrorCode, type ErrorDetails, type Place, TsruncError } from './errors.ts';
export type { ContainerEvent } from './lifecycle/events.ts';
export type { ContainerState, ContainerStatus } from './lifecycle/options.ts';
export type { Logger } from './log/logger.ts';
export type { ExitStatus } from './native/native.ts';
