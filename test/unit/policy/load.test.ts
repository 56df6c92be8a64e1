import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ListUse } from '../../../src/match/condition.ts';
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
  expect(await loadPolicy(file)).toEqual({ problems: [{ file, line: 0, column: 0, message }], files: [file], lists: [], warnings: [] });
});

test('a folder is a problem of the whole file', async () => {
  expect(await loadPolicy(folder)).toMatchObject({ problems: [{ line: 0, message: 'this is a folder; name the policy file in it' }] });
});

describe('a policy of several files', () => {
  test('is read with all that it includes and lists, relative to the file that names them', async () => {
    const file = await fileOf(
      'main.yaml',
      `${HEAD}lists: { ads: { file: lists/ads.txt, format: domains, subdomains: true } }\nrules:\n  - include: shared/one.yaml\n`,
    );
    const [included, ads, nets] = [
      await fileOf(
        'shared/one.yaml',
        'version: 1\nlists: { nets: { file: nets.txt, format: cidr } }\nrules:\n  - deny: { in: [ads, nets] }\n',
      ),
      await fileOf('lists/ads.txt', 'ads.example\n'),
      await fileOf('shared/nets.txt', '192.0.2.0/24\n2001:db8::/32\n'),
    ];
    const loaded = await loadPolicy(file, { listCacheFolder: null });
    if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
    expect(loaded.files).toEqual([file, included, ads, nets]);
    expect(loaded.compiled.policy.files).toEqual([file, ads, included, nets]);
    expect(loaded.lists.map(({ name, entries }) => [name, entries])).toEqual([
      ['ads', 1],
      ['nets', 2],
    ]);
    const [adsUse, netsUse] = (loaded.compiled.policy.rules[0]!.condition as { readonly of: readonly ListUse[] }).of;
    expect(adsUse?.list.kind === 'domains' && adsUse.list.matchesHost('www.ads.example')).toBe(true);
    const addresses = netsUse?.list.kind === 'addresses' ? netsUse.list : null;
    expect(
      ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::1', '198.51.100.1', 'none'].map((address) => addresses?.matchesAddress(address)),
    ).toEqual([...[true, true, true, false, false]]);
    expect(addresses?.describeMatch('192.0.2.7')).toContain('192.0.2.0/24');
  });

  test('tells the problems of all of them at once, and which files to watch', async () => {
    const file = await fileOf(
      'several.yaml',
      `${HEAD}lists: { gone: { file: gone.txt, format: domains } }\nrules:\n  - include: gone.yaml\n  - include: bad.yaml\n  - deny: { in: gone, prot: 80 }\n`,
    );
    const bad = await fileOf('bad.yaml', 'version: 2\n');
    const loaded = await loadPolicy(file);
    if (!('problems' in loaded)) throw new Error('there are problems');
    expect(loaded.problems.map(({ file: where, line, message }) => [path.basename(where), line, message])).toEqual([
      ['several.yaml', 3, expect.stringContaining('list gone: ')],
      ['several.yaml', 5, 'include: gone.yaml: there is no such policy file; check the path'],
      ['several.yaml', 7, "unknown key 'prot' in deny; did you mean 'port'?"],
      ['bad.yaml', 1, "version: expected 1, the only version of the language there is; found '2'"],
    ]);
    expect(loaded.files).toEqual([file, path.join(folder, 'gone.yaml'), bad, path.join(folder, 'gone.txt')]);
  });
});

const HEAD = 'version: 1\ndefault: deny\n';

async function fileOf(name: string, content: string | Buffer): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}
