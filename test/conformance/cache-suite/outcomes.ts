// Owns what the results of the public suite mean: the outcome of each test, the table of kinds and suites, and what is not as explained.
//
// As on the suite's own pages, a test whose preparation did not go as expected, or that builds on one that did not pass, says nothing: it is not
// applicable. It counts as not passed here, and has to be explained like one that failed. Checks only ask how a cache behaves; no answer is wrong.
import type { SuiteResult } from 'http-cache-tests/client/runner.mjs';
import type { Suite, SuiteTest } from 'http-cache-tests/tests/index.mjs';

export type Kind = (typeof KINDS)[number];
export type Verdict = (typeof VERDICTS)[number];

export interface Outcome {
  readonly id: string;
  readonly suite: string;
  readonly kind: Kind;
  readonly verdict: Verdict;
  /** What went otherwise; empty for a test that passed, `not run` for one that the suite passed over. */
  readonly reason: string;
}

/** One outcome for each test that was to run, in the suite's order. @param results by the id of the test */
export function outcomesOf(suites: readonly Suite[], results: Readonly<Record<string, SuiteResult>>): Outcome[] {
  const tests = new Map<string, SuiteTest>(suites.flatMap((suite) => suite.tests.map((test) => [test.id, test])));
  const judge = (test: SuiteTest): Pick<Outcome, 'verdict' | 'reason'> => {
    const result = results[test.id];
    if (result === undefined) return { verdict: 'failed', reason: 'not run' };
    const broken = test.depends_on?.find((id) => judge(tests.get(id)!).verdict !== 'passed');
    if (broken !== undefined) return { verdict: 'not applicable', reason: `builds on ${broken}, which did not pass` };
    if (result === true) return { verdict: 'passed', reason: '' };
    const [name, message] = result;
    if (name === 'Setup') return { verdict: 'not applicable', reason: `preparation: ${message}` };
    return { verdict: 'failed', reason: name === 'Assertion' ? message : `${name}: ${message}` };
  };
  return suites.flatMap((suite) =>
    suite.tests.filter(isForProxies).map((test) => ({ id: test.id, suite: suite.id, kind: test.kind ?? 'required', ...judge(test) })),
  );
}

/** One of the suite's figures: how many of a kind there are, and how many passed. */
export function countOf(outcomes: readonly Outcome[], kind: Kind): { readonly passed: number; readonly total: number } {
  const ofKind = outcomes.filter((outcome) => outcome.kind === kind);
  return { passed: ofKind.filter(({ verdict }) => verdict === 'passed').length, total: ofKind.length };
}

/** The line that is quoted: `required 160 of 160, optimal 88 of 88, checks answered yes 60 of 86`. */
export function summaryOf(outcomes: readonly Outcome[]): string {
  const [required, optimal, check] = KINDS.map((kind) => countOf(outcomes, kind)).map(({ passed, total }) => `${passed} of ${total}`);
  return `required ${required}, optimal ${optimal}, checks answered yes ${check}`;
}

/** A row for each suite, three columns for each kind: passed, failed and not applicable. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const suites = [...new Set(outcomes.map(({ suite }) => suite))];
  const cells = (name: string, of: readonly Outcome[]): string => {
    const counts = KINDS.map((kind) =>
      VERDICTS.map((verdict) => of.filter((each) => each.kind === kind && each.verdict === verdict).length || '-')
        .map((count) => String(count).padStart(5))
        .join(''),
    );
    return [name.padEnd(NAME_WIDTH), ...counts].join(' |');
  };
  return [
    ['suite'.padEnd(NAME_WIDTH), ...KINDS.map((kind) => ` ${kind.padEnd(14)}`)].join(' |'),
    [''.padEnd(NAME_WIDTH), ...KINDS.map((kind) => (kind === 'check' ? '  yes   no  n/a' : ' pass fail  n/a'))].join(' |'),
    ...suites.map((suite) =>
      cells(
        suite,
        outcomes.filter((outcome) => outcome.suite === suite),
      ),
    ),
    cells('all', outcomes),
  ].join('\n');
}

/** Required and optimal tests that did not pass. */
export function missesOf(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(({ kind, verdict }) => kind !== 'check' && verdict !== 'passed');
}

/** A line for each miss that nobody has explained, and for each explanation of something that is no miss. @param explained by the id of the test */
export function notAsExplained(outcomes: readonly Outcome[], explained: Readonly<Record<string, string>>): string[] {
  const misses = new Map(missesOf(outcomes).map((miss) => [miss.id, miss]));
  const surprises = [...misses.values()].filter(({ id }) => explained[id] === undefined);
  const settled = Object.keys(explained).filter((id) => !misses.has(id));
  return [
    ...surprises.map(
      ({ id, kind, verdict, reason }) => `${id} (${kind}) ${verdict === 'failed' ? 'fails' : 'is not applicable'}: ${reason}`,
    ),
    ...settled.map((id) => `${id} is explained, but it passes (or there is no such test)`),
  ];
}

function isForProxies(test: SuiteTest): boolean {
  return test.browser_only !== true;
}

const KINDS = ['required', 'optimal', 'check'] as const;
const VERDICTS = ['passed', 'failed', 'not applicable'] as const;
const NAME_WIDTH = 15;
