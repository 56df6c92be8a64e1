import { defineConfig } from 'vitest/config';

// Three projects, by what a test touches: unit (nothing), behaviour (loopback), e2e (other programs).
// `npm run check` runs unit alone; `npm test` runs all three.
const root = new URL('..', import.meta.url).pathname;

export default defineConfig({
  root,
  test: {
    reporters: ['default', './test/support/totals-reporter.ts'],
    projects: [
      {
        root,
        test: {
          name: 'unit',
          include: ['test/layering.test.ts', 'test/unit/**/*.test.ts', 'test/property/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        root,
        test: {
          name: 'behaviour',
          include: ['test/behaviour/**/*.test.ts', 'test/conformance/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        root,
        // One file at a time: these start browsers and servers, and the machine may have two cores.
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 240_000, hookTimeout: 120_000, fileParallelism: false },
      },
    ],
  },
});
