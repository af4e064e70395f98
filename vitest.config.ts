import { defineConfig } from 'vitest/config';

// Files that make containers; everything else needs no runtime executable.
const unit = [
  'src/**/*.test.ts',
  'conformance/**/*.test.ts',
  'scripts/**/*.test.ts',
  'test/{cli,golden,schemas}/**/*.test.ts',
];

/** Milliseconds; machines that take many times as long ($TSRUNC_PATIENCE, a factor) get many times as much. */
const limit = 30_000 * Number(process.env.TSRUNC_PATIENCE ?? 1);

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'unit', include: unit } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: unit,
          testTimeout: limit,
          hookTimeout: limit,
        },
      },
    ],
  },
});
