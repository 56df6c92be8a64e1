// All clients' sockets are read into one buffer (src/listeners/accepted-socket.ts): what one of them sent must never turn up in what another did.
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startOpeningProxy } from '../support/opened-tunnels.ts';
import { type Origin, startOrigin, startRawServer } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { openTunnel } from '../support/tunnels.ts';

let proxy: TestProxy;
let origin: Origin;
beforeAll(async () => {
  proxy = await startTestProxy();
  origin = await startOrigin(({ target, body }, reply) => reply.response({ body: Buffer.concat([Buffer.from(`${target} `), body]) }));
});
afterAll(async () => {
  await proxy.close();
  await origin.close();
});

const CLIENTS = 32;

async function clients(): Promise<RawClient[]> {
  return Promise.all(Array.from({ length: CLIENTS }, () => connectRaw(proxy)));
}

/** Content that tells whose it is at every octet that matters: the client's number, over and over. */
function contentOf(client: number, size: number): Buffer {
  return Buffer.alloc(size, `<${client}>`);
}

function post(client: number, size: number): Buffer {
  const head = `POST ${origin.url}/${client} HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), contentOf(client, size)]);
}

it('heads that come in pieces, on many connections in turn, are each read as they were sent', async () => {
  const all = await clients();
  const heads = all.map((_, n) => Buffer.from(`GET ${origin.url}/${n}?${'x'.repeat(n * 7)} HTTP/1.1\r\nHost: x\r\nX-Of: ${n}\r\n\r\n`));
  for (let piece = 0; piece < 4; piece += 1) {
    for (const [n, client] of all.entries()) {
      const size = Math.ceil(heads[n]!.length / 4);
      await client.send(heads[n]!.subarray(piece * size, (piece + 1) * size));
    }
  }
  for (const [n, client] of all.entries()) {
    expect((await client.readResponse()).body.toString()).toBe(`/${n}?${'x'.repeat(n * 7)} `);
    client.destroy();
  }
});

it.each([
  ['a few octets', 5],
  ['a packet', 1_200],
  ['less than one read', 15_000],
  ['several reads', 300_000],
])('content of %s behind its head, on many connections at once, comes unharmed', async (_, size) => {
  const all = await clients();
  await Promise.all(all.map((client, n) => client.send(post(n, size))));
  for (const [n, client] of all.entries()) {
    const { body } = await client.readResponse();
    expect(body.equals(Buffer.concat([Buffer.from(`/${n} `), contentOf(n, size)]))).toBe(true);
    client.destroy();
  }
});

it('content that waits for an origin that does not read is kept, whatever others send meanwhile', async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  await using slow = await startOrigin(({ body }, reply) => reply.response({ body }), { onHead: () => opened });
  const size = 6_000;
  using client = await connectRaw(proxy);
  await client.send(`POST ${slow.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${size * 3}\r\n\r\n`);
  for (let piece = 0; piece < 3; piece += 1) {
    await client.send(contentOf(piece, size));
    using other = await connectRaw(proxy);
    await other.send(post(99, size));
    await other.readResponse();
  }
  open();
  expect((await client.readResponse()).body.equals(Buffer.concat([contentOf(0, size), contentOf(1, size), contentOf(2, size)]))).toBe(true);
});

it('requests that come early wait unharmed behind one that takes its time', async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  await using slow = await startOrigin(async (_request, reply) => {
    await answered;
    return reply.response({ body: 'late' });
  });
  using client = await connectRaw(proxy);
  await client.send(
    `GET ${slow.url}/ HTTP/1.1\r\nHost: x\r\n\r\nGET ${origin.url}/early HTTP/1.1\r\nHost: x\r\n\r\nGET ${origin.url}/half`,
  );
  using other = await connectRaw(proxy);
  await other.send(`GET ${origin.url}/${'other'.repeat(100)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await other.readResponse();
  answer();
  expect((await client.readResponse()).body.toString()).toBe('late');
  expect((await client.readResponse()).body.toString()).toBe('/early ');
  await client.send(' HTTP/1.1\r\nHost: x\r\n\r\n');
  expect((await client.readResponse()).body.toString()).toBe('/half ');
});

it('octets behind a CONNECT, and tunnels beside them, mix nothing up', async () => {
  await using echo = await startEcho();
  const sizes = [1, 700, 20_000, 200_000];
  const tunnels = await Promise.all(sizes.map((size, n) => openTunnel(proxy, echo.authority, contentOf(n, size).toString('latin1'))));
  for (const [n, tunnel] of tunnels.entries()) {
    await tunnel.send(contentOf(n + 10, sizes[n]!));
    const both = Buffer.concat([contentOf(n, sizes[n]!), contentOf(n + 10, sizes[n]!)]);
    expect((await tunnel.readExactly(both.length)).equals(both)).toBe(true);
    tunnel.destroy();
  }
});

it('what a tunnel sends waits unharmed for an origin that does not read, whatever others send meanwhile', async () => {
  const sent = Array.from({ length: 600 }, (_, n) => contentOf(n, 10_000));
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  await using slow = await startRawServer(async (connection) => {
    connection.pause();
    await opened;
    connection.resume();
    const all = await connection.readExactly(sent.length * 10_000);
    await connection.send(all.equals(Buffer.concat(sent)) ? 'same' : 'different');
  });
  using tunnel = await openTunnel(proxy, slow.authority);
  using other = await connectRaw(proxy);
  for (const [n, piece] of sent.entries()) {
    void tunnel.send(piece);
    if (n % 20 !== 0) continue;
    await other.send(post(99, 1_000));
    await other.readResponse();
  }
  open();
  await tunnel.readUntil('same');
});

it.each([3_000, 9_000])('so do reads of %s octets, each with another tunnel of the same proxy read right behind it', async (size) => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<RawConnection>();
  await using slow = await startRawServer((connection) => {
    connection.pause();
    arrive(connection);
  });
  await using echo = await startEcho();
  using other = await openTunnel(proxy, echo.authority);
  const socket = (await openTunnel(proxy, slow.authority)).release();
  onTestFinished(() => void socket.destroy());
  const sent: Buffer[] = [];
  // Once all buffers on the way are full, the proxy has long held some of them.
  while (socket.writableLength === 0) {
    sent.push(contentOf(sent.length, size));
    socket.write(sent.at(-1)!);
    await other.send(contentOf(99, size));
    await other.readExactly(size);
  }
  const whole = Buffer.concat(sent);
  const origin = await arrived;
  const all = origin.readExactly(whole.length);
  origin.resume();
  expect((await all).equals(whole)).toBe(true);
});

it('a request behind its CONNECT, in a tunnel that is opened, is read as it was sent, whatever others send meanwhile', async () => {
  const folder = temporaryFolder(onTestFinished);
  await using opening = await startOpeningProxy(folder, createTemporaryCa(folder), { rules: '  - intercept: { host: 127.0.0.1 }\n' });
  const all = await Promise.all(Array.from({ length: CLIENTS }, () => connectRaw(opening)));
  const inside = (n: number): string => `GET /${n}?${'x'.repeat(n)} HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`;
  await Promise.all(
    all.map((client, n) => client.send(`CONNECT ${origin.authority} HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n${inside(n)}`)),
  );
  for (const [n, client] of all.entries()) {
    expect((await client.readResponse('CONNECT')).status).toBe(200);
    expect((await client.readResponse()).body.toString()).toBe(`/${n}?${'x'.repeat(n)} `);
    client.destroy();
  }
});
