// The YAML in the READMEs, read by the parsers that read an operator's: what is documented can be pasted.
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseFile as parseSettings } from '../../../src/config/parse.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { MATCH_KEYS } from '../../../src/policy/parse-condition.ts';
import { parseFile as parsePolicyFile } from '../../../src/policy/parse-file.ts';
import { describeOutcome, runPolicyTests } from '../../../src/policy/run-tests.ts';
import { formatProblem } from '../../../src/policy/yaml-source.ts';
import { temporaryFolder } from '../../support/temp-files.ts';

interface Sample {
  /** `README.md:120` */
  readonly place: string;
  readonly yaml: string;
}

const samples = [...(await samplesOf('README.md')), ...(await samplesOf('policies/README.md'))];
const complete = samples.filter(({ yaml }) => /^version:/m.test(yaml));
const fragments = samples.filter(({ yaml }) => !/^version:/m.test(yaml) && /^(?:groups|lists|rules|tests|- )/m.test(yaml));
const settings = samples.filter((sample) => !complete.includes(sample) && !fragments.includes(sample));

describe('a policy that stands whole in a README', () => {
  test.each(complete)('$place loads, and passes its own tests', async ({ yaml }) => {
    const folder = temporaryFolder(onTestFinished);
    await cp('policies/lists', path.join(folder, 'lists'), { recursive: true });
    const file = path.join(folder, 'policy.yaml');
    await writeFile(file, yaml);
    const loaded = await loadPolicy(file);
    if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    const failed = runPolicyTests(loaded.compiled, Date.now()).filter(({ failure }) => failure !== null);
    expect(failed.map(describeOutcome)).toEqual([]);
  });
});

describe('a part of a policy in a README', () => {
  test.each(fragments)('$place has no problems', ({ yaml, place }) => {
    const whole = `version: 1\ndefault: deny\n${yaml.startsWith('- ') ? 'rules:\n' : ''}${yaml}`;
    expect(parsePolicyFile(whole, place, 'main').problems.map(formatProblem)).toEqual([]);
  });
});

describe('settings in a README', () => {
  test.each(settings)('$place have no problems', ({ yaml, place }) => {
    expect(parseSettings(yaml, place, (file) => path.resolve('/etc/sallyport', file)).problems).toEqual([]);
  });
});

/** The first column of the table: `host: example.com`, as it would stand in a rule. */
const criteria = [...(await readFile('policies/README.md', 'utf8')).matchAll(/^\| `([a-z_]+: [^`]+)`/gm)]
  .map(([, criterion]) => criterion!)
  .filter((criterion) => !criterion.includes('...'));

describe('a criterion in the table of policies/README.md', () => {
  test.each(criteria)('%s has no problems', (criterion) => {
    const whole = `version: 1\ndefault: deny\nrules:\n- allow:\n    ${criterion}\n`;
    expect(parsePolicyFile(whole, 'table', 'main').problems.map(formatProblem)).toEqual([]);
  });

  test('stands for each that there is', () => {
    const documented = new Set(criteria.map((criterion) => criterion.split(':', 1)[0]));
    expect(MATCH_KEYS.filter((key) => !documented.has(key))).toEqual(['all', 'any', 'not']);
  });
});

test('there are samples of each kind', () => {
  for (const kind of [complete, fragments, settings]) expect(kind.length).toBeGreaterThan(0);
});

async function samplesOf(file: string): Promise<readonly Sample[]> {
  const text = await readFile(file, 'utf8');
  return [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => ({
    place: `${file}:${text.slice(0, match.index).split('\n').length}`,
    yaml: match[1]!,
  }));
}
