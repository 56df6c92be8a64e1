// SIGTERM with many tunnels open, in both versions of HTTP: what has begun ends whole, what is idle goes, and the process does not wait for longer.

import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { cacheIn } from '../support/cached-proxy.ts';
import { startDualOrigin } from '../support/dual-origin.ts';
import { connectThrough } from '../support/opened-tunnels.ts';
import { writeOpeningFiles } from '../support/opening-process.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const TUNNELS = 60;
const STREAMS = 5;
const HALF = Buffer.alloc(20_000, 'half');

test('cuts nothing off that has begun, in a hundred tunnels and more', async () => {
  const folder = temporaryFolder(afterAll);
  const ca = createTemporaryCa(folder);
  const halves: (() => void)[] = [];
  const origin = await startDualOrigin(ca, (request, response) => {
    if (request.url === '/short') return void response.end('short');
    response.write(HALF);
    halves.push(() => response.end(HALF));
  });
  const { words, authorityFile } = writeOpeningFiles(folder, ca);
  const proxy = await cacheIn(folder, { SALLYPORT_TIMEOUTS_DRAIN: '10m' }).start(...words);
  const trusted = readFileSync(authorityFile);
  const open = (protocol: string) => tunnel(Number(new URL(proxy.url).port), trusted, `localhost:${origin.port}`, protocol);
  const slow = [
    ...(await Promise.all(Array.from({ length: TUNNELS }, async () => [get(await open('http/1.1'), origin.url)]))),
    ...(await Promise.all(Array.from({ length: TUNNELS }, async () => getMany(await open('h2'), origin.url)))),
  ].flat();
  const idle = await open('http/1.1');
  const sockets = await Promise.all(Array.from({ length: 20 }, () => open('http/1.1')));
  const busy = sockets.map((socket) => askAgainAndAgain(socket, origin.port));
  await Promise.all(busy.map(({ answered }) => answered));
  await Promise.all(slow.map(({ begun }) => begun));

  const startedMs = performance.now();
  const stopped = proxy.stop();
  await new Promise((closed) => idle.resume().once('close', closed));
  for (const end of halves) end();
  const contents = await Promise.all(slow.map(({ ended }) => ended));
  expect(new Set(contents)).toEqual(new Set([2 * HALF.length]));
  await Promise.all(busy.map(({ over }) => over));
  expect((await stopped).filter(({ outcome }) => outcome === 'aborted' || outcome === 'failed')).toEqual([]);
  expect(proxy.said).not.toMatch(/cut off/);
  expect(performance.now() - startedMs).toBeLessThan(120_000);
  await origin.close();
});

async function tunnel(port: number, ca: Buffer, authority: string, protocol: string): Promise<TLSSocket> {
  const client = await connectThrough({ port }, authority);
  const socket = connectTls({ socket: client.release(), ca, servername: 'localhost', ALPNProtocols: [protocol] });
  // What is beneath it keeps its side open by itself.
  socket.on('end', () => socket.end());
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  return socket;
}

interface Slow {
  /** Half of its content has come. */
  readonly begun: Promise<void>;
  /** How much came, to the end. */
  readonly ended: Promise<number>;
}

function get(socket: TLSSocket, url: string): Slow {
  const answer = new Promise<Readable>((resolve, reject) => {
    requestHttps(`${url}/slow`, { createConnection: () => socket }, resolve)
      .on('error', reject)
      .end();
  });
  return follow(answer);
}

function getMany(socket: TLSSocket, url: string): Slow[] {
  const session = connectHttp2(url, { createConnection: () => socket });
  return Array.from({ length: STREAMS }, () => follow(Promise.resolve(session.request({ ':path': '/slow' }))));
}

function follow(answer: Promise<Readable>): Slow {
  const begun = Promise.withResolvers<void>();
  const ended = answer.then(async (content) => {
    let octets = 0;
    for await (const bytes of content) {
      octets += (bytes as Buffer).length;
      if (octets >= HALF.length) begun.resolve();
    }
    return octets;
  });
  ended.catch(begun.reject);
  return { begun: begun.promise, ended };
}

interface Busy {
  /** The first answer is there. */
  readonly answered: Promise<void>;
  /** The connection has closed, and each answer was whole. */
  readonly over: Promise<void>;
}

function askAgainAndAgain(socket: TLSSocket, port: number): Busy {
  const request = `GET /short HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;
  const answered = Promise.withResolvers<void>();
  let unread = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    unread += text;
    if (!unread.startsWith('HTTP/1.1 200 ') || !unread.endsWith('\r\n\r\nshort')) return;
    unread = '';
    answered.resolve();
    socket.write(request);
  });
  socket.on('error', () => {});
  socket.write(request);
  const over = new Promise<void>((closed) => socket.once('close', () => closed())).then(() => expect(unread).toBe(''));
  return { answered: answered.promise, over };
}
