// An HTTPS origin for real clients (curl, Chromium) that reach it through a tunnel: Node's own server, with a throw-away certificate.
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TemporaryCa } from './temp-ca.ts';

export interface TlsOrigin {
  readonly port: number;
  /** `https://localhost:port` */
  readonly url: string;
  /** How many TCP connections were ever accepted. */
  readonly accepted: number;
  /** How many requests were answered or begun. */
  readonly requests: number;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 with a certificate for `names`. */
export async function startTlsOrigin(ca: TemporaryCa, respond: RequestListener, names = ['localhost', '127.0.0.1']): Promise<TlsOrigin> {
  const { key, cert } = ca.issue(...names);
  const open = new Set<Socket>();
  let accepted = 0;
  let requests = 0;
  const server = createServer({ key, cert }, (request, response) => {
    requests += 1;
    respond(request, response);
  });
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  const { port } = server.address() as AddressInfo;
  // biome-ignore format: one property a line reads as the interface does
  return {
    port, url: `https://localhost:${port}`,
    get accepted() { return accepted; },
    get requests() { return requests; },
    close,
    [Symbol.asyncDispose]: close,
  };
}
