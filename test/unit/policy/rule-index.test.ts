import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../src/match/condition.ts';
import type { Question } from '../../../src/match/question.ts';
import { createSubject } from '../../../src/match/subject.ts';
import { buildRuleIndex, nextCandidate, startCandidates } from '../../../src/policy/rule-index.ts';
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
    [
      'a regular expression of hosts',
      q.hostRegex('^ads?[0-9]*\\.', 'track'),
      [{ host: 'ad.test' }, { host: 'ads7.test' }, { host: 'a.track' }],
    ],
    [
      'users with a star',
      q.user('alice', 'bot-*', '*@ci'),
      [{ identity: q.identity('alice') }, { identity: q.identity('bot-7') }, { identity: q.identity('x@ci') }, { identity: 'unasked' }],
    ],
    ['users with a star alone', q.user('bot-*'), [{ identity: q.identity('bot-7') }, { identity: 'unasked' }]],
    ['a better key beside a text', q.all(q.hostRegex('^a\\.'), q.port(25)), [{ port: 25 }]],
    ['alternatives of nothing', q.any(), []],
  ])('%s', (_what, condition, meeting) => {
    expect(candidates([condition], elsewhere)).toEqual([]);
    for (const members of meeting) expect(candidates([condition], { ...elsewhere, ...members }), JSON.stringify(members)).toEqual([0]);
  });

  test.each<[string, Condition]>([
    ['everything', q.anything],
    ['a path', q.path('/a')],
    ['a regular expression of hosts that lets the text be anything', q.hostRegex('^ads\\.', '^[a-z]+')],
    ['a regular expression of hosts that asks for a character', q.hostRegex('z')],
    ['any user', q.user('alice', '*')],
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

describe('behind a rule that asks for the path alone, rules are filed under what the path must contain', () => {
  const first = q.path('/first');
  const GET = (pathAndQuery: string): Question => ({ ...elsewhere, pathAndQuery });

  test.each<[string, Condition, readonly string[]]>([
    ['a glob', q.path('/dav/*'), ['/dav/a', '/x/dav/', '/%64av/', '/dav//a', '/x/../dav/y']],
    ['globs', q.path('*.exe', '*.msi'), ['/a.exe', '/a.msi?x', '/a%2eexe']],
    ['a regular expression', q.pathRegex('\\.(exe|scr)\\.gz$'), ['/a.exe.gz', '/a.tar.gz']],
    ['a condition that asks for more', q.all(q.not(q.client('10.0.0.0/8')), q.path('/dav/*')), ['/dav/']],
    ['alternatives', q.any(q.path('/dav/*'), q.hostRegex('no-such')), ['/dav/']],
  ])('%s', (_what, condition, meeting) => {
    expect(candidates([first, condition], GET('/pool/dav'))).toEqual([0]);
    expect(candidates([first, condition], GET('/?/dav/.exe.msi.gz'))).toEqual([0]);
    for (const pathAndQuery of meeting) expect(candidates([first, condition], GET(pathAndQuery)), pathAndQuery).toEqual([0, 1]);
  });

  test('and each of them is a candidate for a path without a normal form', () => {
    const conditions = [first, q.path('/dav/*'), q.pathRegex('exe'), q.all(q.not(q.port(1)), q.path('/dav/*')), q.hostRegex('no-such')];
    for (const path of ['/a%2fb', '/%00', 'dav', '/..;/']) expect(candidates(conditions, GET(path)), path).toEqual([0, 1, 2, 3]);
  });

  test('and inside a tunnel those that ask for more, which may have to wait for it', () => {
    const conditions = [
      first,
      q.path('/dav/*'),
      q.all(q.address('10.0.0.1'), q.path('/dav/*')),
      q.not(q.all(q.path('/a'), q.pathRegex('dav'))),
    ];
    expect(candidates(conditions, q.connectQuestion())).toEqual([0, 2, 3]);
  });

  test.each<[string, Condition]>([
    ['asks for something else first', q.all(q.host('z.test'), q.path('/first'))],
    ['may not look at the path', q.any(q.all(), q.path('/first'))],
    ['is false whatever the path', q.all(q.any(), q.path('/first'))],
    ['asks for a query', q.query({ a: ['*'] })],
  ])('but not behind one that %s', (_what, condition) => {
    expect(candidates([condition, q.path('/dav/*')], GET('/x')).includes(1)).toBe(true);
  });

  test.each<[string, Condition]>([
    ['turned round', q.not(q.path('/first'))],
    ['a regular expression', q.pathRegex('.')],
    ['combined', q.any(q.all(q.path('*'), q.pathRegex('x')), q.group('g', q.path('/x')))],
  ])('%s, it still asks for the path alone', (_what, condition) => {
    expect(candidates([condition, q.path('/dav/*')], GET('/x'))).toEqual([0]);
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
  const index = buildRuleIndex([q.host('a.test'), q.anything, q.port(80), q.hostRegex('^a\\.'), q.path('/'), q.path('/dav/*')]);
  const [first, second] = [q.question({ pathAndQuery: '/dav/' }), elsewhere].map(createSubject);
  startCandidates(index, first!);
  expect(Array.from({ length: 5 }, () => nextCandidate(index, first!))).toEqual([0, 1, 2, 3, 4]);
  startCandidates(index, second!);
  expect(Array.from({ length: 4 }, () => nextCandidate(index, second!))).toEqual([1, 4, -1, -1]);
});

test('texts find their rules among many, each once, in the order of the rules', () => {
  const conditions = Array.from({ length: 200 }, (_, n) => [
    q.path(`/pool-${n % 10}/*`, `*/${n % 7}.exe`),
    q.hostRegex(`^cdn${n % 10}\\.`, `\\.cdn${n % 7}$`),
    q.user(`bot-${n % 10}-*`),
    q.any(q.hostRegex(`x${n % 10}y`), q.path(`*x${n % 10}y*`)),
  ]).flat();
  const question = q.question({
    host: 'cdn3.x3y.cdn4',
    identity: q.identity('bot-3-bot-3-bot-5-'),
    pathAndQuery: '/pool-3/pool-3/x3y/4.exe',
  });
  const expected = conditions.flatMap((_condition, number) => {
    const n = number >> 2;
    const isMet =
      number === 0 || [n % 10 === 3 || n % 7 === 4, n % 10 === 3 || n % 7 === 4, n % 10 === 3 || n % 10 === 5, n % 10 === 3][number & 3]!;
    return isMet ? [number] : [];
  });
  expect(candidates(conditions, question)).toEqual(expected);
});

function candidates(conditions: readonly Condition[], question: Question): readonly number[] {
  const index = buildRuleIndex(conditions);
  const subject = createSubject(question);
  startCandidates(index, subject);
  const found: number[] = [];
  for (let number = nextCandidate(index, subject); number !== -1; number = nextCandidate(index, subject)) found.push(number);
  return found;
}
