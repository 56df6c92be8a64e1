// Owns what a listener is told: where to listen, and every limit and timer on the client's side, each with its unit.

/** Where to listen; with a name of its own, and with its own answer to who must say who they are, where an operator gives them. */
export type ListenAddress = (
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
) & {
  /** What rules and the log call it; its address otherwise. */
  readonly name?: string | undefined;
  readonly auth?: AuthenticationMode | undefined;
};

/** `always`: every request needs credentials. `by-policy`: those that a rule asks for. `never`: credentials are not looked at. */
export type AuthenticationMode = 'always' | 'by-policy' | 'never';

/** The descriptor of a socket that is bound to this address already, each given once; `null` where there is none. */
export type HandedSocket = (address: ListenAddress) => number | null;

/** Whether both are one socket. */
export function isSameSocket(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'tcp') return b.kind === 'tcp' && a.host === b.host && a.port === b.port;
  return b.kind === 'unix' && a.path === b.path;
}

export interface ListenerOptions {
  /** Octets of a request's head in all, start line and fields. Over it: 431. */
  readonly headBytes: number;
  /** Octets of the request target. Over it: 414. */
  readonly targetBytes: number;
  /** Field lines of a request. Over it: 431. */
  readonly fieldCount: number;
  /** Octets of a trailer section. */
  readonly trailerBytes: number;
  /** Milliseconds from a request's first octet to the end of its head; also from accepting a connection to that first octet. Over it: 408. */
  readonly headTimeoutMs: number;
  /** Milliseconds a connection may wait for its next request. */
  readonly idleTimeoutMs: number;
  /** Octets a second that a request's content must arrive with on average, after the grace; 0 turns the check off. */
  readonly contentMinBytesPerSecond: number;
  readonly contentGraceMs: number;
  /** Milliseconds that a client may refuse to read our answer. */
  readonly writeTimeoutMs: number;
  /** Milliseconds that a client may take to begin to speak in a tunnel that is looked into. */
  readonly tunnelGreetingTimeoutMs: number;
  /** Milliseconds that a tunnel may be silent in both directions. */
  readonly tunnelIdleTimeoutMs: number;
  /** Open client connections in all, and from one address. Over it: 503 and close. */
  readonly connections: number;
  readonly connectionsPerClient: number;
  /** Tunnels, from their CONNECT to their end, those that are opened too. Over it: 503. */
  readonly tunnels: number;
  /** Requests of HTTP/2 that may be under way on all connections together. Over it: 503. */
  readonly http2Requests: number;
  /** Requests of HTTP/2 that may be under way on one connection. Over it: the stream is refused. */
  readonly http2Streams: number;
  /** Octets of content that a client may send on one stream before anybody has taken any (RFC 9113 §6.9). */
  readonly http2WindowBytes: number;
  /** Streams of one connection that may end within ten seconds without an answer, for which the client is to blame. Over it: it is closed. */
  readonly http2Resets: number;
}

export const LISTENER_DEFAULTS: ListenerOptions = {
  headBytes: 32 * 1024,
  targetBytes: 16 * 1024,
  fieldCount: 100,
  trailerBytes: 8 * 1024,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  contentMinBytesPerSecond: 240,
  contentGraceMs: 10_000,
  writeTimeoutMs: 60_000,
  tunnelGreetingTimeoutMs: 5_000,
  tunnelIdleTimeoutMs: 15 * 60_000,
  connections: 16_384,
  connectionsPerClient: 8_192,
  tunnels: 16_384,
  http2Requests: 16_384,
  http2Streams: 128,
  http2WindowBytes: 256 * 1024,
  http2Resets: 400,
};
