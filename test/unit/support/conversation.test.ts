// A conversation with a stand-in for the proxy that passes octets on as they are: what is said must be seen, and nothing else.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { conversation, lines, type Step } from '../../support/conversation.ts';
import { type RawServer, startRawServer } from '../../support/origin.ts';

let proxy: RawServer;
beforeAll(async () => {
  proxy = await startRawServer(async (connection) => {
    const head = await connection.readUntil((unread) => (unread.includes('\r\n\r\n') ? unread.length : -1));
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(head.toString())?.[1]);
    const client = connection.release();
    const origin = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    origin.write(head);
    origin.pipe(client);
    client.pipe(origin);
    origin.on('error', () => client.resetAndDestroy());
    client.on('error', () => origin.resetAndDestroy());
  });
});
afterAll(() => proxy.close());

const REQUEST = lines`
  GET http://{origin}/a HTTP/1.1
  Host: {origin}

  `;
const RESPONSE = lines`
  HTTP/1.1 200 OK
  Content-Length: 2
  Via: 1.1 a

  hi`;
const EXCHANGE: readonly Step[] = [{ 'client sends': REQUEST }, { 'origin sees': REQUEST }, { 'origin sends': RESPONSE }];

test('lines takes the common indentation away and ends every line with CRLF', () => {
  expect(RESPONSE).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 a\r\n\r\nhi');
  expect(REQUEST.endsWith('HTTP/1.1\r\nHost: {origin}\r\n\r\n')).toBe(true);
});

test('texts, patterns and functions see the same octets', async () => {
  await conversation(proxy, [
    ...EXCHANGE,
    { 'client sees': RESPONSE },
    { 'client sends': REQUEST },
    { 'origin sees': /^GET http:\/\/127\.0\.0\.1:\d+\/a HTTP/ },
    { 'origin sends': RESPONSE },
    { 'client sees': RESPONSE.replace('1.1 a', '1.1 {any}') },
    { 'client sends': REQUEST.replace('GET', 'HEAD') },
    { 'origin sees': (request) => expect(request.method).toBe('HEAD') },
    { 'origin sends': RESPONSE.slice(0, -2) },
    { 'client sees': (response) => expect(response).toMatchObject({ status: 200, framing: 'none' }) },
    'client ends',
    'origin sees the end',
    { 'origin sends': 'late' },
    { 'client sees': 'late' },
    'origin ends',
    'client sees the end',
  ]);
});

test('a reset is a reset on the other side', async () => {
  await conversation(proxy, [...EXCHANGE, { 'client sees': RESPONSE }, 'origin resets', 'client sees a reset']);
});

test.each<[string, readonly Step[], RegExp]>([
  ['another octet', [...EXCHANGE, { 'client sees': RESPONSE.replace('hi', 'ho') }], /^step 4, "client sees": other octets came/],
  ['another field after {any}', [...EXCHANGE, { 'client sees': 'HTTP/1.1 {any}\r\nContent-Length: 3\r\n' }], /other octets came/],
  ['octets that no step asked for', EXCHANGE, /what the client was sent beyond the last step/],
  [
    'a connection where none should be',
    [...EXCHANGE, { 'client sees': RESPONSE }, 'origin is never connected to'],
    /connections to the origin/,
  ],
  ['a reset instead of an end', [...EXCHANGE, { 'client sees': RESPONSE }, 'origin resets', 'client sees the end'], /reset/],
])('%s fails the test', async (_, steps, message) => {
  await expect(conversation(proxy, steps)).rejects.toThrow(message);
});
