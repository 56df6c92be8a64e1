// Owns whether an exchange that is still under way fits a filter, as far as that can be said: what has not come yet, or was not waited for, may decide it.
// Like conditions of the policy it is true, false or neither (Kleene's logic), so that nobody waits for content that could not change the answer, and
// `!body:x` does not fit what nobody has looked into.
import type { Filter, Test } from './filter.ts';
import { testOf } from './match.ts';
import type { FilterSubject } from './subject.ts';
import type { StateName, WordName } from './words.ts';

/** What there is of an exchange, or may come, and is not at hand. */
export interface Missing {
  /** Content of the request. */
  readonly request: boolean;
  /** Content of the response. */
  readonly response: boolean;
  /** The response itself. */
  readonly answer: boolean;
}

/** An exchange under way. */
export interface PassingSubject extends FilterSubject {
  readonly missing: Missing;
}

/** @returns `null` where what is missing decides @throws never */
export function verdictOf(filter: Filter, subject: PassingSubject): boolean | null {
  switch (filter.kind) {
    case 'all':
      return true;
    case 'and':
      return joined(filter.terms, subject, false);
    case 'or':
      return joined(filter.terms, subject, true);
    case 'not': {
      const verdict = verdictOf(filter.term, subject);
      return verdict === null ? null : !verdict;
    }
    default:
      return testVerdict(filter, subject);
  }
}

/** Which contents it looks into at all. */
export function contentsOf(filter: Filter): Pick<Missing, 'request' | 'response'> {
  switch (filter.kind) {
    case 'all':
      return NO_CONTENTS;
    case 'and':
    case 'or': {
      const all = filter.terms.map(contentsOf);
      return { request: all.some(({ request }) => request), response: all.some(({ response }) => response) };
    }
    case 'not':
      return contentsOf(filter.term);
    default:
      return CONTENTS.get(wordOf(filter)) ?? NO_CONTENTS;
  }
}

/** The first word of it that is known only once an exchange has ended, as it is written; `null` where there is none. */
export function lateWordOf(filter: Filter): string | null {
  switch (filter.kind) {
    case 'all':
      return null;
    case 'and':
    case 'or':
      return filter.terms.map(lateWordOf).find((word) => word !== null) ?? null;
    case 'not':
      return lateWordOf(filter.term);
    case 'state':
      return LATE_STATES.has(filter.state) ? `is:${filter.state}` : null;
    default:
      return LATE_WORDS.has(filter.word) ? filter.word : null;
  }
}

/** @param decisive  what one term has to be, so that the others do not matter */
function joined(terms: readonly Filter[], subject: PassingSubject, decisive: boolean): boolean | null {
  let verdict: boolean | null = !decisive;
  for (const term of terms) {
    const each = verdictOf(term, subject);
    if (each === decisive) return decisive;
    if (each === null) verdict = null;
  }
  return verdict;
}

function testVerdict(test: Test, subject: PassingSubject): boolean | null {
  const fits = testOf(test)(subject);
  const { missing } = subject;
  if (isOfTheRequest(test) || (fits && FOUND_FOR_GOOD.has(wordOf(test)))) return fits;
  if (missing.answer) return null;
  const { request, response } = CONTENTS.get(wordOf(test)) ?? NO_CONTENTS;
  return (request && missing.request) || (response && missing.response) ? null : fits;
}

/** Whether nothing that comes later changes its answer. */
function isOfTheRequest(test: Test): boolean {
  return test.kind === 'state' ? EARLY_STATES.has(test.state) : EARLY_WORDS.has(wordOf(test));
}

/** `null` of a text without one. */
function wordOf(test: Test): WordName | null {
  return test.kind === 'state' ? 'is:' : test.word;
}

const NO_CONTENTS = { request: false, response: false };
const EITHER = { request: true, response: true };
const CONTENTS: ReadonlyMap<WordName | null, typeof EITHER> = new Map<WordName | null, typeof EITHER>([
  ['body:', EITHER],
  ['text:', EITHER],
  ['~b', EITHER],
  ['~bq', { request: true, response: false }],
  ['~bs', { request: false, response: true }],
]);
/** What they have found once they find again, whatever else comes. */
const FOUND_FOR_GOOD: ReadonlySet<WordName | null> = new Set(['body:', 'text:', 'header:', '~b', '~bq', '~bs', '~h']);
const EARLY_WORDS: ReadonlySet<WordName | null> = new Set([
  ...[null, 'host:', 'path:', 'url:', 'method:', 'client:', 'user:', 'scheme:', 'port:', 'id:'],
  ...['~d', '~u', '~m', '~hq', '~tq', '~src', '~dst', '~http', '~websocket', '~tcp', '~replay'],
] as readonly (WordName | null)[]);
const LATE_WORDS: ReadonlySet<WordName | null> = new Set(['time:', 'error:', '~e']);
const LATE_STATES: ReadonlySet<StateName> = new Set(['done', 'failed', 'aborted', 'denied', 'slow', 'passed', 'refused']);
const EARLY_STATES: ReadonlySet<StateName> = new Set(['tunnel', 'inside', 'websocket', 'replayed']);
