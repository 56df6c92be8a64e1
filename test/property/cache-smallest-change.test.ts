// The smallest change at the origin, made by somebody who reads the sentence and does as it says: the next request is a hit then, and with any part of
// the change left out it is not.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestDirectives } from '../../src/cache/rules/cache-control.ts';
import { currentAgeSeconds, factsOf } from '../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../src/cache/rules/options.ts';
import { type CacheRequest, judgeReuse } from '../../src/cache/rules/reuse.ts';
import { STORING_REASONS, storability } from '../../src/cache/rules/storability.ts';
import { selectingFields, varyOf } from '../../src/cache/rules/vary.ts';
import { changeForReuse, changeForStoring } from '../../src/cache/smallest-change.ts';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import { formatHttpDate } from '../../src/http/date.ts';
import type { Field } from '../../src/http/message.ts';

const START_MS = Date.UTC(2026, 0, 1);

/** A response as its author thinks of it. */
interface Authored {
  readonly status: number;
  readonly control: readonly string[];
  readonly vary: readonly string[];
  readonly cookie: boolean;
  readonly etag: boolean;
  /** Seconds before (Last-Modified) and after (Expires) Date. */
  readonly modified: number | null;
  readonly expires: number | null;
  readonly age: number;
}

interface Asked {
  readonly isAuthorized: boolean;
  readonly foo: string | null;
  readonly bar: string | null;
  readonly minFresh: number | null;
}

type Edit = (response: Authored) => Authored;

const directive = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('no-store', 'private', 'no-cache', 'must-revalidate', 'public', 'must-understand') },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom('max-age', 's-maxage'), fc.constantFrom('0', '5', '900', 'x')).map((pair) => pair.join('=')),
  },
);
const rarely = fc.integer({ min: 0, max: 4 }).map((n) => n === 0);
const authored: fc.Arbitrary<Authored> = fc.record({
  status: fc.constantFrom(200, 200, 200, 404, 302, 500, 599),
  control: fc.uniqueArray(directive, { maxLength: 3, selector: (text) => text.split('=')[0] }),
  vary: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.constantFrom(['*'], ['Foo'], ['Bar', 'foo'], ['Foo', '*']) },
  ),
  cookie: rarely,
  etag: fc.boolean(),
  modified: fc.option(fc.constantFrom(0, 10, 100_000)),
  expires: fc.option(fc.constantFrom(-5, 0, 5, 900), { freq: 1 }),
  age: fc.constantFrom(0, 0, 0, 7),
});
const value = fc.option(fc.constantFrom('1', '2'));
const asked: fc.Arbitrary<Asked> = fc.record({
  isAuthorized: rarely,
  foo: value,
  bar: value,
  minFresh: fc.option(fc.constantFrom(3, 50), { freq: 1, nil: null }),
});

function fieldsOf({ control, vary, cookie, etag, modified, expires, age }: Authored): Field[] {
  const lines: [string, string | null][] = [
    ['Date', formatHttpDate(START_MS)],
    ['Cache-Control', control.length === 0 ? null : control.join(', ')],
    ['Vary', vary.length === 0 ? null : vary.join(', ')],
    ['Set-Cookie', cookie ? 'a=b' : null],
    ['ETag', etag ? '"a"' : null],
    ['Last-Modified', modified === null ? null : formatHttpDate(START_MS - modified * 1000)],
    ['Expires', expires === null ? null : formatHttpDate(START_MS + expires * 1000)],
    ['Age', age === 0 ? null : String(age)],
  ];
  return lines.flatMap(([name, text]) => (text === null ? [] : [{ name, value: text }]));
}

function requestOf({ isAuthorized, foo, bar, minFresh }: Asked): CacheRequest {
  const lines: [string, string | null][] = [
    ['Authorization', isAuthorized ? 'x' : null],
    ['Foo', foo],
    ['Bar', bar],
    ['Cache-Control', minFresh === null ? null : `min-fresh=${minFresh}`],
  ];
  return {
    ...{ method: 'GET', scheme: 'http', authority: { host: 'a.example', kind: 'name', port: 80 }, pathAndQuery: '/', hasContent: false },
    ...{ key: 'k', overrides: NO_OVERRIDES, receivedAtMs: START_MS },
    fields: lines.flatMap(([name, text]) => (text === null ? [] : [{ name, value: text }])),
  };
}

function storedOf(response: Authored, broughtBy: CacheRequest): StoredResponse {
  const fields = fieldsOf(response);
  const vary = varyOf(fields);
  return {
    ...{
      id: '1',
      key: 'k',
      status: response.status,
      reason: '',
      version: '1.1',
      fields,
      requestTimeMs: START_MS,
      responseTimeMs: START_MS,
    },
    selectedBy: vary === '*' ? [] : selectingFields(vary, broughtBy.fields, []),
    extent: { first: 0, length: 5, completeLength: 5 },
    isFromAuthorized: broughtBy.fields.some(({ name }) => name === 'Authorization'),
    ...{ isInvalidated: false, origin: null, tags: [] },
  };
}

