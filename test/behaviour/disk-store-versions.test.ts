// One folder of the disk store, and processes of two versions of the program that want it at the same time, as in a rolling restart.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { type openDiskStore, readDiskStore } from '../../src/cache/stores/disk.ts';
import type { AskedLine } from '../support/disk-store-process.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const MAX_BYTES = 5 << 20;

test('a folder stays with those who use it until the last of them has ended, by kill -9 too; then those of another version take it, and share it', async () => {
  const folder = path.join(temporaryFolder(onTestFinished), 'store');
  const index = path.join(folder, 'index.sqlite');
  const old = [await startStore(ROOT, folder), await startStore(ROOT, folder)];
  for (const each of old) expect(await each.store(100_000)).toMatchObject({ isStored: true, isWhole: true });
  old[0]!.child.kill('SIGKILL');
  await once(old[0]!.child, 'exit');
  // What locks are worth after SQLite's log has been brought over, and flushed.
  for (let bytes = 0, before = 0; bytes >= before; bytes = statSync(`${index}-wal`).size) {
    before = bytes;
    expect(await old[1]!.store(100)).toMatchObject({ isStored: true });
  }
  const { ino } = statSync(index);
  const copy = copyOfVersion(1000);
  const newcomers = await Promise.all([1, 2].map(() => startStore(copy, folder)));
  for (const each of newcomers) {
    expect(await each.store(100)).toEqual({
      ...{ isStored: false, isWhole: false },
      reports: [
        expect.stringMatching(
          /^cache: nothing can be stored in .* \(index\.sqlite is of version 3, and this is version 1000; a process that uses it still runs\)/,
        ),
      ],
    });
  }
  await expect(openOnce(copy, folder)).resolves.toMatch(/cannot be used for the cache .* still runs/);
  // Enough for several attempts to take it.
  for (let round = 0; round < 60; round += 1) {
    expect(await old[1]!.store(1000)).toEqual({ isStored: true, isWhole: true, reports: [] });
    for (const each of newcomers) expect(await each.store(100)).toEqual({ isStored: false, isWhole: false, reports: [] });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(statSync(index).ino).toBe(ino);
  old[1]!.child.kill('SIGKILL');
  await once(old[1]!.child, 'exit');
  const lines: string[] = [];
  const isTaken = async (): Promise<boolean> => {
    const said = await Promise.all(newcomers.map((each) => each.store(100)));
    lines.push(...said.flatMap(({ reports }) => reports));
    return said.every(({ isStored, isWhole }) => isStored && isWhole);
  };
  await expect.poll(isTaken).toBe(true);
  expect(lines.filter((line) => line.includes('set aside as set-aside.sqlite; the cache on disk begins anew'))).toHaveLength(1);
  expect(lines.filter((line) => line.endsWith('works again'))).toHaveLength(2);
  expect(lines).toHaveLength(3);
  expect(statSync(index).ino).not.toBe(ino);
  // What looks in with this version says what it found, and changes nothing.
  expect(() => readDiskStore({ folder, maxBytes: MAX_BYTES, maxObjectBytes: MAX_BYTES }, () => {})).toThrow(
    /index\.sqlite cannot be read \(is of version 1000, and this is version 3\)/,
  );
}, 180_000);

test('workers that start together on a folder that nobody uses set it aside once, and say nothing else', async () => {
  const folder = path.join(temporaryFolder(onTestFinished), 'store');
  const before = await startStore(ROOT, folder);
  await before.store(1000);
  before.child.kill('SIGKILL');
  await once(before.child, 'exit');
  const copy = copyOfVersion(1000);
  const newcomers = await Promise.all([1, 2, 3].map(() => startStore(copy, folder)));
  const said = await Promise.all(newcomers.map((each) => each.store(1000)));
  expect(said.map(({ isStored, isWhole }) => isStored && isWhole)).toEqual([true, true, true]);
  expect(said.flatMap(({ reports }) => reports)).toEqual([
    expect.stringContaining('is of version 3, and this is version 1000. It has been set aside'),
  ]);
});

interface StoreProcess {
  readonly child: ChildProcess;
  /** One response of so many octets. */
  store(length: number): Promise<AskedLine>;
}

async function startStore(root: string, folder: string): Promise<StoreProcess> {
  const child = spawn(process.execPath, [path.join(root, 'test/support/disk-store-process.ts'), folder, String(MAX_BYTES), '1', 'ask'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  child.stdin!.write('go\n');
  const store = async (length: number): Promise<AskedLine> => {
    child.stdin!.write(`${length}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the process of the store has ended');
    return JSON.parse(value);
  };
  await once(child, 'spawn');
  return { child, store };
}

/** What a command that changes something says. */
async function openOnce(root: string, folder: string): Promise<string> {
  const { openDiskStore: open } = (await import(path.join(root, 'src/cache/stores/disk.ts'))) as { openDiskStore: typeof openDiskStore };
  const store = await open({ folder, maxBytes: MAX_BYTES, maxObjectBytes: MAX_BYTES }, () => {}, 'refuse').catch((error: Error) => error);
  if (store instanceof Error) return store.message;
  await store.close();
  return 'opened';
}

/** The program with another version of the index. @returns its folder */
function copyOfVersion(version: number): string {
  const folder = temporaryFolder(onTestFinished);
  for (const name of ['src', 'test/support', 'package.json']) cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const file = path.join(folder, 'src/cache/stores/disk-index.ts');
  const before = readFileSync(file, 'utf8');
  expect(before).toContain('const SCHEMA_VERSION = 3;');
  writeFileSync(file, before.replace('const SCHEMA_VERSION = 3;', `const SCHEMA_VERSION = ${version};`));
  return folder;
}
