// Owns what is doubtful about a rule by itself: values that say nothing new, patterns that take in a whole public suffix, times that are over, and
// rules that let pass more than a policy should be left with, and keys without an effect. A rule on trial is none of that: whoever writes `report` means it.
import type { Condition, Criterion, Named, NamedGlobs, PortRange } from '../../match/condition.ts';
import { patternText } from '../../match/host-pattern.ts';
import { suffixSection } from '../../match/public-suffix.ts';
import { isOver } from '../../match/time-window.ts';
import { portRangeText } from '../../match/words.ts';
import { visitLeaves } from '../compile.ts';
import type { Policy, Rule } from '../policy.ts';
import { blockCovers, globCovers, hostCovers } from './covers.ts';
import type { LintCircumstances, Warn } from './warning.ts';

export function lintRules(policy: Policy, { nowMs }: LintCircumstances, warn: Warn): void {
  // What stands in a group is told once, not for every rule that uses it.
  const seen = new Set<Criterion>();
  for (const rule of policy.rules) {
    for (const { criterion, isNegated, group } of criteriaOf(rule.condition)) {
      if (seen.has(criterion)) continue;
      seen.add(criterion);
      const where = group === null ? criterion.kind : `group ${group}, ${criterion.kind}`;
      for (const words of repetitions(criterion)) warn(rule, `${where}: ${words}`);
      if (!isNegated) for (const words of tooWide(criterion, rule)) warn(rule, `${where}: ${words}`);
      if (criterion.kind === 'time' && isOver(criterion.window, nowMs)) {
        warn(rule, `${where}: '${criterion.window.text}' is over for good; remove it, or move 'until'`);
      }
    }
    if (rule.cache !== null && !canStore(rule.condition)) warn(rule, NEVER_CACHED);
    if (policy.defaultAction === 'deny' && isPassing(rule) && !isNarrow(rule.condition)) warn(rule, boundless(rule));
  }
}

/** Whether it lets pass what it matches. */
export function isPassing({ action }: Rule): boolean {
  return action !== 'deny' && action !== 'report';
}

interface PlacedCriterion {
  readonly criterion: Criterion;
  readonly isNegated: boolean;
  /** The group that it stands in. */
  readonly group: string | null;
}

function criteriaOf(condition: Condition, isNegated = false, group: string | null = null): readonly PlacedCriterion[] {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return condition.of.flatMap((part) => criteriaOf(part, isNegated, group));
    case 'not':
      return criteriaOf(condition.of, !isNegated, group);
    case 'group-use':
      return criteriaOf(condition.condition, isNegated, condition.name);
    case 'list-use':
      return [];
    default:
      return [{ criterion: condition, isNegated, group }];
  }
}

/** Values of a criterion that others of it have said already. */
function repetitions(criterion: Criterion): readonly string[] {
  switch (criterion.kind) {
    case 'host':
    case 'sni':
      return repeated(criterion.patterns, patternText, hostCovers);
    case 'address':
    case 'client':
      return repeated(criterion.blocks, ({ text }) => text, blockCovers);
    case 'port':
      return repeated(criterion.ranges, portRangeText, rangeCovers);
    case 'path':
    case 'user':
      return repeated(criterion.globs, ({ text }) => text, globCovers);
    case 'response_type':
      return repeated(criterion.types, ({ text }) => text, globCovers);
    case 'host_regex':
    case 'path_regex':
      return sameTwice(criterion.patterns.map(({ text }) => text));
    case 'scheme':
      return sameTwice(criterion.schemes);
    case 'method':
      return sameTwice(criterion.methods);
    case 'tunnel_protocol':
    case 'upgrade':
      return sameTwice(criterion.protocols);
    case 'domain':
    case 'group':
    case 'listener':
      return sameTwice(criterion.names);
    case 'query':
      return repeatedNamed(criterion.parameters);
    case 'field':
      return repeatedNamed(criterion.fields);
    case 'claim':
      return repeatedNamed(criterion.claims);
    case 'request_size':
    case 'response_size':
    case 'sni_agrees':
    case 'time':
      return [];
    default:
      return criterion satisfies never;
  }
}

