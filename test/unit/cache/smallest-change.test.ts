import { describe, expect, it } from 'vitest';
import { requestDirectives } from '../../../src/cache/rules/cache-control.ts';
import { currentAgeSeconds, factsOf } from '../../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../../src/cache/rules/options.ts';
import { judgeReuse } from '../../../src/cache/rules/reuse.ts';
import { STORING_REASONS, storability } from '../../../src/cache/rules/storability.ts';
import { changeForReuse, changeForStoring } from '../../../src/cache/smallest-change.ts';
import type { StoredResponse } from '../../../src/cache/stored-response.ts';
import {
  extentOf,
  factsFor,
  fieldsIn,
  HOUR_BEFORE,
  judged,
  requestOf,
  START_DATE,
  START_MS,
  type StoredOptions,
  storedOf,
} from './rules/stored-of.ts';

function agedBy(seconds: number, all: readonly StoredResponse[]) {
  return all.map((stored) => {
    const facts = factsFor(stored);
    return { stored, facts, ageSeconds: currentAgeSeconds(facts, START_MS + seconds * 1000) };
  });
}

describe('the smallest change at the origin that would have made it a hit', () => {
  /** Stored, asked for after 130 s; the change, and the same stored response after it. */
  it.each<[string, string, string, string]>([
    ['', 'Cache-Control: max-age=60', 'raise max-age from 60 to 131 or more', 'Cache-Control: max-age=131'],
    ['', 'Cache-Control: s-maxage=60, max-age=9000', 'raise s-maxage from 60 to 131 or more', 'Cache-Control: s-maxage=131, max-age=9000'],
    ['', 'Cache-Control: max-age=1.5', 'write max-age in digits alone: max-age=131 or more', 'Cache-Control: max-age=131'],
    [
      '',
      `Last-Modified: Wed, 31 Dec 2025 23:50:00 GMT\nDate: ${START_DATE}`,
      'add max-age=131 or more; now only Last-Modified, which gives it 60 s',
      `Last-Modified: Wed, 31 Dec 2025 23:50:00 GMT\nDate: ${START_DATE}\nCache-Control: max-age=131`,
    ],
    ['', 'ETag: "a"', 'add max-age=131 or more; now nothing says how long it stays fresh', 'ETag: "a"\nCache-Control: max-age=131'],
    [
      '',
      `Expires: ${START_DATE}\nExpires: ${START_DATE}`,
      'add max-age=131 or more; now only Expires, several times, which counts as past',
      'Cache-Control: max-age=131',
    ],
    ['', 'Expires: 0', 'add max-age=131 or more; now only Expires, which is past or no date', 'Expires: 0\nCache-Control: max-age=131'],
    [
      '',
      `Date: ${START_DATE}\nExpires: Thu, 01 Jan 2026 00:01:00 GMT`,
      'add max-age=131 or more; now only Expires, 60 s after Date',
      `Date: ${START_DATE}\nExpires: Thu, 01 Jan 2026 00:01:00 GMT\nCache-Control: max-age=131`,
    ],
    [
      '',
      'Cache-Control: no-cache, max-age=900',
      'remove no-cache; lifetime 900 s from max-age then lets it answer',
      'Cache-Control: max-age=900',
    ],
    ['', 'Cache-Control: no-cache, max-age=0', 'remove no-cache, and raise max-age from 0 to 131 or more', 'Cache-Control: max-age=131'],
    ['', 'Cache-Control: no-cache', 'replace no-cache by max-age=131 or more', 'Cache-Control: max-age=131'],
    ['Cache-Control: min-fresh=20', 'Cache-Control: max-age=140', 'raise max-age from 140 to 150 or more', 'Cache-Control: max-age=150'],
    [
      'Foo: 2',
      'Cache-Control: max-age=900\nVary: Foo',
      'remove Foo from Vary, if the answer does not depend on it',
      'Cache-Control: max-age=900',
    ],
    [
      'Foo: 2\nCookie: x',
      'Cache-Control: max-age=900\nVary: Foo, Accept, cookie',
      'remove cookie and Foo from Vary, if the answer does not depend on them',
      'Cache-Control: max-age=900\nVary: Accept',
    ],
  ])('%j, %j: %s', (asked, before, change, after) => {
    const request = requestOf(asked);
    const all = [storedOf(before)];
    const reuse = judged(request, all, 130);
    expect(reuse.kind).not.toBe('hit');
    expect(changeForReuse(request.fields, reuse, agedBy(130, all))).toBe(change);
    expect(judged(request, [storedOf(after)], 130).kind).toBe('hit');
  });

  it('of several variants, the one with the least to change', () => {
    const far = storedOf('Vary: A, B, C\nCache-Control: max-age=9', { request: fieldsIn('A: 1\nB: 1\nC: 1') });
    const near = storedOf('Vary: A, B, C\nCache-Control: max-age=9', { request: fieldsIn('A: 1\nB: 1') });
    const request = requestOf('A: 1\nB: 2');
    expect(changeForReuse(request.fields, judged(request, [far, near], 1), agedBy(1, [far, near]))).toBe(
      'remove B from Vary, if the answer does not depend on it',
    );
  });

  it.each<[string, string, string, StoredOptions, string]>([
    [
      'public or s-maxage',
      '',
      'Cache-Control: max-age=900',
      { isFromAuthorized: true },
      'add public or s-maxage, since the request carries Authorization',
    ],
    [
      'a strong ETag',
      '',
      'Content-Range: bytes 0-4/10',
      { status: 206, extent: extentOf('0-4/10') },
      'add a strong ETag, so that the parts of it can be put together',
    ],
    ['no-store in an update', '', 'Cache-Control: no-store', {}, 'replace no-store by max-age=2 or more'],
  ])('%s', (_, asked, lines, options, change) => {
    const request = requestOf(asked);
    const all = [storedOf(lines, options)];
    expect(changeForReuse(request.fields, judged(request, all, 1), agedBy(1, all))).toBe(change);
  });

  it.each<[string, string, StoredOptions]>([
    ['', 'Cache-Control: max-age=900', {}], // a hit
    ['Cache-Control: no-cache', 'Cache-Control: max-age=1', {}],
    ['Cache-Control: max-age=9', 'Cache-Control: max-age=60', {}],
    ['Cache-Control: no-store', 'Cache-Control: max-age=60', {}],
    ['If-Match: "a"', 'Cache-Control: max-age=60', {}],
    ['', 'Cache-Control: max-age=900', { isInvalidated: true }],
  ])('none where the origin could not help: %j, %j %j', (asked, lines, options) => {
    const request = requestOf(asked);
    const all = [storedOf(lines, options)];
    expect(changeForReuse(request.fields, judged(request, all, 130), agedBy(130, all))).toBeNull();
  });

  it('none where nothing is stored, or a rule of the policy says how long', () => {
    expect(changeForReuse([], judged(requestOf(''), [], 0), [])).toBeNull();
    const request = requestOf('', { overrides: { ...NO_OVERRIDES, ttlSeconds: 5 } });
    const all = [storedOf('Cache-Control: max-age=900')];
    const facts = factsFor(all[0]!, request);
    expect(changeForReuse([], judged(request, all, 130), [{ stored: all[0]!, facts, ageSeconds: 130 }])).toBeNull();
  });

  it('speaks of the targeted field that decides (RFC 9213)', () => {
    const options = { ...CACHE_RULE_DEFAULTS, targeted: ['cdn-cache-control'] };
    const all = [storedOf('CDN-Cache-Control: public')];
    const reuse = judgeReuse(requestOf(''), requestDirectives([]), all, (each) => factsOf(each, options, NO_OVERRIDES), START_MS);
    expect(changeForReuse([], reuse, [])).toBe('add max-age=N to cdn-cache-control; now nothing says how long it stays fresh');
    const short = [storedOf('CDN-Cache-Control: max-age=5')];
    const later = judgeReuse(requestOf(''), requestDirectives([]), short, (each) => factsOf(each, options, NO_OVERRIDES), START_MS + 9_000);
    expect(changeForReuse([], later, [])).toBe('raise max-age from 5 to 10 or more in cdn-cache-control');
  });
});

