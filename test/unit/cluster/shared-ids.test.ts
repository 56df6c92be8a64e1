import { expect, test } from 'vitest';
import { GivenIds, IdGiver, type IdTaker } from '../../../src/cluster/shared-ids.ts';

/** A worker with its keeper's side; what it wants is given at once, unless it is to wait. */
function worker(giver: IdGiver, isWaiting = false): { readonly ids: GivenIds; readonly taker: IdTaker; readonly renew: () => void } {
  const taker = giver.taker(0);
  const ids = new GivenIds(() => {
    if (!isWaiting) ids.add(giver.block(taker, true));
  });
  const renew = (): void => ids.replace(giver.block(taker, false));
  renew();
  return { ids, taker, renew };
}

function take(count: number, ids: GivenIds): readonly number[] {
  return Array.from({ length: count }, ids.next);
}

test('no id is given twice, whoever takes how many', () => {
  const giver = new IdGiver(41);
  const [one, other] = [worker(giver), worker(giver)];
  const ids = [...take(5_000, one.ids), giver.one(), ...take(3, other.ids), ...take(100_000, one.ids), ...take(7, other.ids)];
  expect(new Set(ids).size).toBe(ids.length);
  expect(Math.min(...ids)).toBe(42);
});

test('ids of one worker go up, also when it gets new ones before it has used those it had', () => {
  const { ids, renew } = worker(new IdGiver(0));
  const taken = [...take(3, ids)];
  renew();
  taken.push(...take(3, ids), ...take(2_000, ids));
  expect(taken.toSorted((a, b) => a - b)).toEqual(taken);
});

test('whoever has fallen behind what another used is told, and nobody else', () => {
  const giver = new IdGiver(0);
  const [one, other] = [worker(giver), worker(giver)];
  const noted = (): readonly IdTaker[] => {
    for (const { ids, taker } of [one, other]) taker.used = ids.used;
    return giver.behind([one.taker, other.taker]);
  };
  expect(noted()).toEqual([]);
  take(3, one.ids);
  expect(noted()).toEqual([]);
  take(1, other.ids);
  expect(noted()).toEqual([one.taker]);
  one.renew();
  expect(noted()).toEqual([]);
  expect(one.ids.next()).toBeGreaterThan(other.ids.next());
  expect(noted()).toEqual([other.taker]);
});

test('without ids there are numbers below 0, each once, until there are ids again', () => {
  const giver = new IdGiver(0);
  const { ids, renew } = worker(giver, true);
  ids.forget();
  expect(take(3, ids)).toEqual([-1, -2, -3]);
  renew();
  expect(ids.next()).toBeGreaterThan(0);
});

test('a keeper that knows less than its workers begins far above what any of them may have been given', () => {
  const before = new IdGiver(0);
  const { ids } = worker(before);
  take(10, ids);
  const another = worker(before);
  const after = new IdGiver(3);
  const taker = after.taker(ids.greatest);
  const { first } = after.block(taker, false);
  expect(first).toBeGreaterThan(another.ids.greatest);
  expect(after.block(after.taker(another.ids.greatest), false).first).toBeGreaterThan(first);
});
