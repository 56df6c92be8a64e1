import { expect, test } from 'vitest';
import { refusalOf } from '../../../src/admin/access.ts';

const tcp = { authorities: ['127.0.0.1:81', 'localhost:81'], token: 'abc-_1' };
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
  expect(refusalOf(method, fields(given), tcp)?.status ?? null).toBe(status);
});

test('over the Unix socket neither Host nor token is asked for, and pages are refused all the same', () => {
  expect(refusalOf('GET', fields({ Host: 'anything' }), null)).toBeNull();
  expect(refusalOf('GET', fields({ Origin: 'null' }), null)?.status).toBe(403);
});
