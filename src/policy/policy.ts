// Owns what a policy and a decision are. Parsing is parse.ts, the fast form compile.ts, judging decide.ts, sentences explain.ts.
import type { Criterion, PortRange } from '../match/matcher.ts';

export type Action = 'allow' | 'deny';

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
  /** Combined with "and"; at most one of a kind, in the order host, port, method, path. None at all matches everything. */
  readonly criteria: readonly Criterion[];
  /** On deny: a sentence for the person who is refused. */
  readonly message: string | null;
  /**
   * On allow: what the address guard lets pass for this rule's hosts. `private`: loopback, private, CGNAT and unique local addresses.
   * A list of CIDR blocks: exactly those, link-local and metadata addresses too if they are named. Never the proxy's own sockets.
   */
  readonly allowPrivate: 'none' | 'private' | readonly string[];
  readonly position: SourcePosition;
}

export interface Policy {
  readonly file: string;
  readonly defaultAction: Action;
  readonly defaultPosition: SourcePosition;
  /** Ports that CONNECT may name, before any rule. */
  readonly connectPorts: readonly PortRange[];
  /** The key in the file, or the file's start where the key is left out and 443 alone holds. */
  readonly connectPortsPosition: SourcePosition;
  readonly rules: readonly Rule[];
}

/** What is asked: the canonical destination that will be used, and who asks. */
export interface Question {
  readonly method: string;
  readonly scheme: 'http' | 'https' | 'tunnel';
  /** Canonical: lower-case A-labels, dotted IPv4, or RFC 5952 IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** As it came (`normalisePath` is applied where a path criterion asks); `null` inside a tunnel, where nobody sees one. */
  readonly pathAndQuery: string | null;
  readonly clientAddress: string;
  readonly user: string | null;
}

/** The reason a request may pass or not. Holds references only; `explain` renders the sentences when somebody asks. */
export interface Decision {
  readonly action: Action;
  /** The rule that decided, or whose path criterion met an unusable path; `null` when no rule was in play. */
  readonly rule: Rule | null;
  readonly decidedBy: 'rule' | 'default' | 'connect-ports' | 'unusable-path' | 'unusable-question';
  readonly position: SourcePosition;
  readonly question: Question;
  /** Set when a path criterion was consulted: the path and query to send, so that what was matched is what is sent. */
  readonly normalisedPath: string | null;
}
