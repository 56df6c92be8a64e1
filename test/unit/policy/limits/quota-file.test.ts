import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { openQuotaFile, type QuotaFile } from '../../../../src/policy/limits/quota-file.ts';
import { temporaryFolder } from '../../../support/temp-files.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 23, 12);
const NAME = 'bytes-per-day.jsonl';
let epochMs: number;
let folder: string;
let reports: string[];

beforeEach(() => {
  epochMs = NOON;
  folder = path.join(temporaryFolder(onTestFinished), 'state');
  reports = [];
});

test('counts survive a restart', async () => {
  const before = await opened();
  before.dailyBytes.add('Artifacts', 'user alice', 12_345);
  await before.close();
  epochMs += HOUR;
  expect(used(await opened())).toBe(12_345);
  expect(reports).toEqual([]);
});

test('counts of a day that is over do not', async () => {
  const before = await opened();
  before.dailyBytes.add('Artifacts', 'user alice', 12_345);
  await before.close();
  epochMs += 12 * HOUR;
  expect(used(await opened())).toBe(0);
});

test('a clock that was set back over the restart gives no quota a second time', async () => {
  const before = await opened();
  before.dailyBytes.add('Artifacts', 'user alice', 12_345);
  await before.close();
  epochMs -= 48 * HOUR;
  expect(used(await opened())).toBe(12_345);
});

test('the file is for its owner alone, in a folder that is, and its temporary name is gone', async () => {
  const kept = await opened();
  kept.dailyBytes.add('Artifacts', 'user alice', 1);
  await kept.close();
  expect(readdirSync(folder)).toEqual([NAME]);
  expect(statSync(path.join(folder, NAME)).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test('what a crash left under the temporary name is not written through, wherever it leads', async () => {
  mkdirSync(folder);
  const elsewhere = path.join(folder, 'elsewhere');
  writeFileSync(elsewhere, 'mine');
  symlinkSync(elsewhere, path.join(folder, `${NAME}.new`));
  const kept = await opened();
  kept.dailyBytes.add('Artifacts', 'user alice', 1);
  await kept.close();
  expect(readFileSync(elsewhere, 'utf8')).toBe('mine');
  expect(used(await opened())).toBe(1);
});

test('two proxies that write it at once each write a whole one', async () => {
  const reports: string[] = [];
  const both = await Promise.all([1, 2].map(() => openQuotaFile(folder, (line) => reports.push(line))));
  for (const { dailyBytes } of both) for (let i = 0; i < 20_000; i += 1) dailyBytes.add('Artifacts', `user ${i}`, 1);
  await Promise.all(both.map((kept) => kept.close()));
  expect(reports).toEqual([]);
  expect(readdirSync(folder)).toEqual([NAME]);
  expect(readFileSync(path.join(folder, NAME), 'utf8').split('\n')).toHaveLength(20_002);
});

test('it is written while the proxy runs, and nothing is written when nothing has changed', async () => {
  const kept = await opened(20);
  kept.dailyBytes.add('Artifacts', 'user alice', 1);
  const file = path.join(folder, NAME);
  await expect.poll(() => existsSync(file)).toBe(true);
  kept.dailyBytes.add('Artifacts', 'user alice', 41);
  await expect.poll(() => readFileSync(file, 'utf8')).toContain('"bytes":42}');
  const { ino } = statSync(file);
  await kept.close();
  expect(statSync(file).ino).toBe(ino);
});

test.each([
  ['cut off', '{"version":1,"day":"2026-11-23"}\n{"rule":"Artifacts","who":"us', 'its last line is cut off'],
  ['no JSON', '{"version":1,"day":"2026-11-23"}\nhello\n', 'line 2 is not what was written there'],
  ['of another version', '{"version":2,"day":"2026-11-23"}\n', 'line 1 is'],
  ['empty', '', 'line 1 is'],
  ['of bad counts', '{"version":1,"day":"2026-11-23"}\n{"rule":"Artifacts","who":"user alice","bytes":-5}\n', 'line 2 is'],
])('a file that is %s is set aside, loudly, and counting begins at zero', async (_, text, why) => {
  mkdirSync(folder);
  writeFileSync(path.join(folder, NAME), text);
  const kept = await opened();
  expect(used(kept)).toBe(0);
  expect(reports).toEqual([expect.stringMatching(/^WARNING: .* cannot be read \(.*set aside as .*\.broken\. Counting begins at zero/)]);
  expect(reports[0]).toContain(why);
  expect(readFileSync(path.join(folder, `${NAME}.broken`), 'utf8')).toBe(text);
  kept.dailyBytes.add('Artifacts', 'user alice', 7);
  await kept.close();
  expect(used(await opened())).toBe(7);
});

test('a file that cannot be written is told of once, and counting goes on', async () => {
  const kept = await openedWithoutFolder();
  kept.dailyBytes.add('Artifacts', 'user alice', 1);
  await expect.poll(() => reports).toHaveLength(1);
  kept.dailyBytes.add('Artifacts', 'user alice', 1);
  await kept.close();
  expect(used(kept)).toBe(2);
  expect(reports).toEqual([expect.stringMatching(/cannot be written \((ENOTDIR|EEXIST)\)\. Counting goes on in memory/)]);
});

test('a file that cannot be written is written as soon as it can be, and that is told, too', async () => {
  const kept = await openedWithoutFolder();
  kept.dailyBytes.add('Artifacts', 'user alice', 5);
  await expect.poll(() => reports).toHaveLength(1);
  rmSync(folder);
  await expect.poll(() => reports.at(-1)).toMatch(/is written again$/);
  expect(used(await opened())).toBe(5);
});

test('counts come back that are a few more than there was room for, since those people were let in together', async () => {
  const before = await opened();
  for (let i = 0; i < 100_050; i += 1) before.dailyBytes.add('Artifacts', `user ${i}`, 1);
  await before.close();
  expect((await opened()).dailyBytes.size).toBe(100_050);
  expect(reports).toEqual([]);
});

test('a hundred thousand counts come back, every one', async () => {
  const before = await opened();
  for (let i = 0; i < 100_000; i += 1) before.dailyBytes.add('Artifacts', `user ${i}`, i);
  await before.close();
  const after = await opened();
  expect(after.dailyBytes.size).toBe(100_000);
  expect(after.dailyBytes.used('Artifacts', 'user 99999')).toBe(99_999);
});

test.skipIf(process.platform !== 'linux')('a folder where the system makes none is told of once, and nothing waits for it', async () => {
  // Node's own way of making a folder with those above it never ends below /proc.
  folder = '/proc/nowhere/state';
  const kept = await opened();
  kept.dailyBytes.add('Artifacts', 'user alice', 1);
  await kept.close();
  expect(reports).toEqual([expect.stringContaining('/proc/nowhere/state/bytes-per-day.jsonl cannot be written')]);
});

/** A file stands where the folder should be. */
async function openedWithoutFolder(): Promise<QuotaFile> {
  writeFileSync(folder, '');
  const kept = await opened(5);
  reports.length = 0;
  return kept;
}

async function opened(everyMs?: number): Promise<QuotaFile> {
  const kept = await openQuotaFile(
    folder,
    (line) => reports.push(line),
    () => epochMs,
    everyMs,
  );
  onTestFinished(() => kept.close());
  return kept;
}

function used({ dailyBytes }: QuotaFile): number | null {
  return dailyBytes.used('Artifacts', 'user alice');
}
