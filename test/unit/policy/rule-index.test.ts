import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../src/match/condition.ts';
import type { Question } from '../../../src/match/question.ts';
import { createRuleIndex, fileRule, nextCandidate, startCandidates } from '../../../src/policy/rule-index.ts';
import * as q from '../../support/questions.ts';

const elsewhere = q.question({ host: 'z.test', port: 1, method: 'BREW', clientAddress: '203.0.113.1' });

describe('a rule is a candidate for whoever meets one of its keys, and for nobody else', () => {
  test.each<[string, Condition, readonly Partial<Question>[]]>([
    [
      'hosts',
      q.host('a.test', '.b.test', '*.c.test'),
      [{ host: 'a.test' }, { host: 'b.test' }, { host: 'x.y.b.test' }, { host: 'x.c.test' }],
    ],
    ['a registrable domain', q.domain('a.co.uk'), [{ host: 'a.co.uk' }, { host: 'x.a.co.uk' }]],
    ['users', q.user('alice', 'bob'), [{ identity: q.identity('bob') }, { identity: 'unasked' }]],
    ['groups', q.member('eng'), [{ identity: q.identity('alice', { groups: ['hr', 'eng'] }) }, { identity: 'unasked' }]],
    [
      'blocks of clients',
      q.client('10.0.0.0/8', '192.0.2.7'),
      [{ clientAddress: '10.1.2.3' }, { clientAddress: '192.0.2.7' }, { clientAddress: '::ffff:10.0.0.1' }],
    ],
    ['ports', q.all(q.portRange(8000, 8063)), [{ port: 8000 }, { port: 8063 }]],
    ['methods', q.method('GET', 'HEAD'), [{ method: 'GET' }, { method: 'HEAD' }]],
    ['alternatives with a key each', q.any(q.host('a.test'), q.port(25)), [{ host: 'a.test' }, { port: 25 }, { host: 'a.test', port: 25 }]],
    ['a group', q.group('office', q.client('10.0.0.0/8')), [{ clientAddress: '10.0.0.1' }]],
    ['the best key of several', q.all(q.method('BREW'), q.host('a.test'), q.port(1), q.path('/')), [{ host: 'a.test' }]],
    ['a key beside what has none', q.all(q.path('/'), q.not(q.host('z.test')), q.port(25)), [{ port: 25 }]],
    ['alternatives of nothing', q.any(), []],
  ])('%s', (_what, condition, meeting) => {
    expect(candidates([condition], elsewhere)).toEqual([]);
    for (const members of meeting) expect(candidates([condition], { ...elsewhere, ...members }), JSON.stringify(members)).toEqual([0]);
  });

  test.each<[string, Condition]>([
    ['everything', q.anything],
    ['a path', q.path('/a')],
    ['a regular expression of hosts', q.hostRegex('a')],
    ['a user with a star', q.user('alice', 'bot-*')],
    ['a claim', q.claim({ a: ['b'] })],
    ['an IPv6 client', q.client('10.0.0.0/8', '2001:db8::/32')],
    ['a wide range of ports', q.portRange(1024, 65535)],
    ['a list', q.inList('ads', q.hostList('a.test'))],
    ['anything turned round', q.not(q.host('a.test'))],
    ['an alternative without a key', q.any(q.host('a.test'), q.path('/a'))],
  ])('but for everybody with %s', (_what, condition) => {
    expect(candidates([condition], elsewhere)).toEqual([0]);
  });
});

test('every block of clients that holds the address counts, from all of IPv4 to one address', () => {
  const blocks = ['0.0.0.0/0', '128.0.0.0/1', '192.0.2.0/24', '192.0.2.128/25', '192.0.2.129', '192.0.2.128'];
  const conditions = blocks.map((text) => q.client(text));
  expect(candidates(conditions, { ...elsewhere, clientAddress: '192.0.2.129' })).toEqual([0, 1, 2, 3, 4]);
  expect(candidates(conditions, { ...elsewhere, clientAddress: '0.0.0.0' })).toEqual([0]);
  expect(candidates(conditions, { ...elsewhere, clientAddress: '2001:db8::1' })).toEqual([]);
  expect(candidates(conditions, { ...elsewhere, clientAddress: '' })).toEqual([]);
});

test('candidates come in the order of the rules, each once, by whichever keys they are filed', () => {
  const eng = q.identity('alice', { groups: ['eng', 'staff'] });
  const conditions = [
    q.any(q.host('a.test'), q.port(80), q.user('alice'), q.member('eng')),
    q.path('/a'),
    q.member('eng', 'staff'),
    q.host('b.test'),
    q.any(q.host('a.test', '.test'), q.method('GET')),
    q.anything,
    q.port(80),
  ];
  expect(candidates(conditions, q.question({ identity: eng }))).toEqual([0, 1, 2, 4, 5, 6]);
  expect(candidates(conditions, q.question({ identity: 'unasked' }))).toEqual([0, 1, 2, 4, 5, 6]);
  expect(candidates(conditions, q.question())).toEqual([0, 1, 4, 5, 6]);
});

test('a walk that was left unfinished leaves nothing to the next one', () => {
  const index = createRuleIndex();
  for (const [number, condition] of [q.host('a.test'), q.anything, q.port(80)].entries()) fileRule(index, condition, number);
  startCandidates(index, q.question());
  expect(nextCandidate()).toBe(0);
  startCandidates(index, elsewhere);
  expect([nextCandidate(), nextCandidate(), nextCandidate()]).toEqual([1, -1, -1]);
});

function candidates(conditions: readonly Condition[], question: Question): readonly number[] {
  const index = createRuleIndex();
  for (const [number, condition] of conditions.entries()) fileRule(index, condition, number);
  startCandidates(index, question);
  const found: number[] = [];
  for (let number = nextCandidate(); number !== -1; number = nextCandidate()) found.push(number);
  return found;
}
