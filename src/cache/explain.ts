// Owns the words for what the cache did: why a stored response answered or did not, its age in numbers, why a response was stored or not. Each comes
// from the values and the tables that the rules decided by. What would have made the difference is in smallest-change.ts.
import type { Fields } from '../http/message.ts';
import type { ResponseFacts } from './rules/freshness.ts';
import type { CacheOverrides } from './rules/options.ts';
import { type ForwardCode, type HitCode, REUSE_REASONS, type Reuse } from './rules/reuse.ts';
import { shownValue } from './rules/selection-digest.ts';
import { STORING_REASONS, type StoringCode } from './rules/storability.ts';
import { CACHE_CONTROL } from './rules/targeted.ts';
import type { SelectingField } from './stored-response.ts';

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
  if (selectedBy.length > 0) lines.push(`selected by: ${selectionWords(selectedBy)}`);
  if (arithmetic !== null) lines.push(arithmetic);
  return lines;
}

/** `accept-language: de; cookie: (absent); authorization: (kept as a digest only: 5kQ0bX1c...)` */
export function selectionWords(selectedBy: readonly SelectingField[]): string {
  return selectedBy.map(({ name, value }) => `${name}: ${value === null ? '(absent)' : shownValue(value)}`).join('; ');
}

export function explainStoring(code: StoringCode): StoringExplanation {
  const { isStored, section, sentence } = STORING_REASONS[code];
  return { code, isStored, section, sentence: `${isStored ? 'stored' : 'not stored'}: ${inline(sentence)} (${section})` };
}

/** What a rule of the policy changes, each with the sentence of RFC 9111 that it departs from. */
export function explainOverrides({ bypass, ttlSeconds, force, ignoreQuery, partition }: CacheOverrides): string[] {
  if (bypass) return ['none: nothing is stored, and nothing answered from what is'];
  const words: string[] = [];
  if (ttlSeconds !== null)
    words.push(`fresh for ${ttlSeconds} s from its receipt, whatever the origin says (against RFC 9111 §4.2.1, §4.2.3)`);
  if (force) words.push('stored and reused although that is forbidden (against RFC 9111 §3, §3.5, §5.2.2)');
  if (ignoreQuery === true) words.push('the key leaves out the query (against RFC 9111 §2)');
  else if (ignoreQuery !== false) words.push(`the key leaves out the parameters ${ignoreQuery.join(', ')} (against RFC 9111 §2)`);
  if (partition === 'user') words.push('apart for each user');
  return words;
}

/** The sum of RFC 9111 §4.2.3, and what it comes to beside the lifetime of §4.2.1. */
export function ageArithmetic(facts: ResponseFacts, ageSeconds: number): string {
  const received = Math.min(Math.floor(facts.initialAgeMs / 1000), ageSeconds);
  const isByDate = facts.apparentAgeSeconds > facts.ageValueSeconds + facts.responseDelayMs / 1000;
  const age = `age ${ageSeconds} s = ${received} s as received${isByDate ? ' (by its Date)' : ''} + ${ageSeconds - received} s here`;
  const left = facts.lifetimeSeconds - ageSeconds;
  return `${age}; ${lifetimeWords(facts)}: ${left > 0 ? `fresh for ${left} s more` : `stale for ${-left} s`}`;
}

/** `lifetime 60 s from max-age` */
export function lifetimeWords({ lifetimeFrom, lifetimeSeconds, controlledBy, initialAgeMs }: ResponseFacts): string {
  switch (lifetimeFrom) {
    case 's-maxage':
    case 'max-age':
      return `lifetime ${lifetimeSeconds} s from ${lifetimeFrom}${controlledBy === CACHE_CONTROL ? '' : ` in ${controlledBy}`}`;
    case 'Expires':
      return `lifetime ${lifetimeSeconds} s from Expires`;
    case 'heuristic':
      return `lifetime ${lifetimeSeconds} s estimated from Last-Modified`;
    case 'policy': {
      const beforeSeconds = Math.floor(initialAgeMs / 1000);
      const ofIt = beforeSeconds === 0 ? '' : `, ${lifetimeSeconds - beforeSeconds} s of it here`;
      return `lifetime ${lifetimeSeconds} s from the policy${ofIt}`;
    }
    case 'none':
      return 'no lifetime';
    default:
      return lifetimeFrom satisfies never;
  }
}

/** A sentence of a table, inside of another one. */
function inline(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1, -1);
}

const OUTCOMES: Readonly<Record<Reuse['kind'], string>> = {
  hit: 'reused',
  validate: 'not reused without asking the origin',
  complete: 'completed by the origin',
  miss: 'not reused',
};
