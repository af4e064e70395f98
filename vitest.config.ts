import { defineConfig } from 'vitest/config';

// Files that make containers; everything else needs no runtime executable.
const unit = [
  'src/**/*.test.ts',
  'conformance/**/*.test.ts',
  'scripts/**/*.test.ts',
  'test/{cli,golden,schemas}/**/*.test.ts',
];

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
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
    ],
  },
});
