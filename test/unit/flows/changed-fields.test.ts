import { expect, test } from 'vitest';
import { asAfterHttp1, changedFields } from '../../../src/flows/changed-fields.ts';

test('a field that went on as it came is the same, whatever the case of its name', () => {
  expect(changedFields([['ACCEPT', '*/*']], [['accept', '*/*']])).toEqual([{ kind: 'same', name: 'ACCEPT', before: '*/*', after: '*/*' }]);
});

test('fields are told apart that were taken away, written anew and added', () => {
  const before = [
    ['Connection', 'close'],
    ['Accept-Encoding', 'gzip, zstd'],
  ] as const;
  const after = [
    ['Accept-Encoding', 'gzip'],
    ['Via', '1.1 sallyport'],
  ] as const;
  expect(changedFields(before, after)).toEqual([
    { kind: 'removed', name: 'Connection', before: 'close', after: null },
    { kind: 'changed', name: 'Accept-Encoding', before: 'gzip, zstd', after: 'gzip' },
    { kind: 'added', name: 'Via', before: null, after: '1.1 sallyport' },
  ]);
});

test('fields of one name are compared in their order (RFC 9110 §5.3)', () => {
  const before = [
    ['Via', '1.0 a'],
    ['Via', '1.1 b'],
  ] as const;
  const kinds = changedFields(before, [...before, ['Via', '1.1 c']]).map(({ kind, after }) => `${kind} ${after}`);
  expect(kinds).toEqual(['same 1.0 a', 'same 1.1 b', 'added 1.1 c']);
});

test('a message that did not go on has no changes', () => {
  expect(changedFields([['Host', 'example.com']], null).map(({ kind }) => kind)).toEqual(['same']);
});

test('what HTTP/2 has in the place of the first line is no field that was added, and of the authority what is another (RFC 9113 §8.3.1)', () => {
  const sent = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', 'b.example'],
    [':path', '/'],
    ['accept', '*/*'],
  ] as const;
  const changes = (before: readonly (readonly [string, string])[]) =>
    changedFields(before, asAfterHttp1(before, sent)).map(({ kind, name, after }) => `${kind} ${name} ${after}`);
  expect(changes([['accept', '*/*']])).toEqual(['same accept */*']);
  expect(
    changes([
      ['Host', 'a.example'],
      ['accept', '*/*'],
    ]),
  ).toEqual(['changed Host b.example', 'same accept */*']);
});
