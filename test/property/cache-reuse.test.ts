// On random requests and stored responses: nothing answers a request that the rules refuse, told by a second, naive reading of RFC 9111 §4 that knows
// what was generated and parses nothing; and no text in any field makes a rule fail.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { explainReuse, linesOf } from '../../src/cache/explain.ts';
import { shapeAnswer } from '../../src/cache/rules/answer.ts';
import { requestDirectives } from '../../src/cache/rules/cache-control.ts';
import { factsOf } from '../../src/cache/rules/freshness.ts';
import { invalidated } from '../../src/cache/rules/invalidation.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../src/cache/rules/options.ts';
import { combine } from '../../src/cache/rules/partial.ts';
import { type CacheRequest, judgeReuse, mayServeStale } from '../../src/cache/rules/reuse.ts';
import { freshened, headUpdate, outgoingFields } from '../../src/cache/rules/validation.ts';
import { changeForReuse } from '../../src/cache/smallest-change.ts';
import type { StoredResponse } from '../../src/cache/stored-response.ts';
import type { Field } from '../../src/http/message.ts';

const START_MS = Date.UTC(2026, 0, 1);

/** A stored response by what it means. */
interface Meaning {
  readonly lifetime: number;
  readonly age: number;
  readonly flags: readonly string[];
  readonly staleWhileRevalidate: number | null;
  readonly language: string | null;
  readonly isVarying: boolean;
  readonly isInvalidated: boolean;
  readonly isFromAuthorized: boolean;
  readonly isComplete: boolean;
}

interface Asked {
  readonly method: string;
  readonly flags: readonly string[];
  readonly maxAge: number | null;
  readonly minFresh: number | null;
  readonly maxStale: number | null;
  readonly language: string | null;
  readonly isPrecondition: boolean;
  readonly hasContent: boolean;
}

const seconds = fc.integer({ min: 0, max: 6 });
/** Now and then: with everything at once, next to nothing would be a hit. */
const rarely = fc.integer({ min: 0, max: 7 }).map((n) => n === 0);
const language = fc.option(fc.constantFrom('de', 'fr'));
const sometimes = fc.option(seconds, { freq: 1 });
const responseFlag = fc.constantFrom('no-cache', 'no-store', 'private', 'public', 'must-revalidate', 'proxy-revalidate', 'immutable');
const meaning: fc.Arbitrary<Meaning> = fc.record({
  lifetime: seconds,
  age: seconds,
  flags: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.uniqueArray(responseFlag, { maxLength: 2 }) }),
  staleWhileRevalidate: fc.option(seconds),
  language,
  isVarying: rarely,
  isInvalidated: rarely,
  isFromAuthorized: rarely,
  isComplete: rarely.map((isPart) => !isPart),
});
const asked: fc.Arbitrary<Asked> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST'),
  flags: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.constantFrom(['no-cache'], ['no-store'], ['only-if-cached']) },
  ),
  maxAge: sometimes,
  minFresh: sometimes,
  maxStale: sometimes,
  language,
  isPrecondition: rarely,
  hasContent: rarely,
});

test('a stored response never answers a request that the rules refuse (RFC 9111 §4)', () => {
  let hits = 0;
  fc.assert(
    fc.property(fc.array(meaning, { maxLength: 3 }), asked, seconds, (meanings, question, later) => {
      const all = meanings.map((meant, index) => storedOf(meant, index));
      const request = requestOf(question);
      const directives = requestDirectives(request.fields);
      const reuse = judgeReuse(request, directives, all, factsFor, START_MS + later * 1000);
      const found = reuse.kind === 'miss' ? null : meanings[Number(reuse.stored.id)]!;
      if (reuse.kind === 'hit') {
        hits += 1;
        expect(refusals(found!, question, later)).toEqual([]);
      } else if (meanings.length === 1 && refusals(meanings[0]!, question, later).length === 0) {
        // And the other way round: what nothing refuses is a hit.
        expect(reuse.kind).toBe('hit');
      }
      if (found !== null && question.language !== found.language) expect(found.isVarying).toBe(false);
      if (question.flags.includes('only-if-cached')) expect(['hit', 'miss']).toContain(reuse.kind);
    }),
    { numRuns: 20_000 },
  );
  expect(hits).toBeGreaterThan(1_000);
});

