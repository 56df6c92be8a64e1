// Random policies and questions out of few words, so that criteria hold about as often as they do not: every kind of criterion, conditions in
// conditions, groups, lists, every action, and questions of which something is not known yet.
import fc from 'fast-check';
import type { Condition } from '../../src/match/condition.ts';
import type { GreetingFacts, Question } from '../../src/match/question.ts';
import { parseDays, parseHours, timeWindow } from '../../src/match/time-window.ts';
import { timeZone } from '../../src/match/time-zone.ts';
import type { Action, Policy } from '../../src/policy/policy.ts';
import * as q from '../support/questions.ts';

const NAMES = ['a.test', 'b.a.test', 'c.b.a.test', 'b.test', 'test', 'a.co.uk', 'x.github.io', '10.0.0.1', '2001:db8::1'];
const ADDRESSES = ['10.0.0.1', '10.1.2.3', '192.0.2.1', '2001:db8::1', 'fd00::1'];
const BLOCKS = ['10.0.0.0/8', '10.0.0.1', '192.0.2.0/24', '0.0.0.0/0', '2001:db8::/32', '::/0'];
const CLIENTS = ['10.0.0.1', '192.0.2.7', '127.0.0.1', '::ffff:10.0.0.9', '2001:db8::5', ''];
const PARTS = [
  '/a',
  '/b',
  '/A',
  '/..',
  '/%2e',
  '//',
  '/%2f',
  '/%c0',
  '/%7e',
  '/a%61',
  'b',
  '/bb/',
  '?x=1',
  '&x=2',
  '&y=%zz',
  '?x=%31',
  '?y=/../',
];
const LENGTHS = [0, 1, 9, 10, 11, 1000];

const HOURS = timeWindow(timeZone('UTC'), [parseDays('mon-fri')], [parseHours('08:00-18:00')], null, null);
const NIGHT = timeWindow(timeZone('Europe/Berlin'), [], [parseHours('22:00-06:00')], null, null);
const MOMENTS = ['2026-11-23T08:30:00Z', '2026-11-23T22:30:00Z', '2026-11-22T12:00:00Z', '2026-11-27T17:59:59Z'].map((text) =>
  Date.parse(text),
);

export const HOST_LIST = q.hostList('a.test', 'b.test');
export const ADDRESS_LIST = q.addressList('10.0.0.1', '2001:db8::1', '192.0.2.7');
export const REQUEST_LIST = q.requestList('/a', 16);

/** One to three of them. */
function some<T>(...values: readonly T[]): fc.Arbitrary<T[]> {
  return fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
}

const patternText = fc
  .tuple(fc.constantFrom('', '.', '*.'), fc.constantFrom(...NAMES))
  .map(([dots, name]) => (/^\d|:/.test(name) ? name : dots + name));
const bounds = fc.array(
  fc.tuple(fc.constantFrom(q.over, q.under), fc.constantFrom(10, 100)).map(([bound, bytes]) => bound(bytes)),
  {
    minLength: 1,
    maxLength: 2,
  },
);

/** Name and values, of one or two. */
function named(names: readonly string[], values: readonly string[]): fc.Arbitrary<Record<string, string[]>> {
  return fc.dictionary(fc.constantFrom(...names), some(...values), { minKeys: 1, maxKeys: 2, noNullPrototype: true });
}

