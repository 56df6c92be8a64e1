// A short soak of recording and the inspector in every run of the tests: a proxy as its users start it, traffic of every kind, SIGKILL in the middle of it,
// and less room at last. `npm run soak:inspector` is the long one; its `--help` says what it judges.
import { expect, test } from 'vitest';
import { runSoak } from '../support/soak-program.ts';

const LONGEST_MS = 300_000;

test.skipIf(process.platform !== 'linux')(
  'what clients saw is in the record once, also when the proxy was killed, and in no more room than it has',
  async () => {
    const words = ['--exchanges', '300', '--untimed'];
    const { said, code } = await runSoak('inspector/soak.ts', words, LONGEST_MS);
    expect(said).toMatch(/\nPASS\n$/);
    expect(code).toBe(0);
  },
  LONGEST_MS + 10_000,
);
