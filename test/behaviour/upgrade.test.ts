// Upgrade (RFC 9110 §7.8): `websocket` is passed on and becomes a tunnel; nothing else ever is, and nobody switches unasked.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversation, lines, type Step } from '../support/conversation.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy({ viaName: 'sally' });
});
afterAll(() => proxy.close());

const HANDSHAKE = lines`
  GET http://{origin}/chat HTTP/1.1
  Host: {origin}
  Connection: keep-alive, Upgrade
  Upgrade: WebSocket
  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
  Sec-WebSocket-Version: 13

  `;
const SWITCHED = lines`
  HTTP/1.1 101 Switching Protocols
  Upgrade: websocket
  Connection: Upgrade
  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=

  `;

describe('a WebSocket handshake', () => {
  it('goes to the origin, and octets flow freely after its 101', async () => {
    const index = proxy.flows.length;
    await conversation(proxy, [
      { 'client sends': HANDSHAKE },
      {
        'origin sees': lines`
        GET /chat HTTP/1.1
        Host: {origin}
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
        Sec-WebSocket-Version: 13
        Via: 1.1 sally
        Connection: Upgrade
        Upgrade: websocket

        `,
      },
      { 'origin sends': `${SWITCHED}early` },
      {
        'client sees':
          /^HTTP\/1\.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n[\s\S]*Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n$/,
      },
      { 'client sees': 'early' },
      { 'client sends': '\x81\x85GET / HTTP/1.1\r\n\r\n' },
      { 'origin sees': '\x81\x85GET / HTTP/1.1\r\n\r\n' },
      { 'origin sends': '\x00\xff' },
      { 'client sees': '\x00\xff' },
      'client ends',
      'origin sees the end',
      { 'origin sends': 'bye' },
      { 'client sees': 'bye' },
      'origin ends',
      'client sees the end',
    ]);
    expect(await proxy.flow(index)).toMatchObject({ outcome: 'tunnelled', status: 101, method: 'GET' });
  });

  it('that the origin declines is an ordinary exchange', async () => {
    const round: Step[] = [
      { 'client sends': HANDSHAKE },
      { 'origin sees': /Upgrade: websocket/ },
      { 'origin sends': 'HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n' },
      { 'client sees': (response) => expect(response.status).toBe(426) },
    ];
    await conversation(proxy, [...round, ...round]);
  });
});

describe('Upgrade is not passed on', () => {
  it.each([
    ['for h2c', HANDSHAKE.replace('WebSocket', 'h2c')],
    ['for one of several protocols', HANDSHAKE.replace('WebSocket', 'websocket, h2c')],
    ['when Connection does not name it', HANDSHAKE.replace('keep-alive, Upgrade', 'keep-alive')],
    ['by a client of HTTP/1.0', HANDSHAKE.replace('HTTP/1.1', 'HTTP/1.0')],
    ['with content', `${HANDSHAKE.replace('Host', 'Content-Length: 2\r\nHost')}hi`],
    ['with another method than GET', HANDSHAKE.replace('GET', 'OPTIONS')],
  ])('%s', async (_, request) => {
    await conversation(proxy, [
      { 'client sends': request },
      {
        'origin sees': (seen) => {
          expect(valuesOf(seen.fields, 'upgrade')).toEqual([]);
          expect(valuesOf(seen.fields, 'connection')).toEqual([]);
        },
      },
      { 'origin sends': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' },
      { 'client sees': /^HTTP\/1\.1 200/ },
    ]);
  });
});

it('a 101 that nobody asked for is answered 502', async () => {
  await conversation(proxy, [
    { 'client sends': 'GET http://{origin}/ HTTP/1.1\r\nHost: {origin}\r\n\r\n' },
    { 'origin sees': /^GET/ },
    { 'origin sends': `${SWITCHED}HTTP/1.1 200 OK\r\n\r\n` },
    { 'client sees': /^HTTP\/1\.1 502 Bad Gateway[\s\S]*;error=http_protocol_error/ },
    'origin sees the end',
  ]);
});
