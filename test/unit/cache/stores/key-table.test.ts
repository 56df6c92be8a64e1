import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Entry, KeyTable } from '../../../../src/cache/stores/key-table.ts';

test('what was added is found until it is deleted, and so is everything beside it', () => {
  // Few parts and few places, so that entries meet.
  const hash = fc.nat(40).map((i) => ((i % 3) * 2 ** 22 + ((i * 2 ** 17) % 2 ** 22)) >>> 0);
  const step = fc.record({ isAdded: fc.boolean(), hash, segment: fc.integer({ min: 1, max: 3 }), at: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const table = new KeyTable();
      const model = new Map<string, Entry>();
      for (const { isAdded, ...place } of steps) {
        const entry = { ...place, length: 100 + place.at, fileBlocks: place.segment };
        const name = `${place.hash} ${place.segment} ${place.at}`;
        if (!isAdded) expect(table.delete(entry)).toBe(model.delete(name));
        else if (!model.has(name)) {
          table.add(entry.hash, entry.segment, entry.at, entry.length, entry.fileBlocks);
          model.set(name, entry);
        }
      }
      expect(table.size).toBe(model.size);
      for (const entry of model.values()) {
        expect(table.get(entry.hash, entry.segment, entry.at)).toEqual(entry);
        expect(table.all(entry.hash)).toContainEqual(entry);
      }
      expect(table.of(new Set([1, 3])).length).toBe([...model.values()].filter(({ segment }) => segment !== 2).length);
    }),
  );
});

test('marks stay with their entries while the table grows and shrinks', () => {
  const table = new KeyTable();
  const entryOf = (i: number): Entry => ({ hash: i * 64, segment: 1, at: i, length: 30, fileBlocks: 0 });
  const add = (i: number): void => table.add(i * 64, 1, i, 30, 0);
  for (let i = 0; i < 100; i += 1) add(i);
  for (let i = 0; i < 100; i += 3) expect([table.use(entryOf(i)), table.use(entryOf(i))]).toEqual([true, false]);
  for (let i = 100; i < 5000; i += 1) add(i);
  for (let i = 1; i < 100; i += 3) table.delete(entryOf(i));
  for (let i = 0; i < 5000; i += 1) expect(table.isUsed(entryOf(i))).toBe(i < 100 && i % 3 === 0);
  expect(table.has(64)).toBe(false);
  expect(table.has(65)).toBe(false);
  table.clear();
  expect([table.size, table.has(0)]).toEqual([0, false]);
});
