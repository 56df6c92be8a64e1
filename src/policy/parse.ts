// Owns the short way from text to policy, for a file that stands alone, and the words for problems.
import { linkPolicy } from './link.ts';
import { parseFile } from './parse-file.ts';
import type { Policy } from './policy.ts';
import { type PolicyProblem, sortProblems } from './yaml-source.ts';

export type ParsedPolicy = { readonly policy: Policy } | { readonly problems: readonly PolicyProblem[] };

/**
 * A policy of one file; files that it includes and lists that it names are problems, since nothing is read.
 *
 * @param file names the text in positions
 * @throws never
 */
export function parsePolicy(text: string, file: string): ParsedPolicy {
  const { parsed, problems } = parseFile(text, file, 'main');
  if (parsed === null) return { problems: sortProblems(problems) };
  const linked = linkPolicy(parsed, new Map(), new Map());
  if ('policy' in linked && problems.length === 0) return linked;
  return { problems: sortProblems('policy' in linked ? problems : [...problems, ...linked.problems]) };
}

/** `policies/open.yaml:12:5: unknown key 'hosts' in allow; did you mean 'host'?` */
export function formatProblem(problem: PolicyProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  return `${place}: ${problem.message}`;
}
