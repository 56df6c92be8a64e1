// Owns what about the rules an operator may choose: within what RFC 9111 leaves open for the whole proxy, and against it for a rule of the policy.

export interface CacheRuleOptions {
  /** Response fields that speak to this cache, in order of precedence: the first good one decides alone (RFC 9213 §2.2). Lower case. */
  readonly targeted: readonly string[];
  /** Of the time since Last-Modified, how much a response without a lifetime of its own stays fresh (RFC 9111 §4.2.2). 0 to 1. */
  readonly heuristicFraction: number;
  /** No heuristic lifetime is longer. */
  readonly maxHeuristicSeconds: number;
  /** How far past its lifetime a response may answer when the origin cannot be reached (RFC 9111 §4.2.4); 0: never. */
  readonly maxStaleSeconds: number;
  /** Request fields that are credentials beside those that are known to be (http/secret-fields.ts): of what Vary names, kept as digests. Lower case. */
  readonly secretFields: readonly string[];
}

/** What a rule of the policy changes, each of them against what RFC 9111 asks; `null` and `false` leave it. */
export interface CacheOverrides {
  /** Neither looked up nor stored. */
  readonly bypass: boolean;
  /** How long it stays fresh from its receipt on, whatever the origin says of it and however old it was then (against §4.2.1, §4.2.3). */
  readonly ttlSeconds: number | null;
  /** With `ttlSeconds`: stored and reused in spite of no-store, private, no-cache, Authorization and Set-Cookie (against §3, §3.5, §5.2.2). */
  readonly force: boolean;
  /** `true`: the key has no query; names: the key lacks these parameters, byte for byte (against §2). */
  readonly ignoreQuery: boolean | readonly string[];
  /** The key holds who asks, so that nobody is answered with what somebody else fetched. */
  readonly partition: 'user' | null;
}

export const CACHE_RULE_DEFAULTS: CacheRuleOptions = Object.freeze({
  targeted: Object.freeze([]),
  // RFC 9111 §4.2.2: "a typical setting of this fraction might be 10%".
  heuristicFraction: 0.1,
  // An origin that says nothing has not thought of caches: within a day its changes are seen, however old the last one was.
  maxHeuristicSeconds: 86_400,
  // An outage of a night is bridged; what is older than that surprises people more than an error does.
  maxStaleSeconds: 86_400,
  secretFields: Object.freeze([]),
});

export const NO_OVERRIDES: CacheOverrides = Object.freeze({
  bypass: false,
  ttlSeconds: null,
  force: false,
  ignoreQuery: false,
  partition: null,
});
