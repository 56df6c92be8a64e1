import { describe, expect, test } from 'vitest';
import {
  decodePlace,
  decodeRow,
  encodeHead,
  encodePlace,
  hashOfKey,
  type Place,
  sumOfRow,
} from '../../../../src/cache/stores/stored-row.ts';
import { sample } from './store-contract.ts';

const PLACES: readonly Place[] = [
  { kind: 'inline', length: 0, sum: 0 },
  { kind: 'file', length: 2 ** 40, sum: 0xffffffff, name: '0123456789abcdef'.repeat(2) },
];

describe('a stored response as a row', () => {
  test.each(PLACES)('comes back as it was, its field lines too: %j', (place) => {
    const stored = sample({
      fields: [
        { name: 'A', value: 'b', line: 'A: b\r\n' },
        { name: 'c', value: '\x01\xff "' },
      ],
      reason: 'Très bien\0',
      selectedBy: [{ name: 'accept', value: null }],
      origin: { address: '::1', port: 8080 },
      tags: ['x'],
    });
    const [head, text] = [encodeHead(stored), encodePlace(place)];
    expect(decodeRow(head, text, sumOfRow(head, text))).toEqual({ stored, place });
  });

  test('of which anything was changed is damaged', () => {
    const [head, place] = [encodeHead(sample()), encodePlace(PLACES[1]!)];
    const sum = sumOfRow(head, place);
    expect(decodeRow(head.replace('200', '201'), place, sum)).toBeNull();
    expect(decodeRow(head, place.replace('4294967295', '4294967294'), sum)).toBeNull();
    expect(decodeRow(head, place, sum ^ 1)).toBeNull();
    expect(decodeRow('nonsense', place, sumOfRow('nonsense', place))).toBeNull();
  });

  test.each(['', 'x 1', '1', '1 2 ../../etc/passwd', '1 2 0123', '1.5 2'])('knows that %j is no place', (text) => {
    expect(decodePlace(text)).toBeNull();
  });
});

test('hashes of keys are whole numbers of 52 bits, and differ', () => {
  const hashes = Array.from({ length: 5000 }, (_, i) => hashOfKey(`http://a.test/${i}`));
  expect(new Set(hashes).size).toBe(5000);
  expect(hashes.every((hash) => Number.isSafeInteger(hash) && hash >= 0 && hash < 2 ** 52)).toBe(true);
});
