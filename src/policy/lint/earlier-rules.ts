// Owns finding, among the rules before one, the few that could match all that it matches: a rule for certain hosts can only cover what is about them.
// Without this, a policy of ten thousand rules would be compared ten thousand times ten thousand times.
import type { Condition } from '../../match/condition.ts';
import type { HostPattern } from '../../match/host-pattern.ts';
import type { Rule } from '../policy.ts';

export class EarlierRules {
  readonly #rules: Rule[] = [];
  /** Numbers of rules by the names in their host patterns; the others may be about any host. */
  readonly #byName = new Map<string, number[]>();
  readonly #others: number[] = [];

  add(rule: Rule): void {
    const number = this.#rules.push(rule) - 1;
    const patterns = hostsOf(rule.condition);
    if (patterns === null) this.#others.push(number);
    for (const name of new Set(patterns?.map((pattern) => pattern.name))) {
      const numbers = this.#byName.get(name);
      if (numbers === undefined) this.#byName.set(name, [number]);
      else numbers.push(number);
    }
  }

  /** In their order, those that could cover the condition. */
  candidatesFor(condition: Condition): readonly Rule[] {
    const pattern = hostsOf(condition)?.[0];
    if (pattern === undefined) return this.#rules;
    const numbers = [...this.#others];
    for (let { name } = pattern; ; name = name.slice(name.indexOf('.') + 1)) {
      numbers.push(...(this.#byName.get(name) ?? []));
      if (!name.includes('.')) break;
    }
    return numbers.sort((a, b) => a - b).map((number) => this.#rules[number]!);
  }
}

/** Patterns of which one matches the host whenever the condition holds; `null` when it does not say. */
function hostsOf(condition: Condition): readonly HostPattern[] | null {
  switch (condition.kind) {
    case 'host':
      return condition.patterns;
    case 'group-use':
      return hostsOf(condition.condition);
    case 'all':
      for (const part of condition.of) {
        const patterns = hostsOf(part);
        if (patterns !== null) return patterns;
      }
      return null;
    default:
      return null;
  }
}
