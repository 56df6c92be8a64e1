// Owns joining the files of a policy: the rules of included files where they are included, every name with what it stands for. All files share one
// namespace for groups and lists, so a name means one thing wherever it stands.
// Refuses names that nothing has or that two things have, and more rules and groups than can be judged quickly.
import type { Condition, List } from '../match/condition.ts';
import { type ConditionLinker, linkCondition, linkGroup, type Name } from './link-condition.ts';
import { besideFile, type ParsedFile, type ParsedRule } from './parsed-file.ts';
import type { Policy, PolicyTest, Rule, SourcePosition } from './policy.ts';
import { hint, type PolicyProblem } from './yaml-source.ts';

export type Linked = { readonly policy: Policy } | { readonly problems: readonly PolicyProblem[] };

/**
 * @param included by their paths, as `besideFile` makes them; `null` is a file that could not be read
 * @param lists by their names; `null` is one that could not be loaded
 * @returns problems, but none for what is `null`: whoever tried knows why
 * @throws never
 */
export function linkPolicy(
  main: ParsedFile,
  included: ReadonlyMap<string, ParsedFile | null>,
  lists: ReadonlyMap<string, List | null>,
): Linked {
  const problems: PolicyProblem[] = [];
  const report = (position: SourcePosition, message: string) => problems.push({ ...position, message });
  const { files, parsedRules } = collect(main, included, report);
  const isWhole = [...included.values()].every((each) => each !== null);
  const names = collectNames(files, report);
  const linker: ConditionLinker = { names, lists, isWhole, groups: new Map(), hint: fewHints([...names.keys()]), report };
  reportTooMany(files, parsedRules, report);

  for (const { groups } of files) for (const group of groups) linkGroup(linker, group, []);
  const rules = linkRules(linker, parsedRules);
  const tests = linkTests(files, rules, isWhole, report);
  const isLoaded = [...lists.values()].every((each) => each !== null);
  if (main.head === null || !isWhole || !isLoaded || problems.length > 0) return { problems };
  return { policy: { ...main.head, file: main.file, files: filesOf(files), rules, tests } };
}

type Report = (position: SourcePosition, message: string) => void;

function collect(main: ParsedFile, included: ReadonlyMap<string, ParsedFile | null>, report: Report) {
  const files = new Set<ParsedFile>();
  const parsedRules: ParsedRule[] = [];
  const add = (parsed: ParsedFile) => {
    files.add(parsed);
    for (const item of parsed.items) {
      const file = item.kind === 'rule' ? null : included.get(besideFile(parsed.file, item.path));
      if (item.kind === 'rule') parsedRules.push(item);
      else if (file === undefined) report(item.position, `include: ${item.path} has not been read`);
      else if (file !== null && !files.has(file)) add(file);
    }
  };
  add(main);
  return { files: [...files], parsedRules };
}

function collectNames(files: readonly ParsedFile[], report: Report): ReadonlyMap<string, Name> {
  const names = new Map<string, Name>();
  const add = (name: Name) => {
    const { name: word, position } = name.kind === 'group' ? name.group : name.list;
    const earlier = names.get(word);
    if (earlier === undefined) names.set(word, name);
    else {
      const { position: first } = earlier.kind === 'group' ? earlier.group : earlier.list;
      report(
        position,
        `'${word}' is the name of a ${earlier.kind} already, on ${placeOf(first)}; in all files of a policy a name stands for one thing`,
      );
    }
  };
  for (const { groups, lists } of files) {
    for (const group of groups) add({ kind: 'group', group });
    for (const list of lists) add({ kind: 'list', list });
  }
  return names;
}

function linkRules(linker: ConditionLinker, parsedRules: readonly ParsedRule[]): readonly Rule[] {
  const counted = new Map<string, Rule>();
  let size = 0;
  return parsedRules.map(({ rule, condition, allowPrivatePosition, limitsPosition, acceptPosition }) => {
    const linked = linkCondition(linker, condition, []);
    if (size <= MOST_CRITERIA && (size += linked.size) > MOST_CRITERIA)
      linker.report(
        rule.position,
        `up to this rule, there are more than ${MOST_CRITERIA} criteria, groups written out; use lists for long enumerations`,
      );
    if (rule.allowPrivate !== 'none' && linker.isWhole && !isForNamedHosts(linked.condition))
      linker.report(
        allowPrivatePosition,
        `allow_private: only with a 'host' or 'domain' criterion; the address guard is loosened for named hosts alone`,
      );
    if (rule.acceptCertificate !== null && linker.isWhole && !isForNamedHosts(linked.condition))
      linker.report(
        acceptPosition,
        `dangerously_accept_certificate: only with a 'host' or 'domain' criterion; certificates are forgiven to named hosts alone`,
      );
    const whole: Rule = { ...rule, condition: linked.condition };
    if (rule.limits?.bytesPerDay != null && rule.name !== null) {
      const other = counted.get(rule.name);
      if (other === undefined) counted.set(rule.name, whole);
      else
        linker.report(
          limitsPosition,
          `per_day: the rule on ${placeOf(other.position)} counts under the name '${rule.name}' too; give one another name`,
        );
    }
    return whole;
  });
}

/** Whether nothing matches but hosts that the rule names. */
function isForNamedHosts(condition: Condition): boolean {
  switch (condition.kind) {
    case 'host':
    case 'domain':
      return true;
    case 'all':
      return condition.of.some(isForNamedHosts);
    case 'any':
      return condition.of.every(isForNamedHosts);
    case 'group-use':
      return isForNamedHosts(condition.condition);
    default:
      return false;
  }
}

function linkTests(files: readonly ParsedFile[], rules: readonly Rule[], isWhole: boolean, report: Report): readonly PolicyTest[] {
  const names = new Set(['default', ...rules.flatMap((rule) => rule.name ?? [])]);
  const hintFor = fewHints([...names]);
  return files.flatMap(({ tests }) =>
    tests.map(({ test, rulePosition }) => {
      const { expectedRule } = test;
      if (isWhole && expectedRule !== null && !names.has(expectedRule))
        report(rulePosition, `rule: no rule has the name '${expectedRule}'${hintFor(expectedRule)}`);
      return test;
    }),
  );
}

/** A word is held against every name, so a file full of unknown words gets hints for the first ones only. */
function fewHints(names: readonly string[]): (word: string) => string {
  let left = MOST_HINTS;
  return (word) => {
    left -= 1;
    return left < 0 ? '' : hint(word, names);
  };
}

function reportTooMany(files: readonly ParsedFile[], rules: readonly ParsedRule[], report: Report): void {
  const rule = rules[MOST_RULES];
  if (rule !== undefined)
    report(rule.rule.position, `this is rule ${MOST_RULES + 1}; a policy has ${MOST_RULES} at most. Use lists for long enumerations`);
  const group = files.flatMap(({ groups }) => groups)[MOST_GROUPS];
  if (group !== undefined) report(group.position, `this is group ${MOST_GROUPS + 1}; a policy has ${MOST_GROUPS} at most`);
}

function filesOf(files: readonly ParsedFile[]): readonly string[] {
  return files.flatMap(({ file, lists }) => [
    file,
    ...lists.flatMap(({ source }) => (source === null ? [] : besideFile(file, source.path))),
  ]);
}

function placeOf({ file, line, column }: SourcePosition): string {
  return `${file}:${line}:${column}`;
}

const MOST_HINTS = 20;
const MOST_RULES = 100_000;
const MOST_GROUPS = 10_000;
const MOST_CRITERIA = 1_000_000;
