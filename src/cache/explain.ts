// Owns the words for what the cache did: why a stored response answered or did not, its age in numbers, why a response was stored or not, and the
// smallest change at the origin that would have made it a hit. Each comes from the values and the tables that the rules decided by.
// Nothing is proposed that an origin cannot do: what the client asked for, what a rule of the policy says and what is simply not there yet stay as
// they are.
import { fieldValue, hasField, listMembers } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import { requestDirectives } from './rules/cache-control.ts';
import type { ResponseFacts } from './rules/freshness.ts';
import { strongValidator } from './rules/preconditions.ts';
import { type ForwardCode, type HitCode, REUSE_REASONS, type Reuse } from './rules/reuse.ts';
import { STORING_REASONS, type StoringCode } from './rules/storability.ts';
import { CACHE_CONTROL } from './rules/targeted.ts';
import { matches } from './rules/vary.ts';
import type { SelectingField, StoredResponse } from './stored-response.ts';

export interface ReuseExplanation {
  readonly outcome: Reuse['kind'];
  readonly code: HitCode | ForwardCode;
  /** Where the rule stands that decided. */
  readonly section: string;
  /** `reused: it is fresh (RFC 9111 §4.2)`. */
  readonly sentence: string;
  readonly key: string;
  /** What the stored response was selected by (Vary); empty without one. */
  readonly selectedBy: readonly SelectingField[];
  /** `age 130 s = 30 s as received + 100 s here; lifetime 60 s from max-age: stale for 70 s`; `null` where nothing is stored. */
  readonly arithmetic: string | null;
}

export interface StoringExplanation {
  readonly code: StoringCode;
  readonly isStored: boolean;
  readonly section: string;
  /** `not stored: it says no-store (RFC 9111 §5.2.2.5)`. */
  readonly sentence: string;
}

/** What is known of a response that came from the origin. */
export interface ReceivedResponse {
  readonly status: number;
  readonly fields: Fields;
  readonly facts: ResponseFacts;
}

/** @param key  of the request that was judged */
export function explainReuse(key: string, reuse: Reuse): ReuseExplanation {
  const { section, sentence } = REUSE_REASONS[reuse.why];
  const [selectedBy, arithmetic] =
    reuse.kind === 'miss' ? [[], null] : [reuse.stored.selectedBy, ageArithmetic(reuse.facts, reuse.ageSeconds)];
  return {
    ...{ outcome: reuse.kind, code: reuse.why, section, key, selectedBy, arithmetic },
    sentence: `${OUTCOMES[reuse.kind]}: ${inline(sentence)} (${section})`,
  };
}

/** The explanation as lines to read: what came of it, under which key, selected by what, how old. */
export function linesOf({ sentence, key, selectedBy, arithmetic }: ReuseExplanation): string[] {
  const lines = [sentence, `key: ${key}`];
  if (selectedBy.length > 0)
    lines.push(`selected by: ${selectedBy.map(({ name, value }) => `${name}: ${value ?? '(absent)'}`).join('; ')}`);
  if (arithmetic !== null) lines.push(arithmetic);
  return lines;
}

export function explainStoring(code: StoringCode): StoringExplanation {
  const { isStored, section, sentence } = STORING_REASONS[code];
  return { code, isStored, section, sentence: `${isStored ? 'stored' : 'not stored'}: ${inline(sentence)} (${section})` };
}

/** The sum of RFC 9111 §4.2.3, and what it comes to beside the lifetime of §4.2.1. */
export function ageArithmetic(facts: ResponseFacts, ageSeconds: number): string {
  const received = Math.min(Math.floor(facts.initialAgeMs / 1000), ageSeconds);
  const isByDate = facts.apparentAgeSeconds > facts.ageValueSeconds + facts.responseDelayMs / 1000;
  const age = `age ${ageSeconds} s = ${received} s as received${isByDate ? ' (by its Date)' : ''} + ${ageSeconds - received} s here`;
  const left = facts.lifetimeSeconds - ageSeconds;
  return `${age}; ${lifetimeWords(facts)}: ${left > 0 ? `fresh for ${left} s more` : `stale for ${-left} s`}`;
}

/**
 * The smallest change at the origin that would have let a stored response answer the request as it was.
 *
 * @param all  what was stored under the key
 * @returns a sentence in the imperative without a full stop; `null` where it was a hit, or the origin cannot change it
 */