test('no text in any field makes a rule fail, and what is judged can always be answered and explained', () => {
  const name = fc.constantFrom(
    ...['Cache-Control', 'Pragma', 'Range', 'If-Range', 'If-None-Match', 'If-Modified-Since', 'Vary', 'Age', 'Date', 'Expires', 'ETag'],
    ...['Last-Modified', 'Content-Range', 'Content-Length', 'Location', 'Content-Location', 'Connection', 'X'],
  );
  const part = fc.constantFrom(
    ...[
      'bytes=',
      'bytes ',
      '0-',
      '-5',
      '4-7',
      '/10',
      '/*',
      '"a"',
      'W/',
      '"',
      '\\',
      ',',
      ' ',
      '=',
      'no-cache',
      'max-age',
      '60',
      '*',
      '\xa0',
    ],
    ...['Thu, 01 Jan 2026 00:00:00 GMT', 'http://example.com', '/../', '%zz', '//', '[', '?', '#'],
  );
  const value = fc.oneof(
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('')),
    fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)), maxLength: 30 }),
  );
  const fields: fc.Arbitrary<Field[]> = fc.array(fc.record({ name, value }), { maxLength: 6 });
  const extent = fc.record({ first: fc.nat(6), length: fc.nat(6), completeLength: fc.option(fc.integer({ min: 12, max: 20 })) });
  fc.assert(
    fc.property(fields, fields, fields, extent, fc.constantFrom(200, 206, 404), (stored, requested, received, kept, status) => {
      const one: StoredResponse = { ...storedOf(PLAIN), fields: stored, selectedBy: [], status, extent: kept };
      const request: CacheRequest = { ...requestOf(NOTHING_ASKED), fields: requested };
      const directives = requestDirectives(requested);
      const update = { fields: received, requestTimeMs: START_MS, responseTimeMs: START_MS };
      const reuse = judgeReuse(request, directives, [one], factsFor, START_MS);
      const answer = shapeAnswer(request, one, 0, START_MS, () => 'x');
      expect(answer.fields.filter((field) => field.name === 'Age')).toHaveLength(1);
      outgoingFields(requested, reuse);
      mayServeStale({ stored: one, facts: factsFor(one) }, directives, START_MS, CACHE_RULE_DEFAULTS, 503);
      freshened(one, update, requested, CACHE_RULE_DEFAULTS);
      headUpdate(one, { status: 200, fields: received });
      combine(one, { ...update, status: 206 }, 'two', CACHE_RULE_DEFAULTS);
      invalidated({ ...request, method: 'POST' }, { status: 200, fields: received });
      expect(linesOf(explainReuse('k', reuse)).length).toBeGreaterThan(1);
      if (reuse.kind === 'hit') expect(changeForReuse(requested, reuse, [])).toBeNull();
    }),
    { numRuns: 5_000 },
  );
});

/** Everything that stands against this answer; RFC 9111 §4 in the order of its list. */
function refusals(stored: Meaning, question: Asked, later: number): string[] {
  const says = (flag: string) => stored.flags.includes(flag);
  const age = stored.age + later;
  const staleFor = age - stored.lifetime;
  const found: string[] = [];
  if (question.method === 'POST' || question.hasContent || question.isPrecondition) found.push('not for a cache');
  if (stored.isVarying && stored.language !== question.language) found.push('Vary');
  if (stored.isFromAuthorized && !says('public') && !says('must-revalidate')) found.push('Authorization');
  if (!stored.isComplete) found.push('incomplete');
  if (stored.isInvalidated || says('no-cache') || says('no-store') || says('private')) found.push('has to be validated');
  if (question.flags.includes('no-cache') || question.flags.includes('no-store')) found.push('the client wants something else');
  if (question.maxAge !== null && age > question.maxAge) found.push('too old for the client');
  if (question.minFresh !== null && -staleFor < question.minFresh) found.push('not fresh enough for the client');
  if (staleFor >= 0) {
    const meanwhile = stored.staleWhileRevalidate === 0 ? null : stored.staleWhileRevalidate;
    const allowed = question.maxStale ?? meanwhile ?? -1;
    const isForbidden = says('must-revalidate') || says('proxy-revalidate') || question.minFresh !== null;
    if (staleFor > allowed || isForbidden) found.push('stale');
  }
  return found;
}

function storedOf(meant: Meaning, index = 0): StoredResponse {
  const { lifetime, age, flags, staleWhileRevalidate, isVarying, isComplete } = meant;
  const control = [
    `max-age=${lifetime}`,
    ...flags,
    ...(staleWhileRevalidate === null ? [] : [`stale-while-revalidate=${staleWhileRevalidate}`]),
  ];
  const fields = [
    { name: 'Cache-Control', value: control.join(', ') },
    { name: 'Age', value: String(age) },
  ];
  return {
    id: String(index),
    key: 'http://example.com/',
    selectedBy: isVarying ? [{ name: 'x-language', value: meant.language }] : [],
    status: isComplete ? 200 : 206,
    reason: 'OK',
    version: '1.1',
    fields,
    requestTimeMs: START_MS,
    responseTimeMs: START_MS,
    extent: { first: 0, length: isComplete ? 10 : 5, completeLength: 10 },
    isFromAuthorized: meant.isFromAuthorized,
    isInvalidated: meant.isInvalidated,
    origin: null,
    tags: [],
  };
}

function requestOf(question: Asked): CacheRequest {
  const { flags, maxAge, minFresh, maxStale } = question;
  const control = [...flags];
  if (maxAge !== null) control.push(`max-age=${maxAge}`);
  if (minFresh !== null) control.push(`min-fresh=${minFresh}`);
  if (maxStale !== null) control.push(`max-stale=${maxStale}`);
  const fields: Field[] = [];
  if (control.length > 0) fields.push({ name: 'Cache-Control', value: control.join(',') });
  if (question.language !== null) fields.push({ name: 'X-Language', value: question.language });
  if (question.isPrecondition) fields.push({ name: 'If-Match', value: '*' });
  return {
    method: question.method,
    scheme: 'http',
    authority: { host: 'example.com', kind: 'name', port: 80 },
    pathAndQuery: '/',
    fields,
    hasContent: question.hasContent,
    key: 'http://example.com/',
    overrides: NO_OVERRIDES,
    receivedAtMs: START_MS,
  };
}

function factsFor(stored: StoredResponse) {
  return factsOf(stored, CACHE_RULE_DEFAULTS, NO_OVERRIDES);
}

const PLAIN: Meaning = {
  ...{ lifetime: 5, age: 0, flags: [], staleWhileRevalidate: null, language: null },
  ...{ isVarying: false, isInvalidated: false, isFromAuthorized: false, isComplete: true },
};
const NOTHING_ASKED: Asked = {
  ...{ method: 'GET', flags: [], maxAge: null, minFresh: null, maxStale: null, language: null },
  ...{ isPrecondition: false, hasContent: false },
};
