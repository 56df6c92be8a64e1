import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../src/match/condition.ts';
import { hostTexts, interceptedHosts, interceptingRules } from '../../../src/policy/intercepts.ts';
import type { Rule } from '../../../src/policy/policy.ts';
import * as q from '../../support/questions.ts';

const INSIDE = { scheme: 'https' } as const;

function opened(...rules: readonly Rule[]) {
  const numbered = rules.map((rule, index) => ({ ...rule, name: String(index) }));
  return interceptingRules(q.compiled('allow', numbered)).map(({ rule, canOpen, neededBy, exceptions }) => ({
    rule: rule.name,
    canOpen,
    neededBy: neededBy.map(({ rule: needing, asks }) => `${needing.name}: ${asks.join()}`),
    exceptions: exceptions.map(({ name }) => name),
  }));
}

describe('what is opened', () => {
  test('is needed for each rule that asks for something inside, of those hosts, and may be met there', () => {
    const rules = [
      q.rule('deny', q.all(q.host('a.test'), q.path('/x'))),
      q.rule('report', q.all(q.host('.b.test'), q.requestSize(q.over(1)))),
      q.rule('deny', q.all(q.host('a.test'), q.path('/x'), q.port(80))),
      q.rule('deny', q.all(q.host('a.test'), q.path('/x'), q.scheme('http'))),
      q.rule('intercept', q.all(q.host('.test'), q.scheme('tunnel'))),
      q.rule('allow', q.all(q.method('GET', 'HEAD'), q.scheme(INSIDE.scheme))),
      q.rule('deny', q.host('a.test')),
      q.rule('deny', q.all(q.host('a.test'), q.query({ a: ['1'] }))),
      q.rule('deny', q.all(q.host('c.example'), q.path('/x'))),
    ];
    expect(opened(...rules)).toEqual([{ rule: '4', canOpen: true, neededBy: ['0: path', '1: request_size', '5: method'], exceptions: [] }]);
  });

  test('is needed for the cache, which its own rule may say', () => {
    const cache = { bypass: false, ttlSeconds: 60, force: false, ignoreQuery: false, partition: null };
    expect(opened(q.rule('intercept', q.host('a.test'), { cache }))).toMatchObject([{ neededBy: ['0: cache'] }]);
    expect(opened(q.rule('intercept', q.host('a.test')))).toMatchObject([{ neededBy: [] }]);
  });

  test('may be at a port that no rule names, behind one that a rule does', () => {
    const rule = q.rule('intercept', q.not(q.all(q.port(443), q.path('/a'))));
    const compiled = q.compiled('allow', [rule], { connectPorts: [{ from: 443, to: 8080 }] });
    expect(interceptingRules(compiled)).toMatchObject([{ canOpen: true }]);
  });

  test('is needed for a list of filters, which may be about any path', () => {
    const filters = q.rule('deny', q.inList('filters', q.requestList('/ads')));
    expect(opened(filters, q.rule('intercept', q.anything))).toMatchObject([{ neededBy: ['0: list filters'] }]);
  });

  test('is not what a rule before it lets pass unopened', () => {
    const rules = [
      q.rule('tunnel', q.host('.bank.test')),
      q.rule('allow', q.all(q.host('a.test'), q.user('ann'))),
      q.rule('allow', q.all(q.host('a.test'), q.path('/x'))),
      q.rule('allow', q.all(q.host('a.test'), q.method('GET'))),
      q.rule('allow', q.host('other.example')),
      q.rule('intercept', q.host('.test')),
      q.rule('tunnel', q.host('late.test')),
    ];
    expect(opened(...rules)).toMatchObject([{ exceptions: ['0', '1'] }]);
  });

  test('is nothing where the rule asks for what does not show in a CONNECT', () => {
    for (const condition of [q.path('/x'), q.not(q.responseType('image/*')), q.method('GET'), q.scheme('https'), q.port(80)])
      expect(opened(q.rule('intercept', q.all(q.host('a.test'), condition)))).toMatchObject([{ canOpen: false }]);
    for (const condition of [q.any(q.path('/x'), q.user('ann')), q.sni('a.test'), q.field({ a: ['1'] }), q.address('10.0.0.0/8')])
      expect(opened(q.rule('intercept', q.all(q.host('a.test'), condition)))).toMatchObject([{ canOpen: true }]);
  });

  test('by lists and patterns is taken to be about any host', () => {
    const needing = q.rule('deny', q.all(q.host('a.test'), q.path('/x')));
    expect(opened(needing, q.rule('intercept', q.hostRegex('^z')))).toMatchObject([{ canOpen: true, neededBy: ['0: path'] }]);
  });
});

describe('names for which certificates may be asked', () => {
  const hosts = (...conditions: readonly Condition[]) =>
    interceptedHosts(q.policy('deny', [q.rule('tunnel', q.host('x.test')), ...conditions.map((each) => q.rule('intercept', each))]));

  test.each<[string, readonly Condition[], readonly string[]]>([
    ['none, where nothing is opened', [], []],
    [
      'hosts, those below others left out',
      [q.host('a.test', '.b.test', '*.c.test'), q.host('x.b.test', 'b.test')],
      ['a.test', 'b.test', 'c.test'],
    ],
    ['domains and addresses', [q.domain('a.test'), q.host('192.0.2.1', '2001:db8::1')], ['a.test', '192.0.2.1', '2001:db8::1']],
    ['server names, which the certificate is for', [q.all(q.host('a.test'), q.sni('.b.test'))], ['a.test', 'b.test']],
    ['of groups and alternatives', [q.group('g', q.any(q.host('a.test'), q.all(q.port(443), q.host('b.test'))))], ['a.test', 'b.test']],
  ])('%s', (_what, conditions, permitted) => {
    expect(hosts(...conditions)).toEqual({ permitted, isAll: false });
  });

  test.each([
    q.anything,
    q.not(q.host('a.test')),
    q.hostRegex('a'),
    q.any(q.host('a.test'), q.user('ann')),
    q.inList('l', q.hostList('a.test')),
  ])('any, where a rule does not name its hosts: %j', (condition) => {
    expect(hosts(q.host('a.test'), condition)).toEqual({ permitted: [], isAll: true });
  });
});

test.each<[Condition, readonly string[] | null]>([
  [q.all(q.port(443), q.host('a.test', '.b.test', '*.c.test')), ['a.test', '.b.test', '*.c.test']],
  [q.any(q.domain('a.test'), q.group('g', q.hostRegex('^x'))), ['domain a.test', 'host_regex ^x']],
  [q.inList('ads', q.hostList('a.test')), ['list ads']],
  [q.inList('desks', q.addressList(), 'client'), null],
  [q.sni('a.test'), ['sni a.test']],
  [q.any(q.host('a.test'), q.port(1)), null],
  [q.not(q.host('a.test')), null],
])('the hosts of %j in words: %j', (condition, texts) => {
  expect(hostTexts(condition)).toEqual(texts);
});
