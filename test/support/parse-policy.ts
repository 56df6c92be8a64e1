// A policy of one file out of its text, with nothing read from the disk.
import { linkPolicy } from '../../src/policy/link.ts';
import { parseFile } from '../../src/policy/parse-file.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { type PolicyProblem, sortProblems } from '../../src/policy/yaml-source.ts';

export type ParsedPolicy = { readonly policy: Policy } | { readonly problems: readonly PolicyProblem[] };

/**
 * Files that it includes and lists that it names are problems.
 *
 * @param file names the text in positions
 */
export function parsePolicy(text: string, file: string): ParsedPolicy {
  const { parsed, problems } = parseFile(text, file, 'main');
  if (parsed === null) return { problems: sortProblems(problems) };
  const linked = linkPolicy(parsed, new Map(), new Map());
  if ('policy' in linked && problems.length === 0) return linked;
  return { problems: sortProblems('policy' in linked ? problems : [...problems, ...linked.problems]) };
}
