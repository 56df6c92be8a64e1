// What stands beside what when two exchanges are compared.
import { expect, test } from 'vitest';
import { besideEachOther, changedPart, foldRows } from '../../../src/inspector/ui/detail/diff-rows.ts';
import type { DiffLine } from '../../../src/inspector/ui/wire.ts';

const SIGNS = { ' ': 'same', '-': 'removed', '+': 'added' } as const;
const lines = (...texts: readonly string[]): DiffLine[] =>
  texts.map((text) => ({ kind: SIGNS[text[0] as keyof typeof SIGNS], text: text.slice(1) }));

test('a removed line stands beside the one that was added in its place', () => {
  const rows = besideEachOther(lines(' a', '-b', '-c', '+B', ' d', '+e'));
  expect(rows.map(({ left, right }) => [left, right])).toEqual([
    ['a', 'a'],
    ['b', 'B'],
    ['c', null],
    ['d', 'd'],
    [null, 'e'],
  ]);
});

test('a long stretch of what is alike is folded, with three lines left around each change', () => {
  const same = Array.from({ length: 20 }, (_, at) => ` ${at}`);
  const groups = foldRows(besideEachOther(lines(...same, '-old', '+new', ' after', ' and', ' then', ' x', ' y')));
  expect(groups.map((group) => (typeof group === 'number' ? group : group.map(({ left }) => left)))).toEqual([
    17,
    ['17', '18', '19', 'old', 'after', 'and', 'then'],
    ['x', 'y'],
  ]);
});

test.each([
  ['page=3 HTTP/2', 'page=12 HTTP/2', ['page=', '3', ' HTTP/2']],
  ['aa', 'aaa', ['aa', '', '']],
  ['GET /', 'x', ['GET /', '', '']],
  ['only here', null, ['only here', '', '']],
] as const)('of %j beside %j the part that is its own is %j', (text, other, parts) => {
  expect(changedPart(text, other)).toEqual(parts);
});
