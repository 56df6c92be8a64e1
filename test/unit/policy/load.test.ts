import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPolicy } from '../../../src/policy/load.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sallyport-policy-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('reads and compiles a file', async () => {
  const file = await fileOf('good.yaml', 'version: 1\ndefault: deny\n');
  expect(await loadPolicy(file)).toMatchObject({ compiled: { policy: { file, defaultAction: 'deny' } } });
});

test('names the file in its problems as it was named', async () => {
  const file = await fileOf('bad.yaml', 'version: 1\n');
  expect(await loadPolicy(file)).toMatchObject({ problems: [{ file, line: 1, column: 1 }] });
});

test.each<[string, string | Buffer | null, string]>([
  ['a file that does not exist', null, 'there is no such policy file; check the path'],
  ['text that is not UTF-8', Buffer.from([0x61, 0xff]), 'the policy file is not UTF-8 text; save it in that encoding'],
  ['more than 16 MiB', Buffer.alloc(16 * 1024 * 1024 + 1, '#'), 'the policy file is larger than 16 MiB; put long lists elsewhere'],
])('%s is a problem of the whole file', async (name, content, message) => {
  const file = content === null ? path.join(folder, name) : await fileOf(name, content);
  expect(await loadPolicy(file)).toEqual({ problems: [{ file, line: 0, column: 0, message }] });
});

test('a folder is a problem of the whole file', async () => {
  expect(await loadPolicy(folder)).toMatchObject({ problems: [{ line: 0, message: 'this is a folder; name the policy file in it' }] });
});

async function fileOf(name: string, content: string | Buffer): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}
