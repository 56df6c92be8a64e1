// Owns whether an exchange fits a filter. A filter is made into functions once, and they are asked for each exchange; what they look at is bounded by
// the exchange, and the time that takes by its length (match/regex.ts). Case never counts: who searches seldom knows how a peer spelled it.
import { type Regex, regex } from '../../match/regex.ts';
import { readableText } from '../octet-text.ts';
import type { RecordedFields, RecordedRequest } from '../recorded.ts';
import type { Filter, NumberRange, NumberWord, PatternWord } from './filter.ts';
import { isInState } from './states.ts';
import type { FilterSubject, FilterTest } from './subject.ts';
import { textTest, urlOf } from './text-tests.ts';
import { type Need, WORD_BY_NAME } from './words.ts';

/** @throws never, for a filter that was parsed */
export function matches(filter: Filter, subject: FilterSubject): boolean {
  return testOf(filter)(subject);
}

/** The filter as a function, for whoever asks often. It is made once for each filter. */
export function testOf(filter: Filter): FilterTest {
  let test = TESTS.get(filter);
  if (test === undefined) {
    test = makeTest(filter);
    TESTS.set(filter, test);
  }
  return test;
}

/** What a subject has to have, so that the answer is that of the whole exchange. */
export function needs(filter: Filter): Need {
  switch (filter.kind) {
    case 'all':
      return 'summary';
    case 'and':
    case 'or':
      return filter.terms.map(needs).reduce(greater);
    case 'not':
      return needs(filter.term);
    case 'state':
      return filter.state === 'stored' ? 'fields' : 'summary';
    default:
      return filter.word === null ? 'summary' : WORD_BY_NAME.get(filter.word)!.needs;
  }
}

function greater(a: Need, b: Need): Need {
  return NEEDS.indexOf(a) > NEEDS.indexOf(b) ? a : b;
}

function makeTest(filter: Filter): FilterTest {
  switch (filter.kind) {
    case 'all':
      return () => true;
    case 'and': {
      const tests = cheapestFirst(filter.terms);
      return (subject) => tests.every((test) => test(subject));
    }
    case 'or': {
      const tests = cheapestFirst(filter.terms);
      return (subject) => tests.some((test) => test(subject));
    }
    case 'not': {
      const test = testOf(filter.term);
      return (subject) => !test(subject);
    }
    case 'text':
      return textTest(filter.word, filter.text);
    case 'pattern':
      return patternTest(filter.word, regex(`(?i)${filter.pattern}`));
    case 'number':
      return numberTest(filter.word, filter.range);
    case 'state':
      return (subject) => isInState(filter.state, subject);
    case 'choice':
      return choiceTest(filter.word, filter.choice);
    case 'flag':
      return FLAGS[filter.word];
    default:
      return filter satisfies never;
  }
}

/** No content is decoded for what its row decides. */
function cheapestFirst(terms: readonly Filter[]): FilterTest[] {
  return [...terms].sort((a, b) => NEEDS.indexOf(needs(a)) - NEEDS.indexOf(needs(b))).map(testOf);
}

function patternTest(word: PatternWord, pattern: Regex): FilterTest {
  const isIn = (text: string | null | undefined): boolean => text != null && pattern.matches(readableText(text));
  const isInText = (text: string | null | undefined): boolean => text != null && pattern.matches(text);
  const isInFields = (fields: RecordedFields | undefined): boolean => fields?.some(([name, value]) => isIn(`${name}: ${value}`)) ?? false;
  switch (word) {
    case '~d':
      return ({ summary }) => isIn(summary.host);
    case '~u':
      return ({ summary }) => isIn(urlOf(summary));
    case '~m':
      return ({ summary }) => isIn(summary.method);
    case '~h':
      return ({ request, response }) => isInFields(request?.fields) || isInFields(response?.fields);
    case '~hq':
      return ({ request }) => isInFields(request?.fields);
    case '~hs':
      return ({ response }) => isInFields(response?.fields);
    case '~b':
      return (subject) => isInText(subject.requestText?.()) || isInText(subject.responseText?.());
    case '~bq':
      return (subject) => isInText(subject.requestText?.());
    case '~bs':
      return (subject) => isInText(subject.responseText?.());
    case '~t':
      return ({ summary, request }) => isIn(summary.contentType) || isIn(contentTypeOf(request));
    case '~tq':
      return ({ request }) => isIn(contentTypeOf(request));
    case '~ts':
      return ({ summary }) => isIn(summary.contentType);
    case '~src':
      return ({ summary }) => isIn(summary.client);
    case '~dst':
      return ({ summary }) => isIn(`${summary.host}:${summary.port}`);
    default:
      return word satisfies never;
  }
}

function numberTest(word: NumberWord, range: NumberRange): FilterTest {
  switch (word) {
    case 'status:':
    case '~c':
      return ({ summary }) => summary.status !== 0 && isIn(range, summary.status);
    case 'port:':
      return ({ summary }) => isIn(range, summary.port);
    case 'size:':
      return ({ summary }) => isIn(range, summary.requestBytes + summary.responseBytes);
    case 'time:':
      return ({ summary }) => summary.totalMs !== null && isIn(range, summary.totalMs);
    case 'id:':
      return ({ summary }) => isIn(range, summary.id);
    default:
      return word satisfies never;
  }
}

function isIn(range: NumberRange, value: number): boolean {
  switch (range.comparison) {
    case '=':
      return value === range.value;
    case '<':
      return value < range.value;
    case '<=':
      return value <= range.value;
    case '>':
      return value > range.value;
    case '>=':
      return value >= range.value;
    case '<=>':
      return value >= range.value && value <= range.last;
    default:
      return range satisfies never;
  }
}

function choiceTest(word: 'decision:' | 'cache:' | 'scheme:', choice: string): FilterTest {
  if (word === 'decision:') return ({ summary }) => summary.decision === choice;
  if (word === 'cache:') return ({ summary }) => summary.cache === choice;
  return ({ summary }) => summary.scheme === choice;
}

function contentTypeOf(message: RecordedRequest | null | undefined): string | undefined {
  return message?.fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
}

const FLAGS: Readonly<Record<Extract<Filter, { kind: 'flag' }>['word'], FilterTest>> = {
  '~q': ({ summary }) => summary.status === 0,
  '~s': ({ summary }) => summary.status !== 0,
  '~e': ({ summary }) => summary.error !== null,
  '~a': ({ summary }) => summary.contentType !== null && ASSETS.test(summary.contentType),
  '~http': ({ summary }) => summary.kind !== 'tunnel',
  '~websocket': ({ summary }) => summary.kind === 'websocket',
  '~tcp': ({ summary }) => summary.kind === 'tunnel',
  '~replay': ({ summary }) => summary.replayOf !== null,
};

const ASSETS =
  /^(?:text\/(?:css|javascript)|application\/(?:x-)?javascript|application\/font-|application\/vnd\.ms-fontobject|image\/|font\/)/i;
const NEEDS: readonly Need[] = ['summary', 'fields', 'content'];
const TESTS = new WeakMap<Filter, FilterTest>();
