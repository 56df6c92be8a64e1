import { describe, expect, test } from 'vitest';
import type { Question } from '../../../src/match/question.ts';
import { decide } from '../../../src/policy/decide.ts';
import { describeRule, type ExplainedRule, explain, explainShort } from '../../../src/policy/explain.ts';
import * as q from '../../support/questions.ts';

const compiled = q.compiledYaml(`version: 1
default: allow
rules:
  - name: Adverts
    deny: { host: .ads.example }
  - deny: { host: files.example, path: /private/* }
  - name: Reading
    allow: { host: files.example, port: 80, method: [GET, HEAD] }
`);

const asked = q.question({ host: 'files.example', pathAndQuery: '/a' });

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

  const unclear = q.compiledYaml(`version: 1
default: deny
rules:
  - { name: Query, deny: { host: q.example, query: { a: 1 } } }
  - { name: Field, deny: { host: f.example, field: { a: 1 } } }
  - { name: Type, deny: { host: t.example, response_type: image/* } }
  - { name: Staff, allow: { host: s.example, user: "*" } }
  - { name: Outside, deny: { host: o.example, address: 10.0.0.0/8 } }
  - { name: Banks, tunnel: { host: b.example } }
  - { allow: { host: [t.example, o.example] } }
`);

  test.each<[Partial<Question>, string]>([
    [
      { host: 'q.example', pathAndQuery: '/?a=1&a=2' },
      "denied because the query can be read in two ways, so that rule 'Query' (p.yaml:4) cannot judge it",
    ],
    [
      { host: 'f.example', fields: q.fieldsOf(['a', '1'], ['a', '2']) },
      "denied because a request field comes twice with different values, so that rule 'Field' (p.yaml:5) cannot judge it",
    ],
    [
      { host: 't.example', response: { contentTypes: ['a'], contentLength: 0 } },
      "denied because the answer does not have one readable Content-Type, so that rule 'Type' (p.yaml:6) cannot judge it",
    ],
    [{ host: 't.example' }, 'allowed by the rule at p.yaml:10'],
    [{ host: 's.example', identity: 'unasked' }, "rule 'Staff' (p.yaml:7) asks who you are"],
    [{ host: 's.example' }, 'denied by the default (p.yaml:2)'],
    [{ host: 'o.example' }, 'not decided before it is known what o.example resolves to'],
    [{ host: 'o.example', address: '10.0.0.1' }, "denied by rule 'Outside' (p.yaml:8)"],
    [{ host: 'b.example', method: 'CONNECT', scheme: 'tunnel', port: 443, pathAndQuery: null }, "allowed by rule 'Banks' (p.yaml:9)"],
  ])('%j: %s', (members, sentence) => {
    expect(explainShort(decide(unclear, { ...asked, ...members }))).toBe(sentence);
  });

  test('names a rule by its file alone, whatever folder that is in', () => {
    const position = { file: '/etc/sallyport/shared/a.yaml', line: 7, column: 3 };
    expect(describeRule(q.rule('deny', q.anything, { name: 'Adverts', position }))).toBe("rule 'Adverts' (a.yaml:7)");
    expect(describeRule(q.rule('deny', q.anything, { position }))).toBe('the rule at a.yaml:7');
  });

  test('a list that cannot be asked', () => {
    const rule = q.rule('allow', q.all(q.host('a.test'), q.not(q.inList('ads', q.requestList('/a', 1)))), { name: 'Reading' });
    const decision = decide(q.compiled('allow', [rule]), q.question({ pathAndQuery: '/bc' }));
    expect(explainShort(decision)).toMatch(
      /^denied because the URL has too many parts for list ads, so that rule 'Reading' \(.+\) cannot judge it$/,
    );
  });
});

