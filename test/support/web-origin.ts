// A web server for real clients, where `origin.ts` would be too bare: Node's own, over TCP or TLS, with what it was asked kept.
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Leaf } from './temp-ca.ts';

export interface WebOrigin {
  readonly port: number;
  /** `http://127.0.0.1:port`, or `https://localhost:port` */
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  readonly server: Server;
  close(): Promise<void>;
}

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** @param leaf  a certificate for `localhost` makes it an HTTPS origin */
export async function startWebOrigin(respond: RequestListener, leaf?: Leaf): Promise<WebOrigin> {
  const requests: SeenRequest[] = [];
  const open = new Set<Socket>();
  const listener: RequestListener = (request, response) => {
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    respond(request, response);
  };
  const server = leaf === undefined ? createServer(listener) : createTlsServer({ key: leaf.key, cert: leaf.cert }, listener);
  // With five seconds, Node's own, a connection may be closed in the moment in which it is used again: then a POST, which is sent once, has failed.
  server.keepAliveTimeout = 120_000;
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: leaf === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    requests,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
