import { MemoryStore } from '../../../../src/cache/stores/memory.ts';
import { describeStore } from './store-contract.ts';

describeStore('memory', async (limits) => ({ store: new MemoryStore(limits) }));
