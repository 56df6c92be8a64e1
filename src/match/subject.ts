// Owns a question under judgement: what costs something is worked out when the first criterion asks for it, and kept.
import { type NormalisedPath, normalisePath } from '../http/path.ts';
import { type IpAddress, parseIpAddress, unmapped } from '../net/ip-address.ts';
import { registrableDomain } from './public-suffix.ts';
import type { Question } from './question.ts';

export interface Subject {
  readonly question: Question;
  /** While set, path criteria answer PATH_IS_SHUT. */
  isPathShut: boolean;
  normalised: NormalisedPath | null;
  address: IpAddress | null;
  domain: string | null | undefined;
}

export function createSubject(question: Question): Subject {
  return { question, isPathShut: false, normalised: null, address: null, domain: undefined };
}

/** The path in normal form; `null` inside a tunnel. */
export function lookAtPath(subject: Subject): NormalisedPath | null {
  const { pathAndQuery } = subject.question;
  if (subject.normalised === null && pathAndQuery !== null) subject.normalised = normalisePath(pathAndQuery);
  return subject.normalised;
}

/** The registrable domain of the host, worked out once. */
export function domainOf(subject: Subject): string | null {
  if (subject.domain === undefined) subject.domain = registrableDomain(subject.question.host);
  return subject.domain;
}

/** The address that is asked about, IPv4 where it is one that IPv6 maps; `null` while there is none. */
export function addressOf(subject: Subject): IpAddress | null {
  const { address } = subject.question;
  if (subject.address === null && address !== null) subject.address = plain(address);
  return subject.address;
}

/** One client sends many requests: the address that was parsed last is kept. */
export function parseClient(text: string): IpAddress | null {
  if (text !== lastClientText) {
    lastClient = plain(text);
    lastClientText = text;
  }
  return lastClient;
}

function plain(text: string): IpAddress | null {
  const ip = parseIpAddress(text);
  return ip === null ? null : unmapped(ip);
}

let lastClientText = '';
let lastClient: IpAddress | null = null;
