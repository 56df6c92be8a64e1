// Owns what a list is: what a policy says of it, what came out of its file, and asking it, with the answer in words for those who want to know.
// A list is one of three kinds, by what it can be asked about: hosts, addresses or whole requests.
import { type AddressSet, describeBlock, hasAddress } from '../../match/address-set.ts';
import { type DomainSet, findDomain } from '../../match/domain-set.ts';
import type { IpAddress } from '../../net/ip-address.ts';
import type { SourcePosition } from '../policy.ts';

export const LIST_FORMATS = ['domains', 'hosts', 'adblock', 'rpz', 'cidr'] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

/** What decides how a file is read. Two lists that agree in all of it can share what was made of the file. */
export interface ListSource {
  /** Absolute. */
  readonly file: string;
  readonly format: ListFormat;
  /** `domains` and `hosts`: a plain name covers all names below it as well. */
  readonly subdomains: boolean;
}

/** A list as a policy names it. */
export interface ListSpec extends ListSource {
  readonly name: string;
  /** Otherwise a list without entries is a problem: it would allow nobody, or silently block nothing. */
  readonly mayBeEmpty: boolean;
  readonly position: SourcePosition;
}

/** A line that could not be read. Lines count from 1; the text is short and printable. */
export interface SkippedLine {
  readonly line: number;
  readonly text: string;
}

/** What is told of a list. */
export interface ListCounts {
  /** Different names, blocks that are not inside others, or filters. */
  readonly entries: number;
  /** Lines that could not be read. */
  readonly skipped: number;
  /** Lines that were read and say nothing to a proxy: cosmetic filters, answers of an RPZ, the local names of a hosts file. */
  readonly ignored: number;
  readonly firstSkipped: readonly SkippedLine[];
}

/** Why a list cannot be used, for the person who named it; `spec.position` says where. */
export interface ListProblem {
  readonly message: string;
}

export type List = DomainList | AddressList | RequestList;

export interface DomainList extends ListSpec, ListCounts {
  readonly kind: 'domains';
  /** @param host canonical */
  matchesHost(host: string): boolean;
  /** A sentence without its full stop: `ads.example.com is within example.com (list ads, 1,000,000 entries)`. */
  explainHost(host: string): string;
}

export interface AddressList extends ListSpec, ListCounts {
  readonly kind: 'addresses';
  matchesAddress(address: IpAddress): boolean;
  explainAddress(address: IpAddress): string;
}

export interface RequestList extends ListSpec, ListCounts {
  readonly kind: 'requests';
  /** `null` when its URL has too many parts to be told in the time that one request may take. */
  matchesRequest(request: RequestFacts): boolean | null;
  explainRequest(request: RequestFacts): string;
}

/** What a filter may ask about. */
export interface RequestFacts {
  /** Absolute and canonical; for a tunnel `https://`, the host and `/`. */
  readonly url: string;
  /** `Sec-Fetch-Dest` as it came (Fetch Metadata §2.1); `null` when there is none. */
  readonly destination: string | null;
  /** The host of the page that asks, from Origin or Referer, canonical; `null` when nobody says. */
  readonly sourceHost: string | null;
}

/** Filters are as the list has them. */
export interface FilterVerdict {
  readonly isBlocked: boolean;
  readonly filter: string | null;
  /** The filter that lets the request off. */
  readonly exception: string | null;
}

export interface RequestFilters {
  /** @throws never */
  judge(request: RequestFacts): FilterVerdict | Unjudged;
}

/** There is too much to try; or too much had to be read first, for lists are read as they are needed, and another attempt gets further. */
export type Unjudged = 'too-much' | 'not-ready';

