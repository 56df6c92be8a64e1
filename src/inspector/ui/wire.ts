// Owns the shapes in which the admin API answers the page and the messages of its WebSocket, as far as they are not
// in `flows/recorded.ts` and `flows/store/protocol.ts`. What is
// captured in them is text to be shown, and nothing else.
import type { RecordedFields, RecordedMessage, Summary } from '../../flows/recorded.ts';
import type { Overview, StoreStatus } from '../../flows/store/protocol.ts';

export interface Status {
  readonly version: string;
  readonly node: string;
  readonly startedAtMs: number;
  /** URLs. */
  readonly listening: readonly string[];
  /** A sentence. */
  readonly policy: string;
  readonly openConnections: number;
  /** `null` while nothing is recorded. */
  readonly secrets: 'masked' | 'shown' | 'unwritten' | null;
  /** What a full queue has cost. */
  readonly dropped: { readonly contents: number; readonly exchanges: number; readonly messages: number } | null;
  readonly recording: StoreStatus | null;
}

export type ToServer =
  | {
      readonly type: 'view';
      readonly view: number;
      readonly filter: string;
      readonly order: string;
      readonly offset: number;
      readonly limit: number;
      /** Without it, the one that is recorded into. */
      readonly session?: string;
    }
  | { readonly type: 'close-view'; readonly view: number }
  | { readonly type: 'watch' | 'unwatch'; readonly id: number }
  | { readonly type: 'overview'; readonly on: boolean };

export interface Window {
  readonly view: number;
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly Summary[];
  /** How far the search has come; `null` when it is done. */
  readonly progress: { readonly scanned: number; readonly of: number } | null;
}

export type FromServer =
  | (Window & { readonly type: 'window' })
  /** Of a window that was told before: those that are under way and have changed. */
  | { readonly type: 'rows'; readonly view: number; readonly rows: readonly Summary[] }
  | { readonly type: 'filter-problem'; readonly view: number; readonly column: number; readonly message: string }
  | { readonly type: 'exchange'; readonly id: number }
  | { readonly type: 'messages'; readonly id: number; readonly total: number }
  | ({ readonly type: 'overview' } & Overview)
  | { readonly type: 'breakpoints'; readonly held: readonly Held[] }
  | { readonly type: 'rules' }
  | ({ readonly type: 'status' } & Status);

export interface Why {
  readonly sentences: readonly WhySentence[];
  readonly criteria: readonly WhyRule[];
  /** Whether another policy has come since, so that the criteria may say something else than what was decided. */
  readonly policyChanged: boolean;
  readonly cacheHint: string | null;
}

export interface WhySentence {
  readonly stage: 'identity' | 'policy' | 'address' | 'tls' | 'cache' | 'outcome';
  readonly title: string;
  readonly text: string;
  readonly detail?: readonly string[];
  /** `file:line`. */
  readonly place?: string;
  /** `RFC 9111 §4.2`. */
  readonly section?: string;
}

export type Verdict = 'true' | 'false' | 'unknown';

/** As `policy/explain.ts` tells it. */
export interface WhyRule {
  readonly number: number;
  readonly name: string | null;
  readonly action: string;
  readonly position: { readonly file: string; readonly line: number };
  readonly truth: Verdict;
  readonly criteria: readonly { readonly depth: number; readonly truth: Verdict; readonly words: string }[];
}

export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

export interface Diff {
  readonly request: readonly DiffLine[];
  readonly response: readonly DiffLine[];
  readonly requestContent: readonly DiffLine[];
  readonly responseContent: readonly DiffLine[];
}

export interface Messages {
  readonly total: number;
  readonly messages: readonly RecordedMessage[];
}

/** What `allow this host` would take: lines to paste, and why they are enough. */
export interface Allowing {
  readonly policy: string;
  readonly test: string;
  readonly why: string;
}

export interface Policy {
  readonly file: string | null;
  readonly default: {
    readonly action: string;
    readonly file: string;
    readonly line: number;
    readonly hits: number | null;
    readonly lastHitMs: number | null;
  };
  readonly rules: readonly PolicyRule[];
  /** How many the file has. */
  readonly tests: number;
}

