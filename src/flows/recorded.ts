// Owns what is kept of an exchange for whoever looks at it later: the rows of a list, and everything behind a row. Plain data, so that the same values go to
// disk, between threads, to the page and into exports. Nothing here is rendered: words are made by who shows it.
import type { ResponseFacts } from '../cache/rules/freshness.ts';
import type { DecidedBy } from '../policy/policy.ts';
import type { WebSocketEvent } from '../tunnel/websocket-observer.ts';
import type { JudgedAddress, OriginTlsFacts } from '../upstream/facts.ts';
import type { InterceptionFacts, Outcome } from './flow.ts';

/** A row of the list. Texts are as they came: one character an octet (ISO-8859-1), the peers' own, to be shown as text only. */
export interface Summary {
  /** Ascending in the order in which exchanges began; unique in a session, over restarts too. */
  readonly id: number;
  readonly state: 'pending' | 'done';
  readonly kind: 'exchange' | 'tunnel' | 'websocket';
  /** `id` of the CONNECT whose tunnel it came out of. */
  readonly connectId: number | null;
  /** `id` of the exchange that it repeats. */
  readonly replayOf: number | null;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly client: string;
  readonly user: string | null;
  readonly method: string;
  /** `tunnel` of a CONNECT. Empty, with `host` and `path`, of a request that could not be understood. */
  readonly scheme: 'http' | 'https' | 'tunnel' | '';
  /** Canonical, IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  /** With the query; empty of a CONNECT. */
  readonly path: string;
  /** Of HTTP, with the client. */
  readonly version: string;
  /** 0 until there is one. */
  readonly status: number;
  /** `null` while it is pending. */
  readonly outcome: Outcome | null;
  /** Code of RFC 9209; `null` when nothing failed. */
  readonly error: string | null;
  readonly decision: 'allow' | 'deny' | 'tunnel' | 'intercept' | null;
  /** Name of the rule that decided, or `file:line` of one without; `null` for the default. */
  readonly rule: string | null;
  /** Why it was denied although neither a rule nor the default said so; not there otherwise, nor in records of versions that did not keep it. */
  readonly deniedFor?: DeniedFor;
  /** How many rules on trial would have denied it. */
  readonly reported: number;
  /** Which, as in `rule`; not there where none would have, nor in records of versions that did not keep it. */
  readonly reportedBy?: readonly string[];
  readonly cache: 'hit' | 'validated' | 'stale' | 'forwarded' | 'none' | null;
  /** What became of a tunnel that was looked into. */
  readonly interception: InterceptionFacts['outcome'] | null;
  /** Of the response, as it was sent. */
  readonly contentType: string | null;
  /** Octets of content, as they were sent; of a tunnel, all octets. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** How long each step took; `null` where it was not needed or not reached. */
  readonly resolveMs: number | null;
  readonly connectMs: number | null;
  readonly tlsMs: number | null;
  /** From the beginning. */
  readonly firstByteMs: number | null;
  readonly totalMs: number | null;
  /** WebSocket messages, or server-sent events. */
  readonly messages: number;
  /** Names of the rewriting rules that touched it, and breakpoints that held it as `breakpoint`. */
  readonly touched: readonly string[];
}

/** What the policy refuses before, or without, a rule that says so. */
export type DeniedFor = Exclude<DecidedBy, 'rule' | 'default'>;

/** Name and value of a field line, in order; ISO-8859-1. */
export type RecordedFields = readonly (readonly [name: string, value: string])[];

export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: RecordedFields;
}

export interface RecordedResponse {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly fields: RecordedFields;
}

/** What is kept of content. `null` in its place: there was none. */
export interface RecordedContent {
  /** Octets that passed. */
  readonly length: number;
  /** Octets of its beginning that are kept. */
  readonly kept: number;
  /** Hexadecimal SHA-256 of what is kept; `null` when that is nothing. */
  readonly digest: string | null;
  /** Whether it came to its end. */
  readonly isComplete: boolean;
  readonly trailers: RecordedFields;
}

