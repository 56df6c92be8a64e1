import { describe, expect, it } from 'vitest';
import { NO_RESPONSE_DIRECTIVES } from '../../../../src/cache/rules/cache-control.ts';
import { factsOf } from '../../../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, type CacheOverrides, NO_OVERRIDES } from '../../../../src/cache/rules/options.ts';
import { maySatisfyOthers, STORING_REASONS, type StoringCode, storability } from '../../../../src/cache/rules/storability.ts';
import { formatHttpDate } from '../../../../src/http/date.ts';
import { fieldsOf } from './fields-of.ts';

const NOW = Date.UTC(2026, 10, 22, 18, 0, 0);
const MODIFIED = `Last-Modified: ${formatHttpDate(NOW - 86_400_000)}`;
const EXPIRES = `Expires: ${formatHttpDate(NOW + 3_600_000)}`;
const ETAG = 'ETag: "a"';

interface Exchange {
  readonly method?: string;
  readonly path?: string;
  readonly request?: readonly string[];
  readonly hasContent?: boolean;
  readonly status?: number;
  readonly response?: readonly string[];
  readonly isUsableRange?: boolean;
  readonly overrides?: Partial<CacheOverrides>;
  readonly targeted?: readonly string[];
}

function judged(exchange: Exchange): StoringCode {
  const {
    method = 'GET',
    path = '/a?b=c',
    request = [],
    hasContent = false,
    status = 200,
    response = [],
    isUsableRange = false,
  } = exchange;
  const fields = fieldsOf(...response);
  const overrides = { ...NO_OVERRIDES, ...exchange.overrides };
  const options = { ...CACHE_RULE_DEFAULTS, targeted: exchange.targeted ?? [] };
  return storability(
    {
      method,
      scheme: 'http',
      authority: { host: 'origin.example', kind: 'name', port: 8080 },
      pathAndQuery: path,
      fields: fieldsOf(...request),
      hasContent,
    },
    { status, fields, isUsableRange },
    factsOf({ status, fields, requestTimeMs: NOW, responseTimeMs: NOW }, options, overrides),
    overrides,
  );
}

