// Owns the joint between the line, which asks for tunnels to be looked into (exchange/interception.ts), and those who can do it: tls/ reads greetings and
// does handshakes, listeners/ takes what was inside. Who refused our certificate lately is remembered here, across reloads.
import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ProxyError } from '../errors/proxy-error.ts';
import type { ClientSocket } from '../exchange/exchange.ts';
import type { ConnectionEnd, Interception, PlaintextConnection } from '../exchange/interception.ts';
import type { TrustingClients } from '../exchange/trusting-clients.ts';
import type { InterceptedConnections } from '../listeners/intercepted.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { type Distrust, distrustAtEnd, refusalAlert } from '../tls/alerts.ts';
import type { LeafContexts } from '../tls/contexts.ts';
import { type ApplicationProtocol, openTls } from '../tls/handshake.ts';
import { NameGuard } from '../tls/name-guard.ts';
import type { Pinned, PinnedEvidence } from '../tls/pinned.ts';
import { readGreeting } from '../tls/read-greeting.ts';

export interface InterceptionParts {
  readonly deadlines: Deadlines;
  /** Milliseconds for a client to say what it will speak in a tunnel; for its handshake it has as long as for a head. */
  readonly timeouts: { readonly tunnelGreetingTimeoutMs: number; readonly headTimeoutMs: number };
  /** `null` while the policy opens nothing. */
  readonly contexts: LeafContexts | null;
  readonly pinned: Pinned;
  readonly trusting: TrustingClients;
  readonly connections: InterceptedConnections;
  readonly nextConnectionId: () => number;
  /** Writes down the secrets of a connection (SSLKEYLOGFILE); `null` keeps them secret. */
  readonly logKeys: ((socket: TLSSocket) => void) | null;
}

export function createInterception(parts: InterceptionParts): Interception {
  const { deadlines, timeouts, contexts, pinned, logKeys } = parts;
  return {
    readGreeting(socket, early) {
      return readGreeting(socket, early, { timeoutMs: timeouts.tunnelGreetingTimeoutMs }, deadlines);
    },

    guardName({ hello, octets }) {
      return new NameGuard(hello.serverName, octets);
    },

    async openTls(socket, { hello, octets }, name) {
      if (contexts === null) throw new ProxyError('proxy_configuration_error', 'There is no authority to make a certificate with.');
      const made = contexts.contextFor(name, hello.needsRsa ? 'rsa' : 'ec');
      const context = made instanceof Promise ? await made : made;
      return openTls(connectionOf(socket), octets, context, { timeoutMs: timeouts.headTimeoutMs, alpn: ALPN, logKeys }, deadlines);
    },

    whyPassthrough(clientAddress, host, { interception }) {
      return interception?.onPinned === 'passthrough'
        ? evidenceOf(pinned.passthrough(clientAddress, host, interception.passthroughSeconds * 1_000, Date.now()))
        : null;
    },

    noteRefusal(clientAddress, host, { distrust }) {
      if (distrust !== null) pinned.noteRefusal(clientAddress, host, distrust, Date.now());
    },

    handOn(connection, onClosed) {
      handOn(parts, connection, onClosed);
    },

    deniedAlert: refusalAlert('access_denied'),
  };
}

function handOn(parts: InterceptionParts, connection: PlaintextConnection, onClosed: (end: ConnectionEnd) => void): void {
  const { connections, pinned, trusting, nextConnectionId } = parts;
  const { socket, early, protocol, tunnel, incoming } = connection;
  const { client, flow } = incoming;
  const { listener, clientAddress: address, clientPort: port } = flow;
  const origin = { id: nextConnectionId(), listener, address, port, connectId: flow.id };
  const openedMs = performance.now();
  connections.open({ socket: connectionOf(socket), early, protocol, tunnel, client, origin }, (end) => {
    const hasSpoken = end.bytesFromClient > 0;
    const saysNothing = tunnel.scheme === 'http' || end.wasLetGo;
    const distrust = saysNothing ? null : distrustAtEnd({ error: end.error, hasSpoken, openMs: performance.now() - openedMs });
    const { host } = tunnel.authority;
    if (distrust !== null) pinned.noteRefusal(client.address, host, distrust, Date.now());
    else if (hasSpoken) {
      pinned.noteSuccess(client.address, host);
      if (tunnel.scheme === 'https') trusting.note(client.address, Date.now());
    }
    const refusal = distrust === null ? null : refusalWords(distrust);
    onClosed({ bytesFromClient: end.bytesFromClient, bytesToClient: end.bytesToClient, refusal });
  });
}

/** What a CONNECT is answered on is a whole connection; streams of HTTP/2 carry none. */
function connectionOf(socket: ClientSocket): Socket {
  if (!(socket instanceof Socket)) throw new Error('what was handed on is not a connection');
  return socket;
}

/** As a sentence for the record. */
function evidenceOf(evidence: PinnedEvidence | null): string | null {
  if (evidence === null) return null;
  const { alert, lastMs, refusals } = evidence;
  const how = alert === null ? `left ${refusals} times when it saw our certificate` : `refused our certificate (${alert})`;
  return `The client ${how}, last at ${new Date(lastMs).toISOString()}.`;
}

function refusalWords(distrust: Distrust): string {
  return distrust.kind === 'said'
    ? `The client refused our certificate (${distrust.alert}).`
    : 'The client left when it saw our certificate.';
}

const ALPN: readonly ApplicationProtocol[] = ['h2', 'http/1.1'];
