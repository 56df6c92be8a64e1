// Owns what a filter is once it has been read: plain data, the same for page, command line, API, rewriting rules and breakpoints; and writing it as text
// again, so that reading that gives the same filter.
import type { StateName, WordName } from './words.ts';

export type Filter =
  | { readonly kind: 'all' }
  /** Two terms or more. */
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Filter[] }
  | { readonly kind: 'not'; readonly term: Filter }
  | Test;

export type Test =
  /** Without a word: in method and URL. Never empty. */
  | { readonly kind: 'text'; readonly word: TextWord | null; readonly text: string }
  | { readonly kind: 'pattern'; readonly word: PatternWord; readonly pattern: string }
  | { readonly kind: 'number'; readonly word: NumberWord; readonly range: NumberRange }
  | { readonly kind: 'state'; readonly state: StateName }
  | { readonly kind: 'choice'; readonly word: 'decision:' | 'cache:' | 'scheme:'; readonly choice: string }
  | { readonly kind: 'flag'; readonly word: FlagWord };

/** Octets of a size, milliseconds of a duration. `<=>`: both ends count. */
export type NumberRange =
  | { readonly comparison: '=' | '<' | '<=' | '>' | '>='; readonly value: number }
  | { readonly comparison: '<=>'; readonly value: number; readonly last: number };

export type TextWord = Extract<
  WordName,
  'host:' | 'path:' | 'url:' | 'method:' | 'type:' | 'rule:' | 'touched:' | 'error:' | 'client:' | 'user:' | 'header:' | 'body:' | 'text:'
>;
export type PatternWord = Extract<
  WordName,
  '~d' | '~u' | '~m' | '~h' | '~hq' | '~hs' | '~b' | '~bq' | '~bs' | '~t' | '~tq' | '~ts' | '~src' | '~dst'
>;
export type NumberWord = Extract<WordName, 'status:' | '~c' | 'port:' | 'size:' | 'time:' | 'id:'>;
export type FlagWord = Extract<WordName, '~q' | '~s' | '~e' | '~a' | '~http' | '~websocket' | '~tcp' | '~replay'>;

/** The filter as text; empty of one that keeps everything. @throws never */
export function formatFilter(filter: Filter): string {
  return filter.kind === 'all' ? '' : termText(filter);
}

function termText(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
      return '~all';
    case 'and':
    case 'or':
      return filter.terms.map((term) => operandText(term, filter.kind)).join(filter.kind === 'and' ? ' ' : ' | ');
    case 'not':
      return `!${operandText(filter.term, 'not')}`;
    case 'text':
      return filter.word === null ? bareText(filter.text) : `${filter.word}${quotedWhereNeeded(filter.text)}`;
    case 'pattern':
      return `${filter.word} ${quotedWhereNeeded(filter.pattern)}`;
    case 'number':
      return `${filter.word}${filter.word === '~c' ? ' ' : ''}${rangeText(filter.range, filter.word)}`;
    case 'state':
      return `is:${filter.state}`;
    case 'choice':
      return `${filter.word}${filter.choice}`;
    case 'flag':
      return filter.word;
    default:
      return filter satisfies never;
  }
}

/** In parentheses where it would be read as something else: `or` in `and`, and one like its own, which is a term of its own. */
function operandText(term: Filter, outer: 'and' | 'or' | 'not'): string {
  const isWhole = (term.kind !== 'and' && term.kind !== 'or') || (outer === 'or' && term.kind === 'and');
  return isWhole ? termText(term) : `(${termText(term)})`;
}

/** What could be taken for a word, an operator or another text is quoted. */
function bareText(text: string): string {
  return /^(?:and|or|not)$/i.test(text) || !PLAIN.test(text) ? quoted(text) : text;
}

function quotedWhereNeeded(text: string): string {
  return PLAIN.test(text) ? text : quoted(text);
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

function rangeText(range: NumberRange, word: NumberWord): string {
  const { comparison, value } = range;
  if (comparison === '<=>') return `${numberText(value, word)}-${numberText(range.last, word)}`;
  return `${comparison === '=' ? '' : comparison}${numberText(value, word)}`;
}

/** In the largest unit that it is a whole number of. */
function numberText(value: number, word: NumberWord): string {
  const units = word === 'size:' ? SIZE_UNITS : word === 'time:' ? TIME_UNITS : NO_UNITS;
  const [unit, factor] = units.find(([, each]) => value !== 0 && value % each === 0) ?? units.at(-1)!;
  return `${value / factor}${unit}`;
}

const PLAIN = /^[A-Za-z0-9./_*$^+-]+$/;
const SIZE_UNITS = [
  ['GB', 1e9],
  ['GiB', 2 ** 30],
  ['MB', 1e6],
  ['MiB', 2 ** 20],
  ['KB', 1e3],
  ['KiB', 2 ** 10],
  ['B', 1],
] as const;
const TIME_UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;
const NO_UNITS = [['', 1]] as const;
