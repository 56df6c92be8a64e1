// The policies that come with the program: each is an example to copy, so it has to be as good as what `policy check` asks of others.
import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { CompiledPolicy } from '../../../src/policy/compile.ts';
import { lintPolicy } from '../../../src/policy/lint/lint-policy.ts';
import { type LoadedPolicy, loadPolicy } from '../../../src/policy/load.ts';
import { describeOutcome, runPolicyTests, unreachedRules } from '../../../src/policy/run-tests.ts';
import { formatProblem } from '../../../src/policy/yaml-source.ts';

const FOLDER = 'policies';
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml')).map((name) => `${FOLDER}/${name}`);

describe.each(files)('%s', (file) => {
  test('has no problems, and no warnings', async () => {
    const loaded = await loadPolicy(file);
    const compiled = compiledOf(loaded);
    expect(loaded.warnings).toEqual([]);
    expect(loaded.lists.map((list) => list.skipped)).toEqual(loaded.lists.map(() => 0));
    expect(lintPolicy(compiled, { nowMs: Date.now() }).map(formatProblem)).toEqual([]);
  });

  test('passes its own tests, today and in half a year', async () => {
    const compiled = compiledOf(await loadPolicy(file));
    for (const nowMs of [Date.now(), Date.now() + 183 * 86_400_000]) {
      const failed = runPolicyTests(compiled, nowMs).filter(({ failure }) => failure !== null);
      expect(failed.map(describeOutcome)).toEqual([]);
    }
  });

  test('has a test for every rule', async () => {
    const compiled = compiledOf(await loadPolicy(file));
    const unreached = unreachedRules(compiled, runPolicyTests(compiled, Date.now()));
    expect(unreached.map(({ name }) => name)).toEqual([]);
  });

  test('names its schema to editors, and then says what it shows', async () => {
    expect(await readFile(file, 'utf8')).toMatch(/^# yaml-language-server: \$schema=policy\.schema\.json\n# Shows .{20,}\n/);
  });
});

test('each of them stands in the table of policies/README.md', async () => {
  const text = await readFile(`${FOLDER}/README.md`, 'utf8');
  for (const file of files) expect(text).toContain(`](${file.slice(FOLDER.length + 1)})`);
});

function compiledOf(loaded: LoadedPolicy): CompiledPolicy {
  if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.compiled;
}
