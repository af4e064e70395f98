import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { bundlePaths, listenFds } from './bundle.ts';

test('an absolute bundle is reported as given, and used in its plain form', () => {
  expect(bundlePaths('/a//b/../c/')).toEqual({ bundle: '/a//b/../c/', bundlePath: '/a/c' });
});

test('a relative or missing bundle is made absolute', () => {
  expect(bundlePaths('x')).toEqual({ bundle: resolve('x'), bundlePath: resolve('x') });
  expect(bundlePaths(undefined)).toEqual({ bundle: process.cwd(), bundlePath: process.cwd() });
});

test('LISTEN_FDS counts only when LISTEN_PID is this process', () => {
  expect(listenFds({ LISTEN_FDS: '2', LISTEN_PID: '7' }, 7)).toBe(2);
  expect(listenFds({ LISTEN_FDS: '2', LISTEN_PID: '8' }, 7)).toBe(0);
  expect(listenFds({ LISTEN_FDS: '-2', LISTEN_PID: '7' }, 7)).toBe(0);
  expect(listenFds({ LISTEN_PID: '7' }, 7)).toBe(0);
});
