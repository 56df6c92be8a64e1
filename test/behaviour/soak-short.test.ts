// A short soak in every run of the tests, and a little chaos. `npm run soak` and `npm run chaos` are the long ones; their `--help` says what they judge.
// One after the other: memory is judged, and what takes the processor from the proxy makes more wait in it.
import { expect, test } from 'vitest';
import { runSoak } from '../support/soak-program.ts';

const LONGEST_MS = 300_000;
const LONGEST_CHAOS_MS = 400_000;

test.skipIf(process.platform !== 'linux').each([
  ['busy clients, idle tunnels and origins that misbehave', 'tunnels,busy', '6'],
  ['HTTP/2 in opened tunnels, and frames as chance has it beside it, from both sides', 'opened,hostile', '4'],
])('nobody gets a wrong answer and nothing leaks, with %s', { timeout: LONGEST_MS + 10_000 }, async (_, phases, seconds) => {
  const words = ['--phase', phases, '--seconds', seconds, '--clients', '100', '--tunnels', '300'];
  const { said, code } = await runSoak('soak.ts', words, LONGEST_MS);
  expect(said).toMatch(/\nPASS\n$/);
  expect(code).toBe(0);
});

test.skipIf(process.platform !== 'linux')(
  'under load, workers are killed and logs rotated, and nobody gets a wrong answer',
  { timeout: LONGEST_CHAOS_MS + 10_000 },
  async () => {
    // Reloads under load are tested with workers (workers.test.ts) and without (reload-without-drop.test.ts).
    const words = ['--quick', '--steps', 'workers,rotate', '--clients', '12'];
    const { said, code } = await runSoak('chaos.ts', words, LONGEST_CHAOS_MS);
    expect(said).toMatch(/\nPASS\n$/);
    expect(code).toBe(0);
  },
);
