import { expect, test } from 'vitest';
import { type Linked, LinkedSet } from '../../../src/net/linked-set.ts';

class Member implements Linked<Member> {
  previous: Member | null = null;
  next: Member | null = null;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

function setOf(names: string): { set: LinkedSet<Member>; members: Member[] } {
  const set = new LinkedSet<Member>();
  const members = [...names].map((name) => new Member(name));
  for (const member of members) set.add(member);
  return { set, members };
}

function namesIn(set: LinkedSet<Member>): string {
  return [...set].map(({ name }) => name).join('');
}

test('keeps its members in the order they came', () => {
  const { set } = setOf('abc');
  expect(namesIn(set)).toBe('abc');
  expect(set.first?.name).toBe('a');
  expect(set.size).toBe(3);
});

test.for([
  ['a', 'bcd'],
  ['b', 'acd'],
  ['d', 'abc'],
  ['ad', 'bc'],
  ['bc', 'ad'],
  ['abcd', ''],
])('without %s, of abcd there is %s left', ([gone, left]) => {
  const { set, members } = setOf('abcd');
  for (const member of members) if (gone!.includes(member.name)) set.delete(member);
  expect(namesIn(set)).toBe(left);
  expect(set.size).toBe(left!.length);
  expect(set.first?.name).toBe(left![0]);
});

test('what has left refers to nobody, and may come back, at the end', () => {
  const { set, members } = setOf('abc');
  const [a, b] = members;
  set.delete(b!);
  expect(b).toMatchObject({ previous: null, next: null });
  set.delete(a!);
  set.add(b!);
  set.add(a!);
  expect(namesIn(set)).toBe('cba');
});

test('deleting what is in no set changes nothing', () => {
  const { set, members } = setOf('ab');
  set.delete(new Member('x'));
  set.delete(members[0]!);
  set.delete(members[0]!);
  expect(namesIn(set)).toBe('b');
  expect(set.size).toBe(1);
});

test('members may leave while it is gone through', () => {
  const { set, members } = setOf('abc');
  const seen: string[] = [];
  for (const member of set) {
    seen.push(member.name);
    for (const other of members) set.delete(other);
  }
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(set.size).toBe(0);
});
