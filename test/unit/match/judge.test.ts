import { describe, expect, test } from 'vitest';
import type { Condition } from '../../../src/match/condition.ts';
import { judge, judgementOf } from '../../../src/match/judge.ts';
import type { Question } from '../../../src/match/question.ts';
import { createSubject } from '../../../src/match/subject.ts';
import { parseDays, parseHours, timeWindow } from '../../../src/match/time-window.ts';
import { timeZone } from '../../../src/match/time-zone.ts';
import {
  FALSE,
  HIDDEN,
  NEEDS_ADDRESS,
  NEEDS_HELLO,
  NEEDS_IDENTITY,
  NEEDS_RESPONSE,
  PATH_IS_SHUT,
  TRUE,
  type Truth,
  UNUSABLE_ADDRESS,
  UNUSABLE_FIELD,
  UNUSABLE_PATH,
  UNUSABLE_QUERY,
  UNUSABLE_TYPE,
  UNUSABLE_URL,
} from '../../../src/match/truth.ts';
import * as q from '../../support/questions.ts';

const alice = q.identity('alice', { groups: ['eng', 'staff'], claims: { repository: 'org/app', realm: { roles: ['dev', 'ops'] } } });
const request = q.question({
  host: 'api.example.com',
  port: 8080,
  pathAndQuery: '/v1/users?id=7&tag=a&tag=b',
  fields: q.fieldsOf(['User-Agent', 'curl/8'], ['X-Two', 'a'], ['x-two', 'b'], ['Empty', '']),
  contentLength: 100,
  clientAddress: '10.1.2.3',
  listener: 'lan',
  identity: alice,
  address: '192.0.2.7',
  response: { contentTypes: ['Text/HTML; charset=utf-8'], contentLength: 2000 },
});
const tunnel = q.connectQuestion({ host: 'api.example.com', clientAddress: '10.1.2.3', fields: request.fields, identity: alice });
const OFFICE_HOURS = timeWindow(timeZone('Europe/Berlin'), [parseDays('mon-fri')], [parseHours('09:00-17:00')], null, null);

function truthOf(condition: Condition, question: Question): Truth {
  return judge(condition, createSubject(question));
}

type Row = readonly [what: string, condition: Condition, members: Partial<Question>, truth: Truth];

