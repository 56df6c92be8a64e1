import { expect, test } from 'vitest';
import { compileList, openList } from '../../../../src/policy/lists/compile-list.ts';
import { LIST_FORMATS } from '../../../../src/policy/lists/list.ts';
import { openText, specOf } from './open-text.ts';

test.each([
  [
    'domains',
    '||ads.test^\n||b.test^\ngood.test\n',
    '/lists/test: 2 of 3 lines cannot be read, such as line 1: ||ads.test^. Does this file have the format domains?',
  ],
  [
    'hosts',
    '# names\nexample.com\n',
    '/lists/test: 1 of 1 lines cannot be read, such as line 2: example.com. Does this file have the format hosts?',
  ],
  [
    'rpz',
    '0.0.0.0 ads.test\n',
    '/lists/test: 1 of 1 lines cannot be read, such as line 1: 0.0.0.0 ads.test. Does this file have the format rpz?',
  ],
  ['cidr', 'example.com\n', '/lists/test: 1 of 1 lines cannot be read, such as line 1: example.com. Does this file have the format cidr?'],
  ['domains', Buffer.from('\ufeffexample.com\nb.test\n', 'utf16le'), /cannot be read/],
] as const)('refuses a file of another format: %s %#', (format, text, message) => {
  expect(() => openText(format, text)).toThrow(message);
});

test('accepts a file of which half of the lines can be read', () => {
  expect(openText('domains', 'a b\ngood.test\n')).toMatchObject({ entries: 1, skipped: 1 });
});

test.each(LIST_FORMATS)('an empty file of format %s has no entries and matches nothing', (format) => {
  expect(openText(format, '')).toMatchObject({ entries: 0, skipped: 0, ignored: 0, firstSkipped: [] });
});

test.each(LIST_FORMATS)('sections that are none of format %s are no list', (format) => {
  const counts = { entries: 0, skipped: 0, ignored: 0, firstSkipped: [] };
  expect(openList(specOf(format), { counts, sections: [] })).toBe(null);
  expect(openList(specOf(format), { counts, sections: [new Uint8Array(64).fill(7)] })).toBe(null);
});

test('a list keeps what the policy said of it', () => {
  const spec = specOf('domains', { name: 'ads', file: '/lists/ads.txt' });
  const compiled = compileList(new Uint8Array(Buffer.from('ads.example\n*.ads.example\n')), spec, [1, 3]);
  if ('message' in compiled) throw new Error(compiled.message);
  const list = openList(spec, compiled);
  expect(list).toMatchObject({ ...spec, kind: 'domains', entries: 1 });
  expect(list?.kind === 'domains' && list.explainHost('x.ads.example')).toBe('x.ads.example is within ads.example (list ads, 1 entry)');
  expect(list?.kind === 'domains' && list.explainHost('ads.example')).toBe('ads.example is listed by name (list ads, 1 entry)');
  expect(list?.kind === 'domains' && list.explainHost('example')).toBe('example is not in list ads (1 entry)');
});
