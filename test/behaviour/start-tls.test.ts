// TLS towards an origin that cannot be begun, or is broken off: the connection that stood for it is let go of, and the failure is one of ours.
import { afterAll, expect, test } from 'vitest';
import { Cancellation } from '../../src/net/cancellation.ts';
import { Deadlines } from '../../src/net/deadlines.ts';
import { UpstreamConnection } from '../../src/upstream/connection.ts';
import { startTls } from '../../src/upstream/start-tls.ts';
import { OriginTls } from '../../src/upstream/tls-options.ts';
import { startRawServer } from '../support/origin.ts';
import type { RawConnection } from '../support/raw-connection.ts';

const deadlines = new Deadlines();
afterAll(() => deadlines.close());

const unreadable = (): never => {
  throw new Error('no such file');
};

test.each<[string, () => readonly string[], string, string]>([
  ['roots that cannot be read', unreadable, 'http/1.1', 'proxy_configuration_error'],
  ['a protocol that no message could name (RFC 7301 §3.1)', () => [], 'x'.repeat(256), 'tls_protocol_error'],
])('%s', async (_, roots, protocol, code) => {
  const { promise: accepted, resolve } = Promise.withResolvers<RawConnection>();
  await using server = await startRawServer((connection) => resolve(connection));
  const tcp = UpstreamConnection.dial('127.0.0.1', server.port, null);
  const connection = await accepted;
  const context = { deadlines, tls: new OriginTls(roots, [], null) };
  const request = { host: 'localhost', port: server.port, alpn: [protocol], accept: null };
  await expect(startTls(context, tcp, request, 5_000, new Cancellation())).rejects.toMatchObject({ code });
  await connection.closed;
});

test('a reset during the handshake says that the request was not received', async () => {
  await using server = await startRawServer(async (connection) => {
    await connection.readUntil((unread) => unread.length || -1);
    connection.reset();
  });
  const tcp = UpstreamConnection.dial('127.0.0.1', server.port, null);
  const context = { deadlines, tls: new OriginTls(() => [], [], null) };
  const request = { host: 'localhost', port: server.port, alpn: ['http/1.1'], accept: null };
  await expect(startTls(context, tcp, request, 5_000, new Cancellation())).rejects.toMatchObject({
    code: 'connection_terminated',
    message: 'localhost reset the connection during the TLS handshake; it did not receive the request.',
  });
});
