// Owns every limit and timer towards origins and parent proxies, each with its unit.

export interface UpstreamOptions {
  /** Milliseconds for resolving, connecting and the TLS handshake together. */
  readonly connectTimeoutMs: number;
  /** Milliseconds from the sent request to the first octet of the answer, and between interim responses. */
  readonly responseTimeoutMs: number;
  /** Milliseconds of silence within an answer's content. */
  readonly gapTimeoutMs: number;
  /** Milliseconds that an origin may refuse to read a request's content. */
  readonly writeTimeoutMs: number;
  /** Milliseconds that an idle connection is kept for reuse; idle connections for one destination and in all. */
  readonly idleTimeoutMs: number;
  readonly idlePerDestination: number;
  readonly idleTotal: number;
  /** Octets and field lines of an answer's head, octets of its trailer section, interim responses before it. */
  readonly headBytes: number;
  readonly fieldCount: number;
  readonly trailerBytes: number;
  readonly interimResponses: number;
}

export const UPSTREAM_DEFAULTS: UpstreamOptions = {
  connectTimeoutMs: 15_000,
  responseTimeoutMs: 120_000,
  gapTimeoutMs: 5 * 60_000,
  writeTimeoutMs: 60_000,
  idleTimeoutMs: 30_000,
  idlePerDestination: 256,
  idleTotal: 2_048,
  headBytes: 64 * 1024,
  fieldCount: 200,
  trailerBytes: 8 * 1024,
  interimResponses: 16,
};

export interface ResolverOptions {
  /** Addresses of DNS servers (`192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`); empty asks the system's resolver. */
  readonly servers: readonly string[];
  /** A hosts file that is read first; empty reads none. */
  readonly hostsFile: string;
  /** Milliseconds for one look-up with all its retries. */
  readonly timeoutMs: number;
  /** Bounds on how long an answer is kept, whatever its TTL says; and how long a negative answer is. */
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  readonly negativeTtlMs: number;
  /** Kept for answers of the system's resolver, which tells no TTL. */
  readonly systemTtlMs: number;
  /** Names kept. */
  readonly entries: number;
}

export const RESOLVER_DEFAULTS: ResolverOptions = {
  servers: [],
  hostsFile: '/etc/hosts',
  timeoutMs: 5_000,
  minTtlMs: 1_000,
  maxTtlMs: 3_600_000,
  negativeTtlMs: 5_000,
  systemTtlMs: 30_000,
  entries: 10_000,
};

/** A parent proxy and the hosts that go through it. */
export interface ParentOptions {
  readonly host: string;
  readonly port: number;
  /** Sent as `Proxy-Authorization: Basic`; never logged. */
  readonly user: string | null;
  readonly password: string | null;
  /** Host patterns as in policies; empty means every host. */
  readonly hosts: readonly string[];
}

export interface RouteOptions {
  /** First match wins; a destination without one is reached directly. */
  readonly parents: readonly ParentOptions[];
  /** Host patterns (as in policies) and CIDR blocks that are always reached directly. */
  readonly noProxy: readonly string[];
}

/** TLS towards origins. */
export interface OriginTlsOptions {
  /**
   * Whose roots are trusted, besides those of the operator's own file: the system's (and where it has none, those that come with Node), Mozilla's as
   * they come with Node, or both.
   */
  readonly trust: 'system' | 'bundled' | 'both';
  /** The first that fits a host is shown to it, when it asks; no other host ever sees it. */
  readonly clientCertificates: readonly ClientCertificateOptions[];
  /** Where the secrets of all TLS connections are written, for tools that read along; `null` nowhere. */
  readonly keyLogFile: string | null;
}

export interface ClientCertificateOptions {
  /** A destination as in `match/destination.ts`: `api.example`, `.example.com`, `10.0.0.0/8:443`. */
  readonly host: string;
  /** PEM, with the certificates of its issuers behind it. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Its first line opens the key; `null` for a key that is not encrypted. */
  readonly passphraseFile: string | null;
}

export const ORIGIN_TLS_DEFAULTS: OriginTlsOptions = { trust: 'system', clientCertificates: [], keyLogFile: null };
