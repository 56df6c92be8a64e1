// Owns the origins that speak HTTP/2, on Node's own server: one that behaves as the path of a request asks, and one that misbehaves as it names.
import { createSecureServer, type Http2SecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { Comparison, type Content } from './content.ts';
import { type Asked, contentOf, type GoodWay, parsePath, type StreamWay } from './names.ts';

/** @param fail told of every request that no client sent like this */
export function createStreamOrigin(credentials: { key: string; cert: string }, fail: (words: string) => void): Http2SecureServer {
  // MiB: Node counts what waits to be sent, and would ask for calm where the answers of many clients wait on one session.
  const server = createSecureServer({ ...credentials, maxSessionMemory: 512 });
  server.on('session', (session) => session.on('error', ignore));
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    // Clients leave, and the reset that says so is no failure.
    stream.on('error', ignore);
    try {
      const path = String(headers[':path']);
      const asked = parsePath(path);
      if (headers['soak-name'] !== path) throw new Error(`${path} with the fields of ${headers['soak-name']}`);
      if (isGoodWay(asked.way)) answerWell(stream, asked, headers[':method'] ?? '', fail);
      else answerBadly(stream, asked.way as StreamWay, contentOf(asked));
    } catch (error) {
      fail(`an origin of HTTP/2 was sent ${(error as Error).message}`);
      stream.destroy();
    }
  });
  return server;
}

function answerWell(stream: ServerHttp2Stream, asked: Asked, method: string, fail: (words: string) => void): void {
  const content = contentOf(asked);
  const isEcho = asked.way.startsWith('echo');
  if ((method === 'POST') !== isEcho) throw new Error(`${method} ${content.name}, which nobody sent`);
  if (!isEcho) {
    respond(stream, content, asked.way === 'length');
    writeAll(stream, content);
    return;
  }
  const seen = new Comparison(content);
  if (asked.way === 'echo-stream') respond(stream, content, false);
  stream.on('data', (bytes: Buffer) => {
    seen.add(bytes);
    if (asked.way === 'echo-stream' && !stream.write(bytes)) {
      stream.pause();
      stream.once('drain', () => stream.resume());
    }
  });
  stream.on('end', () => {
    // Node says `end` of a stream that was reset, too.
    if (stream.closed) return;
    if (!seen.isWhole) fail(`an origin of HTTP/2 was sent ${content.name} with ${seen.length} octets, wrong from ${seen.wrongFrom}`);
    if (asked.way === 'echo-stream') stream.end();
    else {
      respond(stream, content, asked.id % 2 === 0);
      writeAll(stream, content);
    }
  });
}

/** With trailers behind the content, as a call of gRPC has them. */
function respond(stream: ServerHttp2Stream, content: Content, hasLength: boolean): void {
  const head = { ':status': 200, 'soak-name': content.name };
  stream.respond(hasLength ? { ...head, 'content-length': content.length } : head, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'soak-octets': String(content.length) }));
}

function writeAll(stream: ServerHttp2Stream, content: Content): void {
  for (const piece of content.pieces()) stream.write(piece);
  stream.end();
}

function answerBadly(stream: ServerHttp2Stream, way: StreamWay, content: Content): void {
  const half = content.piece(0, Math.ceil(content.length / 2));
  const head = { ':status': 200, 'soak-name': content.name };
  switch (way) {
    case 'stream-reset':
      stream.close(STREAM_CODES[content.length % STREAM_CODES.length]);
      return;
    case 'stream-reset-in-content':
      stream.respond(head, { waitForTrailers: true });
      stream.write(half, () => setImmediate(() => stream.close(STREAM_CODES[content.length % STREAM_CODES.length])));
      return;
    case 'stream-short':
      stream.respond({ ...head, 'content-length': content.length });
      stream.write(half, () => setImmediate(() => stream.destroy(new Error('short'))));
      return;
    case 'session-goaway':
      stream.session?.close();
      stream.respond(head);
      stream.end(content.piece(0));
      return;
    case 'session-destroyed':
      stream.respond(head);
      stream.write(half, () => stream.session?.destroy());
      return;
    default:
      way satisfies never;
  }
}

function isGoodWay(way: Asked['way']): way is GoodWay {
  return !way.startsWith('stream') && !way.startsWith('session');
}

function ignore(): void {}

/** NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM. Behind HTTP_1_1_REQUIRED nothing would come over HTTP/2 any more. */
const STREAM_CODES = [0, 2, 7, 8, 11];
