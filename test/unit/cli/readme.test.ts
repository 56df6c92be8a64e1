// What README.md says of exit codes, beside what the help says.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../../src/cli/exit-codes.ts';

test('README.md has the exit codes of the help, in its words', () => {
  const readme = readFileSync(path.join(import.meta.dirname, '../../../README.md'), 'utf8');
  const table = /^\| exit code \|.*\n.*\n((?:\|.*\n)+)/m.exec(readme)?.[1] ?? '';
  const rows = table
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(rows).toEqual(EXIT_CODES.map(([code, words]) => [String(code), words]));
});
