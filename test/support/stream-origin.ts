// An origin that speaks HTTP/2 over TLS: Node's own server, with a throw-away certificate.
import {
  createSecureServer,
  type Http2Session,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TemporaryCa } from './temp-ca.ts';

export interface StreamOrigin {
  readonly port: number;
  /** How many TCP connections were ever accepted, and how many streams were opened. */
  readonly accepted: number;
  readonly streams: number;
  readonly sessions: ReadonlySet<Http2Session>;
  /** From now on connections are closed as they come. */
  takeNoMore(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]) => void;

export async function startStreamOrigin(ca: TemporaryCa, respond: StreamHandler, options: SecureServerOptions = {}): Promise<StreamOrigin> {
  const { key, cert } = ca.issue('localhost', '127.0.0.1');
  const server = createSecureServer({ key, cert, ...options });
  const open = new Set<Socket>();
  const sessions = new Set<Http2Session>();
  let accepted = 0;
  let streams = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
    streams += 1;
    // Clients leave in the middle on purpose here.
    stream.on('error', () => {});
    respond(stream, headers, raw);
  });
  // Listening for requests of HTTP/1.1 makes Node answer streams, too, so only where somebody may make one.
  if (options.allowHTTP1) server.on('request', (request, response) => void (request.httpVersion === '1.1' && response.end('by http/1.1')));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    sessions,
    takeNoMore() {
      server.removeAllListeners('connection');
      server.on('connection', (socket: Socket) => socket.destroy());
    },
    get accepted() {
      return accepted;
    },
    get streams() {
      return streams;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
