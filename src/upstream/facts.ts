// Owns what the way to an origin leaves behind for the record of an exchange. `flows/flow.ts` includes it.

/** One address that a name resolved to, and what the address guard said of it. */
export interface JudgedAddress {
  readonly address: string;
  readonly allowed: boolean;
  /** Why not, in a few words; empty when allowed. */
  readonly reason: string;
}

/** Written by `forward` and `openTunnel` as they go; times are milliseconds that the step took, `null` when it was not needed or not reached. */
export interface UpstreamFacts {
  /** `direct`, or the parent proxy's `host:port`; never its credentials. */
  route: string | null;
  judged: readonly JudgedAddress[];
  /** Whether the addresses came from the cache, the hosts file or the resolver, or the host was an address itself. */
  resolvedFrom: 'literal' | 'hosts' | 'cache' | 'resolver' | null;
  upstreamAddress: string | null;
  upstreamPort: number;
  reusedConnection: boolean;
  /** Version of HTTP spoken with the origin or the parent proxy; `null` in tunnels. */
  upstreamProtocol: '1.1' | '2' | null;
  resolveMs: number | null;
  connectMs: number | null;
  tlsMs: number | null;
}