export interface PolicyRule {
  readonly number: number;
  readonly name: string | null;
  readonly action: string;
  readonly file: string;
  readonly line: number;
  /** As it stands in the file. */
  readonly text: string;
  /** `null` while nothing is recorded: they are counted of that. */
  readonly hits: number | null;
  readonly lastHitMs: number | null;
}

export interface Explained {
  readonly verdict: string;
  readonly sentence: string;
  readonly place: string;
  /** What it would have to be known first; `null` when all of it is. */
  readonly awaits: string | null;
  readonly steps: readonly WhyRule[];
}

export interface CacheStats {
  readonly entries: number;
  readonly tiers: { readonly memory: CacheTier | null; readonly disk: CacheTier | null };
  readonly evictions: number;
  readonly answers: {
    readonly hits: number;
    readonly validated: number;
    readonly stale: number;
    readonly collapsed: number;
    readonly forwarded: number;
    readonly unanswered: number;
    readonly bytes: number;
    readonly bytesReused: number;
  } | null;
}

export interface CacheTier {
  readonly entries: number;
  readonly bytes: number;
  readonly maxBytes: number;
}

/** As `cache/cache-admin.ts` has it. */
export interface CacheEntry {
  readonly url: string;
  readonly partition: string | null;
  readonly status: number;
  readonly bytes: number;
  readonly isComplete: boolean;
  readonly isFresh: boolean;
  readonly ageSeconds: number;
  readonly lifetimeSeconds: number;
  /** The request fields that Vary names; `null` is one that was not there. */
  readonly selectedBy: readonly { readonly name: string; readonly value: string | null }[];
  readonly tags: readonly string[];
}

/** One of them in full. */
export interface StoredResponseEntry extends CacheEntry {
  readonly reason: string;
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  readonly extent: { readonly first: number; readonly length: number; readonly completeLength: number | null };
  /** The sum of RFC 9111 §4.2.3 in words. */
  readonly arithmetic: string;
  readonly storedAtMs: number;
  readonly isInvalidated: boolean;
  readonly isFromAuthorized: boolean;
  readonly origin: { readonly address: string; readonly port: number } | null;
}

export interface Rules {
  readonly file: string;
  readonly text: string;
  readonly rules: readonly RewriteRule[];
  readonly problems: readonly RuleProblem[];
}

export interface RewriteRule {
  readonly name: string;
  readonly isOn: boolean;
  readonly line: number;
  /** `map local`, `answer 503`: what it does, in a few words each. */
  readonly does: readonly string[];
  readonly match: string;
  readonly touched: number;
  readonly lastTouchedMs: number | null;
}

export interface RuleProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type Stage = 'request' | 'response' | 'message';

export interface Breakpoint {
  readonly filter: string;
  readonly at: Stage;
  readonly isOn: boolean;
}

/** What waits for somebody to decide. */
export interface Held {
  readonly number: number;
  readonly at: Stage;
  readonly sinceMs: number;
  readonly exchangeId: number;
  readonly method: string;
  readonly url: string;
  readonly status: number | null;
  readonly fields: RecordedFields;
  /** Base64, without codings. */
  readonly content: string;
  /** False where there is more than is held: then it goes on as it is. */
  readonly hasContent: boolean;
  /** Of a message of a WebSocket. */
  readonly direction?: 'from-client' | 'to-client';
}

export interface Breakpoints {
  readonly breakpoints: readonly Breakpoint[];
  readonly held: readonly Held[];
}

/** `null` in its place: there is no CA, and tunnels stay closed. */
export interface Certificates {
  readonly subject: string;
  readonly fingerprint256: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly pem: string;
  readonly steps: readonly TrustSteps[];
}

/** As `pages/trust-steps.ts` has them. */
export interface TrustSteps {
  readonly platform: string;
  /** What the platform opens: DER (`.cer`) or PEM (`.crt`), by the path at which the proxy has it for clients. */
  readonly path: string;
  readonly trust: readonly TrustStep[];
  readonly remove: readonly TrustStep[];
  readonly note: string | null;
}

export interface TrustStep {
  readonly text: string;
  readonly command: string | null;
}
