import { expect, test } from 'vitest';
import { fieldsByName, fieldsOf, octetsOf, pushField } from '../../../src/http/field-list.ts';

test('gathers fields by name where Node takes no list of them: in order, of a connection none, and no name is special', () => {
  const byName = fieldsByName([
    { name: 'Link', value: '<a>' },
    { name: 'Upgrade', value: 'h2c' },
    { name: 'LINK', value: '<b>' },
    { name: '__proto__', value: 'x' },
  ]);
  expect(Object.entries(byName)).toEqual([
    ['link', ['<a>', '<b>']],
    ['__proto__', ['x']],
  ]);
});

test('adds fields in lower case, and none of a connection (RFC 9113 §8.2, §8.2.2)', () => {
  const list: string[] = [];
  for (const name of ['X-One', 'Connection', 'Keep-Alive', 'Proxy-Connection', 'Transfer-Encoding', 'Upgrade', 'HTTP2-Settings']) {
    pushField(list, name, 'v');
  }
  expect(list).toEqual(['x-one', 'v']);
});

test('reads names and values in turn', () => {
  expect(fieldsOf(['a', '1', 'b', '', 'a', '2'])).toEqual([
    { name: 'a', value: '1' },
    { name: 'b', value: '' },
    { name: 'a', value: '2' },
  ]);
});

test('counts octets of names and values', () => {
  expect(octetsOf(['ab', 'c', 'd', ''])).toBe(4);
});
