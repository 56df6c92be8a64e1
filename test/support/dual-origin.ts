// An origin that speaks HTTP/2 over TLS, and HTTP/1.1 to whoever asks for that: Node's own, with a throw-away certificate.
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type SecureServerOptions,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TemporaryCa } from './temp-ca.ts';

export interface DualOrigin {
  readonly port: number;
  /** `https://localhost:port` */
  readonly url: string;
  readonly server: Http2SecureServer;
  /** TCP connections that were ever accepted. */
  readonly accepted: number;
  /** HTTP versions of the requests that came, in order. */
  readonly versions: readonly string[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param respond for both versions; `server.on('stream')` is there for what it cannot say */
export async function startDualOrigin(
  ca: TemporaryCa,
  respond: ((request: Http2ServerRequest, response: Http2ServerResponse) => void) | null,
  { names = ['localhost', '127.0.0.1'], ...options }: SecureServerOptions & { names?: readonly string[] } = {},
): Promise<DualOrigin> {
  const { key, cert } = ca.issue(...names);
  const open = new Set<Socket>();
  const versions: string[] = [];
  let accepted = 0;
  const server = createSecureServer({ key, cert, allowHTTP1: true, ...options });
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  if (respond !== null) {
    server.on('request', (request, response) => {
      versions.push(request.httpVersion);
      respond(request, response);
    });
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  // biome-ignore format: one property a line reads as the interface does
  return {
    port, url: `https://localhost:${port}`, server, versions,
    get accepted() { return accepted; },
    close,
    [Symbol.asyncDispose]: close,
  };
}
