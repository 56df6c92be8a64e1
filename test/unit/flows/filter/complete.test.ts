// What is offered while a filter is being written.
import { expect, test } from 'vitest';
import { completionsAt } from '../../../../src/flows/filter/complete.ts';

test.each<[string, number, string]>([
  ['ho', 0, 'host:'],
  ['host:a & sta', 9, 'status:'],
  ['(me', 1, 'method:'],
  ['!den', 1, 'is:denied'],
  ['is:de', 3, 'denied'],
  ['a is:', 5, 'hit'],
  ['cache:va', 6, 'validated'],
  ['~', 0, '~d '],
  ['~web', 0, '~websocket'],
  ['method:pa', 7, 'PATCH'],
  ['', 0, 'host:'],
  ['a ', 2, 'host:'],
])('%j from %i with %s', (text, from, first) => {
  const found = completionsAt(text, text.length);
  expect(found.from).toBe(from);
  expect(found.items[0]?.text).toBe(first);
});

test('values that have been seen come as they are to be written', () => {
  const known = { 'host:': ['www.example.com', 'example.org'], 'rule:': ['No trackers'] };
  expect(completionsAt('host:exa', 8, known).items.map(({ text }) => text)).toEqual(['example.org', 'www.example.com']);
  expect(completionsAt('rule:"no', 8, known)).toEqual({ from: 5, items: [{ text: '"No trackers"', meaning: '' }] });
});

test('nothing is offered inside of a quoted text, nor for what no word begins with', () => {
  expect(completionsAt('"ho', 3).items).toEqual([]);
  expect(completionsAt('nothing-like-it', 15).items).toEqual([]);
  expect(completionsAt('unknown:x', 9).items).toEqual([]);
});

test('what stands behind the cursor does not count', () => {
  expect(completionsAt('ho & status:200', 2)).toMatchObject({ from: 0, items: [{ text: 'host:' }] });
});