/** @param excepted  names that are let off; the longer of two names that fit a host has the say, the exception where they are the same */
export function domainList(spec: ListSpec, counts: ListCounts, listed: DomainSet, excepted: DomainSet): DomainList {
  const hasExceptions = excepted.size > 0;
  return {
    ...spec,
    ...counts,
    kind: 'domains',
    matchesHost(host) {
      const found = findDomain(listed, host);
      if (found === -1 || !hasExceptions) return found !== -1;
      const exception = findDomain(excepted, host);
      return exception === -1 || exception > found;
    },
    explainHost(host) {
      const found = findDomain(listed, host);
      const exception = findDomain(excepted, host);
      if (found === -1) return `${host} is not in ${notInWords(spec, counts)}`;
      if (exception === -1 || exception > found) return `${host} is ${entryWords(host, found)} (${listWords(spec, counts)})`;
      return `${host} is ${entryWords(host, found)}, but excepted as ${host.slice(exception)} (${listWords(spec, counts)})`;
    },
  };
}

export function addressList(spec: ListSpec, counts: ListCounts, set: AddressSet): AddressList {
  return {
    ...spec,
    ...counts,
    kind: 'addresses',
    matchesAddress: (address) => hasAddress(set, address),
    explainAddress(address) {
      const block = describeBlock(set, address);
      if (block === null) return `${address.text} is not in ${notInWords(spec, counts)}`;
      return `${address.text} is within ${block} (${listWords(spec, counts)})`;
    },
  };
}

export function requestList(spec: ListSpec, counts: ListCounts, filters: RequestFilters): RequestList {
  const judge = rememberLastTwo(filters);
  return {
    ...spec,
    ...counts,
    kind: 'requests',
    matchesRequest(request) {
      const verdict = judge(request);
      return typeof verdict === 'string' ? null : verdict.isBlocked;
    },
    explainRequest(request) {
      const verdict = judge(request);
      const url = shownUrl(request.url);
      if (verdict === 'too-much') return `${url} has too many parts for ${notInWords(spec, counts)}`;
      if (verdict === 'not-ready') return `${url} came before enough was read of ${notInWords(spec, counts)}; ask again`;
      const { isBlocked, filter, exception } = verdict;
      if (isBlocked) return `${url} matches ${filter} (${listWords(spec, counts)})`;
      if (exception !== null) return `${url} matches ${filter}, but is excepted by ${exception} (${listWords(spec, counts)})`;
      return `${url} matches nothing in ${notInWords(spec, counts)}`;
    },
  };
}

/**
 * Several rules may ask one list about a request, for each of its addresses, and its path has two spellings at most. What was not ready may be, the
 * next time.
 */
function rememberLastTwo(filters: RequestFilters): RequestFilters['judge'] {
  let last: Judged | null = null;
  let before: Judged | null = null;
  return (request) => {
    if (last !== null && isSameRequest(last.request, request)) return last.verdict;
    const known: Judged | null = before !== null && isSameRequest(before.request, request) ? before : null;
    const verdict = known?.verdict ?? filters.judge(request);
    if (verdict === 'not-ready') return verdict;
    before = last;
    last = known ?? { request, verdict };
    return verdict;
  };
}

interface Judged {
  readonly request: RequestFacts;
  readonly verdict: FilterVerdict | Unjudged;
}

function isSameRequest(one: RequestFacts, other: RequestFacts): boolean {
  return one.url === other.url && one.destination === other.destination && one.sourceHost === other.sourceHost;
}

/** Queries may hold secrets, and sentences end in logs. */
function shownUrl(url: string): string {
  const [shown = ''] = url.split('?', 1);
  return shown.length > SHOWN_URL ? `${shown.slice(0, SHOWN_URL)}...` : shown;
}

function entryWords(host: string, found: number): string {
  return found === 0 ? 'listed by name' : `within ${host.slice(found)}`;
}

function listWords({ name }: ListSpec, counts: ListCounts): string {
  return `list ${name}, ${countWords(counts)}`;
}

function notInWords({ name }: ListSpec, counts: ListCounts): string {
  return `list ${name} (${countWords(counts)})`;
}

function countWords({ entries }: ListCounts): string {
  return `${entries.toLocaleString('en-US')} ${entries === 1 ? 'entry' : 'entries'}`;
}

const SHOWN_URL = 120;
