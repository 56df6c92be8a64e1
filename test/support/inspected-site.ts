// A site for tests of the inspector: an answer of every kind that its page shows in a way of its own, and streams that bring what a test tells them to.

import type { RequestListener, Server, ServerResponse } from 'node:http';
import { crc32, deflateSync, gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';

export interface InspectedSite {
  readonly respond: RequestListener;
  /** `POST /echo content`, of every request that asked for it. */
  readonly echoed: readonly string[];
  /** To everybody who has `/events` open. */
  sendEvent(data: string): void;
  /** Every WebSocket message comes back with an exclamation mark. */
  answerOn(server: Server): void;
}

export function createInspectedSite(): InspectedSite {
  const echoed: string[] = [];
  const streams = new Set<ServerResponse>();
  const respond: RequestListener = (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site.invalid');
    switch (pathname) {
      case '/json':
        response
          .setHeader('Content-Type', 'application/json')
          .setHeader('Content-Encoding', 'gzip')
          .setHeader('Set-Cookie', 'sid=of-the-origin');
        response.end(gzipSync(JSON.stringify({ order: 4711, items: [{ name: 'Tea cup', price: 12.5 }], paid: true })));
        return;
      case '/picture.png':
        response.setHeader('Content-Type', 'image/png').end(PICTURE);
        return;
      case '/kept':
        response.setHeader('Content-Type', 'text/plain').setHeader('Cache-Control', 'max-age=600').end('kept for ten minutes');
        return;
      case '/broken':
        response.destroy();
        return;
      case '/events':
        streams.add(response.writeHead(200, { 'Content-Type': 'text/event-stream' }));
        response.once('close', () => streams.delete(response));
        response.write('data: the first\n\n');
        return;
      default: {
        let content = '';
        request.on('data', (octets) => (content += octets));
        request.on('end', () => {
          echoed.push(`${request.method} ${request.url} ${content}`);
          response.setHeader('Content-Type', 'text/plain').setHeader('Cache-Control', 'no-store').end(`${pathname}: ${content}`);
        });
      }
    }
  };
  return {
    respond,
    echoed,
    sendEvent(data) {
      for (const stream of streams) stream.write(`data: ${data}\n\n`);
    },
    answerOn(server) {
      new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}!`)));
    },
  };
}

/** A PNG (RFC 2083) of one colour, `size` pixels in width and height. */
function pngOf(size: number): Buffer {
  // Each line begins with how it was filtered: not at all.
  const line = Buffer.concat([Buffer.alloc(1), Buffer.alloc(size * 3, Buffer.from([0x2d, 0x6c, 0xdf]))]);
  const lines = Buffer.concat(Array<Buffer>(size).fill(line));
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  // Eight bits of each of red, green and blue.
  head.set([8, 2], 8);
  return Buffer.concat([SIGNATURE, chunk('IHDR', head), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PICTURE = pngOf(64);
