// Owns what a policy and a decision are. Parsing is parse.ts, the fast form compile.ts, judging decide.ts, sentences explain.ts.

export type Action = 'allow' | 'deny';

/** Where in a file something stands; line and column count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What one rule asks of a request. A criterion that is left out asks nothing; values of one criterion are alternatives; criteria are combined with "and". */
export interface Criteria {
  /** `example.com` (exact), `.example.com` (it and everything below), `*.example.com` (exactly one label more), or an IP address. */
  readonly hosts?: readonly string[];
  readonly ports?: readonly PortRange[];
  /** Exact bytes, as RFC 9110 §9.1 has it: `get` is not `GET`. */
  readonly methods?: readonly string[];
  /** Against the normalised path without the query; `*` stands for any characters, a pattern without `*` is a whole path. */
  readonly paths?: readonly string[];
}

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface Rule {
  readonly action: Action;
  /** A name for people; the block page and the log show it. */
  readonly name: string | null;
  readonly criteria: Criteria;
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
  readonly rules: readonly Rule[];
}

/** What is asked: the canonical destination that will be used, and who asks. */
export interface Question {
  readonly method: string;
  readonly scheme: 'http' | 'https' | 'tunnel';
  /** Canonical: lower-case A-labels, dotted IPv4, or RFC 5952 IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Normalised path and query as they will be sent; `null` inside a tunnel, where nobody sees one. */
  readonly pathAndQuery: string | null;
  readonly clientAddress: string;
  readonly user: string | null;
}

/** The reason a request may pass or not. Holds references only; `explain` renders the sentences when somebody asks. */
export interface Decision {
  readonly action: Action;
  /** The rule that decided; `null` when the default or the CONNECT port list did. */
  readonly rule: Rule | null;
  readonly decidedBy: 'rule' | 'default' | 'connect-ports' | 'unusable-path';
  readonly position: SourcePosition;
  readonly question: Question;
  /** Set when a path criterion was consulted: the path and query to send, so that what was matched is what is sent. */
  readonly normalisedPath: string | null;
}