function repeated<T>(values: readonly T[], textOf: (value: T) => string, isCovered: (wide: T, narrow: T) => boolean): readonly string[] {
  // Long enumerations are only looked through for the very same value: each with each would take its time.
  if (values.length > MOST_COMPARED) return sameTwice(values.map(textOf));
  const said = new Set<string>();
  for (const [index, value] of values.entries()) {
    const wider = values.findIndex((other, at) => at !== index && isCovered(other, value) && (at < index || !isCovered(value, other)));
    if (wider === -1) continue;
    const [text, widerText] = [textOf(value), textOf(values[wider]!)];
    said.add(text === widerText ? twice(text) : `${text} is within ${widerText} already; remove it`);
  }
  return [...said];
}

function sameTwice(texts: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  const said = new Set<string>();
  for (const text of texts) {
    if (seen.has(text)) said.add(twice(text));
    seen.add(text);
  }
  return [...said];
}

function twice(text: string): string {
  return `${text} stands twice; remove one`;
}

function repeatedNamed(named: readonly NamedGlobs[]): readonly string[] {
  return named.flatMap(({ name, globs }) => repeated(globs, ({ text }) => text, globCovers).map((words) => `${name}: ${words}`));
}

/** To deny all that one company lets people have is no mistake; to let it pass is one. */
function tooWide(criterion: Criterion, rule: Rule): readonly string[] {
  if (criterion.kind !== 'host') return [];
  return criterion.patterns.flatMap((pattern) => {
    const section = pattern.kind === 'exact' ? null : suffixSection(pattern.name);
    if (section === null || (section === 'private' && !isPassing(rule))) return [];
    const effect = isPassing(rule) ? 'lets pass whatever any of them puts there' : 'denies them all';
    return [
      `${patternText(pattern)} takes in names of many owners (${pattern.name} is a public suffix) and ${effect}; name the domains that are meant`,
    ];
  });
}

/** Whether the condition holds for some destinations only, or for some of those who ask. */
function isNarrow(condition: Condition): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.of.some(isNarrow);
    case 'any':
      return condition.of.every(isNarrow);
    case 'not':
      return false;
    case 'group-use':
      return isNarrow(condition.condition);
    case 'list-use':
      return true;
    default:
      return NARROW_KINDS.has(condition.kind);
  }
}

/** Whether it holds for a request whose answer a cache could keep: not for a tunnel, nor where something else than HTTP follows. */
function canStore(condition: Condition): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.of.every(canStore);
    case 'any':
      return condition.of.some(canStore);
    case 'group-use':
      return canStore(condition.condition);
    case 'method':
      return condition.methods.some((method) => CACHED_METHODS.has(method));
    case 'scheme':
      return condition.schemes.some((scheme) => scheme !== 'tunnel');
    default:
      return condition.kind !== 'upgrade';
  }
}

function boundless({ condition }: Rule): string {
  let asksAnything = false;
  visitLeaves(condition, (_leaf: Criterion | Named) => {
    asksAnything = true;
  });
  if (!asksAnything) return `lets everything pass, so that 'default: deny' says nothing; name hosts, or write 'default: allow'`;
  return 'names neither hosts nor who asks, so what it matches may go anywhere, for anybody; add host, domain, user or client';
}

function rangeCovers(wide: PortRange, narrow: PortRange): boolean {
  return wide.from <= narrow.from && wide.to >= narrow.to;
}

const DESTINATION_KINDS = ['host', 'host_regex', 'domain', 'address'] as const;
const CLIENT_KINDS = ['user', 'group', 'claim', 'client', 'listener'] as const;
const NARROW_KINDS: ReadonlySet<Criterion['kind']> = new Set([...DESTINATION_KINDS, ...CLIENT_KINDS]);
const MOST_COMPARED = 1_000;
/** RFC 9110 §9.2.3. */
const CACHED_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);
const NEVER_CACHED = 'cache: has no effect, since nothing that the rule matches is answered from a cache or stored in one; remove it';
