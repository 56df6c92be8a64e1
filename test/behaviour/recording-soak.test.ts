// A short soak of recording and the inspector in every run of the tests: a proxy as its users start it, traffic of every kind, SIGKILL in the middle of it,
// and less room at last. `npm run soak:inspector` is the long one; its `--help` says what it judges.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, test } from 'vitest';

const SOAK = path.join(import.meta.dirname, '../soak/inspector/soak.ts');
const LONGEST_MS = 80_000;

test.skipIf(process.platform !== 'linux')(
  'what clients saw is in the record once, also when the proxy was killed, and in no more room than it has',
  async () => {
    const words = ['--exchanges', '300', '--untimed'];
    const child = spawn(process.execPath, [SOAK, ...words], { stdio: ['ignore', 'pipe', 'inherit'], timeout: LONGEST_MS });
    let said = '';
    child.stdout.on('data', (bytes) => {
      said += bytes;
    });
    const [code] = await once(child, 'close');
    expect(said).toMatch(/\nPASS\n$/);
    expect(code).toBe(0);
  },
  LONGEST_MS + 10_000,
);
