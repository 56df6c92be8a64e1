import { describe, expect, test } from 'vitest';
import { Claims } from '../../../src/cache/claims.ts';

const KEY = 'http://example.com/';

function table(): { readonly claims: Claims<string>; readonly wanted: string[] } {
  const wanted: string[] = [];
  return { claims: new Claims<string>((holder, key) => wanted.push(`${holder} ${key}`)), wanted };
}

describe('a key', () => {
  test('is for the first who claims it; others wait until it is released, and look again', async () => {
    const { claims, wanted } = table();
    expect(claims.claim(KEY, 'one')).toBe(true);
    expect(claims.claim('http://example.com/other', 'two')).toBe(true);
    const waiting = [claims.claim(KEY, 'two'), claims.claim(KEY, 'three')];
    expect(wanted).toEqual([`one ${KEY}`]);
    claims.release(KEY, 'one', 'settled');
    expect(await Promise.all(waiting)).toEqual(['settled', 'settled']);
    expect(claims.claim(KEY, 'two')).toBe(true);
    expect(claims.size).toBe(2);
  });

  test('is released by nobody but its holder', () => {
    const { claims } = table();
    claims.claim(KEY, 'one');
    claims.release(KEY, 'two', 'settled');
    expect(claims.claim(KEY, 'two')).toBeInstanceOf(Promise);
  });

  test('goes to its holder again, whose first fetch may be outdated, and is free when it is done with both', async () => {
    const { claims } = table();
    claims.claim(KEY, 'one');
    expect(claims.claim(KEY, 'one')).toBe(true);
    const waiting = claims.claim(KEY, 'two');
    claims.release(KEY, 'one', 'settled');
    expect(claims.size).toBe(1);
    claims.release(KEY, 'one', 'settled');
    expect([await waiting, claims.size]).toEqual(['settled', 0]);
  });

  test('is free once its holder is gone, and nobody waits for it in vain', async () => {
    const { claims } = table();
    claims.claim(KEY, 'one');
    claims.claim('http://example.com/other', 'two');
    const waiting = claims.claim(KEY, 'two');
    claims.left('one');
    expect(await waiting).toBe('unsettled');
    expect(claims.size).toBe(1);
  });
});
