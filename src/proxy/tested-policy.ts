// Owns the way from a policy's file to the policy that holds: with its lists, judged by its own tests, and known to the record by its digest.
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { StartError } from '../errors/start-error.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { loadPolicy } from '../policy/load.ts';
import { describeExpectation, describeOutcome, runPolicyTests, type TestOutcome } from '../policy/run-tests.ts';
import { formatProblem } from '../policy/yaml-source.ts';
import type { LastingParts } from './lasting-parts.ts';

/** @throws StartError with every problem */
export async function loadTestedPolicy({ policyFile, stateFolder }: Config, lasting: LastingParts): Promise<CompiledPolicy> {
  const loaded = await loadPolicy(policyFile, { listCacheFolder: stateFolder === null ? null : path.join(stateFolder, 'lists') });
  // Those of one that cannot be used as well: when they are mended, it can.
  lasting.policyFiles = loaded.files;
  for (const warning of loaded.warnings) lasting.report(warning);
  if ('problems' in loaded) {
    const isUnreadable = loaded.problems.some(({ line }) => line === 0);
    throw new StartError(isUnreadable ? 'unreadable' : 'data', loaded.problems.map(formatProblem));
  }
  const failed = runPolicyTests(loaded.compiled, Date.now()).filter(({ failure }) => failure !== null);
  if (failed.length > 0) throw new StartError('data', failed.map(testProblem));
  await lasting.recording?.policyHolds(loaded.compiled.policy, loaded.files);
  return loaded.compiled;
}

/** A line for people. */
export function summaryOf({ policy }: CompiledPolicy): string {
  const rules = policy.rules.length;
  return `${policy.file}: ${rules} ${rules === 1 ? 'rule' : 'rules'}, otherwise ${policy.defaultAction}`;
}

function testProblem(outcome: TestOutcome): string {
  const { position } = outcome.test;
  const message = `a test of this policy fails: expected ${describeExpectation(outcome.test)}, got ${describeOutcome(outcome)}`;
  return formatProblem({ ...position, message });
}
