import { expect, test } from 'vitest';
import { refusalOf } from '../../../src/admin/access.ts';
import { SignIns } from '../../../src/admin/sign-in.ts';

const tcp = { authorities: ['127.0.0.1:81', 'localhost:81'], token: 'abc-_1', signIns: new SignIns(), cookieName: 'sallyport-81' };
const ask = (method: string, given: Readonly<Record<string, string>>, isPublic = false, isWebSocket = false) => ({
  method,
  fields: fields(given),
  isPublic,
  isWebSocket,
});
const fields = (given: Readonly<Record<string, string>>) => Object.entries(given).map(([name, value]) => ({ name, value }));
const good = { Host: 'localhost:81', Authorization: 'Bearer abc-_1' };

test.each<[string, string, Readonly<Record<string, string>>, number | null]>([
  ['what is right', 'GET', good, null],
  ['a Host in capitals', 'GET', { ...good, Host: 'LOCALHOST:81' }, null],
  ['another Host', 'GET', { ...good, Host: 'a.test:81' }, 421],
  ['no Host', 'GET', { Authorization: good.Authorization }, 421],
  ['another token', 'GET', { ...good, Authorization: 'Bearer abc-_2' }, 401],
  ['a token of another length', 'GET', { ...good, Authorization: 'Bearer abc-_1x' }, 401],
  ['no token', 'GET', { Host: good.Host }, 401],
  ['a page', 'GET', { ...good, Origin: 'http://localhost:81' }, 403],
  ['a page of the same site', 'GET', { ...good, 'Sec-Fetch-Site': 'none' }, 403],
  ['JSON', 'POST', { ...good, 'Content-Type': 'application/json; charset=utf-8' }, null],
  ['text that a page may send unasked', 'POST', { ...good, 'Content-Type': 'text/plain' }, 415],
  ['nothing said of its type', 'POST', good, 415],
])('over TCP, %s', (_what, method, given, status) => {
  expect(refusalOf(ask(method, given), tcp)?.status ?? null).toBe(status);
});

test('over the Unix socket neither Host nor token is asked for, and pages are refused all the same', () => {
  expect(refusalOf(ask('GET', { Host: 'anything' }), null)).toBeNull();
  expect(refusalOf(ask('GET', { Origin: 'null' }), null)?.status).toBe(403);
});

const proof = tcp.signIns.trade(tcp.signIns.newCode())!;
const cookie = `sallyport-81=${proof.cookie}`;
const key = { 'X-Sallyport-Key': proof.key };
const page = { Host: 'localhost:81', Cookie: `a=b; ${cookie}`, ...key };

test.each<[string, ReturnType<typeof ask>, number | null]>([
  ['reads as the page', ask('GET', page), null],
  ['reads as the page, says the browser', ask('GET', { ...page, 'Sec-Fetch-Site': 'same-origin' }), null],
  ['reads as another site', ask('GET', { ...page, 'Sec-Fetch-Site': 'same-site' }), 403],
  ['changes as the page', ask('POST', { ...page, Origin: 'http://localhost:81', 'Content-Type': 'application/json' }), null],
  ['changes without an origin', ask('POST', { ...page, 'Content-Type': 'application/json' }), 403],
  ['changes as no page', ask('POST', { ...page, Origin: 'null', 'Content-Type': 'application/json' }), 403],
  ['opens a WebSocket without an origin', ask('GET', page, false, true), 403],
  [
    'opens a WebSocket with the key as its second protocol',
    ask(
      'GET',
      { Host: 'localhost:81', Cookie: cookie, Origin: 'http://localhost:81', 'Sec-WebSocket-Protocol': `sallyport, ${proof.key}` },
      false,
      true,
    ),
    null,
  ],
  ['has the cookie alone, as every port of this machine is sent it', ask('GET', { Host: 'localhost:81', Cookie: cookie }), 401],
  ['has the key alone', ask('GET', { Host: 'localhost:81', ...key }), 401],
  ['has the cookie of another port', ask('GET', { Host: 'localhost:81', Cookie: cookie.replace('81=', '82='), ...key }), 401],
  ['has no cookie and wants a file of the page', ask('GET', { Host: 'localhost:81', 'Sec-Fetch-Site': 'none' }, true), null],
  ['wants a file of the page under another name', ask('GET', { Host: 'a.test:81' }, true), 421],
])('over TCP, one who %s', (_what, asked, status) => {
  expect(refusalOf(asked, tcp)?.status ?? null).toBe(status);
});

test('of many links that nobody follows the oldest stop working', () => {
  const signIns = new SignIns();
  const codes = Array.from({ length: 20 }, () => signIns.newCode());
  expect(codes.map((code) => signIns.trade(code) !== null)).toEqual([...Array(4).fill(false), ...Array(16).fill(true)]);
});
