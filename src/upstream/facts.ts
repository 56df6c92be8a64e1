// Owns what the way to an origin leaves behind for the record of an exchange. `flows/flow.ts` includes it.

/** One address that a name resolved to, and what the address guard said of it. */
export interface JudgedAddress {
  readonly address: string;
  readonly allowed: boolean;
  /** Why not, in a few words; empty when allowed. */
  readonly reason: string;
}

/** An origin's certificate, as its connection showed it. Texts are the origin's own: nothing in them is to be believed beyond what was verified. */
export interface OriginCertificate {
  /** As OpenSSL writes it, a line each: `CN=example.com`. */
  readonly subject: string;
  readonly issuer: string;
  /** subjectAltName: `DNS:example.com, IP Address:192.0.2.1`; empty without. */
  readonly names: string;
  /** Milliseconds since the epoch. */
  readonly validFromMs: number;
  readonly validToMs: number;
  /** `AB:CD:...`, of the certificate. */
  readonly fingerprint256: string;
  /** What came with it, in the origin's order. */
  readonly chain: readonly { readonly subject: string; readonly issuer: string; readonly fingerprint256: string }[];
}

/** What is known of a secured connection, for all exchanges on it. */
export interface OriginTlsFacts {
  readonly version: string | null;
  /** On a resumed session, that of the full handshake which it goes back to. */
  readonly certificate: OriginCertificate;
  readonly isResumed: boolean;
  /** What the policy forgave this certificate, because it had to: `expired`, `wrong_name`, `untrusted`, or its SHA-256. Empty for a good one. */
  readonly acceptedFaults: readonly string[];
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
  /** Of the connection that was used, made for this exchange or kept from another; `null` in clear, in tunnels, and where none came to stand. */
  originTls: OriginTlsFacts | null;
  /** Version of HTTP spoken with the origin or the parent proxy; `null` in tunnels. */
  upstreamProtocol: '1.1' | '2' | null;
  resolveMs: number | null;
  connectMs: number | null;
  tlsMs: number | null;
}
