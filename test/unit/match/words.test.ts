import { expect, test } from 'vitest';
import type { Condition, Criterion, Named } from '../../../src/match/condition.ts';
import { judge } from '../../../src/match/judge.ts';
import type { Question } from '../../../src/match/question.ts';
import { createSubject } from '../../../src/match/subject.ts';
import { parseDays, parseHours, timeWindow } from '../../../src/match/time-window.ts';
import { timeZone } from '../../../src/match/time-zone.ts';
import { describeCriterion } from '../../../src/match/words.ts';
import * as q from '../../support/questions.ts';

const request = q.question({
  host: 'api.example.com',
  port: 8080,
  pathAndQuery: '/v1/users?id=7',
  fields: q.fieldsOf(['User-Agent', 'curl/8']),
  contentLength: 100,
  clientAddress: '10.1.2.3',
  listener: 'lan',
  identity: q.identity('alice', { groups: ['eng'], claims: { repository: 'org/app' } }),
  address: '192.0.2.7',
  response: { contentTypes: ['text/html'], contentLength: 2000 },
});
const tunnel = { method: 'CONNECT', scheme: 'tunnel', pathAndQuery: null, fields: [], response: null } as const;

function inTls(serverName: string | null): Partial<Question> {
  return { ...tunnel, hello: { protocol: 'tls', serverName } };
}

