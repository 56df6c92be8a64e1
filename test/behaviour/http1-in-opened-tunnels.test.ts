// Connections of HTTP/1.1 inside of opened tunnels, against clients that see every octet: they have to do over TLS what they do outside.
import { afterAll, expect, test } from 'vitest';
import { ProxyError } from '../../src/errors/proxy-error.ts';
import type { Incoming } from '../../src/exchange/exchange.ts';
import { type Body, type BodySink, FULL, NO_FIELDS } from '../../src/http/message.ts';
import { answer, type OpenedConnections, openConnections } from '../support/opened-connections.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { ResetError } from '../support/raw-connection.ts';
import { read } from '../support/read-body.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const ca = createTemporaryCa(temporaryFolder(afterAll));
const leaf = ca.issue('origin.test');

function connect({ port }: OpenedConnections): Promise<RawClient> {
  return connectRaw({ port, tls: { ca: ca.cert, servername: 'origin.test', ALPNProtocols: ['http/1.1'] } });
}

test('answers one request after another, each with the tunnel that it came out of', async () => {
  const tunnels: (number | undefined)[] = [];
  await using opened = await openConnections(leaf, (incoming) => {
    tunnels.push(incoming.tunnel?.connectId);
    answer(incoming, 200, incoming.head.target);
  });
  using client = await connect(opened);
  await client.send('GET /a HTTP/1.1\r\nHost: origin.test\r\n\r\nGET /b HTTP/1.1\r\nHost: origin.test\r\n\r\n');
  expect((await client.readResponse()).body.toString()).toBe('/a');
  expect((await client.readResponse()).body.toString()).toBe('/b');
  expect(tunnels).toEqual([1, 1]);
  expect((await opened.flowCount(2)).map(({ connectId, status }) => ({ connectId, status }))).toEqual([
    { connectId: 1, status: 200 },
    { connectId: 1, status: 200 },
  ]);
});

test('takes an upload of several MiB octet by octet', async () => {
  const content = Buffer.alloc(5 * 1024 * 1024, 'every octet, in its order; ');
  let seen: Buffer | null = null;
  await using opened = await openConnections(leaf, async (incoming) => {
    seen = await read(incoming.body!);
    answer(incoming, 200, 'taken');
  });
  using client = await connect(opened);
  await client.send(`PUT /a HTTP/1.1\r\nHost: origin.test\r\nContent-Length: ${content.length}\r\n\r\n`);
  await client.send(content);
  expect((await client.readResponse()).body.toString()).toBe('taken');
  expect(content.equals(seen!)).toBe(true);
});

test('holds an upload back while nobody has room for it', async () => {
  const { promise: full, resolve: isFull } = Promise.withResolvers<Body>();
  const { promise: taken, resolve: done } = Promise.withResolvers<number>();
  await using opened = await openConnections(leaf, (incoming) => {
    let octets = 0;
    let isFirst = true;
    const sink: BodySink = {
      write(bytes) {
        octets += bytes.length;
        if (!isFirst) return 0;
        isFirst = false;
        isFull(incoming.body!);
        return FULL;
      },
      end: () => {
        done(octets);
        answer(incoming, 200, 'taken');
      },
      fail() {},
    };
    incoming.body!.start(sink);
  });
  using client = await connect(opened);
  const size = 16 * 1024 * 1024;
  await client.send(`PUT /a HTTP/1.1\r\nHost: origin.test\r\nContent-Length: ${size}\r\n\r\n`);
  let hasLeft = false;
  const sent = client.send(Buffer.alloc(size)).then(() => {
    hasLeft = true;
  });
  const body = await full;
  expect(hasLeft, 'all of it has left while the sink is full').toBe(false);
  body.resume();
  await sent;
  expect(await taken).toBe(size);
  expect((await client.readResponse()).status).toBe(200);
});

test('breaks an answer that fails off with a reset, never with an end that could be taken for a whole', async () => {
  const failing: Body = {
    length: null,
    start(sink) {
      sink.write(Buffer.from('the beginning'));
      sink.fail(new ProxyError('http_response_incomplete', 'The origin broke off.'));
    },
    resume() {},
    cancel() {},
  };
  await using opened = await openConnections(leaf, ({ responder }) => responder.respond(200, 'OK', NO_FIELDS, failing, null));
  using client = await connect(opened);
  await client.send('GET /a HTTP/1.1\r\nHost: origin.test\r\n\r\n');
  await expect(client.readToEnd()).rejects.toThrow(ResetError);
  expect(await opened.flowCount(1)).toMatchObject([{ outcome: 'failed', error: { code: 'http_response_incomplete' } }]);
});

test('says goodbye in TLS when it closes in order, and ends what waits when it drains', async () => {
  await using opened = await openConnections(leaf, (incoming) => answer(incoming, 200, 'last'));
  using closing = await connect(opened);
  await closing.send('GET /a HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\n\r\n');
  expect((await closing.readLastResponse()).status).toBe(200);
  using waiting = await connect(opened);
  await waiting.send('GET /a HTTP/1.1\r\nHost: origin.test\r\n\r\n');
  expect((await waiting.readResponse()).status).toBe(200);
  opened.connections.drain();
  expect(await waiting.readToEnd()).toHaveLength(0);
});

test('records what was under way when the proxy stops as ended by the proxy', async () => {
  const { promise: begun, resolve } = Promise.withResolvers<Incoming>();
  await using opened = await openConnections(leaf, resolve);
  using client = await connect(opened);
  await client.send('GET /a HTTP/1.1\r\nHost: origin.test\r\n\r\n');
  const incoming = await begun;
  opened.connections.stop();
  await expect(client.readToEnd()).rejects.toThrow(ResetError);
  expect(incoming.cancellation.isCancelled).toBe(true);
  expect(await opened.flowCount(1)).toMatchObject([{ outcome: 'failed', error: { code: 'connection_terminated' } }]);
  await client.closed;
  expect(opened.connections.size).toBe(0);
});

test('takes a client that leaves with its request under way for gone', async () => {
  const { promise: begun, resolve } = Promise.withResolvers<Incoming>();
  await using opened = await openConnections(leaf, resolve);
  const client = await connect(opened);
  await client.send('GET /a HTTP/1.1\r\nHost: origin.test\r\n\r\n');
  const incoming = await begun;
  client.end();
  expect(await opened.flowCount(1)).toMatchObject([{ outcome: 'aborted' }]);
  expect(incoming.cancellation.isCancelled).toBe(true);
  client.destroy();
});

test('answers a request that cannot be read with 400, inside of TLS', async () => {
  await using opened = await openConnections(leaf, () => expect.unreachable());
  using client = await connect(opened);
  await client.send('GET /a HTTP/1.1\r\nHost: origin.test\r\nBad Name: x\r\n\r\n');
  expect((await client.readLastResponse()).status).toBe(400);
});
