import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DiskChanges } from '../../../../src/cache/stores/disk-changes.ts';
import type { Batch, Change } from '../../../../src/cache/stores/disk-messages.ts';
import { contentOf, sample } from './store-contract.ts';

let batches: Batch[];
let changes: DiskChanges;

beforeEach(() => {
  vi.useFakeTimers();
  batches = [];
  changes = new DiskChanges((batch) => batches.push(batch));
});
afterEach(() => {
  vi.useRealTimers();
});

describe('changes on their way to the index', () => {
  test('go together, after ten milliseconds', () => {
    for (const one of [sample(), sample()]) changes.put(one, contentOf(one));
    expect(batches).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(batches).toHaveLength(1);
    expect(batches[0]!.changes.map(({ kind }) => kind)).toEqual(['put', 'put']);
    expect(batches[0]!.contents.byteLength).toBe(2000);
  });

  test('go at once when they are much, in batches of bounded length, one at a time', () => {
    const large = sample({ length: 60_000 });
    for (let i = 0; i < 12; i += 1) changes.put(large, contentOf(large));
    expect(batches).toHaveLength(1);
    changes.done(1, false);
    changes.done(2, false);
    vi.advanceTimersByTime(10);
    expect(batches.map(({ contents }) => contents.byteLength)).toEqual([300_000, 300_000, 120_000]);
  });

  test('hold until the index has all of them', () => {
    const [one, two] = [sample(), sample()];
    changes.put(one, contentOf(one));
    vi.advanceTimersByTime(10);
    changes.put(two, contentOf(two));
    expect(changes.entries).toBe(2);
    changes.done(1, false);
    // Of one key: while one is not in the index, both are known here.
    expect(changes.of(one.key)?.added.map(({ stored }) => stored.id)).toEqual([two.id, one.id]);
    expect(changes.entries).toBe(1);
    vi.advanceTimersByTime(10);
    changes.done(2, false);
    expect(changes.of(one.key)).toBeNull();
    expect([changes.entries, changes.bytes]).toEqual([0, 0]);
  });

  test('that failed lose what was to be added; what was to be removed or made stale is asked for again, before what came later', () => {
    const [gone, stale, added] = [sample(), sample(), sample()];
    changes.put(added, contentOf(added));
    changes.remove(gone, true);
    changes.update({ ...stale, isInvalidated: true }, true);
    vi.advanceTimersByTime(10);
    changes.update({ ...stale, status: 203 }, true);
    changes.done(1, true);
    expect(changes.added(added)).toBeNull();
    expect(changes.isRemoved(gone)).toBe(true);
    expect(changes.of(stale.key)?.updated.get(stale.id)?.status).toBe(203);
    vi.advanceTimersByTime(1000);
    changes.done(1, false);
    vi.advanceTimersByTime(10);
    const sent = batches.slice(1).map((batch) => batch.changes.map((change) => [change.kind, idOf(change)]));
    expect(sent).toEqual([
      [
        ['remove', gone.id],
        ['update', stale.id],
      ],
      [['update', stale.id]],
    ]);
    changes.done(2, false);
    expect(changes.of(stale.key)).toBeNull();
  });

  test('settle when the index has answered, whatever it answered', async () => {
    const stored = sample();
    changes.put(stored, contentOf(stored));
    const settled = changes.settled();
    expect(batches).toHaveLength(1);
    changes.done(1, true);
    await settled;
    await changes.settled();
  });

  test('are void when there is another index', async () => {
    const stored = sample();
    changes.put(stored, contentOf(stored));
    changes.clear();
    expect([changes.of(stored.key), changes.entries, changes.bytes]).toEqual([null, 0, 0]);
    await changes.settled();
    vi.advanceTimersByTime(100);
    expect(batches).toEqual([]);
  });
});

function idOf(change: Change): string | null {
  return 'responseId' in change ? change.responseId : null;
}