describe('what is stored (RFC 9111 §3)', () => {
  it.each<[StoringCode, string, string[]]>([
    ['stored-explicit', 'max-age', ['Cache-Control: max-age=60']],
    ['stored-explicit', 's-maxage', ['Cache-Control: s-maxage=60']],
    ['stored-explicit', 'Expires', [EXPIRES]],
    ['stored-explicit', 'a lifetime and Set-Cookie', ['Cache-Control: max-age=60', 'Set-Cookie: a=b']],
    [
      'stored-explicit',
      'a lifetime and fields that are not for reuse (§5.2.2.4)',
      ['Cache-Control: max-age=60, no-cache="a", private="b"'],
    ],
    ['stored-explicit', 'a lifetime and Pragma (§5.4)', ['Cache-Control: max-age=60', 'Pragma: no-cache']],
    ['stored-explicit', 'a lifetime and a Vary', ['Cache-Control: max-age=60', 'Vary: Foo']],
    ['stored-heuristic', 'Last-Modified', [MODIFIED]],
    ['stored-heuristic', 'Last-Modified and an entity tag', [MODIFIED, ETAG]],
    ['stored-heuristic', 'public, Set-Cookie and Last-Modified', [MODIFIED, 'Cache-Control: public', 'Set-Cookie: a=b']],
    [
      'stored-heuristic',
      'Last-Modified and a Set-Cookie that is private',
      [MODIFIED, 'Cache-Control: private="Set-Cookie"', 'Set-Cookie: a=b'],
    ],
    ['stored-to-validate', 'an entity tag', [ETAG]],
    ['stored-to-validate', 'no-cache and an entity tag (§5.2.2.4)', ['Cache-Control: no-cache', ETAG]],
    ['stored-to-validate', 'no-cache, a lifetime and an entity tag', ['Cache-Control: no-cache, max-age=60', EXPIRES, ETAG]],
    ['stored-to-validate', 'no lifetime left, and an entity tag', ['Cache-Control: max-age=0', ETAG]],
    ['stored-to-validate', 'a lifetime that Age has used up, and Last-Modified', ['Cache-Control: max-age=60', 'Age: 60', MODIFIED]],
    ['stored-to-validate', 'an invalid lifetime and an entity tag', ['Cache-Control: max-age=x', ETAG]],
    ['stored-stale', 'no lifetime, but leave to answer stale (RFC 5861 §3)', ['Cache-Control: max-age=0, stale-while-revalidate=60']],
    ['stored-stale', 'the same for errors (RFC 5861 §4)', ['Cache-Control: max-age=0, stale-if-error=60']],
    ['no-freshness', 'nothing', []],
    ['no-freshness', 'public and nothing else', ['Cache-Control: public']],
    ['no-freshness', 'must-revalidate and nothing else', ['Cache-Control: must-revalidate']],
    ['already-stale', 'max-age=0', ['Cache-Control: max-age=0']],
    ['already-stale', 'an Expires that is over', ['Expires: 0']],
    ['already-stale', 'a lifetime that Age has used up', ['Cache-Control: max-age=60', 'Age: 60']],
    ['already-stale', 'a lifetime that the first member of Age has used up', ['Cache-Control: max-age=1', 'Age: 7200, 0']],
    ['no-cache', 'no-cache and no validator', ['Cache-Control: no-cache, max-age=60']],
    ['no-store', 'no-store', ['Cache-Control: no-store']],
    ['no-store', 'no-store in another case', ['Cache-Control: No-StOrE']],
    ['no-store', 'no-store beside a lifetime', ['Cache-Control: max-age=10000, no-store', EXPIRES]],
    ['no-store', 'no-store on another line', ['Cache-Control: max-age=10000', 'Cache-Control: no-store']],
    ['private', 'private', ['Cache-Control: private, max-age=60']],
    ['private', 'private of no certain fields', ['Cache-Control: private="", max-age=60']],
    ['vary-star', 'Vary: *', ['Cache-Control: max-age=60', 'Vary: *']],
    ['vary-star', 'a Vary that names no field', ['Cache-Control: max-age=60', 'Vary: a b']],
    ['vary-star', 'Vary: * on a second line', ['Cache-Control: max-age=60', 'Vary: Foo', 'Vary: *']],
    ['set-cookie', 'Set-Cookie and Last-Modified', [MODIFIED, 'Set-Cookie: a=b']],
    ['set-cookie', 'Set-Cookie while another field is private', [ETAG, 'Cache-Control: private="a"', 'Set-Cookie: a=b']],
    ['set-cookie', 'Set-Cookie, an entity tag and an Expires that is over', [ETAG, 'Expires: 0', 'Set-Cookie: a=b']],
    ['set-cookie', 'Set-Cookie and an entity tag', [ETAG, 'Set-Cookie: a=b']],
    ['set-cookie', 'Set-Cookie and no lifetime left', ['Cache-Control: max-age=0, must-revalidate', ETAG, 'Set-Cookie: a=b']],
  ])('%s: a 200 with %s', (code, _, response) => {
    expect(judged({ response })).toBe(code);
  });

  it.each([200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 401, 404, 410, 499, 500, 502, 503, 504, 599, 999])(
    'a %d with a lifetime of its own, known or not',
    (status) => {
      expect(judged({ status, response: ['Cache-Control: max-age=60'] })).toBe('stored-explicit');
      expect(judged({ status, response: [EXPIRES] })).toBe('stored-explicit');
    },
  );

  it.each([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])('a %d with Last-Modified alone (RFC 9110 §15.1)', (status) => {
    expect(judged({ status, response: [MODIFIED] })).toBe('stored-heuristic');
  });

  it.each([201, 202, 302, 403, 502, 503, 504, 599])('a %d with Last-Modified only when it is public (§5.2.2.9)', (status) => {
    expect(judged({ status, response: [MODIFIED, ETAG] })).toBe('status-needs-lifetime');
    expect(judged({ status, response: [MODIFIED, 'Cache-Control: public'] })).toBe('stored-public');
    expect(judged({ status, response: ['Cache-Control: no-cache', ETAG] })).toBe('status-needs-lifetime');
  });

  it.each<[number, StoringCode]>([
    [100, 'not-final'],
    [101, 'not-final'],
    [103, 'not-final'],
    [304, 'not-modified'],
  ])('never a %d', (status, code) => {
    expect(judged({ status, response: ['Cache-Control: max-age=60'] })).toBe(code);
  });

  it.each([407, 412, 416, 417, 428, 429, 431, 511])('never a %d, which is about the request (RFC 6585 §3 to §6)', (status) => {
    expect(judged({ status, response: ['Cache-Control: max-age=60'] })).toBe('status-about-request');
    expect(judged({ status, overrides: { ttlSeconds: 60, force: true } })).toBe('status-about-request');
  });
});

