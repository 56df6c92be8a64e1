// Owns the installing of what the benchmark runs and does not bring along: from Debian, by its own apt-get, and by nobody but root.
import { spawnSync } from 'node:child_process';
import { BenchError } from './bench-error.ts';

/**
 * Installs packages, as whoever asks for that is.
 *
 * @param packages  none where nothing is missing
 * @throws BenchError with the line to type, where this process may not or cannot do it
 */
export function installPackages(packages: readonly string[]): void {
  if (packages.length === 0) {
    console.error('bench: everything that it needs is installed');
    return;
  }
  if (process.getuid?.() !== 0) throw new BenchError(`only root can install ${packages.join(', ')}. Type: sudo ${installLine(packages)}`);
  // A machine that has never asked does not know of any package.
  aptGet(['update'], packages);
  aptGet(['install', ...FLAGS, '--yes', ...packages], packages);
}

/** What a person types for that on Debian. */
export function installLine(packages: readonly string[]): string {
  return ['apt-get', 'install', ...FLAGS, ...packages].join(' ');
}

/** What it says goes to standard error: the report alone is on standard output. */
function aptGet(words: readonly string[], packages: readonly string[]): void {
  console.error(`bench: apt-get ${words.join(' ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, error } = spawnSync('apt-get', words, { stdio: ['ignore', 2, 2], env: environment });
  if (error !== undefined) throw new BenchError(`apt-get cannot be run (${error.message}). Install by other means: ${packages.join(', ')}`);
  if (status !== 0) throw new BenchError(`apt-get ${words[0]} failed. Then type: ${installLine(packages)}`);
}

const FLAGS = ['--no-install-recommends'];