const criterion: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 4, arbitrary: fc.array(patternText, { minLength: 1, maxLength: 3 }).map((texts) => q.host(...texts)) },
  some('^a', 'test$', 'b\\.a', '[0-9]').map((texts) => q.hostRegex(...texts)),
  some('a.test', 'b.test', 'a.co.uk', 'x.github.io').map((names) => q.domain(...names)),
  { weight: 3, arbitrary: some(...BLOCKS).map((texts) => q.address(...texts)) },
  some(80, 443, 8080).map((ports) => q.port(...ports)),
  fc.constantFrom(q.portRange(1, 100), q.portRange(400, 9000)),
  some<Question['scheme']>('http', 'https', 'tunnel').map((schemes) => q.scheme(...schemes)),
  some('GET', 'POST', 'CONNECT', 'BREW').map((methods) => q.method(...methods)),
  { weight: 3, arbitrary: some('/a', '/a/*', '*b', '/~*', '/aa').map((texts) => q.path(...texts)) },
  some('^/a', 'b$', '~').map((texts) => q.pathRegex(...texts)),
  named(['x', 'y'], ['1', '2', '*', '/*']).map(q.query),
  named(['user-agent', 'accept'], ['curl/*', '*', 'x']).map(q.field),
  bounds.map((list) => q.requestSize(...list)),
  { weight: 2, arbitrary: some('image/*', 'text/html', '').map((texts) => q.responseType(...texts)) },
  bounds.map((list) => q.responseSize(...list)),
  fc.constant(q.upgrade('websocket')),
  fc
    .array(
      patternText.filter((text) => !/\d/.test(text)),
      { minLength: 1, maxLength: 2 },
    )
    .map((texts) => q.sni(...texts)),
  { weight: 2, arbitrary: fc.boolean().map(q.sniAgrees) },
  some<GreetingFacts['protocol']>('tls', 'http', 'other').map((protocols) => q.tunnelProtocol(...protocols)),
  { weight: 3, arbitrary: some('alice', 'bob', 'bot-*', '*').map((texts) => q.user(...texts)) },
  { weight: 2, arbitrary: some('eng', 'sre', 'hr').map((names) => q.member(...names)) },
  named(['repository', 'realm.roles'], ['org/*', 'admin', '*']).map(q.claim),
  { weight: 2, arbitrary: some(...BLOCKS).map((texts) => q.client(...texts)) },
  some('lan', 'http').map((names) => q.listener(...names)),
  fc.constantFrom(HOURS, NIGHT).map(q.time),
  fc.constantFrom(HOST_LIST, ADDRESS_LIST, REQUEST_LIST).map((list) => q.inList('list', list)),
  fc.constant(q.inList('clients', ADDRESS_LIST, 'client')),
);

export const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 6, arbitrary: criterion },
    { weight: 3, arbitrary: fc.array(tie('condition'), { maxLength: 3 }).map((of) => q.all(...of)) },
    { weight: 2, arbitrary: fc.array(tie('condition'), { maxLength: 3 }).map((of) => q.any(...of)) },
    { weight: 2, arbitrary: tie('condition').map(q.not) },
    { weight: 1, arbitrary: tie('condition').map((of) => q.group('group', of)) },
  ),
}));

const action = fc.constantFrom<Action>('allow', 'allow', 'deny', 'deny', 'report', 'tunnel', 'intercept');

function policyOf(asked: fc.Arbitrary<Condition>, maxRules: number): fc.Arbitrary<Policy> {
  const rule = fc.tuple(action, asked).map(([what, one]) => q.rule(what, one));
  return fc
    .tuple(fc.constantFrom('allow' as const, 'deny' as const), fc.array(rule, { maxLength: maxRules }), fc.boolean())
    .map(([defaultAction, rules, anyMethod]) => q.policy(defaultAction, rules, { connectPorts: [{ from: 443, to: 8080 }], anyMethod }));
}

export const policy: fc.Arbitrary<Policy> = policyOf(condition, 10);

const ofPath: fc.Arbitrary<Condition> = fc.oneof(
  some('/a/*', '/a/b*', '*/b', '*aa*', '/~*', '/A*', '*%2F*', '*b/a*', '/bb/*/aa', '*').map((texts) => q.path(...texts)),
  some('^/a/', '/b$', '(aa|b)/a', '~', '(?i:/a/b)', '/[ab]/[ab]', 'b{2}', '^/$').map((texts) => q.pathRegex(...texts)),
);
const ofHostOrUser: fc.Arbitrary<Condition> = fc.oneof(
  some('^b\\.a', 'test$', '(?:a|b)\\.test', '^c\\.', 'co\\.uk', '(?i:GITHUB)', '\\.0\\.').map((texts) => q.hostRegex(...texts)),
  some('alice', 'bot-*', '*ob', '*-7', '*li*e', 'nobody-*').map((texts) => q.user(...texts)),
);

