import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { CompiledList } from '../../../../src/policy/lists/compile-list.ts';
import { restoreCompiled, storeCompiled } from '../../../../src/policy/lists/compiled-file.ts';
import type { ListSource } from '../../../../src/policy/lists/list.ts';
import { temporaryFolder } from '../../../support/temp-files.ts';

const CONTENT = 'example.com\n';
const COMPILED: CompiledList = {
  counts: { entries: 3, skipped: 1, ignored: 2, firstSkipped: [{ line: 7, text: 'a "b" ?' }] },
  sections: [Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(300_000).fill(9)],
};

test('gives back what was kept, sections on whole words, in a file for this user alone', async () => {
  const { folder, source, file } = kept();
  const restored = await restoreCompiled(folder, source);
  expect(restored?.counts).toEqual(COMPILED.counts);
  expect(restored?.sections.map((section) => [...section])).toEqual(COMPILED.sections.map((section) => [...section]));
  expect(restored?.sections.map(({ byteOffset }) => byteOffset % 4)).toEqual([0, 0, 0]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readdirSync(folder)).toEqual([path.basename(file)]);
});

test('a list with other content, another format or other options is another list', async () => {
  const { folder, source } = kept();
  expect(await restoreCompiled(folder, { ...source, subdomains: true })).toBe(null);
  expect(await restoreCompiled(folder, { ...source, format: 'hosts' })).toBe(null);
  writeFileSync(source.file, CONTENT.replace('com', 'net'));
  expect(await restoreCompiled(folder, source)).toBe(null);
  writeFileSync(source.file, CONTENT);
  expect(await restoreCompiled(folder, source)).not.toBe(null);
});

test.each<[string, (file: string) => void]>([
  ['a changed octet in front', (file) => flip(file, 4)],
  ['a changed octet in the preface', (file) => flip(file, 40)],
  ['a changed octet at the end', (file) => flip(file, statSync(file).size - 1)],
  ['a missing end', (file) => truncateSync(file, statSync(file).size - 8)],
  ['no content', (file) => truncateSync(file, 0)],
  ['other content', (file) => writeFileSync(file, 'not a compiled list, but longer than the head of one')],
  ['permission for others to write', (file) => chmodSync(file, 0o666)],
])('with %s it counts as absent', async (_, damage) => {
  const { folder, source, file } = kept();
  damage(file);
  expect(await restoreCompiled(folder, source)).toBe(null);
  store(folder, source);
  expect(await restoreCompiled(folder, source)).not.toBe(null);
});

test('of another list, under the name of this one, it counts as absent', async () => {
  const { folder, source, file } = kept();
  store(folder, { ...source, format: 'hosts' });
  const other = readdirSync(folder).find((name) => name !== path.basename(file))!;
  writeFileSync(file, readFileSync(path.join(folder, other)));
  expect(await restoreCompiled(folder, source)).toBe(null);
});

test('without the file of the list there is nothing to compare with', async () => {
  const { folder, source } = kept();
  expect(await restoreCompiled(folder, { ...source, file: `${source.file}-gone` })).toBe(null);
});

function kept(): { folder: string; source: ListSource; file: string } {
  const root = temporaryFolder(onTestFinished);
  const source: ListSource = { file: path.join(root, 'list.txt'), format: 'domains', subdomains: false };
  writeFileSync(source.file, CONTENT);
  const folder = path.join(root, 'deep', 'compiled');
  store(folder, source);
  return { folder, source, file: path.join(folder, readdirSync(folder)[0]!) };
}

function store(folder: string, source: ListSource): void {
  storeCompiled(folder, source, createHash('sha256').update(CONTENT).digest('hex'), COMPILED);
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 1;
  writeFileSync(file, bytes);
}
