import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { logLines } from '../../../src/cli/log-lines.ts';

const MIB = 1024 * 1024;
const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function allLines(file: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of logLines(file, folder)) lines.push(line);
  return lines;
}

async function linesOf(text: string): Promise<readonly string[]> {
  writeFileSync(path.join(folder, 'access.json'), text);
  return allLines('access.json');
}

test.each<[string, readonly string[]]>([
  ['', []],
  ['a\nb\n', ['a', 'b']],
  ['a\n\nb', ['a', '', 'b']],
])('a file is read line by line (%#)', async (text, lines) => {
  expect(await linesOf(text)).toEqual(lines);
});

test('a line goes on in the next chunk, in the middle of a character too', async () => {
  const first = 'x'.repeat(MIB / 2);
  const second = `y${'é'.repeat(MIB / 4)}`;
  expect(await linesOf(`${first}\n${second}\nz`)).toEqual([first, second, 'z']);
});

test('a line that is longer than any of ours comes out empty, wherever it stands', async () => {
  const long = 'x'.repeat(3 * MIB);
  expect(await linesOf(`a\n${long}\nb\n${long}`)).toEqual(['a', '', 'b', '']);
});

test('a file that is not there is told as such', async () => {
  await expect(allLines('none.json')).rejects.toMatchObject({
    kind: 'unreadable',
    problems: ['none.json: the access log does not exist. Check the path.'],
  });
});
