// A client of HTTP/2 inside of an opened tunnel: Node's own, with whole answers.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished } from 'vitest';
import { connectThrough, type OpeningProxy } from './opened-tunnels.ts';

export interface Http2Answer {
  readonly headers: IncomingHttpHeaders;
  readonly content: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

/** CONNECT, TLS and HTTP/2 within, for as long as the test lasts. */
export async function openSession(proxy: OpeningProxy, authority: string): Promise<ClientHttp2Session> {
  const client = await connectThrough(proxy, authority);
  const servername = authority.slice(0, authority.lastIndexOf(':'));
  const socket = connectTls({ socket: client.release(), ca: proxy.authority, servername, ALPNProtocols: ['h2'] });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  expect(socket.alpnProtocol).toBe('h2');
  const session = connect(`https://${authority}`, { createConnection: () => socket });
  // The proxy is closed first, and breaks it off.
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}

/** One request on a stream of its own, to its end. @throws what the stream was reset with */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  content?: Buffer,
  trailers?: OutgoingHttpHeaders,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream: ClientHttp2Stream = session.request(headers, {
      endStream: content === undefined,
      waitForTrailers: trailers !== undefined,
    });
    const chunks: Buffer[] = [];
    let head: IncomingHttpHeaders = {};
    let trailing: IncomingHttpHeaders = {};
    stream.on('response', (fields) => {
      head = fields;
    });
    stream.on('trailers', (fields) => {
      trailing = fields;
    });
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.on('data', (bytes: Buffer) => chunks.push(bytes));
    stream.on('error', reject);
    stream.on('end', () => resolve({ headers: head, content: Buffer.concat(chunks), trailers: trailing }));
    if (content !== undefined) stream.end(content);
  });
}
