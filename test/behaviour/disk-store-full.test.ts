// The disk store on a disk that is full, read-only, or out of descriptors: storing turns off for a while and says so, answers go on, and when there is
// room again it stores again (SECURITY.md section 5). For a real disk that is really full each store has a small file system of its own (tmpfs,
// mounted where nobody else sees it), or a limit of the system: on the size of files, on open files.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AskedLine } from '../support/disk-store-process.ts';

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-full-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const mayMount = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'none', os.tmpdir()]).status === 0;

describe.skipIf(!mayMount)(`a file system of 4 MiB${mayMount ? '' : ' (skipped: this user may not mount one in a namespace)'}`, () => {
  const OWN_DISK = `mount -t tmpfs -o size=4m none "$0" && exec "$@"`;
  const namespace = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', OWN_DISK];

  test.each([
    ['short contents', 3000],
    ['contents of one block', 60_000],
    ['long contents', 700_000],
  ])('that fills up with %s: storing pauses and says so, and what was stored stays whole', async (_, length) => {
    const store = ask([...namespace, folder]);
    const lines: AskedLine[] = [];
    for (let i = 0; i < 2000 && lines.every(({ reports }) => reports.length === 0); i += 1) lines.push(await store(length));
    const reports = lines.flatMap((line) => line.reports);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatch(/^cache: nothing can be stored in \S+ \(.*\); answers go on without, and it is tried again$/);
    // What says that it is stored can be read back; the last one did not.
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.slice(0, -1).filter(({ isStored, isWhole }) => !isStored || !isWhole)).toEqual([]);
    expect(lines.at(-1)!.isWhole).toBe(false);
    expect(await store(length)).toMatchObject({ isStored: false });
  });
});

test('files that may not become large enough: storing pauses, and shorter contents are stored again later', async () => {
  // A limit of 400 KiB for each file: the first that is longer fails. Without the trap the system would end the process.
  const store = ask(['sh', '-c', `trap '' XFSZ; ulimit -f 800; exec "$@"`, 'sh'], folder);
  expect(await store(100_000)).toEqual({ isStored: true, isWhole: true, reports: [] });
  const refused = await store(700_000);
  expect(refused).toMatchObject({ isStored: false, isWhole: false });
  expect(refused.reports).toEqual([
    `cache: nothing can be stored in ${folder} (files may not become that large, EFBIG); answers go on without, and it is tried again`,
  ]);
  expect(await store(1000)).toMatchObject({ isStored: false });
  let later = await store(1000);
  for (const until = Date.now() + 10_000; !later.isStored && Date.now() < until; ) later = await store(1000);
  expect(later).toEqual({ isStored: true, isWhole: true, reports: [`cache: storing in ${folder} works again`] });
});

/** Starts a process with a store. @returns what stores one response of so many octets there */
function ask(before: readonly string[], where = folder): (length: number) => Promise<AskedLine> {
  const program = path.join(import.meta.dirname, '..', 'support', 'disk-store-process.ts');
  const [command = '', ...args] = [...before, process.execPath, program, where, String(64 << 20), '1', 'ask'];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface(child.stdout!);
  child.stdin!.write('go\n');
  return async (length) => {
    child.stdin!.write(`${length}\n`);
    const [line] = (await once(lines, 'line')) as [string];
    return JSON.parse(line) as AskedLine;
  };
}
