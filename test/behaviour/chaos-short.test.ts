// A little chaos in every run of the tests. `npm run chaos` is all of it; its `--help` says what it does and judges.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, test } from 'vitest';

const CHAOS = path.join(import.meta.dirname, '../soak/chaos.ts');
const LONGEST_MS = 170_000;

test.skipIf(process.platform !== 'linux')(
  'under load, workers are killed, policies reloaded and logs rotated, and nobody gets a wrong answer',
  { timeout: LONGEST_MS + 10_000 },
  async () => {
    const words = ['--quick', '--steps', 'workers,reload,rotate', '--clients', '12'];
    const child = spawn(process.execPath, [CHAOS, ...words], { stdio: ['ignore', 'pipe', 'inherit'], timeout: LONGEST_MS });
    let said = '';
    child.stdout.on('data', (bytes) => {
      said += bytes;
    });
    const [code] = await once(child, 'close');
    expect(said).toMatch(/\nPASS\n$/);
    expect(code).toBe(0);
  },
);
