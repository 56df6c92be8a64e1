// A worker process: the origins. One in plain HTTP, with WebSockets, one behind TLS in HTTP/1.1 and HTTP/2, and a port where nobody listens.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { WebSocketServer } from 'ws';
import { serve } from '../workers.ts';
import { EVENTS, GREETING } from './names.ts';
import { lengthOf, type ReplyKind, replyTo } from './replies.ts';

export interface OriginPorts {
  readonly plain: number;
  readonly secure: number;
  readonly closed: number;
}

/** PEM. */
export interface Credentials {
  readonly key: string;
  readonly cert: string;
}

const handlers = {
  async start(credentials: Credentials): Promise<OriginPorts> {
    const plain = createServer(answer);
    new WebSocketServer({ server: plain }).on('connection', (socket) => {
      socket.on('error', () => socket.terminate());
      socket.on('message', (data) => socket.send(`${GREETING} ${data}`));
    });
    // Clients wait between exchanges as long as they like.
    plain.keepAliveTimeout = 600_000;
    const secure = createSecureServer({ ...credentials, allowHTTP1: true }, answer);
    const nobody = createTcpServer();
    const closed = await listening(nobody);
    nobody.close();
    return { plain: await listening(plain), secure: await listening(secure), closed };
  },
};

export type OriginHandlers = typeof handlers;

function answer(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void {
  const [, kind = '', number = ''] = (request.url ?? '').split('/');
  response.on('error', () => {});
  if (kind === 'upload') void echoLength(request, response as ServerResponse);
  else if (kind === 'events') tellEvents(response as ServerResponse);
  else reply(response as ServerResponse, kind as ReplyKind, Number(number));
}

function reply(response: ServerResponse, kind: ReplyKind, number: number): void {
  const made = replyTo(kind, number);
  const { status, type, isGzipped, isChunked, isStorable, pieces } = made;
  response.writeHead(status, {
    ...{ 'content-type': type, 'cache-control': isStorable ? 'max-age=3600' : 'no-store' },
    ...(isGzipped && { 'content-encoding': 'gzip' }),
    ...(!isChunked && { 'content-length': lengthOf(made) }),
  });
  for (const piece of pieces) response.write(piece);
  response.end();
}

async function echoLength(request: IncomingMessage | Http2ServerRequest, response: ServerResponse): Promise<void> {
  let length = 0;
  request.on('data', (bytes: Buffer) => (length += bytes.length));
  await once(request, 'end');
  response.writeHead(201, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify({ length }));
}

function tellEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  for (let number = 1; number <= EVENTS; number += 1) response.write(`id: ${number}\ndata: ${GREETING} ${number}\n\n`);
  response.end();
}

async function listening(server: Server): Promise<number> {
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

serve(handlers);