describe('the whole way', () => {
  test('names every rule up to the one that decided, with each criterion and why', () => {
    const { decision, sentence, steps } = explain(compiled, asked);
    expect(sentence).toBe("allowed by rule 'Reading' (p.yaml:7)");
    expect(decision).toEqual(decide(compiled, asked));
    expect(steps.map(shown)).toEqual([
      [1, 'Adverts', 'deny', 'false', [['false', 'host files.example is not within ads.example']]],
      [
        2,
        null,
        'deny',
        'false',
        [
          ['true', 'host files.example is files.example'],
          ['false', 'path /a does not match /private/*'],
        ],
      ],
      [
        3,
        'Reading',
        'allow',
        'true',
        [
          ['true', 'host files.example is files.example'],
          ['true', 'port 80 is 80'],
          ['true', 'method GET is GET or HEAD'],
        ],
      ],
    ]);
    expect(steps.map(({ position }) => position.line)).toEqual([4, 6, 7]);
  });

  test('goes past every rule to the default', () => {
    const { steps, decision } = explain(compiled, { ...asked, host: 'other.example' });
    expect(steps.map((step) => step.truth)).toEqual(['false', 'false', 'false']);
    expect(decision.decidedBy).toBe('default');
  });

  test('ends at the rule that met an unusable path', () => {
    const last = explain(compiled, { ...asked, pathAndQuery: '/%5c' }).steps.at(-1);
    expect(last).toMatchObject({
      number: 2,
      truth: 'unknown',
      criteria: [{ truth: 'true' }, { truth: 'unknown', words: 'path: the path has an encoded backslash (%5C)' }],
    });
  });

  test('says that a path cannot be seen inside a tunnel', () => {
    const { steps } = explain(compiled, { ...asked, scheme: 'tunnel', method: 'CONNECT', port: 443, pathAndQuery: null });
    expect(steps[1]?.criteria[1]).toEqual({
      kind: 'path',
      depth: 0,
      truth: 'unknown',
      words: 'path: it cannot be seen inside a tunnel',
    });
  });

  test('has no steps when the request did not get as far as the rules', () => {
    expect(explain(compiled, { ...asked, scheme: 'tunnel', port: 25, pathAndQuery: null }).steps).toEqual([]);
    expect(explain(compiled, { ...asked, host: '' }).steps).toEqual([]);
  });

  test('names the rules behind one that waits, since each of them may come to decide', () => {
    const waiting = q.compiled('deny', [
      q.rule('deny', q.address('10.0.0.0/8')),
      q.rule('allow', q.anything),
      q.rule('deny', q.host('a.test')),
    ]);
    expect(explain(waiting, q.question()).steps.map(({ truth }) => truth)).toEqual(['unknown', 'true', 'true']);
    expect(explain(waiting, q.question({ address: '192.0.2.1' })).steps.map(({ truth }) => truth)).toEqual(['false', 'true']);
  });

  test('goes past a rule that only reports', () => {
    const reporting = q.compiled('deny', [q.rule('report', q.anything), q.rule('allow', q.anything)]);
    expect(explain(reporting, q.question()).steps.map(({ action, truth }) => [action, truth])).toEqual([
      ['report', 'true'],
      ['allow', 'true'],
    ]);
  });
});

test('what is combined stands below its combination; that all which a rule asks for must hold is not said', () => {
  const office = q.group('office', q.client('10.0.0.0/8'));
  const condition = q.all(
    q.host('a.test'),
    q.all(office, q.not(q.user('bot-*'))),
    q.any(q.port(443), q.all(q.method('GET'), q.scheme('http'))),
  );
  const { steps } = explain(q.compiled('deny', [q.rule('allow', condition)]), q.question({ identity: q.identity('bot-1') }));
  expect(steps[0]?.criteria.map(({ depth, truth, words }) => `${'  '.repeat(depth)}${truth}: ${words}`)).toEqual([
    'true: host a.test is a.test',
    'false: group office does not hold',
    '  false: client 127.0.0.1 is not in 10.0.0.0/8',
    'false: not',
    '  true: user bot-1 is bot-*',
    'true: any of',
    '  false: port 80 is not 443',
    '  true: all of',
    '    true: method GET is GET',
    '    true: scheme http is http',
  ]);
});

function shown({ number, name, action, truth, criteria }: ExplainedRule): unknown[] {
  return [number, name, action, truth, criteria.map((one) => [one.truth, one.words])];
}
