import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDiskStore } from '../../../../src/cache/stores/disk.ts';
import { describeStore } from './store-contract.ts';

describeStore(
  'the disk store',
  async (limits) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-disk-'));
    const open = () =>
      openDiskStore({ folder, ...limits }, (line) => {
        throw new Error(line);
      });
    const store = await open();
    return {
      store,
      reopen: async () => {
        await store.close();
        return open();
      },
      dispose: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  'its process',
);
