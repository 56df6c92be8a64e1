// A worker process: the origins. One behaves, one misbehaves in the way its path names, one resets whoever connects, and one echoes tunnels. Behind TLS
// there are two that behave, in HTTP/1.1 and HTTP/2, one that misbehaves, and two that leave what they answer to chance.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { BadOrigin } from './bad-origin.ts';
import { answerWithFrames, answerWithOctets } from './frame-origin.ts';
import { GoodOrigin } from './good-origin.ts';
import { createStreamOrigin } from './stream-origin.ts';
import { serve } from './workers.ts';

export interface OriginPorts {
  readonly good: number;
  readonly bad: number;
  readonly resetting: number;
  readonly echo: number;
  readonly http1: number;
  readonly http2: number;
  readonly badStreams: number;
  readonly frames: number;
  readonly octets: number;
}

/** PEM. */
export interface Credentials {
  readonly key: string;
  readonly cert: string;
}

const failures: string[] = [];
const open = new Set<Socket>();

const handlers = {
  async start(credentials: Credentials): Promise<OriginPorts> {
    const { key, cert } = credentials;
    const fail = (words: string): void => void failures.push(words);
    const http2 = { key, cert, ALPNProtocols: ['h2'] };
    return {
      good: await listen((socket) => new GoodOrigin(socket, fail)),
      bad: await listen((socket) => new BadOrigin(socket)),
      resetting: await listen((socket) => socket.resetAndDestroy()),
      echo: await listen((socket) => socket.pipe(socket)),
      http1: await listening(createTlsServer({ key, cert }, (socket) => accept(socket, () => new GoodOrigin(socket, fail)))),
      http2: await listening(createStreamOrigin(credentials, fail)),
      badStreams: await listening(createStreamOrigin(credentials, fail)),
      frames: await listening(createTlsServer(http2, (socket) => accept(socket, answerWithFrames))),
      octets: await listening(createTlsServer({ key, cert }, (socket) => accept(socket, answerWithOctets))),
    };
  },
  /** Requests that reached an origin other than they were sent, and connections that are still open. */
  report(_: null): { failures: readonly string[]; open: number } {
    return { failures: failures.slice(0, 20), open: open.size };
  },
  /** Ends every tenth connection by a reset, the others by FIN: a tunnel can end from this side too. */
  hangUp(_: null): void {
    let count = 0;
    for (const socket of open) {
      count += 1;
      if (count % 10 === 0) socket.resetAndDestroy();
      else socket.end();
    }
  },
};

export type OriginHandlers = typeof handlers;

function listen(use: (socket: Socket) => void): Promise<number> {
  return listening(createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket, use)));
}

function accept(socket: Socket, use: (socket: Socket) => void): void {
  open.add(socket);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => open.delete(socket));
  use(socket);
}

async function listening(server: Server): Promise<number> {
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

serve(handlers);
