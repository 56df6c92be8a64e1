// What goes through a tunnel: every octet, in order, both ways, with both ends' endings and their pace.
import { createCipheriv, createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { test as base, describe, expect, onTestFinished, vi } from 'vitest';
import { Deadlines } from '../../src/net/deadlines.ts';
import { Relay, type RelayEnd } from '../../src/tunnel/relay.ts';
import { UpstreamConnection } from '../../src/upstream/connection.ts';
import { ReadBuffers } from '../../src/upstream/read-buffers.ts';
import { startRawServer } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { type RawConnection, ResetError } from '../support/raw-connection.ts';
import { standstill } from '../support/standstill.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { blocks, digest, expectedContent, startEcho, startSink, startSource } from '../support/tunnel-servers.ts';
import { connectText, openTunnel } from '../support/tunnels.ts';

const test = base.extend<{ proxy: TestProxy }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads a fixture's needs off its first parameter
  proxy: async ({}, use) => {
    await using proxy = await startTestProxy();
    await use(proxy);
  },
});

describe('order', () => {
  test('octets sent behind the CONNECT come first, before those sent after the 200', async ({ proxy }) => {
    await using sink = await startSink();
    const early = 'e'.repeat(200_000);
    using client = await openTunnel(proxy, sink.authority, early);
    await client.send('late');
    client.end();
    expect((await client.readToEnd()).toString()).toBe(answerOfSink(`${early}late`));
  });

  test('octets of an origin that speaks first follow the 200', async ({ proxy }) => {
    await using origin = await startRawServer(async (connection) => {
      await connection.send('220 ready\r\n');
      await connection.readUntil('\r\n');
      await connection.send('250 ok\r\n');
    });
    using client = await openTunnel(proxy, origin.authority);
    await client.readUntil('220 ready\r\n');
    await client.send('HELO\r\n');
    await client.readUntil('250 ok\r\n');
  });
});

describe('endings', () => {
  test('the client ends first, and still gets everything the origin says after that', async ({ proxy }) => {
    await using sink = await startSink();
    using client = await openTunnel(proxy, sink.authority);
    await client.send('all');
    client.end();
    expect((await client.readToEnd()).toString()).toBe(answerOfSink('all'));
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'tunnelled', status: 200, error: null });
  });

  test('the origin ends first, and still gets everything the client says after that', async ({ proxy }) => {
    const { ends, origin } = await tunnelToHand(proxy);
    origin.end();
    expect((await ends.readToEnd()).length).toBe(0);
    await ends.send('more');
    expect((await origin.readExactly(4)).toString()).toBe('more');
    expect(proxy.flows).toHaveLength(0);
    ends.end();
    expect((await origin.readToEnd()).length).toBe(0);
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'tunnelled', error: null });
  });

  test("the client's reset becomes a reset for the origin, which must not take it for an end", async ({ proxy }) => {
    const { ends, origin } = await tunnelToHand(proxy);
    ends.reset();
    await expect(origin.readToEnd()).rejects.toThrow(ResetError);
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'aborted' });
  });

  test("the origin's reset becomes a reset for the client", async ({ proxy }) => {
    const { ends, origin } = await tunnelToHand(proxy);
    origin.reset();
    await expect(ends.readToEnd()).rejects.toThrow(ResetError);
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'failed', status: 200, error: { code: 'connection_terminated' } });
  });

  test('a tunnel that is silent for too long is cut off, and not ended as if all had been said', async () => {
    await using proxy = await startTestProxy({ listener: { tunnelIdleTimeoutMs: 200 } });
    const { ends, origin } = await tunnelToHand(proxy);
    await expect(ends.readToEnd()).rejects.toThrow(ResetError);
    await expect(origin.readToEnd()).rejects.toThrow(ResetError);
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'failed', status: 200, error: { code: 'connection_read_timeout' } });
  });

  test('octets in one direction keep a tunnel from being silent', async () => {
    await using proxy = await startTestProxy({ listener: { tunnelIdleTimeoutMs: 1_500 } });
    await using echo = await startEcho();
    using client = await openTunnel(proxy, echo.authority);
    const startedMs = performance.now();
    while (performance.now() - startedMs < 2_500) {
      await client.send('.');
      await client.readExactly(1);
      await delay(50);
    }
    expect(proxy.flows).toHaveLength(0);
  });
});

describe('counts', () => {
  test('the record holds the octets of both directions, heads and early ones included', async ({ proxy }) => {
    await using sink = await startSink();
    const client = await connectRaw(proxy);
    const request = connectText(sink.authority);
    await client.send(`${request}early`);
    const { raw } = await client.readResponse('CONNECT');
    await client.send('x'.repeat(100_000));
    client.end();
    const answer = await client.readToEnd();
    const flow = await proxy.flow(0);
    expect(flow).toMatchObject({
      bytesFromClient: request.length + 5 + 100_000,
      bytesToClient: raw.length + answer.length,
      route: 'direct',
      upstreamAddress: '127.0.0.1',
      upstreamPort: sink.port,
    });
    expect(flow.totalMs).toBeGreaterThanOrEqual(flow.firstByteMs!);
  });
});