const OF_A_REQUEST: readonly Row[] = [
  ['host', q.host('api.example.com'), {}, TRUE],
  ['host within', q.host('.example.com'), {}, TRUE],
  ['host one label below', q.host('*.example.com'), {}, TRUE],
  ['host not within', q.host('.example.org'), {}, FALSE],
  ['host, whole labels only', q.host('.ample.com'), {}, FALSE],
  ['host, the second of two', q.host('a.test', 'api.example.com'), {}, TRUE],
  ['host, one of many', q.host(...Array.from({ length: 20 }, (_, n) => `h${n}.test`), '.example.com'), {}, TRUE],
  ['host, one label below one of many', q.host(...Array.from({ length: 20 }, (_, n) => `*.h${n}.test`)), { host: 'a.h7.test' }, TRUE],
  ['host, two labels below one of many', q.host(...Array.from({ length: 20 }, (_, n) => `*.h${n}.test`)), { host: 'b.a.h7.test' }, FALSE],
  ['host, none of many', q.host(...Array.from({ length: 20 }, (_, n) => `h${n}.test`)), { host: 'a.h7.test' }, FALSE],
  ['host_regex', q.hostRegex('^api\\.'), {}, TRUE],
  ['host_regex, neither', q.hostRegex('^b', 'org$'), {}, FALSE],
  ['domain', q.domain('example.com'), {}, TRUE],
  ['domain of another owner', q.domain('a.github.io'), { host: 'b.github.io' }, FALSE],
  ['domain of an address', q.domain('example.com'), { host: '192.0.2.7' }, FALSE],
  ['address', q.address('192.0.2.0/24'), {}, TRUE],
  ['address elsewhere', q.address('198.51.100.0/24'), {}, FALSE],
  ['address of the other version', q.address('::/0'), {}, FALSE],
  ['address, IPv4-mapped', q.address('192.0.2.0/24'), { address: '::ffff:192.0.2.7' }, TRUE],
  ['address, translated (NAT64)', q.address('192.0.2.0/24'), { address: '64:ff9b::c000:207' }, UNUSABLE_ADDRESS],
  ['address, relayed (6to4)', q.address('192.0.2.0/24'), { address: '2002:c000:207::1' }, UNUSABLE_ADDRESS],
  ["address, inside a stranger's (ISATAP)", q.address('192.0.2.0/24'), { address: '2001:db8::5efe:192.0.2.7' }, UNUSABLE_ADDRESS],
  ['address, translated, elsewhere', q.address('198.51.100.0/24'), { address: '64:ff9b::c000:207' }, FALSE],
  ['address, translated, named as it is', q.address('64:ff9b::/96'), { address: '64:ff9b::c000:207' }, TRUE],
  ['in a list of addresses, translated', q.inList('list', q.addressList('192.0.2.7')), { address: '64:ff9b::c000:207' }, UNUSABLE_ADDRESS],
  ['address, one of many', q.address(...Array.from({ length: 20 }, (_, n) => `192.0.${n}.0/24`)), {}, TRUE],
  ['address, none of many', q.address(...Array.from({ length: 20 }, (_, n) => `192.1.${n}.0/24`)), {}, FALSE],
  ['address, not resolved', q.address('0.0.0.0/0', '::/0'), { address: null }, NEEDS_ADDRESS],
  ['port', q.port(80, 8080), {}, TRUE],
  ['port in a range, its ends included', q.portRange(8080, 8999), {}, TRUE],
  ['port elsewhere', q.portRange(8081, 8999), {}, FALSE],
  ['scheme', q.scheme('http', 'https'), {}, TRUE],
  ['scheme, another', q.scheme('tunnel'), {}, FALSE],
  ['method', q.method('GET', 'HEAD'), {}, TRUE],
  ['method, to the letter (RFC 9110 §9.1)', q.method('get'), {}, FALSE],
  ['path', q.path('/v1/*'), {}, TRUE],
  ['path, without the query', q.path('/v1/users'), {}, TRUE],
  ['path, another', q.path('/v2/*'), {}, FALSE],
  ['path in normal form', q.path('/v1/users'), { pathAndQuery: '/v2/..//v1/%75sers' }, TRUE],
  ['path without normal form', q.path('*'), { pathAndQuery: '/a%2fb' }, UNUSABLE_PATH],
  ['path_regex', q.pathRegex('^/v[0-9]/'), {}, TRUE],
  ['path_regex, another', q.pathRegex('^/x'), {}, FALSE],
  ['path_regex without normal form', q.pathRegex('.'), { pathAndQuery: '/%00' }, UNUSABLE_PATH],
  ['query', q.query({ id: ['7'] }), {}, TRUE],
  ['query, another value', q.query({ id: ['8', '9*'] }), {}, FALSE],
  ['query, missing', q.query({ nothing: ['*'] }), {}, FALSE],
  ['query, both parameters', q.query({ id: ['*'], tag: ['a', 'b'] }), {}, TRUE],
  ['query, one of the two', q.query({ id: ['*'], tag: ['c'] }), {}, FALSE],
  ['query that says two things', q.query({ tag: ['a'] }), {}, UNUSABLE_QUERY],
  ['query that says two things beside one that fails', q.query({ tag: ['a'], id: ['8'] }), {}, FALSE],
  ['query with codes', q.query({ id: ['7'] }), { pathAndQuery: '/?%69d=%37' }, TRUE],
  ['query that cannot be decoded', q.query({ id: ['7'] }), { pathAndQuery: '/?id=%zz' }, UNUSABLE_QUERY],
  ['field', q.field({ 'user-agent': ['curl/*'] }), {}, TRUE],
  ['field, present', q.field({ empty: ['*'] }), {}, TRUE],
  ['field, empty', q.field({ empty: [''] }), {}, TRUE],
  ['field, absent', q.field({ referer: ['*'] }), {}, FALSE],
  ['field, another value', q.field({ 'user-agent': ['Wget/*'] }), {}, FALSE],
  ['field twice, both match', q.field({ 'x-two': ['*'] }), {}, TRUE],
  ['field twice, one matches', q.field({ 'x-two': ['b'] }), {}, UNUSABLE_FIELD],
  ['field twice, none matches', q.field({ 'x-two': ['c'] }), {}, FALSE],
  ['request_size over', q.requestSize(q.over(99)), {}, TRUE],
  ['request_size, equal is not over', q.requestSize(q.over(100)), {}, FALSE],
  ['request_size under', q.requestSize(q.under(101)), {}, TRUE],
  ['request_size, equal is not under', q.requestSize(q.under(100)), {}, FALSE],
  ['response_type', q.responseType('image/*', 'text/html'), {}, TRUE],
  ['response_type, another', q.responseType('image/*'), {}, FALSE],
  ['response_type, none given', q.responseType('image/*'), { response: { contentTypes: [], contentLength: 0 } }, FALSE],
  ['response_type, no answer yet', q.responseType('*'), { response: null }, NEEDS_RESPONSE],
  [
    'response_type, two',
    q.responseType('text/html'),
    { response: { contentTypes: ['text/html', 'image/png'], contentLength: 0 } },
    UNUSABLE_TYPE,
  ],
  [
    'response_type, of ranges, each with a type of its own',
    q.responseType('text/html'),
    { response: { contentTypes: ['multipart/byteranges; boundary=x'], contentLength: 0 } },
    UNUSABLE_TYPE,
  ],
  [
    'response_type, of ranges, named',
    q.responseType('multipart/*'),
    { response: { contentTypes: ['multipart/byteranges; boundary=x'], contentLength: 0 } },
    TRUE,
  ],
  ['response_type, malformed', q.responseType('*'), { response: { contentTypes: ['html'], contentLength: 0 } }, UNUSABLE_TYPE],
  ['response_size', q.responseSize(q.over(1999)), {}, TRUE],
  ['response_size, equal is not over', q.responseSize(q.over(2000)), {}, FALSE],
  ['response_size, no answer yet', q.responseSize(q.over(0)), { response: null }, NEEDS_RESPONSE],
  ['upgrade', q.upgrade('websocket'), { upgrade: 'websocket' }, TRUE],
  ['upgrade, none asked for', q.upgrade('websocket'), {}, FALSE],
  ['user', q.user('alice'), {}, TRUE],
  ['user by glob', q.user('bob', 'al*'), {}, TRUE],
  ['user, anybody', q.user('*'), {}, TRUE],
  ['user, another', q.user('ALICE', 'bot-*'), {}, FALSE],
  ['user, nobody', q.user('*'), { identity: 'nobody' }, FALSE],
  ['user, not asked yet', q.user('*'), { identity: 'unasked' }, NEEDS_IDENTITY],
  ['group', q.member('hr', 'eng'), {}, TRUE],
  ['group, another', q.member('hr'), {}, FALSE],
  ['group, nobody', q.member('eng'), { identity: 'nobody' }, FALSE],
  ['group, not asked yet', q.member('eng'), { identity: 'unasked' }, NEEDS_IDENTITY],
  ['claim', q.claim({ repository: ['org/*'] }), {}, TRUE],
  ['claim, one of a list', q.claim({ 'realm.roles': ['ops'] }), {}, TRUE],
  ['claim, all of those named', q.claim({ repository: ['org/*'], 'realm.roles': ['admin'] }), {}, FALSE],
  ['claim of somebody without claims', q.claim({ repository: ['*'] }), { identity: q.identity('bob') }, FALSE],
  ['claim, nobody', q.claim({ repository: ['*'] }), { identity: 'nobody' }, FALSE],
  ['claim, not asked yet', q.claim({ repository: ['*'] }), { identity: 'unasked' }, NEEDS_IDENTITY],
  ['client', q.client('10.0.0.0/8'), {}, TRUE],
  ['client, IPv4-mapped', q.client('10.0.0.0/8'), { clientAddress: '::ffff:10.9.9.9' }, TRUE],
  ['client, IPv6', q.client('2001:db8::/32'), { clientAddress: '2001:db8::7' }, TRUE],
  ['client elsewhere', q.client('10.0.0.0/8'), { clientAddress: '11.0.0.0' }, FALSE],
  ['client over a Unix socket', q.client('0.0.0.0/0', '::/0'), { clientAddress: '' }, FALSE],
  ['listener', q.listener('wan', 'lan'), {}, TRUE],
  ['listener, another', q.listener('wan'), {}, FALSE],
  ['time', q.time(OFFICE_HOURS), { nowMs: Date.parse('2026-11-23T08:00:00Z') }, TRUE],
  ['time, a minute before', q.time(OFFICE_HOURS), { nowMs: Date.parse('2026-11-23T07:59:59Z') }, FALSE],
  ['in a list of hosts', q.inList('list', q.hostList('api.example.com')), {}, TRUE],
  ['not in a list of hosts', q.inList('list', q.hostList('example.com')), {}, FALSE],
  ['in a list of addresses', q.inList('list', q.addressList('192.0.2.7')), {}, TRUE],
  ['not in a list of addresses', q.inList('list', q.addressList('10.1.2.3')), {}, FALSE],
  ['a list of addresses, not resolved', q.inList('list', q.addressList('192.0.2.7')), { address: null }, NEEDS_ADDRESS],
  ['client_in a list of addresses', q.inList('list', q.addressList('10.1.2.3'), 'client'), { address: null }, TRUE],
  ['not client_in a list of addresses', q.inList('list', q.addressList('192.0.2.7'), 'client'), {}, FALSE],
  ['in a list of requests', q.inList('list', q.requestList('/users')), {}, TRUE],
  ['in a list of requests, in another spelling', q.inList('list', q.requestList('/users')), { pathAndQuery: '/v1/x/../%75sers' }, TRUE],
  ['too long for a list of requests', q.inList('list', q.requestList('/users', 5)), {}, UNUSABLE_URL],
  ['not in a list of requests', q.inList('list', q.requestList('/ads')), {}, FALSE],
];

