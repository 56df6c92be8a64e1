// Owns what a rule or a group matches: a mapping of criteria that must all hold, `any` for everything, and how `any`, `all` and `not` combine them.
// The parts of a mapping are put in the order in which they are judged: what is cheap to know first, what a response has to tell last.
import { isMap, isSeq, type ParsedNode } from 'yaml';
import type { CriterionKind } from '../match/condition.ts';
import { readCriterion } from './parse-criteria.ts';
import { isWord } from './parse-values.ts';
import type { Reference, UnlinkedCondition } from './parsed-file.ts';
import { type Entry, isMissing, positionOf, readMapping, readTexts, report, type Source } from './yaml-source.ts';

/** The keys of a match in the order in which they are judged. */
export const MATCH_KEYS = [
  ...(['host', 'domain', 'port', 'scheme', 'method', 'user', 'group', 'client', 'listener', 'address'] as const),
  ...([
    'upgrade',
    'request_size',
    'claim',
    'time',
    'host_regex',
    'field',
    'tunnel_protocol',
    'sni_agrees',
    'sni',
    'client_in',
    'in',
    'all',
    'any',
    'not',
  ] as const),
  ...(['query', 'path', 'path_regex', 'response_type', 'response_size'] as const),
] as const satisfies readonly (CriterionKind | Combination | Reference['key'])[];

type Combination = 'all' | 'any' | 'not';

/**
 * @param what whose match it is, for messages: `allow`, `group office`
 * @param depth how many combinations stand around it
 * @param beside keys of the rule that are put into its match by mistake
 */
export function readCondition(source: Source, entry: Entry, what: string, depth = 0, beside: readonly string[] = []): UnlinkedCondition {
  if (isWord(entry, 'any')) return EVERYTHING;
  if (!isMap(entry.value)) {
    report(source, entry.offset, `${what}: expected what to match, such as { host: example.com }, or 'any' for everything`);
    return EVERYTHING;
  }
  const entries = readMapping(source, entry.value, what, MATCH_KEYS, entry.offset, beside);
  const parts: UnlinkedCondition[] = [];
  for (const key of entries === null ? [] : MATCH_KEYS) {
    const value = entries?.get(key);
    const part = value === undefined ? null : readPart(source, key, value, depth);
    if (part !== null) parts.push(part);
  }
  return parts.length === 1 ? parts[0]! : { kind: 'all', of: parts };
}

function readPart(source: Source, key: (typeof MATCH_KEYS)[number], entry: Entry, depth: number): UnlinkedCondition | null {
  switch (key) {
    case 'all':
    case 'any':
    case 'not':
      return readCombination(source, key, entry, depth + 1);
    case 'in':
    case 'client_in':
      return readReferences(source, key, entry);
    default:
      return readCriterion(source, key, entry);
  }
}

function readCombination(source: Source, key: Combination, entry: Entry, depth: number): UnlinkedCondition | null {
  if (depth > MOST_DEPTH) {
    report(source, entry.offset, `${key}: any, all and not may stand ${MOST_DEPTH} deep in each other; give a part a name under 'groups'`);
    return null;
  }
  const { value } = entry;
  if (!isSeq(value)) {
    if (key === 'not') return { kind: 'not', of: readCondition(source, entry, key, depth) };
    report(
      source,
      isMissing(value) ? entry.offset : value.range[0],
      `${key}: expected a list of matches, each as in { host: example.com }`,
    );
    return null;
  }
  if (value.items.length === 0) report(source, value.range[0], `${key}: the list is empty; name what to match, or leave '${key}' out`);
  const of = (value.items as readonly ParsedNode[]).map((item) =>
    readCondition(source, { offset: item.range[0], value: item }, key, depth),
  );
  return key === 'not' ? { kind: 'not', of: { kind: 'any', of } } : { kind: key, of };
}

function readReferences(source: Source, key: Reference['key'], entry: Entry): UnlinkedCondition {
  const expected = key === 'in' ? 'the name of a group or a list' : 'the name of a list of addresses';
  const of = readTexts(source, entry, key, expected).map(
    ({ text, offset }): Reference => ({ kind: 'reference', key, name: text, position: positionOf(source, offset) }),
  );
  return of.length === 1 ? of[0]! : { kind: 'any', of };
}

const EVERYTHING: UnlinkedCondition = { kind: 'all', of: [] };
const MOST_DEPTH = 8;
