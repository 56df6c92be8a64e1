// Owns how the results of tests read: text for people, TAP version 14, and the XML that CI servers know from JUnit.
import type { CompiledPolicy } from '../policy/compile.ts';
import { explain } from '../policy/explain.ts';
import { requestText } from '../policy/request-text.ts';
import { describeExpectation, describeOutcome, type TestOutcome } from '../policy/run-tests.ts';
import { whyNot } from '../policy/why-not.ts';
import { hanging, placeText, ruleText } from './policy-words.ts';
import { counted } from './quantities.ts';

/** What became of the tests of one policy. */
export interface TestedPolicy {
  readonly compiled: CompiledPolicy;
  readonly outcomes: readonly TestOutcome[];
}

/** Whole lines, the last one ended. */
export type FormatResults = (tested: readonly TestedPolicy[]) => string;

export const RESULT_FORMATS = { text, tap, junit } as const satisfies Readonly<Record<string, FormatResults>>;

/** `corporate.yaml: 12 tests passed` */
export function summary({ compiled: { policy }, outcomes }: TestedPolicy): string {
  if (outcomes.length === 0)
    return `${policy.file}: no tests; add some under 'tests:', such as - { request: GET http://example.com/, expect: allow }`;
  const failed = outcomes.filter(({ failure }) => failure !== null).length;
  const passed = outcomes.length - failed;
  return `${policy.file}: ${counted(passed, 'test')} passed${failed === 0 ? '' : `, ${failed} failed`}`;
}

function text(tested: readonly TestedPolicy[]): string {
  return tested
    .map((policy) => `${[...failures(policy).flatMap((outcome) => [...failureLines(policy, outcome), '']), summary(policy)].join('\n')}\n`)
    .join('');
}

function failures({ outcomes }: TestedPolicy): readonly TestOutcome[] {
  return outcomes.filter(({ failure }) => failure !== null);
}

function failureLines(policy: TestedPolicy, outcome: TestOutcome): readonly string[] {
  const { position, question } = outcome.test;
  return [`FAILED  ${placeText(position)}  ${requestText(question)}`, ...detailLines(policy, outcome).map((line) => hanging(line, '  '))];
}

/** What was expected, what came, and why the rule that was expected did not decide. */
function detailLines({ compiled }: TestedPolicy, outcome: TestOutcome): readonly string[] {
  const { test, decision } = outcome;
  const lines = [`expected: ${describeExpectation(test)}`, `actual:   ${describeOutcome(outcome)}`];
  const missed = explain(compiled, decision.question).steps.find(
    ({ name, truth }) => name !== null && name === test.expectedRule && truth !== 'true',
  );
  if (missed !== undefined) lines.push(`${ruleText(missed.name)} (${placeText(missed.position)}) does not match: ${whyNot(missed)}`);
  return lines;
}

/** https://testanything.org/tap-version-14-specification.html */
function tap(tested: readonly TestedPolicy[]): string {
  const all = tested.flatMap((policy) => policy.outcomes.map((outcome) => ({ policy, outcome })));
  const plan = all.length === 0 ? '1..0 # SKIP no tests' : `1..${all.length}`;
  const points = all.flatMap(({ policy, outcome }, index) => {
    const { position, question } = outcome.test;
    const description = `${placeText(position)} ${requestText(question)}`.replace(/[\\#]/g, '\\$&');
    const line = `${outcome.failure === null ? 'ok' : 'not ok'} ${index + 1} - ${oneLine(description)}`;
    if (outcome.failure === null) return [line];
    // JSON is YAML, whatever stands in the text.
    return [
      line,
      '  ---',
      `  failure: ${outcome.failure}`,
      '  details:',
      ...detailLines(policy, outcome).map((detail) => `    - ${JSON.stringify(detail)}`),
      '  ...',
    ];
  });
  return `${['TAP version 14', plan, ...points].join('\n')}\n`;
}

function junit(tested: readonly TestedPolicy[]): string {
  const suites = tested.flatMap((policy) => {
    const { file } = policy.compiled.policy;
    return [
      `  <testsuite name="${escaped(file)}" ${counts(policy.outcomes)}>`,
      ...policy.outcomes.flatMap((outcome) => testCase(policy, outcome)),
      '  </testsuite>',
    ];
  });
  const total = counts(tested.flatMap(({ outcomes }) => outcomes));
  return `${['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="policy" ${total}>`, ...suites, '</testsuites>'].join('\n')}\n`;
}

function counts(outcomes: readonly TestOutcome[]): string {
  return `tests="${outcomes.length}" failures="${outcomes.filter(({ failure }) => failure !== null).length}" errors="0" skipped="0"`;
}

function testCase(policy: TestedPolicy, outcome: TestOutcome): readonly string[] {
  const { position, question } = outcome.test;
  const name = `${requestText(question)} (line ${position.line})`;
  const open = `    <testcase name="${escaped(name)}" classname="${escaped(position.file)}" file="${escaped(position.file)}" line="${position.line}"`;
  if (outcome.failure === null) return [`${open}/>`];
  const message = `expected ${describeExpectation(outcome.test)}, but ${describeOutcome(outcome)}`;
  const details = detailLines(policy, outcome).join('\n');
  return [
    `${open}>`,
    `      <failure type="${outcome.failure}" message="${escaped(message)}">${escaped(details)}</failure>`,
    '    </testcase>',
  ];
}

/** For an attribute or for content; what XML 1.0 §2.2 has no place for becomes U+FFFD. */
function escaped(value: string): string {
  return value
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}

function oneLine(value: string): string {
  return value.replace(/[\x00-\x1f\x7f]/g, '?');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