const HELLO = { protocol: 'tls', serverName: 'api.example.com' } as const;
const NAMELESS = { ...HELLO, serverName: null };
const PLAIN = { protocol: 'http', serverName: null } as const;

test.each<Row>([
  ['sni', q.sni('api.example.com'), { hello: HELLO }, TRUE],
  ['sni within', q.sni('.example.com'), { hello: HELLO }, TRUE],
  ['sni, one of many', q.sni(...Array.from({ length: 20 }, (_, n) => `h${n}.test`), '*.example.com'), { hello: HELLO }, TRUE],
  ['sni, another', q.sni('.example.org'), { hello: HELLO }, FALSE],
  ['sni, none was said', q.sni('.example.com'), { hello: NAMELESS }, FALSE],
  ['sni, no TLS', q.sni('.example.com'), { hello: PLAIN }, FALSE],
  ['sni, nobody has looked', q.sni('.example.com'), {}, NEEDS_HELLO],
  ['sni, nobody has looked, turned round', q.not(q.sni('.example.com')), {}, NEEDS_HELLO],
  ['sni_agrees', q.sniAgrees(true), { hello: HELLO }, TRUE],
  ['sni_agrees, asked the other way', q.sniAgrees(false), { hello: HELLO }, FALSE],
  ['sni_agrees, another name', q.sniAgrees(false), { hello: { ...HELLO, serverName: 'www.example.com' } }, TRUE],
  ['sni_agrees, none was said for a name', q.sniAgrees(false), { hello: NAMELESS }, TRUE],
  ['sni_agrees, no TLS', q.sniAgrees(false), { hello: PLAIN }, TRUE],
  ['sni_agrees, none was said for an address (RFC 6066 §3)', q.sniAgrees(true), { host: '192.0.2.7', hello: NAMELESS }, TRUE],
  ['sni_agrees, none was said for an IPv6 address', q.sniAgrees(true), { host: '2001:db8::1', hello: NAMELESS }, TRUE],
  ['sni_agrees, a name was said for an address', q.sniAgrees(true), { host: '192.0.2.7', hello: HELLO }, FALSE],
  ['sni_agrees, nobody has looked', q.sniAgrees(false), {}, NEEDS_HELLO],
  ['tunnel_protocol', q.tunnelProtocol('http', 'tls'), { hello: HELLO }, TRUE],
  ['tunnel_protocol, another', q.tunnelProtocol('other'), { hello: PLAIN }, FALSE],
  ['tunnel_protocol, nobody has looked', q.tunnelProtocol('other'), {}, NEEDS_HELLO],
])('of a tunnel: %s', (_what, condition, members, truth) => {
  expect(truthOf(condition, { ...tunnel, ...members })).toBe(truth);
});

