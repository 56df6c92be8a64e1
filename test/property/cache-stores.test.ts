// Stores against the model, in any sequence: memory, the disk, and memory over either or over something that answers later, with room for all and
// without.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CacheStore } from '../../src/cache/stores/cache-store.ts';
import { type DiskStore, openDiskStore } from '../../src/cache/stores/disk.ts';
import { MemoryStore } from '../../src/cache/stores/memory.ts';
import { createTieredStore } from '../../src/cache/stores/tiered.ts';
import { LaterStore } from '../unit/cache/stores/later-store.ts';
import { walk } from '../unit/cache/stores/store-contract.ts';
import { runAgainstModel, storeCommands } from './store-model.ts';

const memory = (kibibytes: number): MemoryStore => new MemoryStore({ maxBytes: kibibytes * 1024, maxObjectBytes: 1 << 20 });

const STORES: readonly [string, boolean, () => CacheStore][] = [
  ['memory', false, () => memory(65_536)],
  ['memory without room', true, () => memory(400)],
  ['memory over a disk', false, () => createTieredStore(memory(65_536), new LaterStore(memory(65_536)))],
  ['a little memory over a disk', false, () => createTieredStore(memory(40), new LaterStore(memory(65_536)))],
  ['a little memory over a disk that answers at once', false, () => createTieredStore(memory(40), memory(65_536))],
  ['memory over a disk without room', true, () => createTieredStore(memory(800), new LaterStore(memory(400)))],
];

test.each(STORES)('%s does what the model does', async (_, mayLose, open) => {
  expect.hasAssertions();
  await fc.assert(
    fc.asyncProperty(storeCommands, async (commands) => {
      const store = open();
      await runAgainstModel(store, commands, mayLose);
      await store.close();
    }),
    { numRuns: 150 },
  );
});

const ON_DISK: readonly [string, boolean, number, (disk: CacheStore) => CacheStore][] = [
  ['the disk', false, 65_536, (disk) => disk],
  ['the disk without room', true, 700, (disk) => disk],
  ['a little memory over the disk', false, 65_536, (disk) => createTieredStore(memory(40), disk)],
];

test.each(ON_DISK)('%s does what the model does, and another process would find the same', async (_, mayLose, kibibytes, over) => {
  expect.hasAssertions();
  const place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-model-'));
  const limits = { maxBytes: kibibytes * 1024, maxObjectBytes: 1 << 20 };
  const openDisk = (folder: string): Promise<DiskStore> =>
    openDiskStore({ folder, ...limits }, (line) => {
      throw new Error(line);
    });
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(storeCommands, async (commands) => {
      runs += 1;
      const folder = path.join(place, String(runs));
      const store = over(await openDisk(folder));
      await runAgainstModel(store, commands, mayLose);
      await store.purge(() => false);
      const before = (await walk(store)).map(({ id }) => id).sort();
      await store.close();
      const again = await openDisk(folder);
      // Memory may have had what there was no room for on the disk.
      if (!mayLose) expect((await walk(again)).map(({ id }) => id).sort()).toEqual(before);
      await again.close();
    }),
    { numRuns: 40 },
  );
  rmSync(place, { recursive: true });
});