export function changeForReuse(fields: Fields, reuse: Reuse, all: readonly StoredResponse[]): string | null {
  switch (reuse.kind) {
    case 'hit':
      return null;
    case 'validate':
      return changeForFreshness(fields, reuse);
    case 'complete':
      return null; // whoever fetched a part has not fetched the rest
    case 'miss':
      if (reuse.why === 'vary-miss') return changeOfVary(fields, all);
      if (reuse.why === 'authorization') return FOR_AUTHORIZED;
      if (reuse.why !== 'partial' || all.some((stored) => strongValidator(stored) !== null)) return null;
      return 'add a strong ETag, so that the parts of it can be put together';
    default:
      return reuse satisfies never;
  }
}

/**
 * The smallest change at the origin that would have let its response be stored and answer the next request like this one.
 *
 * @param response  `null` when nobody remembers more than the code
 */
export function changeForStoring(code: StoringCode, response: ReceivedResponse | null): string | null {
  const lives = response !== null && response.facts.lifetimeSeconds * 1000 > response.facts.initialAgeMs;
  switch (code) {
    case 'no-store':
      return changeOfProhibition('no-store', response);
    case 'private': {
      const change = changeOfProhibition('private', response);
      return `${change}, if it is the same for everybody`;
    }
    case 'authorization':
      return lives ? FOR_AUTHORIZED : `${FOR_AUTHORIZED}; s-maxage=N gives it the lifetime that it lacks, too`;
    case 'vary-star':
      return 'name in Vary the request fields that it depends on, instead of *';
    case 'status-not-understood':
      return `remove must-understand, or send another status than ${response?.status ?? 'this one'}`;
    case 'partial-unusable':
      return 'send one range, and where it stands: Content-Range: bytes FIRST-LAST/LENGTH';
    case 'set-cookie':
      return 'leave out Set-Cookie, or add max-age=N if everybody may have this cookie';
    case 'post-not-reusable':
      return 'answer 200 with max-age=N and a Content-Location that is the target itself, if a GET would get the same';
    case 'no-cache':
      return 'add an ETag, so that it can be validated';
    case 'already-stale':
    case 'no-freshness':
    case 'status-needs-lifetime':
      return response === null
        ? 'add max-age=N, the seconds for which it may answer'
        : changeOfLifetime(response.fields, response.facts, Math.floor(response.facts.initialAgeMs / 1000) + 1);
    default:
      return null;
  }
}

function changeForFreshness(fields: Fields, { stored, facts, ageSeconds, why }: Extract<Reuse, { kind: 'validate' }>): string | null {
  const { maxAge, minFresh, noCache } = requestDirectives(fields);
  // Whatever the origin had said, this client would have had it asked.
  if (noCache || (maxAge !== null && ageSeconds > maxAge)) return null;
  const needed = ageSeconds + Math.max(1, minFresh ?? 0);
  switch (why) {
    case 'stale':
    case 'request-min-fresh':
      return changeOfLifetime(stored.fields, facts, needed);
    case 'response-no-cache':
      return changeOfDirectives(['no-cache'], facts, needed);
    case 'response-no-store':
      return 'leave no-store and private out of the answers that update it';
    default:
      return null; // the client, or another request, or the policy
  }
}

/** What would let a response be stored that forbids it in so many words, and answer. */
function changeOfProhibition(named: 'no-store' | 'private', response: ReceivedResponse | null): string {
  if (response === null) return `replace ${named} by max-age=N, the seconds for which it may answer`;
  const { fields, facts } = response;
  const { noStore, isPrivate, noCache } = facts.directives;
  const needed = Math.floor(facts.initialAgeMs / 1000) + 1;
  if (isPrivate !== true && facts.lifetimeSeconds < needed && hasValidator(fields)) {
    return `${noCache === true ? 'remove no-store' : 'replace no-store by no-cache'}: then it is validated, and not sent again while it is the same`;
  }
  const forbidding = [noStore ? 'no-store' : '', isPrivate === true ? 'private' : '', noCache === true ? 'no-cache' : ''];
  return changeOfDirectives(
    forbidding.filter((name) => name !== ''),
    facts,
    needed,
  );
}

