// The programs that soak the proxy (test/soak), in the short form that belongs into every run of the tests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/**
 * @param program below test/soak
 * @param longestMs after which it is ended
 * @returns its standard output and its exit code; standard error is shown
 */
export async function runSoak(
  program: string,
  words: readonly string[],
  longestMs: number,
): Promise<{ readonly said: string; readonly code: unknown }> {
  const file = path.join(import.meta.dirname, '../soak', program);
  const child = spawn(process.execPath, [file, ...words], { stdio: ['ignore', 'pipe', 'inherit'], timeout: longestMs });
  let said = '';
  child.stdout.on('data', (bytes) => {
    said += bytes;
  });
  const [code] = await once(child, 'close');
  return { said, code };
}
