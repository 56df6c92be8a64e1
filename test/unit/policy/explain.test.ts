import { describe, expect, test } from 'vitest';
import { type CompiledPolicy, compilePolicy } from '../../../src/policy/compile.ts';
import { decide } from '../../../src/policy/decide.ts';
import { explain, explainShort } from '../../../src/policy/explain.ts';
import { formatProblem, parsePolicy } from '../../../src/policy/parse.ts';
import type { Question } from '../../../src/policy/policy.ts';

const compiled = compile(`version: 1
default: allow
rules:
  - name: Adverts
    deny: { host: .ads.example }
  - deny: { host: files.example, path: /private/* }
  - name: Reading
    allow: { host: files.example, port: 80, method: [GET, HEAD] }
`);

const asked: Question = {
  method: 'GET',
  scheme: 'http',
  host: 'files.example',
  port: 80,
  pathAndQuery: '/a',
  clientAddress: '127.0.0.1',
  user: null,
};

describe('one sentence', () => {
  test.each<[Partial<Question>, string]>([
    [{ host: 'x.ads.example' }, "denied by rule 'Adverts' (p.yaml:4)"],
    [{}, "allowed by rule 'Reading' (p.yaml:7)"],
    [{ pathAndQuery: '/private/a' }, 'denied by the rule at p.yaml:6'],
    [{ host: 'other.example' }, 'allowed by the default (p.yaml:2)'],
    [{ scheme: 'tunnel', method: 'CONNECT', port: 25, pathAndQuery: null }, 'CONNECT to port 25 is not in connect_ports (p.yaml:1)'],
    [{ pathAndQuery: '/%2f' }, 'denied because the path has an encoded slash (%2F), so that the rule at p.yaml:6 cannot judge it'],
    [{ host: 'FILES.example' }, 'denied because the destination is not in its canonical form'],
  ])('%j: %s', (members, sentence) => {
    expect(explainShort(decide(compiled, { ...asked, ...members }))).toBe(sentence);
  });
});

describe('the whole way', () => {
  test('names every rule up to the one that decided, with each criterion and why', () => {
    const { decision, sentence, steps } = explain(compiled, asked);
    expect(sentence).toBe("allowed by rule 'Reading' (p.yaml:7)");
    expect(decision).toEqual(decide(compiled, asked));
    expect(
      steps.map(({ number, name, action, outcome, criteria }) => [number, name, action, outcome, criteria.map((c) => [c.isTrue, c.words])]),
    ).toEqual([
      [1, 'Adverts', 'deny', 'no-match', [[false, 'host files.example is not within ads.example']]],
      [
        2,
        null,
        'deny',
        'path-differs',
        [
          [true, 'host files.example is files.example'],
          [false, 'path /a does not match /private/*'],
        ],
      ],
      [
        3,
        'Reading',
        'allow',
        'match',
        [
          [true, 'host files.example is files.example'],
          [true, 'port 80 is 80'],
          [true, 'method GET is GET or HEAD'],
        ],
      ],
    ]);
  });

  test('goes past every rule to the default', () => {
    const { steps, decision } = explain(compiled, { ...asked, host: 'other.example' });
    expect(steps.map((step) => step.outcome)).toEqual(['no-match', 'no-match', 'no-match']);
    expect(decision.decidedBy).toBe('default');
  });

  test('ends at the rule that met an unusable path', () => {
    const last = explain(compiled, { ...asked, pathAndQuery: '/%5c' }).steps.at(-1);
    expect(last).toMatchObject({
      number: 2,
      outcome: 'unusable-path',
      criteria: [{}, { isTrue: false, words: 'the path has an encoded backslash (%5C)' }],
    });
  });

  test('says that a path cannot be seen inside a tunnel', () => {
    const { steps } = explain(compiled, { ...asked, scheme: 'tunnel', method: 'CONNECT', port: 443, pathAndQuery: null });
    expect(steps[1]?.criteria[1]).toEqual({ kind: 'path', isTrue: false, words: 'a path cannot be seen inside a tunnel' });
  });

  test('has no steps when the request did not get as far as the rules', () => {
    expect(explain(compiled, { ...asked, scheme: 'tunnel', port: 25, pathAndQuery: null }).steps).toEqual([]);
    expect(explain(compiled, { ...asked, host: '' }).steps).toEqual([]);
  });
});

function compile(text: string): CompiledPolicy {
  const parsed = parsePolicy(text, 'p.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return compilePolicy(parsed.policy);
}