describe('pace', () => {
  test('a client that does not read stops the origin, and loses nothing', async ({ proxy }) => {
    let sender: Socket | null = null;
    await using origin = await startRawServer((connection) => {
      sender = connection.release();
      pour(sender, LONG);
    });
    const client = await openTunnel(proxy, origin.authority);
    client.pause();
    expect(await standstill(() => taken(sender))).toBeLessThan(LONG / 2);
    client.resume();
    // Some of it may have come behind the 200.
    const early = await client.readExactly(client.unread.length);
    const socket = client.release();
    expect(await received(socket, false, early)).toBe(expectedContent(LONG).sha256);
    socket.destroy();
  });

  test('an origin that does not read stops the client, and loses nothing', async ({ proxy }) => {
    const { ends, origin } = await tunnelToHand(proxy);
    origin.pause();
    const sender = ends.release();
    pour(sender, LONG);
    expect(await standstill(() => taken(sender))).toBeLessThan(LONG / 2);
    const received = digest(origin.release());
    origin.resume();
    expect(await received).toEqual(expectedContent(LONG));
  });

  test('a tunnel whose client resets while writes wait for it ends, and harms no other', async ({ proxy }) => {
    await using source = await startSource(LONG);
    await using echo = await startEcho();
    using other = await openTunnel(proxy, echo.authority);
    for (let round = 0; round < 10; round += 1) {
      const client = await openTunnel(proxy, source.authority);
      client.pause();
      await other.send('still here');
      expect((await other.readExactly(10)).toString()).toBe('still here');
      client.reset();
      expect(await proxy.flow(round)).toMatchObject({ outcome: 'aborted' });
    }
  });
});

describe('the memory that origins are read into', () => {
  test('64 tunnels with octets of their own both ways, some read slowly, mix nothing up', async ({ proxy }) => {
    const given = overwriteWhatIsGivenBack();
    const uploads = new Map<string, Promise<string>>();
    await using origin = await startRawServer(async (connection) => {
      const id = (await connection.readExactly(4)).toString();
      const early = await connection.readExactly(connection.unread.length);
      const socket = connection.release();
      uploads.set(id, received(socket, isSlowOrigin(id), early));
      void speak(socket, `down ${id}`, isSlowClient(id));
    });
    const ids = Array.from({ length: 64 }, (_, index) => String(index).padStart(4, '0'));
    const heard = await Promise.all(
      ids.map(async (id) => {
        // All of them at once keep a machine busy.
        using client = await openTunnel({ port: proxy.port, timeoutMs: 25_000 }, origin.authority, id);
        const early = await client.readExactly(client.unread.length);
        const socket = client.release();
        const [down] = await Promise.all([received(socket, isSlowClient(id), early), speak(socket, `up ${id}`, isSlowOrigin(id))]);
        return { down, up: await uploads.get(id) };
      }),
    );
    expect(heard).toEqual(
      ids.map((id) => ({ down: checksum(`down ${id}`, isSlowClient(id)), up: checksum(`up ${id}`, isSlowOrigin(id)) })),
    );
    expect(given.count).toBeGreaterThan(64);
  });

  test('is kept while a write of it waits, and given back to the last buffer once all has left', async () => {
    const buffers = new ReadBuffers('lossless');
    const take = vi.spyOn(buffers, 'take');
    const give = vi.spyOn(buffers, 'give');
    const inUse = (): number => take.mock.calls.length - give.mock.calls.length;
    const { client, origin, ended } = await relayBetween(buffers);
    client.pause();
    const sender = origin.release();
    void pour(sender, LONG);
    await standstill(() => taken(sender));
    expect(inUse()).toBeGreaterThan(1);
    const received = digest(client.release());
    client.resume();
    expect(await received).toEqual(expectedContent(LONG));
    client.end();
    expect(await ended).toMatchObject({ reason: 'ended', bytesToClient: LONG });
    expect(inUse()).toBe(0);
  });

  test('is given back when the tunnel breaks while writes of it wait', async () => {
    const buffers = new ReadBuffers('lossless');
    const take = vi.spyOn(buffers, 'take');
    const give = vi.spyOn(buffers, 'give');
    const { client, origin, ended } = await relayBetween(buffers);
    client.pause();
    const sender = origin.release();
    void pour(sender, LONG);
    await standstill(() => taken(sender));
    client.reset();
    expect(await ended).toMatchObject({ reason: 'client-failed' });
    await expect.poll(() => take.mock.calls.length - give.mock.calls.length).toBe(0);
  });
});

