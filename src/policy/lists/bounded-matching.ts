// Owns the bound on what one request may cost with a list of filters, whatever stands in the list and whatever a client asks for. The package tries on
// a request every filter that stands under a word of its URL; filter-index.ts bounds their number for one word, and a URL may have a thousand words.
// So what is tried is counted, in nanoseconds that it takes at the worst, and stops at a budget: then nobody can tell whether the list holds it.
// Counted rather than timed, so that the same question has the same answer on a busy machine. What a request is the first to need and what is kept for
// the next has a budget of its own.
//
// The package would match a filter with a `*` or a regular expression by a RegExp, which can backtrack for hours. Here the first are matched by
// wildcard-pattern.ts and the second by re2js, in time that grows with the URL alone.
import type * as Adblocker from '@ghostery/adblocker';
import { RE2JS } from 're2js';
import type { Unjudged } from './list.ts';
import { matchesWildcards, type WildcardPattern, wildcardPattern } from './wildcard-pattern.ts';

/**
 * @returns `too-much` when the budget did not suffice, `not-ready` when it went on what is kept, and the next attempt gets further
 * @throws what `match` throws
 */
export function withinBudget<T extends object>(match: () => T): T | Unjudged {
  unspent = BUDGET;
  unprepared = BUDGET_OF_PREPARATION;
  try {
    return match();
  } catch (error) {
    if (error === BUDGET_SPENT) return 'too-much';
    if (error === NOT_PREPARED) return 'not-ready';
    throw error;
  } finally {
    unspent = Number.POSITIVE_INFINITY;
    unprepared = Number.POSITIVE_INFINITY;
  }
}

/** Makes the package count what it does, and match in linear time. The methods are those that it calls itself, for each filter. */
export function boundMatching(networkFilter: typeof Adblocker.NetworkFilter): void {
  const { match, getRegex } = networkFilter.prototype;
  const { deserialize } = networkFilter;
  networkFilter.prototype.match = function countedMatch(this: Adblocker.NetworkFilter, request) {
    spend(costOfTrial(this, request));
    return match.call(this, request);
  };
  networkFilter.prototype.getRegex = function linearRegex(this: Adblocker.NetworkFilter) {
    if (!(this.regex instanceof WildcardRegExp || this.regex instanceof LinearRegExp)) {
      mayPrepare();
      this.regex = this.isRegex() && !this.isFullRegex() ? new WildcardRegExp(this) : new LinearRegExp(getRegex.call(this));
    }
    return this.regex;
  };
  // The filters of a word are read together when a request first has it, and kept.
  networkFilter.deserialize = (view) => {
    const begin = view.pos;
    mayPrepare();
    const filter = deserialize(view);
    unprepared -= COST_OF_READING + (view.pos - begin) * COST_OF_READ_OCTET;
    return filter;
  };
}

/** What looking words up takes, before anything is tried; of short URLs that is not worth counting. */
export function spendLookups(words: number, entriesLookedAt: number): void {
  spend(words * COST_OF_LOOKUP + entriesLookedAt * COST_OF_ENTRY);
}

function costOfTrial(filter: Adblocker.NetworkFilter, request: Adblocker.Request): number {
  const { normalizedUrl: url } = request;
  const found = filter.isRegex() ? 0 : occurrences(url, filter.getFilter().charCodeAt(0));
  const cost = COST_OF_TRIAL + url.length * COST_OF_CHARACTER + found * COST_OF_COMPARISON;
  if (filter.domains === undefined && filter.denyallow === undefined) return cost;
  return cost + (request.sourceHostnameHashes.length + request.getHostnameHashes().length) * COST_OF_LABEL;
}

/** How often a text is compared that begins with this character, at most; of short URLs that is not worth counting. */
function occurrences(url: string, character: number): number {
  if (url.length <= SHORT) return url.length;
  if (url !== countedUrl) {
    counts.fill(0);
    for (let i = 0; i < url.length; i += 1) counts[url.charCodeAt(i) & 0xff]! += 1;
    countedUrl = url;
  }
  return counts[character & 0xff]!;
}

function spend(cost: number): void {
  unspent -= cost;
  if (unspent < 0) throw BUDGET_SPENT;
}

/** Asked before and not after, so that what has been made is kept. */
function mayPrepare(): void {
  if (unprepared < 0) throw NOT_PREPARED;
}

/** What the package takes for the RegExp of a filter. */
class WildcardRegExp extends RegExp {
  readonly #pattern: WildcardPattern;

  constructor(filter: Adblocker.NetworkFilter) {
    super('');
    const text = filter.getFilter().toLowerCase();
    this.#pattern = wildcardPattern(text, filter.isLeftAnchor(), filter.isRightAnchor());
    unprepared -= text.length * COST_OF_PATTERN_CHARACTER;
  }

  override test(url: string): boolean {
    spend(url.length * COST_OF_COMPARISON);
    return matchesWildcards(this.#pattern, url, spendComparison);
  }
}

function spendComparison(characters: number): void {
  spend(COST_OF_COMPARISON + characters * COST_OF_COMPARED);
}

class LinearRegExp extends RegExp {
  readonly #linear: RE2JS;

  constructor(original: RegExp) {
    super(original);
    this.#linear = RE2JS.compile(original.source, original.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
    unprepared -= COST_OF_COMPILING;
  }

  override test(url: string): boolean {
    spend(url.length * COST_OF_LINEAR_CHARACTER);
    mayPrepare();
    const { dfa } = this.#linear.re2();
    const before = dfa.stateCount;
    const isFound = this.#linear.test(url);
    unprepared -= Math.max(0, dfa.stateCount - before) * COST_OF_STATE;
    return isFound;
  }
}

let unspent = Number.POSITIVE_INFINITY;
let unprepared = Number.POSITIVE_INFINITY;

const counts = new Uint32Array(256);
let countedUrl = '';

const BUDGET_SPENT = new Error('the budget for this request is spent');
const NOT_PREPARED = new Error('the budget for preparing filters is spent');

/** 20 ms. Lists that people publish, with the longest URLs, need a tenth; with ordinary ones a thousandth. */
const BUDGET = 20_000_000;
/**
 * 250 ms for what is made once and kept: filters that are read, regular expressions and their states. A list at its bound has a thousand of those for
 * one word, so that no ordinary URL has to be asked about twice, and each attempt at a hostile one gets further.
 */
const BUDGET_OF_PREPARATION = 250_000_000;
/** In characters. */
export const SHORT = 256;
// Nanoseconds that each takes at the worst, on a core of 2020.
const COST_OF_LOOKUP = 100;
const COST_OF_ENTRY = 2;
const COST_OF_TRIAL = 100;
const COST_OF_CHARACTER = 0.1;
const COST_OF_COMPARISON = 6;
const COST_OF_COMPARED = 3;
const COST_OF_PATTERN_CHARACTER = 30;
const COST_OF_LINEAR_CHARACTER = 10;
const COST_OF_LABEL = 100;
const COST_OF_READING = 1_000;
const COST_OF_READ_OCTET = 2;
const COST_OF_COMPILING = 100_000;
const COST_OF_STATE = 10_000;
