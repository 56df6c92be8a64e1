// Owns what a policy and a decision are. Parsing is parse-file.ts, joining files link.ts, the fast form compile.ts, judging decide.ts, sentences explain.ts.
import type { Condition, PortRange } from '../match/condition.ts';
import type { Question } from '../match/question.ts';

/**
 * What becomes of a request. `tunnel` and `intercept` let it pass, too, and say whether its TLS may be opened. `report` is a rule that only notes:
 * the request would be denied by it, and goes on to the next rule.
 */
export type Action = 'allow' | 'deny' | 'tunnel' | 'intercept' | 'report';

/** Where in a file something stands; line and column count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Rule {
  readonly action: Action;
  /** A name for people; the block page and the log show it. */
  readonly name: string | null;
  /** `all` of nothing matches everything. */
  readonly condition: Condition;
  readonly position: SourcePosition;
  /** On deny and report; `null` on the others. */
  readonly denial: Denial | null;
  /**
   * On the actions that let pass: what the address guard lets pass for this rule's hosts. `private`: loopback, private, CGNAT and unique local
   * addresses. A list of CIDR blocks: exactly those, link-local and metadata addresses too if they are named. Never the proxy's own sockets.
   */
  readonly allowPrivate: 'none' | 'private' | readonly string[];
  /** On the actions that let pass. */
  readonly limits: RuleLimits | null;
  /** On allow and intercept: what is cached otherwise than RFC 9111 says; `null` changes nothing. */
  readonly cache: RuleCache | null;
  /** On intercept; `null` on the others. */
  readonly interception: RuleInterception | null;
  /** On allow and intercept: what the certificates of its hosts are forgiven; `null` forgives nothing. */
  readonly acceptCertificate: readonly AcceptedFault[] | null;
}

/** What becomes of tunnels that were to be opened and cannot be, because their clients trust no certificate but the origin's. */
export interface RuleInterception {
  readonly onPinned: 'refuse' | 'passthrough';
  /** With `passthrough`: for how many seconds tunnels of such a client to such a host pass as they are. */
  readonly passthroughSeconds: number;
  /** Nothing of it ever passes unopened, whatever else is configured. */
  readonly isRequired: boolean;
}

/**
 * A fault of a certificate that counts as none: it is not valid now, it has not the name of the host, nobody who is trusted vouches for it. Or the one
 * certificate, by the SHA-256 of its DER in lower-case hex, whose every fault counts as none. Upstream reads the same texts.
 */
export type AcceptedFault = 'expired' | 'wrong_name' | 'untrusted' | `sha256:${string}`;

/** Departures from RFC 9111 that an operator answers for, for what a rule lets pass. The cache reads the same members (cache/rules/options.ts). */
export interface RuleCache {
  /** Neither looked up nor stored. */
  readonly bypass: boolean;
  /** Seconds for which a response is fresh, in place of what its origin says (§4.2.1); `null` leaves that to the origin. */
  readonly ttlSeconds: number | null;
  /** With a lifetime of ours: stores what the origin forbids to store or to share as well (§3, §3.5, §5.2.2). */
  readonly force: boolean;
  /** The key is without the query, or without the parameters of these names (§2). */
  readonly ignoreQuery: boolean | readonly string[];
  /** The key holds who asks, so that nobody is answered with what another fetched. */
  readonly partition: 'user' | null;
}

/** What the person who is refused is told; everything may be missing but the status. */
export interface Denial {
  readonly status: number;
  /** A sentence. */
  readonly message: string | null;
  /** Who answers for the rule: a person, a team, an address. */
  readonly owner: string | null;
  /** Where access can be asked for: an http, https or mailto URL. */
  readonly requestAccess: string | null;
}

/** How much of what a rule allows; `null` is no limit. Each limit counts for one user, one client address, or all together. */
export interface RuleLimits {
  /** The user, or the client's address where there is none; the client's address; everybody. */
  readonly per: 'user' | 'client' | 'all';
  readonly requestsPerSecond: number | null;
  /** Exchanges and tunnels under way at once. */
  readonly concurrent: number | null;
  readonly downloadBytesPerSecond: number | null;
  readonly uploadBytesPerSecond: number | null;
  /** Both ways together, from midnight to midnight UTC; survives a restart. */
  readonly bytesPerDay: number | null;
}

export interface Policy {
  /** The file that was asked for. */
  readonly file: string;
  /** It and every file that it includes or takes a list from, absolute or as they were given. */
  readonly files: readonly string[];
  readonly defaultAction: 'allow' | 'deny';
  readonly defaultPosition: SourcePosition;
  /** Ports that CONNECT may name, before any rule. */
  readonly connectPorts: readonly PortRange[];
  /** The key in the file, or the file's start where the key is left out and 443 alone holds. */
  readonly connectPortsPosition: SourcePosition;
  /** Whether methods that nobody has registered pass like any other; else a rule that lets one pass has to name it. */
  readonly anyMethod: boolean;
  /** In the order in which they are tried, those of included files where they are included. */
  readonly rules: readonly Rule[];
  readonly tests: readonly PolicyTest[];
}

/** A request in a policy file, and what is expected to become of it. */
export interface PolicyTest {
  readonly position: SourcePosition;
  readonly question: Question;
  /** What the name resolves to; each address is judged. */
  readonly addresses: readonly string[];
  readonly expectedAction: Exclude<Action, 'report'> | 'challenge';
  /** The name of the deciding rule, or `default`; `null` when the test does not say. */
  readonly expectedRule: string | null;
}

/**
 * Who decided: a rule, the default, or what comes before the rules or stops a rule from being judged. What a rule asks about and cannot be read in
 * one way only is unusable, and denied: the path, a query parameter or a field that says two things, an address inside another, the type of the content.
 * So is a URL of which a list cannot be asked in the time that one request may take.
 */
export type DecidedBy =
  | 'rule'
  | 'default'
  | 'connect-ports'
  | 'unknown-method'
  | 'unusable-question'
  | 'unusable-path'
  | 'unusable-query'
  | 'unusable-field'
  | 'unusable-address'
  | 'unusable-type'
  | 'unusable-url'
  | 'identity-needed';

/** The reason a request may pass or not. Holds references only; `explain` renders the sentences when somebody asks. */
export interface Decision {
  /** Of a request that is no CONNECT, `tunnel` and `intercept` have become `allow`: there is nothing to open. */
  readonly action: Exclude<Action, 'report'>;
  /** The rule that decided, or that met what it cannot judge; `null` when no rule was in play. */
  readonly rule: Rule | null;
  readonly decidedBy: DecidedBy;
  readonly position: SourcePosition;
  readonly question: Question;
  /**
   * What an earlier rule still has to know before this is final. `identity`: who asks, so the answer is a challenge. `address`: what the name
   * resolves to. `hello`: what the client says first in its tunnel; `response`: what the origin answers; `action` then lets the request pass that far.
   */
  readonly awaits: 'nothing' | 'identity' | 'address' | 'hello' | 'response';
  /** Set when a path criterion was consulted: the path and query to send, so that what was matched is what is sent. */
  readonly normalisedPath: string | null;
  /** `report` rules that matched, in order: each would have denied. */
  readonly reported: readonly Rule[];
}