describe('must-understand (RFC 9111 §5.2.2.3)', () => {
  it.each<[number, string, StoringCode]>([
    [200, 'max-age=60, must-understand', 'stored-explicit'],
    [200, 'max-age=60, must-understand, no-store', 'stored-explicit'],
    [404, 'no-store, must-understand, max-age=60', 'stored-explicit'],
    [200, 'max-age=60, must-understand, private', 'private'],
    [599, 'max-age=60, must-understand', 'status-not-understood'],
    [599, 'max-age=60, must-understand, no-store', 'status-not-understood'],
    [299, 'max-age=60, must-understand', 'status-not-understood'],
  ])('%d with %s: %s', (status, control, code) => {
    expect(judged({ status, response: [`Cache-Control: ${control}`] })).toBe(code);
  });
});

describe('the request', () => {
  it.each(['HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'QUERY', 'get', 'FOO'])('answers to %s are not stored (RFC 9111 §3)', (method) => {
    expect(judged({ method, response: ['Cache-Control: max-age=60'] })).toBe('method');
  });

  it('keeps a response out with no-store (§5.2.1.5)', () => {
    expect(judged({ request: ['Cache-Control: no-store'], response: ['Cache-Control: max-age=60'] })).toBe('request-no-store');
  });

  it('keeps a response out with content, which is in no key', () => {
    expect(judged({ hasContent: true, response: ['Cache-Control: max-age=60'] })).toBe('request-content');
  });

  it.each<[string, StoringCode]>([
    ['max-age=60', 'authorization'],
    ['max-age=60, public', 'stored-explicit'],
    ['max-age=60, must-revalidate', 'stored-explicit'],
    ['s-maxage=60', 'stored-explicit'],
    ['max-age=60, s-maxage=x', 'authorization'],
    ['max-age=60, proxy-revalidate', 'authorization'],
    ['public, private', 'private'],
  ])('with Authorization and a response with %s: %s (§3.5)', (control, code) => {
    expect(judged({ request: ['Authorization: Basic eDp5'], response: [`Cache-Control: ${control}`] })).toBe(code);
  });

  it('with Authorization and Expires is not enough', () => {
    expect(judged({ request: ['Authorization: FOO'], response: [EXPIRES] })).toBe('authorization');
  });

  it('with Cookie or unknown directives changes nothing', () => {
    expect(judged({ request: ['Cookie: a=b', 'Cache-Control: x', 'Pragma: y'], response: ['Cache-Control: max-age=60'] })).toBe(
      'stored-explicit',
    );
  });
});

describe('a 206 (RFC 9111 §3.3)', () => {
  it.each<[boolean, string[], StoringCode]>([
    [true, ['Cache-Control: max-age=60'], 'stored-partial'],
    [true, [ETAG], 'stored-partial'],
    [true, [MODIFIED], 'stored-partial'],
    [true, [], 'no-freshness'],
    [true, ['Cache-Control: no-store'], 'no-store'],
    [false, ['Cache-Control: max-age=60'], 'partial-unusable'],
  ])('whose range can be kept: %j, with %j: %s', (isUsableRange, response, code) => {
    expect(judged({ status: 206, isUsableRange, response })).toBe(code);
  });
});

describe('an answer to POST (RFC 9110 §9.3.3)', () => {
  const post = { method: 'POST', hasContent: true };

  it.each(['http://origin.example:8080/a?b=c', '//origin.example:8080/a?b=c', '/a?b=c', '?b=c', '', 'HTTP://ORIGIN.EXAMPLE:8080/a?b=c'])(
    'is stored when it is fresh and its Content-Location %j is its target',
    (location) => {
      expect(judged({ ...post, response: [EXPIRES, `Content-Location: ${location}`] })).toBe('stored-post');
    },
  );

  it.each<[string, Exchange]>([
    ['another path', { response: [EXPIRES, 'Content-Location: /b'] }],
    ['another query', { response: [EXPIRES, 'Content-Location: /a'] }],
    ['another port', { response: [EXPIRES, 'Content-Location: http://origin.example/a?b=c'] }],
    ['a fragment', { response: [EXPIRES, 'Content-Location: /a?b=c#d'] }],
    ['no URI', { response: [EXPIRES, 'Content-Location: http://['] }],
    ['two of them', { response: [EXPIRES, 'Content-Location: /a?b=c', 'Content-Location: /a?b=c'] }],
    ['none', { response: [EXPIRES] }],
    ['no lifetime', { response: [MODIFIED, ETAG, 'Content-Location: /a?b=c'] }],
    ['a lifetime that is over', { response: ['Cache-Control: max-age=0', ETAG, 'Content-Location: /a?b=c'] }],
    ['another status', { status: 201, response: [EXPIRES, 'Content-Location: /a?b=c'] }],
  ])('is not stored with %s', (_, exchange) => {
    expect(judged({ ...post, ...exchange })).toBe('post-not-reusable');
  });

  it('obeys every directive as an answer to GET does', () => {
    expect(judged({ ...post, response: ['Cache-Control: no-store, max-age=60', 'Content-Location: '] })).toBe('no-store');
    expect(judged({ ...post, response: ['Cache-Control: no-cache, max-age=60', ETAG, 'Content-Location: '] })).toBe('stored-to-validate');
  });
});

