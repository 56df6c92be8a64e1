// The store of recorded traffic where exchanges end in another order than they began, some announced before, some told of twice: over batches, restarts and
// lost segments, what is found is what a list in memory would say.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BatchFrame } from '../../src/flows/store/batch-frames.ts';
import { begun, finished } from '../support/flow-batches.ts';
import { openTestStore, type TestStore } from '../support/flow-store.ts';

const BATCHES = 60;
const IN_BATCH = 130;
let place: string;
beforeAll(() => {
  place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-flow-order-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true, maxRetries: 5 }));

test('rows are found, listed and counted alike, whatever order they came in, and gone with their segments', async () => {
  const folder = path.join(place, 'sessions');
  const random = seeded(7);
  const statuses = new Map<number, number>();
  const held: number[] = [];
  let nextId = 1;
  const frame = (id: number, status: number): BatchFrame => {
    statuses.set(id, status);
    return finished(id, { summary: { status }, response: Buffer.alloc(700, String(id)) });
  };
  const oneOf = (ids: number[]): number => ids.splice(Math.floor(random() * ids.length), 1)[0]!;
  const batch = (): BatchFrame[] =>
    Array.from({ length: IN_BATCH }, () => {
      const chance = random();
      if (chance < 0.06 && held.length > 0) return frame(oneOf(held), 201);
      // Told of again, long after.
      if (chance < 0.07 && nextId > 50) return frame(1 + Math.floor(random() * (nextId - 1)), 202);
      const id = nextId;
      nextId += 1;
      if (chance > 0.95) held.push(id);
      // One that comes late without a word, and one that is announced.
      if (chance > 0.975) return frame((nextId += 1) - 1, 200);
      if (chance <= 0.95) return frame(id, 200);
      statuses.set(id, 0);
      return begun(id);
    });
  for (let part = 0; part < 3; part += 1) {
    await using opened = await openTestStore(folder, { segmentBytes: 1 << 20 });
    for (let i = 0; i < BATCHES / 3; i += 1) {
      await opened.write(...batch());
      // Whoever reads in between has rows written early.
      if (random() < 0.2) await opened.ask({ kind: 'exchange', id: 1 + Math.floor(random() * nextId) });
    }
    await sameAs(opened, statuses);
    // What is under way ends with the process, as far as this session is told.
    held.length = 0;
  }
  await using opened = await openTestStore(folder, { segmentBytes: 1 << 20, maxBytes: 8 << 20 });
  let left = await idsOf(opened, 'id');
  for (let before = -1; before !== left.length; left = await idsOf(opened, 'id')) before = left.length;
  expect(left.length).toBeGreaterThan(1000);
  expect(left.length).toBeLessThan(statuses.size);
  for (const id of [...statuses.keys()]) if (!left.includes(id)) statuses.delete(id);
  await sameAs(opened, statuses);
}, 180_000);

async function sameAs(opened: TestStore, statuses: ReadonlyMap<number, number>): Promise<void> {
  const ids = [...statuses.keys()].sort((a, b) => a - b);
  expect(await idsOf(opened, 'id')).toEqual(ids);
  expect(await idsOf(opened, '-id')).toEqual(ids.toReversed());
  expect((await opened.ask({ kind: 'status' })).exchanges).toBe(ids.length);
  // By summaries, newest first.
  expect((await idsOf(opened, '-id', 'status:202')).toSorted((a, b) => a - b)).toEqual(ids.filter((id) => statuses.get(id) === 202));
  for (let offset = 0; offset < ids.length; offset += 499) {
    const listed = await opened.ask({ kind: 'list', filter: '', order: 'id', offset, limit: 7 });
    const rows = 'rows' in listed ? listed.rows : [];
    expect(rows.map(({ id, status }) => [id, status])).toEqual(ids.slice(offset, offset + 7).map((id) => [id, statuses.get(id)]));
    const exchange = await opened.ask({ kind: 'exchange', id: ids[offset]! });
    expect(exchange?.summary).toMatchObject({ id: ids[offset], status: statuses.get(ids[offset]!) });
    if (statuses.get(ids[offset]!)! > 0) expect(exchange!.responseContent).toMatchObject({ length: 700 });
  }
}

async function idsOf(opened: TestStore, order: string, filter = ''): Promise<number[]> {
  const ids = await opened.ask({ kind: 'ids', filter, order });
  return 'problem' in ids ? [] : [...ids];
}

/** The same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
