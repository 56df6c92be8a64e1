// Owns what a command says of what an operator can put right: a line for each problem, and the exit code of its kind.
import { StartError } from '../errors/start-error.ts';
import { EXIT_OF_KIND } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** @returns the exit code @throws what is no StartError: a defect */
export function tellProblems(error: unknown, terminal: Terminal): number {
  if (!(error instanceof StartError)) throw error;
  for (const problem of error.problems) terminal.report(problem);
  return EXIT_OF_KIND[error.kind];
}