test.each([q.sni('.example.com'), q.sniAgrees(true), q.sniAgrees(false), q.tunnelProtocol('tls', 'http', 'other')])(
  'in no tunnel nothing was said first: %j',
  (condition) => {
    expect(truthOf(condition, request)).toBe(FALSE);
    expect(truthOf(condition, { ...request, scheme: 'https' })).toBe(FALSE);
  },
);

test('what was said first holds for the requests inside', () => {
  const inside = { ...request, scheme: 'https', hello: HELLO } as const;
  expect(truthOf(q.all(q.sni('api.example.com'), q.sniAgrees(true), q.tunnelProtocol('tls')), inside)).toBe(TRUE);
});

test.each(OF_A_REQUEST)('%s', (_what, condition, members, truth) => {
  expect(truthOf(condition, { ...request, ...members })).toBe(truth);
});

describe.each(OF_A_REQUEST)('what becomes of %s', (_what, condition, members, truth) => {
  const asked = { ...request, ...members };

  test('turned round: what is not known stays so', () => {
    expect(truthOf(q.not(condition), asked)).toBe(truth === TRUE ? FALSE : truth === FALSE ? TRUE : truth);
    expect(truthOf(q.not(q.not(condition)), asked)).toBe(truth);
  });

  test('in a group, and alone in all or any', () => {
    expect([q.group('g', condition), q.all(condition), q.any(condition)].map((one) => truthOf(one, asked))).toEqual([truth, truth, truth]);
  });

  test('beside what holds and what does not', () => {
    const holds = q.anything;
    const fails = q.any();
    expect([q.all(condition, holds), q.any(fails, condition)].map((one) => truthOf(one, asked))).toEqual([truth, truth]);
    expect([q.all(condition, fails), q.all(fails, condition)].map((one) => truthOf(one, asked))).toEqual([FALSE, FALSE]);
    expect([q.any(condition, holds), q.any(holds, condition)].map((one) => truthOf(one, asked))).toEqual([TRUE, TRUE]);
  });
});

