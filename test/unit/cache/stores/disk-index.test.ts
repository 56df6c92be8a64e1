import { expect, onTestFinished, test } from 'vitest';
import { prepareFolder } from '../../../../src/cache/stores/disk-folder.ts';
import { ENTRY_WORDS, openToWrite } from '../../../../src/cache/stores/disk-index.ts';
import { temporaryFolder } from '../../../support/temp-files.ts';

test('what has been brought into the database is not in its log any more, so that it need not be brought over again', () => {
  const index = openToWrite(prepareFolder(temporaryFolder(onTestFinished)), () => {});
  const write = (segment: number): void => {
    const entries = new Uint32Array(1000 * ENTRY_WORDS).fill(segment);
    index.commit(() => ({ batches: [{ segment, end: 1, lastOrder: 1, entries }], marks: [], gone: [] }));
  };
  for (let segment = 1; segment <= 50; segment += 1) write(segment);
  const before = index.logBytes;
  index.checkpoint();
  write(51);
  expect(before).toBeGreaterThan(50 * 16_000);
  expect(index.logBytes).toBeLessThan(before / 10);
  index.close();
});
