import { expect, test } from 'vitest';
import { applyWrites, type Target } from './apply.ts';
import { memory } from './controllers/memory.ts';

const kernelMemory = memory({ memory: { kernel: 4096 } }, 'v1');

/** A kernel that answers every write with this error. */
const refusing = (code: string) => (): never => {
  throw Object.assign(new Error(code), { code, syscall: 'write' });
};

const target = (warn: Target['warn']): Target => ({ locate: () => ({ directory: '/nosuch' }), warn });

test.each(['EOPNOTSUPP', 'ENOTSUP'])('a limit that the kernel has no more (%s) is a warning', (code) => {
  const warnings: string[] = [];
  applyWrites(
    kernelMemory,
    target((sentence) => warnings.push(sentence)),
    refusing(code),
  );
  expect(warnings).toEqual([
    'memory.kmem.limit_in_bytes of "4096" has no effect: this kernel has no such limit any more (/linux/resources/memory/kernel)',
  ]);
});

test('any other refusal of it is an error', () => {
  const apply = (): void =>
    applyWrites(
      kernelMemory,
      target(() => {}),
      refusing('EBUSY'),
    );
  expect(apply).toThrow('Cannot write "4096" to /nosuch/memory.kmem.limit_in_bytes: EBUSY');
});
