// Owns `policy check`: what is wrong in a policy, and what only looks like a mistake.
import { lintPolicy } from '../policy/lint/lint-policy.ts';
import { formatWarning } from '../policy/lint/warning.ts';
import type { Arguments } from './command.ts';
import { EXIT_OF_KIND, EXIT_OK } from './exit-codes.ts';
import { configuredPolicy, type ReadPolicy, readPolicy } from './policy-file.ts';
import { counted } from './quantities.ts';
import type { Terminal } from './terminal.ts';
import { tellProblems } from './told-problems.ts';

/** `policy check [FILE...]`: a line for each that is right, every problem of each that is not. @returns the highest code among them */
export async function checkPolicies(given: Arguments, terminal: Terminal): Promise<number> {
  const files = given.operands.length > 0 ? given.operands : [await configuredPolicy(given, terminal)];
  let code = EXIT_OK;
  for (const file of files) {
    try {
      const policy = await readPolicy(file);
      const warnings = warningsAbout(policy);
      for (const warning of warnings) terminal.report(warning);
      terminal.print(summary(policy, warnings.length));
      if (warnings.length > 0 && given.flags.has('strict')) code = Math.max(code, EXIT_OF_KIND.data);
    } catch (error) {
      code = Math.max(code, tellProblems(error, terminal));
    }
  }
  return code;
}

function warningsAbout({ compiled, warnings }: ReadPolicy): readonly string[] {
  return [...warnings, ...lintPolicy(compiled, { nowMs: Date.now() }).map(formatWarning)];
}

function summary({ compiled: { policy } }: ReadPolicy, warnings: number): string {
  const parts = [counted(policy.rules.length, 'rule'), `otherwise ${policy.defaultAction}`];
  if (policy.tests.length > 0) parts.push(counted(policy.tests.length, 'test'));
  if (warnings > 0) parts.push(counted(warnings, 'warning'));
  return `${policy.file}: ${parts.join(', ')}`;
}