/** Everything about one exchange. */
export interface RecordedExchange {
  readonly summary: Summary;
  /** As the client sent it. */
  readonly request: RecordedRequest;
  /** As it went to the origin; `null` when none was asked. */
  readonly sent: RecordedRequest | null;
  /** As the origin sent it; `null` when none answered. */
  readonly received: RecordedResponse | null;
  /** As the client got it; `null` when it got none. */
  readonly response: RecordedResponse | null;
  readonly requestContent: RecordedContent | null;
  readonly responseContent: RecordedContent | null;
  readonly facts: RecordedFacts;
}

/** What the stages found, as far as it is not in the summary. */
export interface RecordedFacts {
  readonly connectionId: number;
  readonly clientPort: number;
  readonly listener: string;
  readonly decision: RecordedDecision | null;
  readonly hello: RecordedHello | null;
  /** Why a tunnel that was looked into was opened, passed or refused. */
  readonly interceptionReason: string | null;
  readonly route: string | null;
  readonly judged: readonly JudgedAddress[];
  readonly resolvedFrom: string | null;
  readonly upstreamAddress: string | null;
  readonly upstreamPort: number;
  readonly reusedConnection: boolean;
  readonly upstreamProtocol: string | null;
  readonly originTls: OriginTlsFacts | null;
  readonly cache: RecordedCache | null;
  readonly errorMessage: string | null;
  /** One by one what rewriting rules and breakpoints did, in order. */
  readonly changes: readonly RecordedChange[];
}

export interface RecordedDecision {
  readonly action: 'allow' | 'deny' | 'tunnel' | 'intercept';
  readonly decidedBy: string;
  /** `explainShort`. */
  readonly sentence: string;
  readonly file: string;
  readonly line: number;
  readonly rule: string | null;
  /** `file:line` or name of each rule on trial that would have denied. */
  readonly reported: readonly string[];
  readonly groups: readonly string[];
  /** Of the policy that decided: another digest means that it has changed since. */
  readonly policyDigest: string;
  /** The question as it was judged, to be asked again. */
  readonly question: unknown;
}

export interface RecordedHello {
  readonly serverName: string | null;
  readonly alpn: readonly string[];
  readonly ja4: string;
}

/** The cache's record with the words of its tables; `sections` name RFC 9111. */
export interface RecordedCache {
  readonly key: string;
  readonly outcome: Summary['cache'];
  readonly isCollapsed: boolean;
  readonly reuseWhy: string | null;
  readonly storing: string | null;
  readonly ttlSeconds: number | null;
  readonly forwardStatus: number | null;
  /** What was stored, when it was judged; `null` where nothing was. Not there in records that were not made by a cache that tells it. */
  readonly stored?: RecordedStored | null;
}

/** How old a stored response was, and how long it lives; the words come from `cache/explain.ts`. */
export interface RecordedStored
  extends Pick<
    ResponseFacts,
    'lifetimeSeconds' | 'lifetimeFrom' | 'controlledBy' | 'ageValueSeconds' | 'apparentAgeSeconds' | 'responseDelayMs' | 'initialAgeMs'
  > {
  readonly ageSeconds: number;
}

export interface RecordedChange {
  readonly stage: 'request' | 'response' | 'message';
  /** Name of the rule, or `breakpoint`. */
  readonly rule: string;
  /** A sentence: `set field Accept`. */
  readonly what: string;
  /** It says why the rule, or the breakpoint, did not fit, and nothing was done. */
  readonly isMiss?: true;
}

/** A WebSocket message or a server-sent event. `preview` is what is kept of it. */
export interface RecordedMessage extends Omit<WebSocketEvent, 'kind' | 'preview'> {
  readonly exchangeId: number;
  /** Counts from 1 in its exchange. */
  readonly number: number;
  readonly kind: WebSocketEvent['kind'] | 'sse';
  /** Base64. */
  readonly preview: string;
  /** It came by nobody, but tells what became of the message `of` at a breakpoint: this went on in its place, or nothing did. */
  readonly fate?: { readonly of: number; readonly how: 'edited' | 'dropped' };
}