describe('a targeted field (RFC 9213 §2.2)', () => {
  it.each<[string, string, StoringCode]>([
    ['max-age=60', 'no-store', 'stored-explicit'],
    ['no-store', 'max-age=60', 'no-store'],
    ['private', 'max-age=60', 'private'],
    ['max-age=60, &', 'no-store', 'no-store'],
    ['max-age="60"', 'max-age=60', 'no-freshness'],
  ])('CDN-Cache-Control: %s stands above Cache-Control: %s: %s', (cdn, control, code) => {
    const response = [`CDN-Cache-Control: ${cdn}`, `Cache-Control: ${control}`, EXPIRES];
    expect(judged({ targeted: ['cdn-cache-control'], response })).toBe(code);
    expect(judged({ response })).toBe(control === 'no-store' ? 'no-store' : 'stored-explicit');
  });
});

describe('a rule of the policy', () => {
  it.each<[Partial<CacheOverrides>, string[], StoringCode]>([
    [{ bypass: true }, ['Cache-Control: max-age=60'], 'policy-bypass'],
    [{ ttlSeconds: 60 }, [], 'stored-by-policy'],
    [{ ttlSeconds: 60 }, ['Cache-Control: no-store'], 'no-store'],
    [{ ttlSeconds: 60 }, ['Cache-Control: private'], 'private'],
    [{ ttlSeconds: 60 }, ['Cache-Control: no-cache'], 'no-cache'],
    [{ ttlSeconds: 60 }, ['Set-Cookie: a=b'], 'set-cookie'],
    [{ ttlSeconds: 60 }, ['Set-Cookie: a=b', 'Cache-Control: max-age=5'], 'stored-by-policy'],
    [{ ttlSeconds: 60, force: true }, ['Cache-Control: no-store, private, no-cache', 'Set-Cookie: a=b'], 'forced-by-policy'],
    [{ ttlSeconds: 60, force: true }, ['Vary: *'], 'vary-star'],
    [{ force: true }, ['Cache-Control: no-store'], 'no-store'],
  ])('with %j, and a response with %j: %s', (overrides, response, code) => {
    expect(judged({ overrides, response })).toBe(code);
  });

  it('forces a response to a request with Authorization, but not against the client', () => {
    const overrides = { ttlSeconds: 60, force: true };
    expect(judged({ overrides, request: ['Authorization: FOO'] })).toBe('forced-by-policy');
    expect(judged({ overrides, request: ['Cache-Control: no-store'] })).toBe('request-no-store');
    expect(judged({ overrides, method: 'PUT' })).toBe('method');
    expect(judged({ overrides, status: 206 })).toBe('partial-unusable');
  });
});

it('may answer others only with one of the three directives of §3.5', () => {
  expect(maySatisfyOthers(NO_RESPONSE_DIRECTIVES)).toBe(false);
  expect(maySatisfyOthers({ ...NO_RESPONSE_DIRECTIVES, maxAge: 60 })).toBe(false);
  expect(maySatisfyOthers({ ...NO_RESPONSE_DIRECTIVES, sMaxAge: 0 })).toBe(true);
  expect(maySatisfyOthers({ ...NO_RESPONSE_DIRECTIVES, sMaxAge: 'invalid' })).toBe(false);
});

it('has a sentence and a place for every reason', () => {
  for (const [code, { section, sentence, isStored }] of Object.entries(STORING_REASONS)) {
    expect(sentence, code).toMatch(/^(?:It|The|A|An|Its|Only) .*\.$/);
    expect(section, code).not.toBe('');
    expect(isStored, code).toBe(code.startsWith('stored-') || code === 'forced-by-policy');
  }
});
