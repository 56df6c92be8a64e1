// An origin whose TLS may be anything: certificates, versions, a stapled OCSP response, a wish for client certificates. It answers each request with
// 200, and counts every octet that it is sent inside TLS: where nobody should believe it, that is none.
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Made } from './bad-certificates.ts';

export interface BadOrigin {
  readonly port: number;
  /** `https://localhost:port/` */
  readonly url: string;
  /** Octets that came inside TLS. */
  readonly received: number;
  /** Of each connection whose handshake it completed, whether it was a resumed one. */
  readonly resumed: readonly boolean[];
  /** Subjects of the client certificates that it was shown. */
  readonly clients: readonly string[];
  /** TCP connections. */
  readonly accepted: number;
  /** Ends those that are open, so that the next request needs a new one. */
  dropConnections(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Listens on a free port of 127.0.0.1.
 *
 * @param chain  the leaf first, as it is sent
 * @param staple  DER of an OCSP response
 */
export async function startBadOrigin(chain: readonly Made[], options: TlsOptions = {}, staple: Buffer | null = null): Promise<BadOrigin> {
  const open = new Set<TLSSocket>();
  const [resumed, clients]: [boolean[], string[]] = [[], []];
  let received = 0;
  let accepted = 0;
  const server = createServer({
    cert: chain.map(({ cert }) => cert).join(''),
    key: chain[0]!.key,
    // Whatever the test wants to be refused has to be possible here first.
    ciphers: 'DEFAULT:@SECLEVEL=0',
    ...options,
  });
  server.on('connection', () => (accepted += 1));
  server.on('OCSPRequest', (_certificate, _issuer, respond) => respond(null, staple!));
  if (staple === null) server.removeAllListeners('OCSPRequest');
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => {
    open.add(socket);
    resumed.push(socket.isSessionReused());
    const { subject } = socket.getPeerCertificate();
    if (subject !== undefined) clients.push(String(subject.CN));
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    socket.on('data', (bytes) => {
      received += bytes.length;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const dropConnections = (): void => {
    for (const socket of open) socket.destroy();
  };
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://localhost:${port}/`,
    get received() {
      return received;
    },
    get accepted() {
      return accepted;
    },
    resumed,
    clients,
    dropConnections,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        dropConnections();
      }),
  };
}
