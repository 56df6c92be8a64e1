import { expect, test } from 'vitest';
import { parseHosts } from '../../../src/upstream/hosts-file.ts';

test('reads names and aliases, blanks, tabs, comments and Windows line ends', () => {
  const table = parseHosts(
    '# a comment\r\n\r\n127.0.0.1\tlocalhost loopback # trailing\r\n  192.0.2.1   shop.example\twww.shop.example\r\n#192.0.2.9 off.example',
  );
  expect([...table]).toEqual([
    ['localhost', ['127.0.0.1']],
    ['loopback', ['127.0.0.1']],
    ['shop.example', ['192.0.2.1']],
    ['www.shop.example', ['192.0.2.1']],
  ]);
});

test('gathers the addresses of a name from all its lines, families in turn, each once', () => {
  const table = parseHosts('192.0.2.1 a.example\n192.0.2.2 a.example\n2001:DB8:0::1 a.example\n2001:db8::1 a.example\n192.0.2.1 a.example');
  expect(table.get('a.example')).toEqual(['192.0.2.1', '2001:db8::1', '192.0.2.2']);
});

test('takes names in any case and with a trailing dot', () => {
  expect(parseHosts('192.0.2.1 Shop.EXAMPLE.').get('shop.example')).toEqual(['192.0.2.1']);
});

test.each([
  '010.0.0.1 a.example',
  '127.1 a.example',
  'fe80::1%lo0 a.example',
  '300.1.1.1 a.example',
  'shop.example 192.0.2.1',
  '192.0.2.1',
  '192.0.2.1 # a.example',
  '[::1] a.example',
  '\u0000',
])('skips a line that says nothing usable: %j', (line) => {
  expect(parseHosts(line).size).toBe(0);
});

test('keeps names such as __proto__ as names', () => {
  expect(parseHosts('192.0.2.1 __proto__ constructor').get('__proto__')).toEqual(['192.0.2.1']);
  expect(parseHosts('').get('constructor')).toBeUndefined();
});