test.each<[Condition, Partial<Question>, string]>([
  [q.host('.example.com'), {}, 'host api.example.com is within example.com'],
  [q.host('.example.org'), {}, 'host api.example.com is not within example.org'],
  [q.host('*.example.com'), {}, 'host api.example.com is one label below example.com'],
  [q.host('a.test', 'api.example.com'), {}, 'host api.example.com is api.example.com'],
  [q.hostRegex('^api', '^x'), {}, 'host api.example.com matches ^api or ^x'],
  [q.domain('example.org'), {}, 'domain example.com is not example.org'],
  [q.domain('example.org'), { host: 'com' }, 'domain of com, which has none, is not example.org'],
  [q.address('192.0.2.0/24', '10.0.0.0/8'), {}, 'address 192.0.2.7 is in 192.0.2.0/24 or 10.0.0.0/8'],
  [q.address('10.0.0.0/8'), { address: null }, 'address: the name has not been resolved'],
  [{ kind: 'port', ranges: [80, 8000].map((from) => ({ from, to: from === 80 ? 80 : 8999 })) }, {}, 'port 8080 is 80 or 8000-8999'],
  [q.port(80), {}, 'port 8080 is not 80'],
  [q.scheme('https', 'tunnel'), {}, 'scheme http is not https or tunnel'],
  [q.method('GET', 'HEAD'), {}, 'method GET is GET or HEAD'],
  [q.method('GET', 'HEAD', 'POST'), tunnel, 'method CONNECT is not GET, HEAD or POST'],
  [q.method('get'), {}, 'method GET is not get'],
  [q.path('/v1/*'), {}, 'path /v1/users matches /v1/*'],
  [q.path('/v2/*'), {}, 'path /v1/users does not match /v2/*'],
  [q.path('*'), tunnel, 'path: it cannot be seen inside a tunnel'],
  [q.path('*'), { pathAndQuery: '/a%2fb' }, 'path: the path has an encoded slash (%2F)'],
  [q.pathRegex('^/x'), {}, 'path /v1/users does not match ^/x'],
  [q.query({ id: ['7', '8'] }), {}, 'query matches id=7 or 8'],
  [q.query({ id: ['8'], x: ['*'] }), {}, 'query does not match id=8 and x=*'],
  [
    q.query({ id: ['7'] }),
    { pathAndQuery: '/?id=%zz' },
    'query: the query names a parameter twice with different values, or cannot be decoded',
  ],
  [q.field({ 'user-agent': ['curl/*'] }), {}, 'request fields match user-agent: curl/*'],
  [q.field({ referer: ['*'] }), {}, 'request fields do not match referer: *'],
  [q.field({ a: ['1'] }), { fields: q.fieldsOf(['a', '1'], ['a', '2']) }, 'field: the field comes twice with different values'],
  [q.requestSize(q.over(10), q.under(5)), {}, 'request content of 100 octets is over 10B or under 5B'],
  [q.responseType('image/*'), {}, 'response type text/html is not image/*'],
  [q.responseType('image/*'), { response: { contentTypes: [], contentLength: 0 } }, 'response type (none) is not image/*'],
  [q.responseType('image/*'), { response: null }, 'response_type: the origin has not answered yet'],
  [
    q.responseType('image/*'),
    { response: { contentTypes: ['a'], contentLength: 0 } },
    'response_type: the response has several Content-Types, or one that cannot be read',
  ],
  [q.responseSize(q.over(10)), {}, 'response content of 2000 octets is over 10B'],
  [q.upgrade('websocket'), { upgrade: 'websocket' }, 'upgrade to websocket is websocket'],
  [q.upgrade('websocket'), {}, 'no upgrade is asked for, which is not websocket'],
  [q.sni('.example.org'), inTls('api.example.com'), 'server name api.example.com is not within example.org'],
  [q.sni('.example.org'), inTls(null), 'no server name, which is not within example.org'],
  [q.sni('.example.org'), { ...tunnel, hello: null }, 'sni: the client has not said yet what it wants in its tunnel'],
  [q.sniAgrees(true), inTls('api.example.com'), 'server name api.example.com is the host'],
  [q.sniAgrees(true), inTls('b.example'), 'server name b.example is not the host api.example.com'],
  [q.sniAgrees(false), inTls(null), 'no server name was said, and the host is api.example.com'],
  [q.sniAgrees(true), { ...inTls(null), host: '192.0.2.7' }, 'no server name was said, as none is for 192.0.2.7'],
  [q.sniAgrees(true), {}, 'there is no tunnel in which a server name could be said'],
  [q.tunnelProtocol('http', 'other'), inTls(null), "the tunnel's protocol tls is not http or other"],
  [q.tunnelProtocol('tls'), {}, 'what is not in a tunnel is not tls'],
  [q.user('bob', 'bot-*'), {}, 'user alice is not bob or bot-*'],
  [q.user('*'), { identity: 'nobody' }, 'nobody is not *'],
  [q.user('*'), { identity: 'unasked' }, 'user: nobody has said yet who asks'],
  [q.member('eng'), {}, 'user alice is in eng'],
  [q.claim({ repository: ['org/*'] }), {}, 'claims of user alice match repository = org/*'],
  [q.client('10.0.0.0/8'), {}, 'client 10.1.2.3 is in 10.0.0.0/8'],
  [q.listener('wan'), {}, 'listener lan is not wan'],
  [q.group('office', q.client('10.0.0.0/8')), {}, 'group office holds'],
  [q.group('office', q.client('11.0.0.0/8')), {}, 'group office does not hold'],
  [q.group('staff', q.user('*')), { identity: 'unasked' }, 'group staff: nobody has said yet who asks'],
  [q.inList('ads', q.hostList('api.example.com')), {}, 'host api.example.com is listed'],
  [q.inList('ads', q.hostList()), {}, 'host api.example.com is not in list ads'],
  [q.inList('nets', q.addressList('192.0.2.7')), {}, 'address 192.0.2.7 is listed'],
  [q.inList('nets', q.addressList()), {}, 'address 192.0.2.7 is not in list nets'],
  [q.inList('nets', q.addressList()), { address: null }, 'list nets: the name has not been resolved'],
  [q.inList('desks', q.addressList(), 'client'), {}, 'client 10.1.2.3 is not in list desks'],
  [q.inList('filters', q.requestList('/v1')), {}, 'the request has /v1'],
  [q.inList('filters', q.requestList('/ads')), tunnel, 'list filters: it cannot be seen inside a tunnel'],
  [q.inList('filters', q.requestList('/ads', 1)), {}, 'list filters: the URL has too many parts'],
  [q.inList('filters', q.requestList('/ads')), {}, 'the request is not in list filters'],
])('%j of %j: %s', (condition, members, words) => {
  expect(wordsFor(condition as Criterion | Named, { ...request, ...members })).toBe(words);
});

test('a time is told on the clock that the rule goes by', () => {
  const hours = q.time(timeWindow(timeZone('Europe/Berlin'), [parseDays('mon-fri')], [parseHours('08:00-18:00')], null, null)) as Criterion;
  const at = (time: string) => wordsFor(hours, { ...request, nowMs: Date.parse(time) });
  expect(at('2026-11-23T07:30Z')).toBe('Mon 2026-11-23 08:30 Europe/Berlin is within mon-fri 08:00-18:00 Europe/Berlin');
  expect(at('2026-11-22T23:30Z')).toBe('Mon 2026-11-23 00:30 Europe/Berlin is not within mon-fri 08:00-18:00 Europe/Berlin');
});

test('a long list is cut in the words, not in the matching', () => {
  const long = q.port(...Array.from({ length: 20 }, (_, i) => 9000 + i)) as Criterion;
  expect(judge(long, createSubject({ ...request, port: 9019 }))).toBe(1);
  expect(wordsFor(long, request)).toBe('port 8080 is not 9000, 9001, 9002, 9003, 9004, 9005, 9006, 9007 or one of 12 more');
});

function wordsFor(criterion: Criterion | Named, question: Question): string {
  const subject = createSubject(question);
  return describeCriterion(criterion, subject, judge(criterion, subject));
}
