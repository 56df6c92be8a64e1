// Owns `policy test`: the tests that stand in policies are run, and what came out is told to a person or to a CI server.
import { StartError } from '../errors/start-error.ts';
import type { Rule } from '../policy/policy.ts';
import { runPolicyTests, unreachedRules } from '../policy/run-tests.ts';
import type { Arguments } from './command.ts';
import { EXIT_DIFFERENT, EXIT_OK } from './exit-codes.ts';
import { configuredPolicy, readPolicy } from './policy-file.ts';
import { type FormatResults, RESULT_FORMATS, summary, type TestedPolicy } from './policy-test-formats.ts';
import { placeText, ruleText } from './policy-words.ts';
import { counted } from './quantities.ts';
import type { Terminal } from './terminal.ts';
import { tellProblems } from './told-problems.ts';
import { writeResult } from './written-file.ts';

/** `policy test [FILE...]` @returns the highest code among the files */
export async function testPolicies(given: Arguments, terminal: Terminal): Promise<number> {
  const format = formatOf(given);
  const least = leastCoverage(given);
  const files = given.operands.length > 0 ? given.operands : [await configuredPolicy(given, terminal)];
  const { tested, code } = await testAll(files, Date.now(), terminal);
  const output = given.flags.get('output')?.[0];
  const isToPerson = format === RESULT_FORMATS.text || output !== undefined;
  if (output !== undefined) await writeResult(output, format(tested), terminal.workingDirectory);
  else terminal.print(format(tested).trimEnd());
  if (output !== undefined) for (const each of tested) terminal.print(summary(each));
  if (!given.flags.has('coverage')) return code;
  let covered = code;
  for (const each of tested) {
    const { lines, percent } = coverage(each);
    for (const line of lines) (isToPerson ? terminal.print : terminal.tell)(line);
    if (least !== null && percent < least) {
      terminal.report(`${each.compiled.policy.file}: ${floored(percent)}% of the rules are reached by a test; --least asks for ${least}%`);
      covered = Math.max(covered, EXIT_DIFFERENT);
    }
  }
  return covered;
}

async function testAll(files: readonly string[], nowMs: number, terminal: Terminal) {
  const tested: TestedPolicy[] = [];
  let code = EXIT_OK;
  for (const file of files) {
    try {
      const { compiled } = await readPolicy(file);
      const outcomes = runPolicyTests(compiled, nowMs);
      tested.push({ compiled, outcomes });
      if (outcomes.some(({ failure }) => failure !== null)) code = Math.max(code, EXIT_DIFFERENT);
    } catch (error) {
      code = Math.max(code, tellProblems(error, terminal));
    }
  }
  return { tested, code };
}

function coverage({ compiled, outcomes }: TestedPolicy): { readonly lines: readonly string[]; readonly percent: number } {
  const { file, rules } = compiled.policy;
  const unreached = unreachedRules(compiled, outcomes);
  const reached = rules.length - unreached.length;
  const percent = rules.length === 0 ? 100 : (reached * 100) / rules.length;
  const lines = [
    `${file}: tests reach ${reached} of ${counted(rules.length, 'rule')} (${floored(percent)}%)`,
    ...unreached.map(unreachedLine),
  ];
  return { lines, percent };
}

function unreachedLine({ action, name, position }: Rule): string {
  return `  not reached  ${action} ${ruleText(name)}  ${placeText(position)}`;
}

/** Never more than there is: 99.9% is not all. */
function floored(percent: number): number {
  return Math.floor(percent);
}

function formatOf({ flags }: Arguments): FormatResults {
  const name = flags.get('format')?.[0] ?? 'text';
  if (!Object.hasOwn(RESULT_FORMATS, name))
    throw new StartError('usage', [`--format: "${name}" is none of ${Object.keys(RESULT_FORMATS).join(', ')}.`]);
  return RESULT_FORMATS[name as keyof typeof RESULT_FORMATS];
}

function leastCoverage({ flags }: Arguments): number | null {
  const text = flags.get('least')?.[0];
  if (text === undefined) return null;
  if (!flags.has('coverage')) throw new StartError('usage', ['--least: add --coverage, which it is about.']);
  const percent = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (!(percent <= 100)) throw new StartError('usage', [`--least: "${text}" is not a whole number from 0 to 100.`]);
  return percent;
}
