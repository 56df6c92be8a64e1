// Owns what may be asked of a cache from outside the line: what is in it, why a request would get what it would get, and forgetting.
// A running proxy answers so through its admin API, and the command line for the folder of one that does not run: the same code on the same store.
// It reads by the rules of the exchanges and judges nothing a second way; of all its questions only `purge` and `verify` change anything.
import { ProxyError } from '../errors/proxy-error.ts';
import type { Body, BodySink, Fields, Taken } from '../http/message.ts';
import { TAKEN } from '../http/message.ts';
import { parseTarget, type Target } from '../http/target.ts';
import { glob, matchesGlob } from '../match/glob.ts';
import type { CacheAnswers } from './cache-counts.ts';
import {
  ageArithmetic,
  explainOverrides,
  explainReuse,
  explainStoring,
  linesOf,
  type ReceivedResponse,
  type ReuseExplanation,
  selectionWords,
} from './explain.ts';
import type { CacheConfig } from './options.ts';
import { NO_REQUEST_DIRECTIVES, type RequestDirectives, requestDirectives } from './rules/cache-control.ts';
import { cacheKey } from './rules/cache-key.ts';
import { currentAgeSeconds, factsOf, isFresh, type LifetimeSource, type ResponseFacts } from './rules/freshness.ts';
import { type CacheOverrides, type CacheRuleOptions, NO_OVERRIDES } from './rules/options.ts';
import { type CacheRequest, judgeReuse, mayServeStale, type Reuse } from './rules/reuse.ts';
import { shownSelection } from './rules/selection-digest.ts';
import { STORING_REASONS, type StoringCode } from './rules/storability.ts';
import { changeForReuse, changeForStoring } from './smallest-change.ts';
import { type Extent, isComplete, type SelectingField, type StoredResponse } from './stored-response.ts';
import type { CacheStore, StoreStats } from './stores/cache-store.ts';

export interface CacheAdmin {
  stats(): Promise<CacheStats>;
  /** Stored responses whose URL a glob matches; all of them for `null`. In no order. */
  list(pattern: string | null): AsyncIterable<Entry>;
  /** What is stored under a URL for everybody, and for this user where a rule keeps users apart. @throws WrongQuestion */
  show(url: string, user: string | null): Promise<readonly DetailedEntry[]>;
  /** What a request would get now, and why. @throws WrongQuestion */
  why(question: Question): Promise<CacheWhy>;
  /** @returns how many were forgotten @throws WrongQuestion */
  purge(what: Purge): Promise<number>;
  /** Reads everything that is stored to its end. @returns what has been read so far, now and then; the last one is the result */
  verify(): AsyncIterable<Verified>;
}

/** What is stored, and how often it answered since the start; `answers` is `null` of a folder. */
export interface CacheStats extends StoreStats {
  readonly answers: CacheAnswers | null;
}

/** Of several caches, the facts are the first one's. */
export interface CacheWhy extends Pick<ReuseExplanation, 'outcome' | 'code' | 'section' | 'key' | 'arithmetic'> {
  /** The smallest change at the origin that would have made it a hit; `null` where there is none to tell. */
  readonly change: string | null;
  /** All of it in sentences, and what else there is to say: each a line. */
  readonly lines: readonly string[];
}

export interface Question {
  readonly method: string;
  readonly url: string;
  readonly fields: Fields;
  /** Who asks, where a rule keeps users apart; `null` for nobody. */
  readonly user: string | null;
}

export type Purge =
  | { readonly kind: 'all' }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'tag'; readonly tag: string };

export interface Entry {
  readonly url: string;
  /** Whom it is kept for: `user=ada`, `nobody`; `null` for everybody. */
  readonly partition: string | null;
  readonly status: number;
  /** Octets of content that are stored. */
  readonly bytes: number;
  /** Whether that is all of it. */
  readonly isComplete: boolean;
  /** It answers without a question to its origin. */
  readonly isFresh: boolean;
  readonly ageSeconds: number;
  readonly lifetimeSeconds: number;
  /** The request fields that it was selected by (Vary); of a credential, that it is kept as a digest only. */
  readonly selectedBy: readonly SelectingField[];
  readonly tags: readonly string[];
}

export interface DetailedEntry extends Entry {
  readonly id: string;
  readonly key: string;
  readonly reason: string;
  readonly fields: Fields;
  readonly extent: Extent;
  readonly lifetimeFrom: LifetimeSource;
  /** How its age comes about, and what that means for its lifetime, in words (explain.ts). */
  readonly arithmetic: string;
  /** Milliseconds since the epoch. */
  readonly storedAtMs: number;
  readonly isInvalidated: boolean;
  readonly isFromAuthorized: boolean;
  readonly origin: StoredResponse['origin'];
}

