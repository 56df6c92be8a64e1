// The note by which commands find a running proxy, where it cannot be kept. In a process of its own, which the test can end where the note does not.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const RUNNING = path.join(import.meta.dirname, '../../src/cli/running.ts');
const WRITE = `
const { RunningFile } = await import(process.argv[1]);
try {
  new RunningFile('/proc/nowhere', { processId: 1 });
} catch (error) {
  console.log(error.code);
}`;

test.skipIf(process.platform !== 'linux')('a state folder that the system does not make is an error, and not the end of the start', () => {
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', WRITE, RUNNING], {
    timeout: 10_000,
    encoding: 'utf8',
  });
  expect({ said: stdout.trim(), signal }).toEqual({ said: 'ENOENT', signal: null });
});
