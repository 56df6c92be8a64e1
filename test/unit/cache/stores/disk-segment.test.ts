import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Segment } from '../../../../src/cache/stores/disk-segment.ts';
import { temporaryFolder } from '../../../support/temp-files.ts';

const RECORD = 1000;
/** More than one piece of memory has room for. */
const AT_ONCE = 300;

test('while its memory serves again and again, every record is written, and what was read before it was written stays as it was', async () => {
  const segment = new Segment(1, 1, path.join(temporaryFolder(onTestFinished), 'segment'), null);
  const read: Buffer[] = [];
  const append = (): void => {
    for (let i = 0; i < AT_ONCE; i += 1) {
      const { target, offset } = segment.append(RECORD);
      target.fill(recordOf(read.length), offset, offset + RECORD);
      read.push(segment.read(read.length * RECORD, RECORD));
    }
  };
  for (let round = 0; round < 10; round += 1) {
    append();
    const writing = segment.write();
    append();
    await writing;
    if (round % 3 === 0) await segment.write();
  }
  segment.writeNow();
  segment.close();
  expect(read.every((bytes, number) => bytes.equals(recordOf(number)))).toBe(true);
  const file = readFileSync(segment.path);
  expect(read.every((bytes, number) => file.subarray(number * RECORD, (number + 1) * RECORD).equals(bytes))).toBe(true);
  expect(file.length).toBe(read.length * RECORD);
});

function recordOf(number: number): Buffer {
  return Buffer.alloc(RECORD, `${number} `);
}