/** What has been read so far. */
export interface Verified {
  readonly checked: number;
  readonly contentBytes: number;
  /** Removed, where what asks may change the store. */
  readonly damaged: number;
  /** Removed meanwhile, or by somebody else. */
  readonly gone: number;
}

/** A question that nobody can answer as it is put; its message is for whoever asked. */
export class WrongQuestion extends Error {
  override readonly name = 'WrongQuestion';
}

export interface CacheAdminParts {
  readonly store: CacheStore;
  readonly rules: CacheRuleOptions;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What became of the last response to a key; `null` when nobody remembers. */
  readonly lastVerdict: (key: string) => LastVerdict | null;
  /** `null` where nobody counts. */
  readonly answers: (() => CacheAnswers) | null;
  /** How the proxy that is asked runs. */
  readonly mode: Pick<CacheConfig, 'offline' | 'staleOk'>;
  /** Told of a purge, which is about what is on its way, too; `null` where nothing is. */
  readonly outdateAll: (() => void) | null;
  /** The store's own way, where it has one; `null` reads what it lists. */
  readonly verify: (() => AsyncIterable<Verified>) | null;
  /** What the policy says of such a request, whose URL is good; `null` where no policy is known. */
  readonly termsOf: ((question: Question) => Terms) | null;
}

export interface Terms {
  /** Of the rule that decides. */
  readonly overrides: CacheOverrides;
  /** `denied by rule 'Adverts' (open.yaml:12)` */
  readonly sentence: string | null;
}

export interface LastVerdict {
  readonly code: StoringCode;
  readonly status: number;
  readonly atMs: number;
  /** Of one that was not stored, where it is remembered. */
  readonly response: ReceivedResponse | null;
}

export function createCacheAdmin(parts: CacheAdminParts): CacheAdmin {
  const { store } = parts;
  return {
    stats: async () => ({ ...store.stats(), answers: parts.answers?.() ?? null }),
    list: (pattern) => list(parts, pattern),
    show: async (url, user) => show(parts, url, user),
    why: async (question) => why(parts, question),
    purge: async (what) => {
      const picks = pickedBy(parts, what);
      parts.outdateAll?.();
      return store.purge(picks);
    },
    verify: parts.verify ?? (() => verify(store)),
  };
}

async function* list(parts: CacheAdminParts, pattern: string | null): AsyncGenerator<Entry> {
  const wanted = pattern === null ? null : glob(pattern);
  for await (const stored of parts.store.list()) {
    if (wanted === null || matchesGlob(wanted, uriOf(stored.key))) yield entryOf(parts, stored);
  }
}

async function show(parts: CacheAdminParts, url: string, user: string | null): Promise<readonly DetailedEntry[]> {
  const found: DetailedEntry[] = [];
  for (const key of keysOf(parts, url, user)) {
    for (const stored of await parts.store.find(key)) found.push(detailed(parts, stored));
  }
  return found;
}

async function why(parts: CacheAdminParts, question: Question): Promise<CacheWhy> {
  const { method, url, fields, user } = question;
  const { scheme, authority, pathAndQuery } = targetOf(url, method);
  const { overrides, sentence } = parts.termsOf?.(question) ?? NO_TERMS;
  const key = cacheKey(scheme, authority, pathAndQuery, overrides, user);
  const nowMs = parts.now();
  const request: CacheRequest = { method, scheme, authority, pathAndQuery, fields, hasContent: false, key, overrides, receivedAtMs: nowMs };
  const all = overrides.bypass ? [] : await parts.store.find(key);
  const factsFor = (stored: StoredResponse) => factsOf(stored, parts.rules, overrides);
  const directives = parts.mode.offline ? NO_REQUEST_DIRECTIVES : requestDirectives(fields);
  const reuse = judgeReuse(request, directives, all, factsFor, nowMs);
  const chosen = reuse.kind === 'miss' ? null : reuse.stored;
  const others = all.filter((stored) => stored !== chosen);
  const verdict = parts.lastVerdict(key);
  // To want nothing but what is stored is no reason why nothing is.
  const inFull = directives.onlyIfCached ? judgeReuse(request, { ...directives, onlyIfCached: false }, all, factsFor, nowMs) : reuse;
  const change = changeFor(inFull, all, factsFor, verdict, fields, nowMs);
  const explained = explainReuse(key, reuse);
  const { secretFields } = parts.rules;
  const explanation = { ...explained, selectedBy: shownSelection(explained.selectedBy, secretFields) };
  const { outcome, code, section, arithmetic } = explanation;
  const lines = [
    ...linesOf(explanation),
    ...(reuse.kind === 'hit' ? [] : modeLines(parts, reuse, directives, nowMs)),
    ...(sentence === null ? [] : [`policy: ${sentence}`]),
    ...explainOverrides(overrides).map((words) => `its cache: ${words}`),
    ...(others.length === 0 ? [] : [`${chosen === null ? 'stored under this key' : 'stored beside it'}: ${others.length}`]),
    ...others
      .slice(0, MOST_SHOWN)
      .map((stored) => variantLine(shownSelection(stored.selectedBy, secretFields), stored.status, factsFor(stored), nowMs)),
    ...(verdict === null ? [] : [verdictLine(verdict, all.length > 0, nowMs)]),
    ...(change === null ? [] : [`smallest change at the origin: ${change}`]),
  ];
  return { outcome, code, section, key, arithmetic, change, lines };
}

