// Owns the reasons that say most about a rule: of an explanation with every criterion, the one sentence why it was passed over, and the few why it
// matches.
import type { ExplainedCriterion, ExplainedRule } from './explain.ts';

/** Why the rule does not match, or what is missing to know it: `method POST is not GET or HEAD`. Empty for a rule that matches. */
export function whyNot(rule: ExplainedRule): string {
  return rule.truth === 'true' ? '' : whyNotAll(treeOf(rule.criteria), rule.truth);
}

/** Why the rule matches: what holds, of alternatives the first that does. */
export function whySo(rule: ExplainedRule): readonly string[] {
  return treeOf(rule.criteria).flatMap(truths);
}

/** Whether something that the rule says about the destination's host holds, so that a reader might think the rule applies. */
export function meetsHost(rule: ExplainedRule): boolean {
  return rule.criteria.some(saysHost);
}

/** A criterion and those below it. */
interface Node {
  readonly criterion: ExplainedCriterion;
  readonly parts: readonly Node[];
}

function whyNotAll(nodes: readonly Node[], truth: ExplainedRule['truth']): string {
  const node = nodes.find(({ criterion }) => criterion.truth === truth);
  return node === undefined ? '' : whyNotOne(node);
}

function whyNotOne({ criterion, parts }: Node): string {
  const { kind, truth, words } = criterion;
  switch (kind) {
    case 'all':
      return whyNotAll(parts, truth);
    case 'any': {
      const nearest =
        parts.find((part) => part.criterion.truth === truth && holdsHost(part)) ?? parts.find((part) => part.criterion.truth === truth);
      return nearest === undefined ? 'none of its alternatives holds' : whyNotOne(nearest);
    }
    case 'not':
      return truth === 'false' ? `excepted, since ${parts.flatMap(truths).join(' and ')}` : whyNotAll(parts, truth);
    case 'group-use':
      return `${words}: ${whyNotAll(parts, truth)}`;
    default:
      return words;
  }
}

/** What holds in a part that holds. */
function truths({ criterion, parts }: Node): readonly string[] {
  if (criterion.truth !== 'true') return [];
  switch (criterion.kind) {
    case 'any':
      return truths(parts.find((part) => part.criterion.truth === 'true')!);
    case 'not':
      return [`not excepted: ${whyNotAll(parts, 'false')}`];
    case 'all':
    case 'group-use':
      return [...(criterion.kind === 'all' ? [] : [criterion.words]), ...parts.flatMap(truths)];
    default:
      return [criterion.words];
  }
}

function holdsHost({ criterion, parts }: Node): boolean {
  return saysHost(criterion) || parts.some(holdsHost);
}

function saysHost({ kind, truth }: ExplainedCriterion): boolean {
  return truth === 'true' && HOST_LIKE.has(kind);
}

/** The flat list has each part of a combination below it, one deeper. */
function treeOf(criteria: readonly ExplainedCriterion[]): readonly Node[] {
  const roots: Node[] = [];
  const open: { readonly criterion: ExplainedCriterion; readonly parts: Node[] }[] = [];
  for (const criterion of criteria) {
    open.length = criterion.depth;
    const node = { criterion, parts: [] };
    (open.at(-1)?.parts ?? roots).push(node);
    open.push(node);
  }
  return roots;
}

const HOST_LIKE: ReadonlySet<ExplainedCriterion['kind']> = new Set(['host', 'host_regex', 'domain', 'address', 'list-use']);
