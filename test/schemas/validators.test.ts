import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { validateConfig } from '../../src/config/validate.ts';
import { validate as explain } from '../../src/generated/explain-config.ts';
import { validate } from '../../src/generated/validate-config.ts';
import { configurations } from './generated.ts';

vi.setConfig({ testTimeout: 60_000 });

test('the fast validator and the one that explains agree on every configuration', () => {
  let accepted = 0;
  fc.assert(
    fc.property(configurations, (document) => {
      expect(validate(document)).toBe(explain(document));
      if (validate(document)) accepted++;
    }),
    { numRuns: 1000 },
  );
  expect(accepted).toBeGreaterThan(20);
  expect(accepted).toBeLessThan(980);
});

test('whatever the configuration, its mistakes are sentences with a place', async () => {
  await fc.assert(
    fc.asyncProperty(configurations, async (document) => {
      const text = JSON.stringify(document, null, 2);
      for (const { message, place } of await validateConfig(text, 'config.json')) {
        expect(message).not.toMatch(/undefined|\[object|anything|NaN/);
        expect(place.line).toBeGreaterThan(0);
        expect(place.column).toBeGreaterThan(0);
      }
    }),
    { numRuns: 300 },
  );
});