/** Of what is stored; where nothing is, of the last response. */
function changeFor(
  reuse: Reuse,
  all: readonly StoredResponse[],
  factsFor: (stored: StoredResponse) => ResponseFacts,
  verdict: LastVerdict | null,
  fields: Fields,
  nowMs: number,
): string | null {
  if (reuse.why === 'uri-miss') return verdict === null ? null : changeForStoring(verdict.code, verdict.response, fields);
  const aged = all.map((stored) => {
    const facts = factsFor(stored);
    return { stored, facts, ageSeconds: currentAgeSeconds(facts, nowMs) };
  });
  return changeForReuse(fields, reuse, aged);
}

/** What becomes of a request that the origin would have to be asked for. */
function modeLines(
  { mode, rules }: CacheAdminParts,
  reuse: Exclude<Reuse, { kind: 'hit' }>,
  directives: RequestDirectives,
  nowMs: number,
): string[] {
  const { offline, staleOk } = mode;
  const unbounded = { ...rules, maxStaleSeconds: Number.POSITIVE_INFINITY };
  const mayBeStale = staleOk && reuse.kind === 'validate' && mayServeStale(reuse, directives, nowMs, unbounded, 'unreachable');
  if (offline)
    return [mayBeStale ? 'offline: what is stale answers all the same (stale_ok)' : 'offline: answered with 504, since no origin is asked'];
  const isWanted = reuse.why === 'stale' && directives.maxAge === null && directives.minFresh === null;
  return mayBeStale && isWanted ? ['stale_ok: what is stale answers at once, and is validated behind the answer'] : [];
}

function variantLine(selectedBy: readonly SelectingField[], status: number, facts: ResponseFacts, nowMs: number): string {
  const by = selectedBy.length === 0 ? '' : `, selected by ${selectionWords(selectedBy)}`;
  return `  ${status}${by}; ${ageArithmetic(facts, currentAgeSeconds(facts, nowMs))}`;
}

function verdictLine({ code, status, atMs }: LastVerdict, isThere: boolean, nowMs: number): string {
  const isForgotten = STORING_REASONS[code].isStored && !isThere;
  const then = isForgotten ? '; forgotten since, by a purge or for want of room' : '';
  return `last response: ${status}, ${Math.max(0, Math.round((nowMs - atMs) / 1_000))} s ago; ${explainStoring(code).sentence}${then}`;
}

function pickedBy(parts: CacheAdminParts, what: Purge): (stored: StoredResponse) => boolean {
  switch (what.kind) {
    case 'all':
      return () => true;
    case 'url': {
      // For all users, and under the key that a rule makes of the URL as well.
      const uris = new Set(keysOf(parts, what.url, null).map(uriOf));
      return ({ key }) => uris.has(uriOf(key));
    }
    case 'pattern': {
      const wanted = glob(what.pattern);
      return ({ key }) => matchesGlob(wanted, uriOf(key));
    }
    case 'tag':
      return ({ tags }) => tags.includes(what.tag);
    default:
      return what satisfies never;
  }
}

async function* verify(store: CacheStore): AsyncGenerator<Verified> {
  const result = { checked: 0, contentBytes: 0, damaged: 0, gone: 0 };
  for await (const stored of store.list()) {
    const { length } = stored.extent;
    const body = await store.open(stored, 0, length);
    result.checked += 1;
    result.contentBytes += length;
    if (body === null) result.gone += 1;
    else if (!(await isWhole(body, length))) result.damaged += 1;
    if (result.checked % TOLD_EVERY === 0) yield { ...result };
  }
  yield { ...result };
}

