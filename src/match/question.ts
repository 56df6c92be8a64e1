// Owns what a policy is asked: the canonical destination that will be used, who asks, from where and when. A question is a plain value, so the
// same one can be asked again tomorrow by `policy explain`, `policy test` or `policy diff`.
import type { Fields } from '../http/message.ts';
import { parseIpAddress } from '../net/ip-address.ts';

export interface Question {
  readonly method: string;
  readonly scheme: 'http' | 'https' | 'tunnel';
  /** Canonical: lower-case A-labels, dotted IPv4, or RFC 5952 IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** As it came (it is normalised where a path criterion asks); `null` inside a tunnel, where nobody sees one. */
  readonly pathAndQuery: string | null;
  /** Of the request; inside a tunnel those of the CONNECT itself. */
  readonly fields: Fields;
  /** Octets of content as announced; 0 without content, and while nobody knows. */
  readonly contentLength: number;
  /** The protocol that the client wants to go on with. */
  readonly upgrade: string | null;
  readonly clientAddress: string;
  /** The name of the listener that the request came to. */
  readonly listener: string;
  /** `unasked`: no credentials came, and a challenge may bring them. `nobody`: there is nothing to ask for. */
  readonly identity: Identity | 'unasked' | 'nobody';
  /** The address that will be dialled, without a zone; `null` while the name has not been resolved; `UNSEEN` where a parent proxy resolves it. */
  readonly address: string | null;
  /** What the client said when it began to speak inside its tunnel; `null` while nobody has looked, and outside of tunnels. */
  readonly hello: GreetingFacts | null;
  /** `null` while the origin has not answered. */
  readonly response: AnsweredWith | null;
  /** Milliseconds since the epoch, on the wall clock. */
  readonly nowMs: number;
}

/** Stands for an address that nobody here will ever know. */
export const UNSEEN = 'unseen';

/** Who asks, and what is vouched for about them. */
export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
  /** Of a JSON Web Token (RFC 7519 §4); `null` where there was none. */
  readonly claims: Readonly<Record<string, unknown>> | null;
}

/** The beginning of what a tunnel carries, as far as rules see it. */
export interface GreetingFacts {
  /** `other`: neither TLS nor HTTP, or nothing was said in time. */
  readonly protocol: 'tls' | 'http' | 'other';
  /** Server Name Indication (RFC 6066 §3) in canonical form; `null` without one. */
  readonly serverName: string | null;
}

/** What a client says that goes to a web site as usual: TLS, and the site's name where it has one (RFC 6066 §3). */
export function usualGreeting(host: string): GreetingFacts {
  return { protocol: 'tls', serverName: parseIpAddress(host) === null ? host : null };
}

/** What the head of a response says about its content. */
export interface AnsweredWith {
  /** Every Content-Type field value. */
  readonly contentTypes: readonly string[];
  /** As announced; 0 while nobody knows. */
  readonly contentLength: number;
}