const { ofTexts } = fc.letrec<{ ofTexts: Condition }>((tie) => ({
  ofTexts: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 5, arbitrary: ofPath },
    { weight: 3, arbitrary: ofHostOrUser },
    { weight: 1, arbitrary: criterion },
    { weight: 2, arbitrary: fc.array(tie('ofTexts'), { maxLength: 3 }).map((of) => q.all(...of)) },
    { weight: 2, arbitrary: fc.array(tie('ofTexts'), { maxLength: 3 }).map((of) => q.any(...of)) },
    { weight: 1, arbitrary: tie('ofTexts').map(q.not) },
    { weight: 1, arbitrary: tie('ofTexts').map((of) => q.group('group', of)) },
  ),
}));

/** Rules that ask for paths, and for hosts and users by a part of their names: many for the same few characters, more than a word has bits. */
export const policyOfTexts: fc.Arbitrary<Policy> = fc.oneof(
  policyOf(ofTexts, 12),
  policyOf(fc.oneof({ weight: 3, arbitrary: ofTexts }, fc.constant(q.path('/no-such/*')), fc.constant(q.hostRegex('no-such'))), 80),
);

const somebody = fc.record({
  user: fc.constantFrom('alice', 'bob', 'bot-7'),
  groups: fc.subarray(['eng', 'sre', 'hr']),
  claims: fc.constantFrom(null, { repository: 'org/app' }, { realm: { roles: ['admin', 'dev'] } }),
});
export const identity: fc.Arbitrary<Question['identity']> = fc.oneof(somebody, fc.constantFrom('nobody' as const));
export const address = fc.constantFrom(...ADDRESSES);
export const response: fc.Arbitrary<NonNullable<Question['response']>> = fc.record({
  contentTypes: fc.constantFrom([], ['text/html; charset=utf-8'], ['image/png'], ['text/html', 'image/png'], ['nonsense']),
  contentLength: fc.constantFrom(...LENGTHS),
});
export const greeting: fc.Arbitrary<GreetingFacts> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(null, 'a.test', 'b.a.test', 'b.test').map((serverName) => ({ protocol: 'tls' as const, serverName })),
  },
  { weight: 1, arbitrary: fc.constantFrom('http' as const, 'other' as const).map((protocol) => ({ protocol, serverName: null })) },
);

const fields = fc.array(
  fc.record({ name: fc.constantFrom('User-Agent', 'user-agent', 'Accept'), value: fc.constantFrom('curl/8', 'x', 'Mozilla') }),
  { maxLength: 3 },
);

const common = {
  host: fc.constantFrom(...NAMES),
  port: fc.constantFrom(80, 443, 8080),
  fields,
  clientAddress: fc.constantFrom(...CLIENTS),
  listener: fc.constantFrom('lan', 'http'),
  identity: fc.oneof(identity, fc.constant('unasked' as const)),
  nowMs: fc.constantFrom(...MOMENTS),
};

export const request: fc.Arbitrary<Question> = fc.record({
  ...common,
  scheme: fc.constantFrom('http' as const, 'https' as const),
  method: fc.constantFrom('GET', 'GET', 'POST', 'BREW'),
  pathAndQuery: fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
  contentLength: fc.constantFrom(...LENGTHS),
  upgrade: fc.constantFrom(null, 'websocket'),
  address: fc.option(address),
  hello: fc.option(greeting),
  response: fc.option(response),
});

export const connect: fc.Arbitrary<Question> = fc.record({
  ...common,
  scheme: fc.constant('tunnel' as const),
  method: fc.constant('CONNECT'),
  pathAndQuery: fc.constant(null),
  contentLength: fc.constant(0),
  upgrade: fc.constant(null),
  address: fc.option(address),
  hello: fc.option(greeting),
  response: fc.constant(null),
});

export const question: fc.Arbitrary<Question> = fc.oneof({ weight: 3, arbitrary: request }, { weight: 1, arbitrary: connect });
