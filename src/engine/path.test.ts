import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, test, vi } from 'vitest';

let own: typeof import('./path.ts');

beforeAll(async () => {
  vi.stubGlobal('engineNatives', { cwd: () => process.cwd() });
  own = await import('./path.ts');
});

const paths = fc
  .array(fc.constantFrom('a', 'b.c', '.', '..', '', 'long name', '...'), { maxLength: 6 })
  .map((names) => names.join('/'));
const some = fc.array(paths, { minLength: 1, maxLength: 3 });

test('is the one of Node.js', () => {
  fc.assert(
    fc.property(some, paths, (parts, one) => {
      expect(own.join(...parts)).toBe(path.posix.join(...parts));
      expect(own.resolve(...parts)).toBe(path.posix.resolve(...parts));
      expect(own.normalize(one)).toBe(path.posix.normalize(one));
      expect(own.dirname(one)).toBe(path.posix.dirname(one));
      expect(own.basename(one)).toBe(path.posix.basename(one));
      // Of slashes alone Node makes the slashes when there is a suffix to look for, else nothing.
      if (/[^/]/.test(one)) expect(own.basename(one, '.c')).toBe(path.posix.basename(one, '.c'));
      expect(own.isAbsolute(one)).toBe(path.posix.isAbsolute(one));
    }),
    { numRuns: 3000 },
  );
});
