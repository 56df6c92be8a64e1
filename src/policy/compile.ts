// Owns the form of a policy that is quick to judge: rules filed by what they ask for, so that the time of a decision does not grow with their number.
// It adds nothing to the meaning: the first rule that matches decides, as if they were tried in order.
import type { Condition, Criterion, Named, SizeBound } from '../match/condition.ts';
import type { Judgement } from '../match/criterion-holds.ts';
import { judgementOf } from '../match/judge.ts';
import type { Policy, Rule } from './policy.ts';
import { buildRuleIndex, type RuleIndex } from './rule-index.ts';

export interface CompiledPolicy {
  readonly policy: Policy;
  /** In the policy's order; the numbers in `index` count from 0 here. */
  readonly rules: readonly CompiledRule[];
  readonly index: RuleIndex;
  /** The most octets of content before some rule judges otherwise, ascending; empty when no rule asks for the size. */
  readonly requestSizes: readonly number[];
  readonly responseSizes: readonly number[];
  /** What can tell one address of a name from another. */
  readonly addressCriteria: readonly Judgement[];
  /** Whether some rule asks what time it is: for all others the moment of a question need not be known. */
  readonly asksTime: boolean;
  /** Whether some rule asks who it is: then nobody's tunnel is opened before that is known, where it may matter inside. */
  readonly asksIdentity: boolean;
}

export interface CompiledRule {
  readonly rule: Rule;
  readonly judgement: Judgement;
  readonly asksPath: boolean;
  readonly asksIdentity: boolean;
}

export function compilePolicy(policy: Policy): CompiledPolicy {
  const requestSizes = new Set<number>();
  const responseSizes = new Set<number>();
  const addressCriteria = new Set<Judgement>();
  let asksTime = false;
  const rules = policy.rules.map((rule): CompiledRule => {
    let asksPath = false;
    let asksIdentity = false;
    visitLeaves(rule.condition, (leaf) => {
      if (leaf.kind === 'path' || leaf.kind === 'path_regex') asksPath = true;
      else if (leaf.kind === 'request_size') for (const bound of leaf.bounds) requestSizes.add(mostBefore(bound));
      else if (leaf.kind === 'response_size') for (const bound of leaf.bounds) responseSizes.add(mostBefore(bound));
      else if (leaf.kind === 'time') asksTime = true;
      else if (IDENTITY_KINDS.has(leaf.kind)) asksIdentity = true;
      else if (asksAddress(leaf)) addressCriteria.add(judgementOf(leaf));
    });
    return { rule, judgement: judgementOf(rule.condition), asksPath, asksIdentity };
  });
  return {
    policy,
    rules,
    index: buildRuleIndex(policy.rules.map(({ condition }) => condition)),
    requestSizes: ascending(requestSizes),
    responseSizes: ascending(responseSizes),
    addressCriteria: [...addressCriteria],
    asksTime,
    asksIdentity: rules.some(({ asksIdentity }) => asksIdentity),
  };
}

/** Every criterion and every named thing of a condition, those inside groups too. */
export function visitLeaves(condition: Condition, visit: (leaf: Criterion | Named) => void): void {
  switch (condition.kind) {
    case 'all':
    case 'any':
      for (const part of condition.of) visitLeaves(part, visit);
      return;
    case 'not':
      visitLeaves(condition.of, visit);
      return;
    case 'group-use':
      visit(condition);
      visitLeaves(condition.condition, visit);
      return;
    default:
      visit(condition);
  }
}

const IDENTITY_KINDS: ReadonlySet<Condition['kind']> = new Set(['user', 'group', 'claim']);

function asksAddress(leaf: Criterion | Named): boolean {
  return leaf.kind === 'address' || (leaf.kind === 'list-use' && leaf.list.kind === 'addresses' && leaf.of === 'destination');
}

function mostBefore({ relation, bytes }: SizeBound): number {
  return relation === 'over' ? bytes : bytes - 1;
}

function ascending(numbers: ReadonlySet<number>): readonly number[] {
  return [...numbers].sort((a, b) => a - b);
}