function judgedStoring(response: Authored, request: CacheRequest) {
  const stored = storedOf(response, request);
  const facts = factsOf(stored, CACHE_RULE_DEFAULTS, NO_OVERRIDES);
  const received = { status: response.status, fields: stored.fields, facts };
  return { received, code: storability(request, { ...received, isUsableRange: true }, facts, NO_OVERRIDES) };
}

function judgedReuse(response: Authored, broughtBy: CacheRequest, request: CacheRequest, seconds: number) {
  const stored = storedOf(response, broughtBy);
  const facts = factsOf(stored, CACHE_RULE_DEFAULTS, NO_OVERRIDES);
  const nowMs = START_MS + seconds * 1000;
  const reuse = judgeReuse(request, requestDirectives(request.fields), [stored], () => facts, nowMs);
  return { reuse, aged: [{ stored, facts, ageSeconds: currentAgeSeconds(facts, nowMs) }] };
}

/** What somebody does who has read the sentence. */
function editsOf(sentence: string): Edit[] {
  return sentence.split('; ').flatMap((step): Edit[] => {
    if (/^(?:lifetime|now) /.test(step)) return [];
    if (step.startsWith('name in Vary')) return [(response) => ({ ...response, vary: ['Accept'] })];
    if (step.startsWith('add public')) return [adding('public')];
    if (step.startsWith('leave out Set-Cookie')) return [(response) => ({ ...response, cookie: false })];
    const fromVary = /^remove (.+) from Vary, if/.exec(step);
    if (fromVary !== null)
      return fromVary[1]!.split(' and ').map((name) => (response) => ({ ...response, vary: response.vary.filter((one) => one !== name) }));
    const [, removed, rest] = /^(?:(?:remove|replace) ([a-z-]+(?: and [a-z-]+)*))?(.*)$/.exec(step)!;
    const edits = (removed ?? '')
      .split(' and ')
      .filter((name) => name !== '')
      .map(removing);
    const lifetime = /(max-age|s-maxage)(?:=(N|\d+)| from \d+ to (\d+))/.exec(rest!);
    if (lifetime !== null) edits.push(living(lifetime[1]!, lifetime[2] ?? lifetime[3]!));
    expect(edits, step).not.toEqual([]);
    return edits;
  });
}

function removing(name: string): Edit {
  return (response) => ({ ...response, control: response.control.filter((one) => one.split('=')[0] !== name) });
}

function adding(member: string): Edit {
  return (response) => ({ ...response, control: [...response.control, member] });
}

/** N is a number of somebody's choice. */
function living(name: string, seconds: string): Edit {
  return (response) => adding(`${name}=${seconds === 'N' ? 1 : seconds}`)(removing(name)(response));
}

function after(response: Authored, edits: readonly Edit[]): Authored {
  return edits.reduce((edited, edit) => edit(edited), response);
}

/** With all edits of the change it answers, and with one left out it does not. */
function expectAllNeeded(response: Authored, change: string, answers: (edited: Authored) => boolean): void {
  const edits = editsOf(change);
  expect(answers(after(response, edits)), change).toBe(true);
  for (const idle of edits) {
    const others = edits.filter((edit) => edit !== idle);
    expect(answers(after(response, others)), change).toBe(false);
  }
}

test('what was not stored would have been, and would answer the next request, and no part of the change is idle', () => {
  let changed = 0;
  fc.assert(
    fc.property(authored, asked, (response, question) => {
      const request = requestOf({ ...question, minFresh: null });
      const { received, code } = judgedStoring(response, request);
      const answers = (edited: Authored): boolean =>
        STORING_REASONS[judgedStoring(edited, request).code].isStored && judgedReuse(edited, request, request, 0).reuse.kind === 'hit';
      const change = changeForStoring(code, received, request.fields);
      expect(change === null).toBe(STORING_REASONS[code].isStored);
      if (change === null) return;
      changed += 1;
      expectAllNeeded(response, change, answers);
    }),
    { numRuns: 4_000 },
  );
  expect(changed).toBeGreaterThan(800);
});

test('what was stored would have answered, and no part of the change is idle', () => {
  let changed = 0;
  fc.assert(
    fc.property(authored, asked, asked, fc.constantFrom(0, 4, 50), (response, before, question, seconds) => {
      const [broughtBy, request] = [requestOf(before), requestOf(question)];
      const { reuse, aged } = judgedReuse(response, broughtBy, request, seconds);
      const change = changeForReuse(request.fields, reuse, aged);
      expect(change === null).toBe(reuse.kind === 'hit');
      if (change === null) return;
      changed += 1;
      const answers = (edited: Authored): boolean => judgedReuse(edited, broughtBy, request, seconds).reuse.kind === 'hit';
      expectAllNeeded(response, change, answers);
    }),
    { numRuns: 4_000 },
  );
  expect(changed).toBeGreaterThan(800);
});
