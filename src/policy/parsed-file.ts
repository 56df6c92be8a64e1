// Owns what one file of a policy says before it is joined with others: everything is read and checked, but names of groups and lists are only names.
import path from 'node:path';
import type { Criterion, Expression } from '../match/condition.ts';
import type { ListFormat } from './lists/list.ts';
import type { Policy, PolicyTest, Rule, SourcePosition } from './policy.ts';

export interface ParsedFile {
  readonly file: string;
  /** `null` in a file that is included: it has no say in what holds for the whole. */
  readonly head: PolicyHead | null;
  readonly groups: readonly ParsedGroup[];
  readonly lists: readonly ParsedList[];
  /** In their order, with included files where their rules stand. */
  readonly items: readonly (ParsedRule | Include)[];
  readonly tests: readonly ParsedTest[];
}

export type PolicyHead = Pick<Policy, 'defaultAction' | 'defaultPosition' | 'connectPorts' | 'connectPortsPosition' | 'anyMethod'>;

export type UnlinkedCondition = Expression<Criterion | Reference>;

/** The name of a group or a list in a condition. */
export interface Reference {
  readonly kind: 'reference';
  readonly key: 'in' | 'client_in';
  readonly name: string;
  readonly position: SourcePosition;
}

export interface ParsedGroup {
  readonly name: string;
  readonly condition: UnlinkedCondition;
  readonly position: SourcePosition;
}

export interface ParsedList {
  readonly name: string;
  readonly position: SourcePosition;
  /** `null` when problems keep it from being loaded; the name is known all the same. */
  readonly source: ParsedListSource | null;
}

export interface ParsedListSource {
  /** As written; relative to the file that names it. */
  readonly path: string;
  readonly format: ListFormat;
  readonly subdomains: boolean;
  readonly mayBeEmpty: boolean;
}

export interface ParsedRule {
  readonly kind: 'rule';
  readonly rule: Omit<Rule, 'condition'>;
  readonly condition: UnlinkedCondition;
  /** Where `allow_private`, `limits` and `dangerously_accept_certificate` stand; the rule's own place without them. */
  readonly allowPrivatePosition: SourcePosition;
  readonly limitsPosition: SourcePosition;
  readonly acceptPosition: SourcePosition;
}

export interface Include {
  readonly kind: 'include';
  /** As written; relative to the file that includes it. */
  readonly path: string;
  readonly position: SourcePosition;
}

export interface ParsedTest {
  readonly test: PolicyTest;
  /** Where `rule` stands; the test's own place without it. */
  readonly rulePosition: SourcePosition;
}

/** The path of a file that another one names. */
export function besideFile(file: string, named: string): string {
  return path.isAbsolute(named) ? path.normalize(named) : path.join(path.dirname(file), named);
}
