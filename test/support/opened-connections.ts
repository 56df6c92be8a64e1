// The inside of opened tunnels without the rest of the proxy: a TLS server on loopback whose connections go to `InterceptedConnections`, and what their
// requests meet is the test's own.
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { ProxyError } from '../../src/errors/proxy-error.ts';
import type { Incoming, OpenedTunnel } from '../../src/exchange/exchange.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { BytesBody } from '../../src/http/message.ts';
import { InterceptedConnections, type PlaintextEnd } from '../../src/listeners/intercepted.ts';
import { LISTENER_DEFAULTS, type ListenerOptions } from '../../src/listeners/listener.ts';
import { Deadlines } from '../../src/net/deadlines.ts';
import { type HandshakeOptions, openTls } from '../../src/tls/handshake.ts';
import type { Leaf } from './temp-ca.ts';

export interface OpenedConnections {
  readonly port: number;
  readonly connections: InterceptedConnections;
  /** Records, in the order in which they were finished. */
  readonly flows: readonly Flow[];
  /** Settles when so many are finished. */
  flowCount(count: number): Promise<readonly Flow[]>;
  /** How the connections ended. */
  readonly ends: readonly PlaintextEnd[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param exchange what happens to a request */
export async function openConnections(
  { keyFile, certFile }: Pick<Leaf, 'keyFile' | 'certFile'>,
  exchange: (incoming: Incoming) => void,
  options: Partial<ListenerOptions> = {},
): Promise<OpenedConnections> {
  const secureContext = createSecureContext({ key: readFileSync(keyFile), cert: readFileSync(certFile) });
  const deadlines = new Deadlines();
  const flows: Flow[] = [];
  const ends: PlaintextEnd[] = [];
  const waiting: (() => void)[] = [];
  const connections = new InterceptedConnections(() => ({
    options: { ...LISTENER_DEFAULTS, ...options },
    deadlines,
    startExchange: exchange,
    answerUnreadable,
    emit(flow) {
      flows.push(flow);
      for (const wake of waiting.splice(0)) wake();
    },
  }));
  const sockets = new Set<Socket>();
  let connectId = 0;
  const server = createServer({ allowHalfOpen: true }, (transport) => {
    sockets.add(transport);
    transport.on('error', () => {});
    transport.on('close', () => sockets.delete(transport));
    void openTls(transport, Buffer.alloc(0), secureContext, HANDSHAKE, deadlines).then((handshake) => {
      if (handshake.kind === 'refused') return;
      const { socket, protocol } = handshake;
      connectId += 1;
      const client = { address: '127.0.0.1', isLocal: true, authentication: null } as const;
      const origin = { id: connectId, listener: 'test', address: '127.0.0.1', port: 1, connectId };
      const tunnel: OpenedTunnel = { ...TUNNEL, connectId };
      connections.open({ socket, early: Buffer.alloc(0), protocol, tunnel, client, origin }, (end) => ends.push(end));
    });
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    flows,
    ends,
    async flowCount(count) {
      while (flows.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
      return flows;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      deadlines.close();
    },
  };
}

/** Answers with a text. */
export function answer({ responder, flow }: Incoming, status: number, text: string): void {
  flow.outcome = 'answered';
  responder.respond(status, '', [{ name: 'Content-Type', value: 'text/plain' }], new BytesBody(Buffer.from(text, 'latin1')), null);
}

function answerUnreadable(incoming: Incoming, error: ProxyError): void {
  incoming.flow.error = error;
  answer(incoming, error.status, error.message);
  incoming.flow.outcome = 'failed';
}

/** That of every connection, but for its number. */
export const TUNNEL: OpenedTunnel = {
  connectId: 0,
  authority: { host: 'origin.test', kind: 'name', port: 443 },
  scheme: 'https',
  serverName: 'origin.test',
  decision: null,
  identity: 'unasked',
};

const HANDSHAKE: HandshakeOptions = { timeoutMs: 20_000, alpn: ['h2', 'http/1.1'], logKeys: null };
