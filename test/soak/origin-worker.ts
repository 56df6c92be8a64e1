// A worker process: the origins. One behaves, one misbehaves in the way its path names, one resets whoever connects, and one echoes tunnels.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { BadOrigin } from './bad-origin.ts';
import { GoodOrigin } from './good-origin.ts';
import { serve } from './workers.ts';

export interface OriginPorts {
  readonly good: number;
  readonly bad: number;
  readonly resetting: number;
  readonly echo: number;
}

const failures: string[] = [];
const open = new Set<Socket>();

const handlers = {
  async start(_: null): Promise<OriginPorts> {
    return {
      good: await listen((socket) => new GoodOrigin(socket, (words) => failures.push(words))),
      bad: await listen((socket) => new BadOrigin(socket)),
      resetting: await listen((socket) => socket.resetAndDestroy()),
      echo: await listen((socket) => socket.pipe(socket)),
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

async function listen(accept: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    accept(socket);
  });
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

serve(handlers);