test('all of nothing holds, any of nothing does not', () => {
  expect([truthOf(q.all(), request), truthOf(q.any(), request)]).toEqual([TRUE, FALSE]);
});

test('several things that are missing are all said', () => {
  const asked = { ...request, identity: 'unasked', address: null, response: null, pathAndQuery: '/%2f?x=%zz' } as const;
  const parts = [q.user('*'), q.address('::/0'), q.responseType('*'), q.path('*'), q.query({ x: ['1'] }), q.field({ 'x-two': ['a'] })];
  const missing = NEEDS_IDENTITY | NEEDS_ADDRESS | NEEDS_RESPONSE | UNUSABLE_PATH | UNUSABLE_QUERY | UNUSABLE_FIELD;
  expect(truthOf(q.all(...parts), asked)).toBe(missing);
  expect(truthOf(q.any(...parts), asked)).toBe(missing);
  expect(truthOf(q.not(q.all(q.not(q.any(...parts)))), asked)).toBe(missing);
});

describe('inside a tunnel', () => {
  test.each<[string, Condition]>([
    ['path', q.path('*')],
    ['path_regex', q.pathRegex('.')],
    ['query', q.query({ id: ['7'] })],
    ['field that the CONNECT does not have', q.field({ referer: ['*'] })],
    ['field of which the CONNECT has another value', q.field({ 'user-agent': ['Wget/*'] })],
    ['request_size', q.requestSize(q.over(1))],
    ['response_type', q.responseType('*')],
    ['response_size', q.responseSize(q.under(1))],
    ['upgrade', q.upgrade('websocket')],
    ['what a list says of the request', q.inList('ads', q.requestList('/ads'))],
  ])('nobody sees %s, so neither it nor its opposite holds', (_what, condition) => {
    expect(truthOf(condition, tunnel)).toBe(HIDDEN);
    expect(truthOf(q.not(condition), tunnel)).toBe(HIDDEN);
    expect(truthOf(q.all(q.host('.example.com'), q.not(q.group('g', q.any(condition)))), tunnel)).toBe(HIDDEN);
    expect(truthOf(q.any(condition, q.not(condition)), tunnel)).toBe(HIDDEN);
  });

  test.each<[string, Condition, Truth]>([
    ['method', q.method('CONNECT'), TRUE],
    ['method of what is inside', q.method('GET', 'HEAD', 'POST'), FALSE],
    ['scheme', q.scheme('tunnel'), TRUE],
    ['host', q.host('.example.com'), TRUE],
    ['port', q.port(443), TRUE],
    ['user', q.user('alice'), TRUE],
    ['field of the CONNECT', q.field({ 'user-agent': ['curl/*'] }), TRUE],
    ['field of the CONNECT that says two things', q.field({ 'x-two': ['a'] }), UNUSABLE_FIELD],
    ['address, not resolved', q.address('::/0'), NEEDS_ADDRESS],
  ])('%s is judged of the CONNECT', (_what, condition, truth) => {
    expect(truthOf(condition, tunnel)).toBe(truth);
  });
});

test('while the path is shut, nothing that depends on it is known, and the path is not looked at', () => {
  const subject = createSubject({ ...request, pathAndQuery: '/../a' });
  subject.isPathShut = true;
  expect(judge(q.all(q.port(8080), q.path('/a')), subject)).toBe(PATH_IS_SHUT);
  expect(judge(q.not(q.pathRegex('/a')), subject)).toBe(PATH_IS_SHUT);
  expect(judge(q.all(q.path('/a'), q.port(1)), subject)).toBe(FALSE);
  expect(judge(q.any(q.path('/a'), q.port(8080)), subject)).toBe(TRUE);
  expect(subject.normalised).toBeNull();
});

test('a condition is made into a function once, however many rules use it', () => {
  const shared = q.group('office', q.client('10.0.0.0/8'));
  expect(judgementOf(shared)).toBe(judgementOf(shared));
  expect(judgementOf(q.group('again', shared.condition))).toBe(judgementOf(shared));
});
