import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DISK_STORE_DEFAULTS } from '../../../../src/cache/options.ts';
import { openDiskStore } from '../../../../src/cache/stores/disk.ts';
import { temporaryFolder } from '../../../support/temp-files.ts';
import { contentOf, describeStore, keep, sample } from './store-contract.ts';

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

test('every file in its folder is for its user alone, the index and what SQLite writes beside it too', async () => {
  const folder = temporaryFolder(onTestFinished);
  const store = await openDiskStore({ ...DISK_STORE_DEFAULTS, folder }, (line) => expect.unreachable(line));
  onTestFinished(() => store.close());
  for (const length of [10, 1_000_000]) {
    const stored = sample({ key: `http://a.test/${length}`, length });
    await keep(store, stored, contentOf(stored));
  }
  await store.written?.(true);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(['index.sqlite', 'index.sqlite-wal', 'index.sqlite-shm']));
  for (const { parentPath, name } of files) expect([name, statSync(path.join(parentPath, name)).mode & 0o777]).toEqual([name, 0o600]);
});