/** Without these directives, and with a lifetime of so many seconds. */
function changeOfDirectives(forbidding: readonly string[], facts: ResponseFacts, needed: number): string {
  const names = forbidding.join(' and ');
  const { lifetimeFrom, lifetimeSeconds } = facts;
  if (lifetimeSeconds >= needed) return `remove ${names}; ${lifetimeWords(facts)} then lets it answer`;
  // Of two values for one directive the first counts, so a new one beside the old would not help.
  if (lifetimeFrom !== 'max-age' && lifetimeFrom !== 's-maxage') return `replace ${names} by ${maxAgeOf(facts, needed)}`;
  return `remove ${names}, and raise ${lifetimeFrom} from ${lifetimeSeconds} to ${needed} or more`;
}

/** What would give a response a lifetime of so many seconds. */
function changeOfLifetime(fields: Fields, facts: ResponseFacts, needed: number): string | null {
  const { directives, lifetimeFrom, lifetimeSeconds } = facts;
  const wanted = maxAgeOf(facts, needed);
  switch (lifetimeFrom) {
    case 's-maxage':
    case 'max-age': {
      const value = lifetimeFrom === 'max-age' ? directives.maxAge : directives.sMaxAge;
      if (value === 'invalid') return `write ${lifetimeFrom} in digits alone: ${lifetimeFrom}=${needed} or more`;
      return `raise ${lifetimeFrom} from ${lifetimeSeconds} to ${needed} or more`;
    }
    case 'Expires':
      return `add ${wanted}; now only Expires, ${lifetimeSeconds === 0 ? 'which is past or no date' : `${lifetimeSeconds} s after Date`}`;
    case 'heuristic':
      return `add ${wanted}; now only Last-Modified, which gives it ${lifetimeSeconds} s`;
    case 'none':
      return `add ${wanted}; now ${hasField(fields, 'last-modified') ? 'only a Last-Modified that gives no lifetime' : 'nothing says how long it stays fresh'}`;
    case 'policy':
      return null;
    default:
      return lifetimeFrom satisfies never;
  }
}

/** Of the variants, the one that fewest fields keep from the request. */
function changeOfVary(fields: Fields, all: readonly StoredResponse[]): string | null {
  let fewest: string[] | null = null;
  for (const stored of all) {
    const differing = stored.selectedBy.filter((field) => !matches({ ...stored, selectedBy: [field] }, fields));
    if (differing.length === 0 || (fewest !== null && differing.length >= fewest.length)) continue;
    fewest = differing.map(({ name }) => asSpelled(name, stored.fields));
  }
  if (fewest === null) return null;
  return `remove ${fewest.join(' and ')} from Vary, if the answer does not depend on ${fewest.length === 1 ? 'it' : 'them'}`;
}

function asSpelled(name: string, fields: Fields): string {
  return listMembers(fields, 'vary').find((member) => member.toLowerCase() === name) ?? name;
}

function lifetimeWords({ lifetimeFrom, lifetimeSeconds, controlledBy }: ResponseFacts): string {
  switch (lifetimeFrom) {
    case 's-maxage':
    case 'max-age':
      return `lifetime ${lifetimeSeconds} s from ${lifetimeFrom}${controlledBy === CACHE_CONTROL ? '' : ` in ${controlledBy}`}`;
    case 'Expires':
      return `lifetime ${lifetimeSeconds} s from Expires`;
    case 'heuristic':
      return `lifetime ${lifetimeSeconds} s estimated from Last-Modified`;
    case 'policy':
      return `lifetime ${lifetimeSeconds} s from the policy`;
    case 'none':
      return 'no lifetime';
    default:
      return lifetimeFrom satisfies never;
  }
}

function maxAgeOf({ controlledBy }: ResponseFacts, seconds: number): string {
  return `max-age=${seconds > 1 ? `${seconds} or more` : 'N'}${controlledBy === CACHE_CONTROL ? '' : ` to ${controlledBy}`}`;
}

function hasValidator(fields: Fields): boolean {
  return fieldValue(fields, 'etag') !== undefined || fieldValue(fields, 'last-modified') !== undefined;
}

/** A sentence of a table, inside of another one. */
function inline(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1, -1);
}

const FOR_AUTHORIZED = 'add public or s-maxage, since the request carries Authorization';
const OUTCOMES: Readonly<Record<Reuse['kind'], string>> = {
  hit: 'reused',
  validate: 'not reused without asking the origin',
  complete: 'completed by the origin',
  miss: 'not reused',
};
