// Owns what the line asks of whoever looks into tunnels and opens them: reading the greeting, TLS with a certificate of ours, who refuses that, and
// where a connection goes whose octets can be read. proxy/interception.ts joins it out of tls/ and listeners/.
import type { Rule } from '../policy/policy.ts';
import type { Handshake } from '../tls/handshake.ts';
import type { Greeting } from '../tls/read-greeting.ts';
import type { TunnelGuard } from '../tunnel/relay.ts';
import type { ClientSocket, Incoming, OpenedTunnel } from './exchange.ts';

/** What it takes to look into tunnels and to open them. */
export interface Interception {
  /** What the client says first; everything that was read stays in `octets`. */
  readGreeting(socket: ClientSocket, early: Buffer): Promise<Greeting>;
  /** What sees to it that a tunnel which passes keeps to the name that rules have seen. */
  guardName(greeting: Greeting & { kind: 'tls' }): BeginningGuard;
  /** Ends the client's TLS here. @param name the host that the certificate is for */
  openTls(socket: ClientSocket, greeting: Greeting & { kind: 'tls' }, name: string): Promise<Handshake>;
  /** Evidence that this client refuses our certificates for this host, so that its tunnel may pass as it is; `null` without any. */
  whyPassthrough(clientAddress: string, host: string, rule: Rule): string | null;
  noteRefusal(clientAddress: string, host: string, refusal: Handshake & { kind: 'refused' }): void;
  /** @param onClosed told once, when the connection is over */
  handOn(connection: PlaintextConnection, onClosed: (end: ConnectionEnd) => void): void;
  /** Octets that say in TLS that access is denied (RFC 8446 §6.2). */
  readonly deniedAlert: Buffer;
}

/** Of a tunnel that passes. */
export interface BeginningGuard extends TunnelGuard {
  /** Why it may not go on, as a clause; `null` while it may. */
  readonly objection: string | null;
}

/** A connection whose octets can be read: what was in the tunnel. */
export interface PlaintextConnection {
  readonly socket: ClientSocket;
  /** Read from it already; empty when TLS was opened. */
  readonly early: Buffer;
  readonly protocol: 'h2' | 'http/1.1';
  readonly tunnel: OpenedTunnel;
  /** The CONNECT. */
  readonly incoming: Incoming;
}

/** How a connection inside a tunnel ended: octets of the tunnel, and why the client did not want it, if that is known. */
export interface ConnectionEnd {
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  readonly refusal: string | null;
}
