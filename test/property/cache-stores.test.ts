// Stores against the model, in any sequence: memory, and memory over something that answers later, with room for all and without.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CacheStore } from '../../src/cache/stores/cache-store.ts';
import { MemoryStore } from '../../src/cache/stores/memory.ts';
import { createTieredStore } from '../../src/cache/stores/tiered.ts';
import { LaterStore } from '../unit/cache/stores/later-store.ts';
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