interface HandTunnel {
  readonly ends: RawClient;
  readonly origin: RawConnection;
}

/** A tunnel whose both ends do what the test says. */
async function tunnelToHand(proxy: TestProxy): Promise<HandTunnel> {
  const { promise, resolve } = Promise.withResolvers<RawConnection>();
  const server = await startRawServer(resolve, { timeoutMs: 20_000 });
  onTestFinished(() => server.close());
  const ends = await openTunnel(proxy, server.authority);
  onTestFinished(() => ends.destroy());
  return { ends, origin: await promise };
}

/** The proxy's own parts, joined by hand between two sockets. */
async function relayBetween(buffers: ReadBuffers) {
  const deadlines = new Deadlines();
  const sides = Promise.withResolvers<Socket>();
  const origins = Promise.withResolvers<RawConnection>();
  const near = await startRawServer((connection) => sides.resolve(connection.release()));
  const far = await startRawServer(origins.resolve);
  onTestFinished(async () => {
    deadlines.close();
    await Promise.all([near.close(), far.close()]);
  });
  const client = await connectRaw(near);
  const upstream = UpstreamConnection.dial('127.0.0.1', far.port, buffers);
  const ended = new Promise<RelayEnd>((onEnd) => {
    void sides.promise.then((client) => new Relay({ client, upstream, early: Buffer.alloc(0), idleTimeoutMs: 60_000, deadlines, onEnd }));
  });
  return { client, origin: await origins.promise, ended };
}

/** Whatever is given back is spoilt at once, so that a write that still needed it sends other octets. */
function overwriteWhatIsGivenBack(): { count: number } {
  const given = { count: 0 };
  const give = ReadBuffers.prototype.give;
  const spy = vi.spyOn(ReadBuffers.prototype, 'give').mockImplementation(function (this: ReadBuffers, buffer) {
    given.count += 1;
    buffer.fill(0xdd);
    give.call(this, buffer);
  });
  onTestFinished(() => spy.mockRestore());
  return given;
}

/**
 * Writes octets that belong to a label in pieces of any size, at the reader's pace, then a FIN. For a slow reader they are so many that the
 * buffers of the system fill up, and the pieces so small that several wait at once.
 */
async function speak(socket: Socket, label: string, toSlow: boolean): Promise<void> {
  const octets = octetsOf(label, toSlow);
  const bits = toSlow ? 13 : 18;
  for (let at = 0; at < octets.length; ) {
    const size = Math.ceil(2 ** (Math.random() * bits));
    if (!socket.write(octets.subarray(at, at + size))) await room(socket);
    at += size;
  }
  socket.end();
}

/** Checksum of what comes until the FIN. @param isSlow reads nothing at first, and stops every now and then after that */
function received(socket: Socket, isSlow: boolean, early: Uint8Array = Buffer.alloc(0)): Promise<string> {
  const hash = createHash('sha256').update(early);
  const rest = (milliseconds: number): void => {
    socket.pause();
    setTimeout(() => socket.resume(), milliseconds);
  };
  socket.on('data', (bytes: Buffer) => {
    hash.update(bytes);
    if (isSlow && Math.random() < 0.1) rest(Math.random() * 20);
  });
  if (isSlow) rest(500);
  return new Promise((resolve, reject) => {
    socket.once('end', () => resolve(hash.digest('hex')));
    socket.once('error', reject);
  });
}

function isSlowClient(id: string): boolean {
  return Number(id) % 8 === 0;
}

function isSlowOrigin(id: string): boolean {
  return Number(id) % 8 === 1;
}

/** Octets that no other label has: the key stream of a cipher. */
function octetsOf(label: string, toSlow: boolean): Buffer {
  const key = createHash('sha256').update(label).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc((toSlow ? 10 : 0.25) * 1024 * 1024));
}

function checksum(label: string, toSlow: boolean): string {
  return createHash('sha256').update(octetsOf(label, toSlow)).digest('hex');
}

function answerOfSink(text: string): string {
  return `${text.length} ${createHash('sha256').update(text).digest('hex')}\n`;
}

/** Sends content of that length at the reader's pace, then a FIN. */
async function pour(socket: Socket, length: number): Promise<void> {
  for (const bytes of blocks(length)) {
    if (socket.destroyed) return;
    if (!socket.write(bytes)) await room(socket);
  }
  socket.end();
}

/** Until a socket takes more, or never will. */
function room(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

/** Octets that a socket has got rid of. */
function taken(socket: Socket | null): number {
  return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
}

/** More than all socket buffers on the way can hold. */
const LONG = 96 * 1024 * 1024;
