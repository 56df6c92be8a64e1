import { expect, test } from 'vitest';
import { parseDays, timeWindow } from '../../../src/match/time-window.ts';
import { timeZone } from '../../../src/match/time-zone.ts';
import { visitLeaves } from '../../../src/policy/compile.ts';
import * as q from '../../support/questions.ts';

const SUNDAYS = timeWindow(timeZone('UTC'), [parseDays('sun')], [], null, null);

test('files rules by host and keeps the rest in order', () => {
  const { index, rules } = q.compiledYaml(`version: 1
default: deny
rules:
  - allow: { scheme: http }
  - deny: { host: [a.test, .b.test], method: GET, path: /x, port: 1 }
  - allow: any
  - allow: { host: [a.test, "*.c.test"] }
`);
  expect(index.always).toEqual([0, 2]);
  expect(Object.fromEntries(index.byHost.exact)).toEqual({ 'a.test': [1, 3] });
  expect(Object.fromEntries(index.byHost.below)).toEqual({ 'b.test': [1] });
  expect(Object.fromEntries(index.byHost.oneLabel)).toEqual({ 'c.test': [3] });
  expect([index.byPort.size, index.byMethod.size]).toEqual([0, 0]);
  expect(rules.map(({ asksPath }) => asksPath)).toEqual([false, true, false, false]);
});

test('knows which rules ask for a path, wherever in the condition', () => {
  const conditions = [q.path('/a'), q.not(q.pathRegex('a')), q.group('g', q.any(q.host('a.test'), q.path('/a'))), q.query({ a: ['1'] })];
  const { rules } = q.compiled(
    'deny',
    conditions.map((condition) => q.rule('allow', condition)),
  );
  expect(rules.map(({ asksPath }) => asksPath)).toEqual([true, true, true, false]);
});

test('knows at which sizes of content a rule begins to judge otherwise', () => {
  const compiled = q.compiled('deny', [
    q.rule('deny', q.requestSize(q.over(100), q.under(50))),
    q.rule('allow', q.group('g', q.not(q.all(q.requestSize(q.over(10)), q.responseSize(q.over(7)))))),
    q.rule('allow', q.requestSize(q.over(100))),
  ]);
  expect(compiled.requestSizes).toEqual([10, 49, 100]);
  expect(compiled.responseSizes).toEqual([7]);
});

test('knows whether anybody asks what time it is', () => {
  expect(q.compiled('deny', [q.rule('allow', q.all(q.host('a.test'), q.not(q.time(SUNDAYS))))]).asksTime).toBe(true);
  expect(q.compiled('deny', [q.rule('allow', q.host('a.test'))]).asksTime).toBe(false);
});

test('knows whether anybody asks who it is', () => {
  for (const condition of [q.user('*'), q.member('eng'), q.group('g', q.not(q.claim({ a: ['1'] })))]) {
    const { asksIdentity, rules } = q.compiled('deny', [q.rule('allow', q.client('10.0.0.0/8')), q.rule('report', condition)]);
    expect([asksIdentity, ...rules.map((rule) => rule.asksIdentity)]).toEqual([true, false, true]);
  }
  expect(q.compiled('deny', [q.rule('allow', q.client('10.0.0.0/8'))]).asksIdentity).toBe(false);
});

test('knows what tells one address of a name from another, each once', () => {
  const inside = q.group('inside', q.address('10.0.0.0/8'));
  const rules = [
    q.rule('deny', inside),
    q.rule('allow', q.not(inside)),
    q.rule('deny', q.inList('nets', q.addressList('192.0.2.1'))),
    q.rule('deny', q.inList('desks', q.addressList('192.0.2.1'), 'client')),
    q.rule('deny', q.inList('ads', q.hostList('a.test'))),
  ];
  expect(q.compiled('deny', rules).addressCriteria.length).toBe(2);
});

test('visits every criterion of a condition and every name in it, those inside groups too', () => {
  const kinds: string[] = [];
  const list = q.inList('ads', q.hostList());
  visitLeaves(q.all(q.host('a.test'), q.not(q.any(q.group('g', q.all(q.port(1), list)), q.path('/')))), ({ kind }) => kinds.push(kind));
  expect(kinds).toEqual(['host', 'group-use', 'port', 'list-use', 'path']);
});
