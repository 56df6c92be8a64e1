import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import LongestFirst from '../test/support/longest-first.ts';

// Three projects, by what a test touches: unit (nothing), behaviour (loopback), e2e (other programs).
// `npm run check` runs unit alone; `npm test` runs all three.
const root = new URL('..', import.meta.url).pathname;

// What is awaited comes when the machine gets to it. A second, as it is without this, is what a busy one may take for one step.
const PATIENT = { expect: { poll: { timeout: 20_000 } } };
// What computes takes every core there is.
const COMPUTING = { ...PATIENT, maxWorkers: availableParallelism(), sequence: { groupOrder: 0 } };
// What talks to somebody waits for half of its time. The two projects share these workers, after the others.
const TALKING = { ...PATIENT, maxWorkers: availableParallelism() + 1, sequence: { groupOrder: 1 } };

export default defineConfig({
  root,
  test: {
    reporters: ['default', './test/support/totals-reporter.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        root,
        test: {
          name: 'unit',
          include: ['test/layering.test.ts', 'test/unit/**/*.test.ts', 'test/property/**/*.test.ts'],
          setupFiles: ['./test/support/property-seed.ts'],
          testTimeout: 60_000,
          // To load the modules anew for each file would take longer than the tests do. So what a test has put in the place of a function goes with it.
          isolate: false,
          restoreMocks: true,
          ...COMPUTING,
        },
      },
      {
        root,
        test: {
          name: 'behaviour',
          include: ['test/behaviour/**/*.test.ts', 'test/conformance/**/*.test.ts'],
          // Whatever is awaited has its own patience, and says what did not come; this ends what has none.
          testTimeout: 90_000,
          hookTimeout: 90_000,
          ...TALKING,
        },
      },
      {
        root,
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 300_000, ...TALKING },
      },
    ],
  },
});
