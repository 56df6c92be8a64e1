// Owns finding, among the rules before one, the few that could match all that it matches: a rule for certain hosts can only cover what is about them,
// and one for certain paths only what is about paths that begin alike. Without this, a policy of ten thousand rules would be compared ten thousand
// times ten thousand times.
// It is made for `covers` and `isSame`: what either could say yes to is always among the candidates.
import type { Condition } from '../../match/condition.ts';
import { visitLeaves } from '../compile.ts';
import type { Rule } from '../policy.ts';

export class EarlierRules {
  readonly #rules: Rule[] = [];
  /** By each name that one of is in the host whenever the rule matches. */
  readonly #byName = new Map<string, Filed>();
  readonly #ofAnyHost: Filed = { byPath: new Map(), ofAnyPath: [] };

  add(rule: Rule): void {
    const number = this.#rules.push(rule) - 1;
    const parts = partsOf(rule.condition);
    const names = parts.map(namesOf).find((each) => each.length > 0);
    const beginnings = new Set(parts.find((part) => part.kind === 'path')?.globs.map(({ pieces }) => pieces[0]!.slice(0, MAX_BEGINNING)));
    if (names === undefined) file(this.#ofAnyHost, beginnings, number);
    for (const name of new Set(names)) file(this.#filedUnder(name), beginnings, number);
  }

  /** In their order, those that could cover the condition. */
  candidatesFor(condition: Condition): readonly Rule[] {
    const parts = partsOf(condition);
    // Whatever covers a part covers all of its values, so the first one tells where to look.
    const names = parts.flatMap((part) => namesOf(part).slice(0, 1));
    const alternatives = parts.filter((part) => part.kind === 'any');
    const mayBeAnyName = names.length === 0 && alternatives.some((part) => asksFor(part, NAMED));
    const paths = alternatives.some((part) => asksFor(part, PATH)) ? null : parts.flatMap(firstPathOf);
    const numbers = new Set<number>();
    collect(this.#ofAnyHost, paths, numbers);
    if (mayBeAnyName) for (const filed of this.#byName.values()) collect(filed, paths, numbers);
    for (const name of names.flatMap(domainsAbove)) collect(this.#byName.get(name), paths, numbers);
    return [...numbers].sort((a, b) => a - b).map((number) => this.#rules[number]!);
  }

  #filedUnder(name: string): Filed {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const filed: Filed = { byPath: null, ofAnyPath: [] };
    this.#byName.set(name, filed);
    return filed;
  }
}

/** Numbers of rules about some hosts. */
interface Filed {
  /** By what the path begins with whenever the rule matches; `null` before there is any, since most names are those of one rule. */
  byPath: Map<string, number[]> | null;
  readonly ofAnyPath: number[];
}

function file(filed: Filed, beginnings: ReadonlySet<string>, number: number): void {
  if (beginnings.size === 0) filed.ofAnyPath.push(number);
  for (const beginning of beginnings) {
    filed.byPath ??= new Map();
    const numbers = filed.byPath.get(beginning);
    if (numbers === undefined) filed.byPath.set(beginning, [number]);
    else numbers.push(number);
  }
}

/** @param paths `null` when they may be any */
function collect(filed: Filed | undefined, paths: readonly string[] | null, into: Set<number>): void {
  for (const number of filed?.ofAnyPath ?? []) into.add(number);
  const byPath = filed?.byPath ?? null;
  if (byPath === null) return;
  if (paths === null) for (const numbers of byPath.values()) for (const number of numbers) into.add(number);
  for (const path of paths ?? []) {
    for (let length = 0; length <= Math.min(path.length, MAX_BEGINNING); length += 1) {
      for (const number of byPath.get(path.slice(0, length)) ?? []) into.add(number);
    }
  }
}

/** What has to hold all together. */
function partsOf(condition: Condition): readonly Condition[] {
  switch (condition.kind) {
    case 'all':
      return condition.of.flatMap(partsOf);
    case 'group-use':
      return partsOf(condition.condition);
    default:
      return [condition];
  }
}

/** The host, or a domain that it is in, is one of these; none when the condition does not say. */
function namesOf(condition: Condition): readonly string[] {
  if (condition.kind === 'host') return condition.patterns.map(({ name }) => name);
  return condition.kind === 'domain' ? condition.names : [];
}

/** As `globCovers` looks at it. */
function firstPathOf(condition: Condition): readonly string[] {
  return condition.kind === 'path' ? [condition.globs[0]!.pieces.join('*')] : [];
}

/** `www.example.com`, `example.com`, `com`. */
function domainsAbove(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.map((_label, index) => labels.slice(index).join('.'));
}

function asksFor(condition: Condition, kinds: ReadonlySet<Condition['kind']>): boolean {
  let asks = false;
  visitLeaves(condition, ({ kind }) => {
    asks ||= kinds.has(kind);
  });
  return asks;
}

const NAMED: ReadonlySet<Condition['kind']> = new Set(['host', 'domain']);
const PATH: ReadonlySet<Condition['kind']> = new Set(['path']);
/** Each length up to it is looked up. */
const MAX_BEGINNING = 128;
