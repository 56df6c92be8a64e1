import { expect, test } from 'vitest';
import { GuessLimit } from '../../../src/auth/guess-limit.ts';
import type { Principal } from '../../../src/auth/principal.ts';
import { Remembered } from '../../../src/auth/remembered.ts';
import { Turns } from '../../../src/auth/turns.ts';

const NOW = Date.UTC(2026, 0, 1);
const REFUSED = { kind: 'refused' } as const;

function identified(user: string, provedBy: Principal['provedBy'] = 'basic') {
  return { kind: 'identified', principal: { user, groups: [], claims: null, provedBy } } as const;
}

test('a proof counts from when it was made until it ends, and not before, when the clock is set back', () => {
  const remembered = new Remembered<typeof REFUSED>();
  const key = remembered.keyOf('Basic dTpw');
  const alice = identified('alice');
  remembered.keepIdentified(key, alice, NOW, NOW + 10);
  expect(remembered.find(key, NOW)).toBe(alice);
  expect(remembered.find(key, NOW + 9)).toBe(alice);
  expect(remembered.find(key, NOW + 10)).toBeUndefined();
  expect(remembered.find(key, NOW - 1)).toBeUndefined();
});

test('a refusal is remembered for half a minute', () => {
  const remembered = new Remembered<typeof REFUSED>();
  remembered.keepRefused('key', REFUSED, NOW);
  expect(remembered.find('key', NOW + 29_999)).toBe(REFUSED);
  expect(remembered.find('key', NOW + 30_000)).toBeUndefined();
});

test('keys differ from process to process, and from value to value beyond Latin-1', () => {
  const remembered = new Remembered();
  expect(remembered.keyOf('A')).toBe(remembered.keyOf('A'));
  expect(remembered.keyOf('A')).not.toBe(remembered.keyOf('\u0141'));
  expect(remembered.keyOf('A')).not.toBe(new Remembered().keyOf('A'));
});

test('a renewal forgets, changes or leaves each principal, and forgets every refusal', () => {
  const remembered = new Remembered<typeof REFUSED>();
  const carol = identified('carol');
  remembered.keepIdentified('a', identified('alice'), NOW, NOW + 10);
  remembered.keepIdentified('b', identified('bob'), NOW, NOW + 10);
  remembered.keepIdentified('c', carol, NOW, NOW + 10);
  remembered.keepRefused('d', REFUSED, NOW);
  const { generation } = remembered;
  remembered.renew((principal) => {
    if (principal.user === 'alice') return null;
    return principal.user === 'bob' ? { ...principal, groups: ['staff'] } : principal;
  });
  expect(remembered.generation).not.toBe(generation);
  expect(remembered.find('a', NOW)).toBeUndefined();
  expect(remembered.find('b', NOW)).toMatchObject({ principal: { user: 'bob', groups: ['staff'] } });
  expect(remembered.find('c', NOW)).toBe(carol);
  expect(remembered.find('d', NOW)).toBeUndefined();
});

test('twenty wrong passwords from one place may come at once, then one every two seconds', () => {
  const guesses = new GuessLimit();
  for (let i = 0; i < 20; i += 1) {
    expect(guesses.waitMs('192.0.2.1', NOW)).toBe(0);
    guesses.countWrong('192.0.2.1', NOW);
  }
  expect(guesses.waitMs('192.0.2.1', NOW)).toBe(2_000);
  expect(guesses.waitMs('192.0.2.2', NOW)).toBe(0);
  expect(guesses.waitMs('::ffff:192.0.2.1', NOW)).toBe(2_000);
  expect(guesses.waitMs('192.0.2.1', NOW + 1_500)).toBe(500);
  expect(guesses.waitMs('192.0.2.1', NOW + 2_000)).toBe(0);
  expect(guesses.waitMs('192.0.2.1', NOW - 60_000)).toBe(2_000);
});

test('what was under way together goes into a debt of a minute at most', () => {
  const guesses = new GuessLimit();
  for (let i = 0; i < 1_000; i += 1) guesses.countWrong('unix', NOW);
  expect(guesses.waitMs('unix', NOW)).toBe(62_000);
});

test('an IPv6 place is the first half of the address', () => {
  const guesses = new GuessLimit();
  for (let i = 0; i < 20; i += 1) guesses.countWrong(`2001:db8:1:2::${i.toString(16)}`, NOW);
  expect(guesses.waitMs('2001:db8:1:2:ffff::1', NOW)).toBe(2_000);
  expect(guesses.waitMs('2001:db8:1:3::1', NOW)).toBe(0);
});

test('jobs run a few at a time in their order, a failed one makes room too, and beyond the bound none is taken', async () => {
  const turns = new Turns(2, 2);
  const begun: number[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const job = (index: number) => async (): Promise<number> => {
    begun.push(index);
    await gates[index]!.promise;
    return index;
  };
  const results = [0, 1, 2, 3].map((index) => turns.take(job(index)));
  expect(turns.take(job(4))).toBeNull();
  expect(begun).toEqual([0, 1]);
  gates[0]!.reject(new Error('broken'));
  await expect(results[0]).rejects.toThrow('broken');
  expect(begun).toEqual([0, 1, 2]);
  for (const gate of gates) gate.resolve();
  expect(await Promise.all(results.slice(1))).toEqual([1, 2, 3]);
  expect(await turns.take(() => Promise.resolve('again'))).toBe('again');
});
