import { describe, expect, test } from 'vitest';
import type { Summary } from '../../../src/flows/recorded.ts';
import { compare } from '../../soak/inspector/compare.ts';
import { keyOf, type Made } from '../../soak/inspector/names.ts';

const NAMED = { method: 'GET', scheme: 'http', host: '127.0.0.1', port: 80 } as const;

function made(path: string, known: Partial<Made> = {}): Made {
  const usual = { status: 200, requestBytes: 0, responseBytes: 10, messages: null, digest: null, endedAtMs: 1 };
  return { key: keyOf({ ...NAMED, path }), ...usual, ...known };
}

function row(id: number, path: string, known: Partial<Summary> = {}): Summary {
  const usual = { id, ...NAMED, path, state: 'done', status: 200, requestBytes: 0, responseBytes: 10, messages: 0 };
  return { ...usual, ...known } as Summary;
}

describe('a record', () => {
  test('with every exchange once is right, in whatever order', () => {
    const found = compare([made('/a'), made('/b', { digest: 'd' })], [row(1, '/b'), row(2, '/a')]);
    expect(found).toEqual({ missing: [], surplus: [], different: [], digested: [[1, 'd']] });
  });

  test('without one of them, or with one twice, is wrong', () => {
    const found = compare([made('/a'), made('/b')], [row(1, '/b'), row(2, '/b')]);
    expect(found).toMatchObject({ missing: ['GET http 127.0.0.1:80/a'], surplus: ['GET http 127.0.0.1:80/b'], different: [] });
  });

  test('with one that nobody made is wrong', () => {
    expect(compare([made('/a')], [row(1, '/a'), row(2, '/c')]).surplus).toEqual(['GET http 127.0.0.1:80/c']);
  });

  test('of many with one name has to have the same of each outcome', () => {
    const all = [made('/a', { status: 502 }), made('/a'), made('/a')];
    expect(compare(all, [row(1, '/a'), row(2, '/a'), row(3, '/a', { status: 502 })]).different).toEqual([]);
    expect(compare(all, [row(1, '/a'), row(2, '/a'), row(3, '/a')]).different).toEqual([
      'GET http 127.0.0.1:80/a: status 200, and 502 came',
    ]);
  });

  test.each([
    [{ status: 404 }, 'status 404, and 200 came'],
    [{ responseBytes: 9 }, '9 octets of response, and 10 came'],
    [{ requestBytes: 1 }, '1 octets of request, and 0 went'],
    [{ messages: 3 }, '3 messages, and 2 passed'],
    [{ state: 'pending' }, 'it has not ended'],
  ] as const)('that says %j is told: %s', (known, problem) => {
    expect(compare([made('/a', { messages: 2 })], [row(1, '/a', { messages: 2, ...known })]).different).toEqual([
      `GET http 127.0.0.1:80/a: ${problem}`,
    ]);
  });

  test('is not asked about what a client does not know', () => {
    const unknown = { status: null, requestBytes: null, responseBytes: null };
    expect(compare([made('/a', unknown)], [row(1, '/a', { status: 0, responseBytes: 77 })]).different).toEqual([]);
  });
});