/** Whether content comes to its end with all that it should hold. */
function isWhole(body: Body, length: number): Promise<boolean> {
  return new Promise((resolve) => {
    let read = 0;
    const sink: BodySink = {
      write(bytes): Taken {
        read += bytes.length;
        return TAKEN;
      },
      end: () => resolve(read === length),
      fail: () => resolve(false),
    };
    body.start(sink);
  });
}

/** As a GET of its URI is judged now, by whom it is kept for. */
function factsUnderPolicy({ rules, termsOf }: CacheAdminParts, stored: StoredResponse): ResponseFacts {
  const user = partitionOf(stored.key)?.match(PARTITION)?.[1] ?? null;
  const terms = termsOf?.({ method: 'GET', url: uriOf(stored.key), fields: [], user }) ?? NO_TERMS;
  return factsOf(stored, rules, terms.overrides);
}

function entryOf(parts: CacheAdminParts, stored: StoredResponse, facts = factsUnderPolicy(parts, stored), nowMs = parts.now()): Entry {
  return {
    url: uriOf(stored.key),
    partition: partitionOf(stored.key),
    status: stored.status,
    bytes: stored.extent.length,
    isComplete: isComplete(stored.extent),
    isFresh: isFresh(facts, nowMs) && !stored.isInvalidated && facts.directives.noCache !== true,
    ageSeconds: currentAgeSeconds(facts, nowMs),
    lifetimeSeconds: facts.lifetimeSeconds,
    selectedBy: shownSelection(stored.selectedBy, parts.rules.secretFields),
    tags: stored.tags,
  };
}

function detailed(parts: CacheAdminParts, stored: StoredResponse): DetailedEntry {
  const [facts, nowMs] = [factsUnderPolicy(parts, stored), parts.now()];
  const { id, key, reason, extent, responseTimeMs, isInvalidated, isFromAuthorized, origin } = stored;
  return {
    ...entryOf(parts, stored, facts, nowMs),
    ...{ id, key, reason, extent, isInvalidated, isFromAuthorized, origin },
    fields: stored.fields.map(({ name, value }) => ({ name, value })),
    lifetimeFrom: facts.lifetimeFrom,
    arithmetic: ageArithmetic(facts, currentAgeSeconds(facts, nowMs)),
    storedAtMs: responseTimeMs,
  };
}

/** Under which keys a GET of the URL may find something: as RFC 9111 has it, apart for this user or for nobody, and as a rule has it. */
function keysOf({ termsOf }: CacheAdminParts, url: string, user: string | null): readonly string[] {
  const { scheme, authority, pathAndQuery } = targetOf(url, 'GET');
  const ruled = (termsOf?.({ method: 'GET', url, fields: [], user }) ?? NO_TERMS).overrides;
  const ways = [NO_OVERRIDES, APART, ruled];
  return [...new Set(ways.map((overrides) => cacheKey(scheme, authority, pathAndQuery, overrides, user)))];
}

/** @throws WrongQuestion */
function targetOf(url: string, method: string): Extract<Target, { form: 'absolute-form' }> {
  if (method === 'CONNECT') throw new WrongQuestion('CONNECT opens a tunnel, and what passes through tunnels is not cached.');
  let target: Target;
  try {
    // Octets as they would arrive.
    target = parseTarget(method, Buffer.from(url, 'utf8').toString('latin1'));
  } catch (error) {
    if (error instanceof ProxyError) throw new WrongQuestion(`${url}: ${error.message}`, { cause: error });
    throw error;
  }
  if (target.form === 'absolute-form') return target;
  throw new WrongQuestion(`${url}: name the whole URL, such as http://example.com/; tunnels (CONNECT) are not cached.`);
}

/** A key is a URI, and behind a blank what a rule adds (rules/cache-key.ts). */
function uriOf(key: string): string {
  const blank = key.indexOf(' ');
  return blank === -1 ? key : key.slice(0, blank);
}

function partitionOf(key: string): string | null {
  const blank = key.indexOf(' ');
  return blank === -1 ? null : key.slice(blank + 1);
}

const NO_TERMS: Terms = { overrides: NO_OVERRIDES, sentence: null };
const APART: CacheOverrides = { ...NO_OVERRIDES, partition: 'user' };
/** What cache-key.ts writes for who is known. */
const PARTITION = /^user=(.*)$/s;
/** Of the variants that were not chosen; an origin may make thousands. */
const MOST_SHOWN = 10;
const TOLD_EVERY = 1_000;