describe('the smallest change that would have had it stored', () => {
  it.each<[string, string, number, string, string | null, string]>([
    [
      '',
      'Cache-Control: no-store, max-age=60',
      200,
      'no-store',
      'remove no-store; lifetime 60 s from max-age then lets it answer',
      'Cache-Control: max-age=60',
    ],
    [
      '',
      'Cache-Control: no-store\nETag: "a"',
      200,
      'no-store',
      'replace no-store by max-age=N, or by no-cache: then it is validated, and not sent again while it is the same',
      'Cache-Control: max-age=1\nETag: "a"',
    ],
    ['', 'Cache-Control: no-store', 200, 'no-store', 'replace no-store by max-age=N', 'Cache-Control: max-age=1'],
    [
      '',
      'Cache-Control: private, max-age=60',
      200,
      'private',
      'remove private; lifetime 60 s from max-age then lets it answer, if it is the same for everybody',
      'Cache-Control: max-age=60',
    ],
    [
      '',
      'Cache-Control: private',
      200,
      'private',
      'replace private by max-age=N, if it is the same for everybody',
      'Cache-Control: max-age=1',
    ],
    [
      'Authorization: x',
      'Cache-Control: max-age=60',
      200,
      'authorization',
      'add public or s-maxage, since the request carries Authorization',
      'Cache-Control: max-age=60, public',
    ],
    [
      'Authorization: x',
      'A: 1',
      200,
      'authorization',
      'add s-maxage=N, since the request carries Authorization',
      'Cache-Control: s-maxage=1',
    ],
    [
      '',
      'Cache-Control: no-store, no-cache, must-revalidate, max-age=0',
      200,
      'no-store',
      'remove no-store and no-cache, and raise max-age from 0 to 1 or more',
      'Cache-Control: must-revalidate, max-age=1',
    ],
    [
      '',
      'Cache-Control: no-store, no-cache\nETag: "a"',
      200,
      'no-store',
      'replace no-store and no-cache by max-age=N, or remove no-store alone: then it is validated, and not sent again while it is the same',
      'Cache-Control: max-age=1\nETag: "a"',
    ],
    [
      '',
      'Cache-Control: private, no-store, max-age=60',
      200,
      'no-store',
      'remove no-store and private; lifetime 60 s from max-age then lets it answer, if it is the same for everybody',
      'Cache-Control: max-age=60',
    ],
    [
      '',
      'Vary: *',
      200,
      'vary-star',
      'name in Vary the request fields that it depends on, instead of *; add max-age=N; now nothing says how long it stays fresh',
      'Vary: Foo\nCache-Control: max-age=1',
    ],
    [
      '',
      'Cache-Control: must-understand, max-age=60',
      599,
      'status-not-understood',
      'remove must-understand; lifetime 60 s from max-age then lets it answer',
      'Cache-Control: max-age=60',
    ],
    [
      '',
      `Set-Cookie: a=b\nLast-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`,
      200,
      'set-cookie',
      'leave out Set-Cookie, or add public if everybody may have the cookie',
      `Set-Cookie: a=b\nLast-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}\nCache-Control: public`,
    ],
    [
      '',
      'Cache-Control: no-cache',
      200,
      'no-cache',
      'replace no-cache by max-age=N, or add an ETag: then it is validated, and not sent again while it is the same',
      'Cache-Control: max-age=1',
    ],
    [
      '',
      'Cache-Control: max-age=60\nAge: 90',
      200,
      'already-stale',
      'raise max-age from 60 to 91 or more',
      'Cache-Control: max-age=91\nAge: 90',
    ],
    ['', 'A: 1', 200, 'no-freshness', 'add max-age=N; now nothing says how long it stays fresh', 'Cache-Control: max-age=1'],
    [
      '',
      `Last-Modified: ${HOUR_BEFORE}\nDate: ${START_DATE}`,
      302,
      'status-needs-lifetime',
      'add max-age=N; now only a Last-Modified that gives no lifetime',
      'Cache-Control: max-age=1',
    ],
    [
      'Authorization: x',
      'Cache-Control: no-store, max-age=60',
      200,
      'no-store',
      'remove no-store; lifetime 60 s from max-age then lets it answer; add public or s-maxage, since the request carries Authorization',
      'Cache-Control: public, max-age=60',
    ],
    [
      '',
      'Cache-Control: no-store\nVary: *',
      200,
      'vary-star',
      'name in Vary the request fields that it depends on, instead of *; replace no-store by max-age=N',
      'Cache-Control: max-age=1\nVary: Foo',
    ],
    [
      '',
      'Cache-Control: must-understand, no-store',
      599,
      'status-not-understood',
      'replace must-understand and no-store by max-age=N',
      'Cache-Control: max-age=1',
    ],
    [
      '',
      'Cache-Control: no-store\nSet-Cookie: a=b\nETag: "a"',
      200,
      'no-store',
      'replace no-store by max-age=N, if everybody may have its cookie',
      'Cache-Control: max-age=1\nSet-Cookie: a=b\nETag: "a"',
    ],
    ['Cache-Control: no-store', 'Cache-Control: max-age=60', 200, 'request-no-store', null, ''],
    ['', 'Cache-Control: max-age=60', 200, 'stored-explicit', null, ''],
  ])('%j, %j %i is %s: %s', (asked, lines, status, code, change, after) => {
    const judge = (text: string) => {
      const fields = fieldsIn(text);
      const facts = factsFor(storedOf(text, { status }));
      return { facts, fields, code: storability(requestOf(asked), { status, fields, isUsableRange: false }, facts, NO_OVERRIDES) };
    };
    const before = judge(lines);
    expect(before.code).toBe(code);
    expect(changeForStoring(before.code, { status, ...before }, fieldsIn(asked))).toBe(change);
    if (change !== null) expect(STORING_REASONS[judge(after).code].isStored).toBe(true);
  });

  it('can be named in general when the response is forgotten', () => {
    expect(changeForStoring('no-freshness', null, [])).toBe('add max-age=N, the seconds for which it may answer');
    expect(changeForStoring('no-store', null, [])).toBe('replace no-store by max-age=N, the seconds for which it may answer');
    expect(changeForStoring('status-not-understood', null, [])).toBe('remove must-understand and no-store, and add max-age=N');
    expect(changeForStoring('policy-bypass', null, [])).toBeNull();
  });
});
