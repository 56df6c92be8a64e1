// A short soak in every run of the tests. `npm run soak` is the long one; its `--help` says what it judges.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, test } from 'vitest';

const SOAK = path.join(import.meta.dirname, '../soak/soak.ts');
const LONGEST_MS = 110_000;

test.skipIf(process.platform !== 'linux').each([
  ['busy clients, idle tunnels and origins that misbehave', 'tunnels,busy', '10'],
  ['HTTP/2 in opened tunnels, and frames as chance has it beside it, from both sides', 'opened,hostile', '6'],
])('nobody gets a wrong answer and nothing leaks, with %s', { timeout: LONGEST_MS + 10_000 }, async (_, phases, seconds) => {
  const words = ['--phase', phases, '--seconds', seconds, '--clients', '100', '--tunnels', '300'];
  const child = spawn(process.execPath, [SOAK, ...words], { stdio: ['ignore', 'pipe', 'inherit'], timeout: LONGEST_MS });
  let said = '';
  child.stdout.on('data', (bytes) => {
    said += bytes;
  });
  const [code] = await once(child, 'close');
  expect(said).toMatch(/\nPASS\n$/);
  expect(code).toBe(0);
});
