/** Containers of an ordinary user of the host: no privileges, with and without subordinate ids. */
import { describe } from 'vitest';
import { test as base, expect } from './support/box.ts';
import { gid, Ordinary, unavailable, withSubordinateIds } from './support/ordinary.ts';

const test = base.extend<{ user: Ordinary }>({
  user: async ({ box }, use) => use(new Ordinary(box)),
});

const lines = (text: string): string[] => text.trimEnd().split('\n');

describe.skipIf(unavailable)(`an ordinary user (${unavailable ?? 'made for the test'})`, () => {
  describe('supplementary groups', () => {
    const groups = 'grep Groups /proc/self/status; cat /proc/self/setgroups';
    const withGroups = { groups: [gid, 40_001], subordinate: true };

    test('of the caller stay, where the kernel lets nobody drop them', async ({ user }) => {
      const { stdout } = await user.probe(groups, undefined, withGroups);
      expect(lines(stdout)).toEqual([expect.stringMatching(/^Groups:\t65534 0/), 'deny']);
    });

    test('of the caller are dropped with newgidmap', async ({ user }) => {
      const { stdout } = await user.probe(groups, withSubordinateIds, withGroups);
      expect(lines(stdout)).toEqual([expect.stringMatching(/^Groups:\s*$/), 'allow']);
    });
  });
});
