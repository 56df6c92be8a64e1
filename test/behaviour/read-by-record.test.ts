// TLS sockets that read into one buffer (src/net/read-by-record.ts): what they are to say, when, and to whom, is as it was without.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { readByRecord } from '../../src/net/read-by-record.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const leaf = createTemporaryCa(temporaryFolder(afterAll)).issue('a.example');
const secureContext = createSecureContext({ key: leaf.key, cert: leaf.cert });

/** A connection: `server` reads by record. */
async function openPair(): Promise<{ client: TLSSocket; server: TLSSocket }> {
  const listener = createServer({ noDelay: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void listener.close());
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const client = connect({ port: (listener.address() as { port: number }).port, host: '127.0.0.1', rejectUnauthorized: false });
  const server = new TLSSocket((await accepted)[0], { isServer: true, secureContext });
  for (const socket of [client, server]) {
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
  }
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')]);
  readByRecord(server);
  return { client, server };
}

/** Tells at every fourth octet where it is. */
function numbered(length: number, of: number): Buffer {
  const octets = Buffer.alloc(length * 4);
  for (let i = 0; i < length; i += 1) octets.writeUInt32LE(i * 64 + of, i * 4);
  return octets;
}

it('Node still has what reads are turned into calls with', async () => {
  const { server } = await openPair();
  const memory = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'kBuffer');
  expect((server as unknown as Record<symbol, unknown>)[memory!]).toBeInstanceOf(Buffer);
});

it('octets that were heard stay as they were while many sockets read on', async () => {
  const pairs = await Promise.all(Array.from({ length: 8 }, openPair));
  const sent = pairs.map((_, n) => numbered(150_000, n));
  const heard = pairs.map((): Buffer[] => []);
  for (const [n, { server }] of pairs.entries()) server.on('data', (bytes: Buffer) => heard[n]!.push(bytes));
  for (const [n, { client }] of pairs.entries()) {
    for (let at = 0; at < sent[n]!.length; ) {
      const size = 1 + ((at * 7 + n) % 40_000);
      client.write(sent[n]!.subarray(at, at + size));
      at += size;
    }
    client.end();
  }
  await Promise.all(pairs.map(({ server }) => once(server, 'end')));
  for (const [n, pieces] of heard.entries()) expect(Buffer.concat(pieces).equals(sent[n]!)).toBe(true);
});

it('nothing is heard from a pause to the next resume, and everything in its order', async () => {
  const { client, server } = await openPair();
  const sent = numbered(500_000, 0);
  const heard: Buffer[] = [];
  let isPaused = false;
  let early = 0;
  server.on('data', (bytes: Buffer) => {
    if (isPaused) early += 1;
    heard.push(bytes);
    server.pause();
    isPaused = true;
    void setImmediate().then(() => {
      isPaused = false;
      server.resume();
    });
  });
  client.end(sent);
  await once(server, 'end');
  expect(early).toBe(0);
  expect(Buffer.concat(heard).equals(sent)).toBe(true);
});

it('a socket that nobody listens to keeps what comes, and stops reading when that is much', async () => {
  const { client, server } = await openPair();
  server.pause();
  const sent = numbered(2_000_000, 0);
  const isSent = new Promise<void>((resolve) => client.write(sent, () => resolve()));
  // Many turns: enough for all of it.
  for (let turn = 0; turn < 5_000; turn += 1) await setImmediate();
  expect(server.readableLength).toBeLessThan(1024 * 1024);
  const heard: Buffer[] = [];
  server.on('data', (bytes: Buffer) => heard.push(bytes));
  server.resume();
  await isSent;
  client.end();
  await once(server, 'end');
  expect(Buffer.concat(heard).equals(sent)).toBe(true);
});

it('a socket that is destroyed by what it hears is told nothing more', async () => {
  const { client, server } = await openPair();
  let times = 0;
  server.on('data', () => {
    times += 1;
    server.destroy();
  });
  client.write(numbered(100_000, 0));
  await once(server, 'close');
  expect(times).toBe(1);
});
