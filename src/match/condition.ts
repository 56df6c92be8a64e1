// Owns the conditions under which a rule matches: criteria, and how `all`, `any` and `not` combine them. What is true is judge.ts, why is words.ts.
// A new criterion is one more member of `Criterion`; the compiler then points at every `switch`.
import type { Cidr } from '../net/ip-address.ts';
import type { Glob } from './glob.ts';
import type { HostPattern } from './host-pattern.ts';
import type { GreetingFacts, Question } from './question.ts';
import type { Regex } from './regex.ts';
import type { TimeWindow } from './time-window.ts';

/** Leaves combined; `all` of nothing is true. */
export type Expression<Leaf> =
  | Leaf
  | { readonly kind: 'all'; readonly of: readonly Expression<Leaf>[] }
  | { readonly kind: 'any'; readonly of: readonly Expression<Leaf>[] }
  | { readonly kind: 'not'; readonly of: Expression<Leaf> };

export type Condition = Expression<Criterion | Named>;

/** A condition that has a name of its own. */
export type Named = GroupUse | ListUse;

export interface GroupUse {
  readonly kind: 'group-use';
  readonly name: string;
  readonly condition: Condition;
}

export interface ListUse {
  readonly kind: 'list-use';
  readonly name: string;
  /** `client` asks a list of addresses about the client instead of the destination. */
  readonly of: 'destination' | 'client';
  readonly list: List;
}

/** What a list is about: host names, addresses, or whole requests. */
export type List =
  | { readonly kind: 'domains'; matchesHost(host: string): boolean; describeMatch(host: string): string }
  | { readonly kind: 'addresses'; matchesAddress(address: string): boolean; describeMatch(address: string): string }
  /** `null` when the URL has too many parts for the list, so that nobody can tell. */
  | { readonly kind: 'requests'; matchesRequest(question: Question): boolean | null; describeMatch(question: Question): string };

/** The values of a criterion are alternatives; it holds when one of them does. */
export type Criterion =
  | { readonly kind: 'host'; readonly patterns: readonly HostPattern[] }
  | { readonly kind: 'host_regex'; readonly patterns: readonly Regex[] }
  /** Registrable domains: `example.co.uk`, which is what its owner registered. */
  | { readonly kind: 'domain'; readonly names: readonly string[] }
  | { readonly kind: 'address'; readonly blocks: readonly Block[] }
  | { readonly kind: 'port'; readonly ranges: readonly PortRange[] }
  | { readonly kind: 'scheme'; readonly schemes: readonly Question['scheme'][] }
  /** Exact octets, as RFC 9110 §9.1 has it: `get` is not `GET`. */
  | { readonly kind: 'method'; readonly methods: readonly string[] }
  /** Matched against the path in normal form, without the query. */
  | { readonly kind: 'path'; readonly globs: readonly Glob[] }
  | { readonly kind: 'path_regex'; readonly patterns: readonly Regex[] }
  /** Every named parameter must have one of its values; names and values are compared decoded. */
  | { readonly kind: 'query'; readonly parameters: readonly NamedGlobs[] }
  /** Every named field must have one of its values, in one of its lines. Names are in lower case. */
  | { readonly kind: 'field'; readonly fields: readonly NamedGlobs[] }
  | { readonly kind: 'request_size'; readonly bounds: readonly SizeBound[] }
  | { readonly kind: 'response_type'; readonly types: readonly Glob[] }
  | { readonly kind: 'response_size'; readonly bounds: readonly SizeBound[] }
  /** The server's name that TLS begins with in a tunnel; there is none outside of tunnels. */
  | { readonly kind: 'sni'; readonly patterns: readonly HostPattern[] }
  /** Whether that name is the host of the CONNECT. */
  | { readonly kind: 'sni_agrees'; readonly agrees: boolean }
  /** What a tunnel carries, as far as its first octets say. */
  | { readonly kind: 'tunnel_protocol'; readonly protocols: readonly GreetingFacts['protocol'][] }
  /** In lower case. */
  | { readonly kind: 'upgrade'; readonly protocols: readonly string[] }
  | { readonly kind: 'user'; readonly globs: readonly Glob[] }
  | { readonly kind: 'group'; readonly names: readonly string[] }
  /** Every named claim must have one of its values. A dot leads into an object: `realm_access.roles`. */
  | { readonly kind: 'claim'; readonly claims: readonly NamedGlobs[] }
  | { readonly kind: 'client'; readonly blocks: readonly Block[] }
  | { readonly kind: 'listener'; readonly names: readonly string[] }
  | { readonly kind: 'time'; readonly window: TimeWindow };

export type CriterionKind = Criterion['kind'];

/** A CIDR block or one address, with the text it was written as. */
export interface Block {
  readonly text: string;
  readonly cidr: Cidr;
}

/** Both ends included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** A name and the values it may have; the glob `*` holds for whatever is there at all. */
export interface NamedGlobs {
  readonly name: string;
  readonly globs: readonly Glob[];
}

export interface SizeBound {
  readonly relation: 'over' | 'under';
  readonly bytes: number;
  /** As written: `10MiB`. */
  readonly text: string;
}
