import { expect, test } from 'vitest';
import { type CompiledPolicy, compilePolicy } from '../../../src/policy/compile.ts';
import { invented, PolicyDiff, unrecordedKinds } from '../../../src/policy/diff.ts';
import { formatProblem } from '../../../src/policy/yaml-source.ts';
import { parsePolicy } from '../../support/parse-policy.ts';
import { questionFor } from '../../support/questions.ts';

const before = compiled(
  'a.yaml',
  'default: deny\nrules:\n  - { name: Old, allow: { host: .a.example } }\n  - { name: Both, allow: { host: same.example } }\n',
);
const after = compiled(
  'b.yaml',
  'default: deny\nrules:\n  - { name: New, allow: { host: b.example } }\n  - { name: Renamed, allow: { host: same.example } }\n  - { allow: { host: people.example, user: "*" } }\n',
);

/** Each request, by whom, at which second. */
function diffOf(requests: readonly (readonly [string, string, number])[], countsRules = false) {
  const diff = new PolicyDiff(before, after, countsRules);
  for (const [request, who, second] of requests)
    diff.add({ question: questionFor(request, { nowMs: second * 1000, identity: 'unasked' }), addresses: [] }, who);
  return [...diff.changes.values()].map((change) => ({
    ...{ before: change.before, after: change.after, count: change.count, uncounted: change.uncounted },
    flips: [...change.flips.values()].map(({ who, host, count, firstMs, lastMs }) => ({ who, host, count, firstMs, lastMs })),
  }));
}

test('flips are counted by who asked for which host', () => {
  const found = diffOf([
    ['GET http://x.a.example/1', 'ann', 5],
    ['GET http://x.a.example/2', 'ann', 2],
    ['GET http://x.a.example/3', 'bob', 3],
    ['GET http://same.example/', 'ann', 4],
    ['GET http://b.example/', 'ann', 6],
    ['GET http://people.example/', 'ann', 7],
    ['GET http://neither.example/', 'ann', 8],
  ]);
  expect(found).toEqual([
    {
      ...{ before: 'allow', after: 'deny', count: 3, uncounted: 0 },
      flips: [
        { who: 'ann', host: 'x.a.example', count: 2, firstMs: 2000, lastMs: 5000 },
        { who: 'bob', host: 'x.a.example', count: 1, firstMs: 3000, lastMs: 3000 },
      ],
    },
    {
      before: 'deny',
      after: 'allow',
      count: 1,
      uncounted: 0,
      flips: [{ who: 'ann', host: 'b.example', count: 1, firstMs: 6000, lastMs: 6000 }],
    },
    {
      before: 'deny',
      after: 'challenge',
      count: 1,
      uncounted: 0,
      flips: [{ who: 'ann', host: 'people.example', count: 1, firstMs: 7000, lastMs: 7000 }],
    },
  ]);
});

test('another rule that says the same is a flip only when it is asked for', () => {
  expect(diffOf([['GET http://same.example/', 'ann', 1]])).toEqual([]);
  expect(diffOf([['GET http://same.example/', 'ann', 1]], true)).toMatchObject([{ before: 'allow', after: 'allow', count: 1 }]);
  const same = new PolicyDiff(before, before, true);
  same.add({ question: questionFor('GET http://same.example/'), addresses: [] }, 'ann');
  expect(same.changes.size).toBe(0);
});

test('however many hosts there are, memory is bounded and every request is counted', () => {
  const diff = new PolicyDiff(before, after, false);
  for (let i = 0; i < 20_100; i += 1) diff.add({ question: questionFor(`GET http://h${i}.a.example/`), addresses: [] }, 'ann');
  const [change] = diff.changes.values();
  expect(change).toMatchObject({ count: 20_100, uncounted: 100 });
  expect(change?.flips.size).toBe(20_000);
});

test('without a log the tests and every host that is named are asked', () => {
  const tested = compiled(
    't.yaml',
    'default: deny\nrules:\n  - { allow: { domain: c.example } }\ntests:\n  - { request: POST http://t.example/x, expect: deny }\n',
  );
  const asked = invented(before, tested, 5).map(({ question: { method, host, nowMs } }) => `${method} ${host} ${nowMs}`);
  expect(asked).toEqual([
    'POST t.example 5',
    ...['host.a.example', 'same.example', 'c.example'].flatMap((host) => [`CONNECT ${host} 5`, `GET ${host} 5`]),
  ]);
});

test('what no log holds is named', () => {
  const asking = compiled('q.yaml', 'default: allow\nrules:\n  - { deny: { field: { accept: "*" }, claim: { a: b } } }\n');
  expect(unrecordedKinds(before, asking)).toEqual(expect.arrayContaining(['field', 'claim']));
  expect(unrecordedKinds(before, after)).toEqual([]);
});

function compiled(file: string, text: string): CompiledPolicy {
  const parsed = parsePolicy(`version: 1\n${text}`, file);
  if (!('policy' in parsed)) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return compilePolicy(parsed.policy);
}
