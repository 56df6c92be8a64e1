// What matches, in order, against a plain list that is sorted anew each time.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Summary } from '../../../../src/flows/recorded.ts';
import { sortInSteps } from '../../../../src/flows/store/merge-sort.ts';
import { parseOrder } from '../../../../src/flows/store/order.ts';
import { OrderedList } from '../../../../src/flows/store/ordered-list.ts';
import { summaryOf } from '../../../support/recorded.ts';

type Step =
  | { readonly kind: 'older' | 'remove'; readonly id: number; readonly bytes: number; readonly host: string }
  | { readonly kind: 'put'; readonly id: number; readonly bytes: number; readonly host: string }
  | { readonly kind: 'forget'; readonly ids: readonly number[] };

const values = {
  id: fc.integer({ min: 1, max: 60 }),
  bytes: fc.integer({ min: 0, max: 5 }),
  host: fc.constantFrom('a', 'B', 'b', 'ab', ''),
};
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('put' as const), ...values }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('older' as const, 'remove' as const), ...values }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('forget' as const), ids: fc.array(values.id, { maxLength: 20 }) }) },
);

describe.each(['id', '-id', 'responseBytes', '-responseBytes', 'host', '-host'])('in order of %s', (text) => {
  test('rows come, change and go, while they are sorted, too, and stand where they would if they were sorted anew', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.array(fc.nat(80), { maxLength: 4 }), (steps, sortedAt) => {
        const list = new OrderedList(parseOrder(text)!);
        const model = new Map<number, Summary>();
        let sorting: Generator<void> | null = null;
        for (const [i, each] of steps.entries()) {
          // It begins somewhere, and goes on a little with each step after.
          if (sortedAt.includes(i)) sorting ??= list.sort();
          if (sorting?.next().done === true) sorting = null;
          apply(list, model, each);
        }
        for (; sorting !== null && sorting.next().done !== true; );
        for (const _ of list.sort());
        expect([...list.ids(0, 1000)]).toEqual(expected(model, text));
        expect([...list.ids(3, 4)]).toEqual(expected(model, text).slice(3, 7));
        expect(list.size).toBe(model.size);
      }),
    );
  });
});

function apply(list: OrderedList, model: Map<number, Summary>, step: Step): void {
  if (step.kind === 'forget') {
    for (const id of step.ids) model.delete(id);
    list.removeAll(new Set(step.ids));
    return;
  }
  const { id, bytes, host } = step;
  const summary = summaryOf({ id, responseBytes: bytes, host });
  if (step.kind === 'remove') {
    model.delete(id);
    list.remove(id);
  } else if (step.kind === 'put') {
    model.set(id, summary);
    list.put(id, summary);
  } else {
    // A search finds what is older than all that is known.
    const older = Math.min(1, ...model.keys()) - 1;
    model.set(older, { ...summary, id: older });
    list.addOlder(older, { ...summary, id: older });
  }
}

function expected(model: ReadonlyMap<number, Summary>, text: string): number[] {
  const column = text.replace('-', '');
  const keyOf = (summary: Summary): number | string =>
    column === 'host' ? summary.host.toLowerCase() : column === 'id' ? 0 : summary.responseBytes;
  const rows = [...model.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : a.id - b.id));
  const ids = rows.map(({ id }) => id);
  return text.startsWith('-') ? ids.reverse() : ids;
}

test('sorting is stable, whatever the numbers and however many', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 300 }), (keys) => {
      const rows = Int32Array.from(keys.keys());
      for (const _ of sortInSteps(rows, rows.length, (a, b) => keys[a]! - keys[b]!));
      expect([...rows]).toEqual([...keys.keys()].sort((a, b) => keys[a]! - keys[b]! || a - b));
    }),
  );
});

test('a column that does not exist is no order', () => {
  expect(parseOrder('toString')).toBeNull();
  expect(parseOrder('-__proto__')).toBeNull();
  expect(parseOrder('nothing')).toBeNull();
});
