import { MemoryStore } from '../../../../src/cache/stores/memory.ts';
import { createTieredStore } from '../../../../src/cache/stores/tiered.ts';
import { LaterStore } from './later-store.ts';
import { describeStore } from './store-contract.ts';

describeStore('memory over a disk', async ({ maxBytes, maxObjectBytes }) => {
  const half = { maxBytes: maxBytes / 2, maxObjectBytes };
  return { store: createTieredStore(new MemoryStore(half), new LaterStore(new MemoryStore(half))) };
});

describeStore('a little memory over a disk that answers at once', async ({ maxBytes, maxObjectBytes }) => {
  const memory = new MemoryStore({ maxBytes: maxBytes / 64, maxObjectBytes: 4096 });
  return { store: createTieredStore(memory, new MemoryStore({ maxBytes: maxBytes - maxBytes / 64, maxObjectBytes })) };
});
