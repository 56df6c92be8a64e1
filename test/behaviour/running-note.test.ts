// What a running proxy keeps in its state folder so that commands find it, where nothing can be kept. In a process of its own, which the test can end where
// it waits for ever.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

const RUNNING = path.join(import.meta.dirname, '../../src/cli/running.ts');
const SOCKET = path.join(import.meta.dirname, '../../src/admin/socket-files.ts');

test.skipIf(process.platform !== 'linux').each([
  ['the note', RUNNING, "new given.RunningFile('/proc/nowhere', { processId: 1 })"],
  ['the socket', SOCKET, "given.prepareSocketFiles('/proc/nowhere/running', 1)"],
])('%s in a state folder that the system does not make is an error, and not the end of the start', (_, file, make) => {
  const script = `const given = await import(process.argv[1]); try { ${make}; } catch (error) { console.log(error.code); }`;
  const words = ['--input-type=module', '--eval', script, file];
  const { stdout, signal } = spawnSync(process.execPath, words, { timeout: 60_000, encoding: 'utf8' });
  expect({ said: stdout.trim(), signal }).toEqual({ said: 'ENOENT', signal: null });
});
