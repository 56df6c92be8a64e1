// Owns what a warning is: what a check knows of the circumstances, how it tells, and how that reads.
import type { Rule } from '../policy.ts';
import type { PolicyProblem } from '../yaml-source.ts';

export interface LintCircumstances {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Tells of a rule what is doubtful about it. */
export type Warn = (rule: Rule, message: string) => void;

/** `p.yaml:12:5: warning: ...` */
export function formatWarning({ file, line, column, message }: PolicyProblem): string {
  return `${file}:${line}:${column}: warning: ${message}`;
}
