// What is masked of a record, and that nothing else changes.
import { describe, expect, test } from 'vitest';
import { readableText } from '../../../src/flows/octet-text.ts';
import type { RecordedCache, RecordedDecision } from '../../../src/flows/recorded.ts';
import { parseJsonPath } from '../../../src/flows/redact/mask-json.ts';
import { isSecretName } from '../../../src/flows/redact/mask-urls.ts';
import { maskRules, SECRET_PARAMETERS } from '../../../src/flows/redact/rules.ts';
import { maskContent, maskExchange, maskFields, maskMessage, maskTarget, unwrittenBy } from '../../../src/flows/redact.ts';
import { SECRET_FIELDS } from '../../../src/http/secret-fields.ts';
import { exchangeOf, factsOf } from '../../support/recorded.ts';
import { threadMs } from '../../support/thread-time.ts';

const RULES = maskRules({ fields: ['X-Mine'], query: ['Mine'], json: ['$.user.pin', '$.list[*].key', "$['a b'][1]"] });

describe('fields', () => {
  test.each<[string, string, string]>([
    ['Authorization', 'Basic YTpi', 'Basic ‹masked 4 octets›'],
    ['authorization', 'AWS4-HMAC-SHA256 Credential=x, Signature=y', 'AWS4-HMAC-SHA256 ‹masked 25 octets›'],
    ['Authorization', 'my secret', '‹masked 9 octets›'],
    ['Proxy-Authorization', 'Bearer a', 'Bearer ‹masked 1 octet›'],
    ['Cookie', 'a=1; b="x=y"; c=; lone', 'a=‹masked 1 octet›; b=‹masked 5 octets›; c=; ‹masked 4 octets›'],
    ['Set-Cookie', 'id=caf\xe9; Path=/; HttpOnly', 'id=‹masked 4 octets›; Path=/; HttpOnly'],
    ['Set-Cookie', '', ''],
    ['X-API-Key', '0123456789', '‹masked 10 octets›'],
    ['X-Mine', 'abc', '‹masked 3 octets›'],
    [
      'Location',
      'https://a:b@host.example/x?code=1&z=2#access_token=abc',
      'https://‹masked 3 octets›@host.example/x?code=‹masked+1+octet›&z=2#access_token=‹masked+3+octets›',
    ],
    [':path', '/a?token=xyz', '/a?token=‹masked+3+octets›'],
    ['Refresh', '5; url=/a?token=xyz', '5; url=/a?token=‹masked+3+octets›'],
    ['Link', '</a?sig=1>; rel="next"', '</a?sig=‹masked+1+octet›>; rel="next"'],
    ['Accept', 'token=1', 'token=1'],
  ])('%s: %s', (name, value, expected) => {
    expect(
      maskFields(
        [
          ['A', 'b'],
          [name, value],
        ],
        RULES,
      ),
    ).toEqual([
      ['A', 'b'],
      [name, Buffer.from(expected).toString('latin1')],
    ]);
  });

  test('stay the same list where there is nothing to mask, and masking twice masks once', () => {
    const plain = [['Host', 'example.com']] as const;
    expect(maskFields(plain, RULES)).toBe(plain);
    const masked = maskFields(
      [
        ['Cookie', 'a=1'],
        ['Authorization', 'Basic eA=='],
        ['Referer', '/?token=1'],
      ],
      RULES,
    );
    expect(maskFields(masked, RULES)).toEqual(masked);
    const byRecorder = [['Proxy-Authorization', '\xe2\x80\xb9masked 4 octets\xe2\x80\xba']] as const;
    expect(maskFields(byRecorder, RULES)).toBe(byRecorder);
  });

  test.each(SECRET_FIELDS)('%s never shows its value', (name) => {
    expect(JSON.stringify(maskFields([[name.toUpperCase(), 'hunter2']], RULES))).not.toContain('hunter2');
  });
});

test('what the recorder asks is answered by the same rules', () => {
  const { maskedValue, maskedUrl } = unwrittenBy(RULES);
  expect(readableText(maskedValue('COOKIE', 'a=b'))).toBe('a=‹masked 1 octet›');
  expect(maskedValue('Accept', 'a=b')).toBe('a=b');
  expect(readableText(maskedUrl('/?token=a'))).toBe('/?token=‹masked+1+octet›');
});

describe('targets', () => {
  test.each<[string, string]>([
    ['/a?x=1&token=secret&y=2', '/a?x=1&token=‹masked+6+octets›&y=2'],
    ['/a?%74oken=s&PASSWORD=t', '/a?%74oken=‹masked+1+octet›&PASSWORD=‹masked+1+octet›'],
    ['/a?user[password]=s&token=', '/a?user[password]=‹masked+1+octet›&token='],
    ['/a;jsessionid=1;b', '/a;jsessionid=‹masked+1+octet›;b'],
    ['/a?token=a/b?c', '/a?token=‹masked+5+octets›'],
    ['/a?mine=1', '/a?mine=‹masked+1+octet›'],
    ['/a?next=/b?sig=1', '/a?next=/b?sig=‹masked+1+octet›'],
    ['/token=1', '/token=1'],
    [
      '/a?variables=%7B%22password%22%3A%22x%22%2C%22n%22%3A1%7D',
      `/a?variables=${encodeURIComponent('{"password":"‹masked 1 octet›","n":1}')}`,
    ],
    ['/a?filter=%7B%22n%22%3A1%7D', '/a?filter=%7B%22n%22%3A1%7D'],
    ['/a?next=/b?c=/d?token=x&n=1', '/a?next=/b?c=/d?token=‹masked+1+octet›&n=1'],
    ['/a?next=/b?state=%7B%22secret%22:1%7D&n=1', `/a?next=/b?state=${encodeURIComponent('{"secret":"‹masked 1 octet›"}')}&n=1`],
    ['example.com:443', 'example.com:443'],
  ])('%s', (target, expected) => {
    expect(readableText(maskTarget(target, RULES))).toBe(expected);
  });

  test.each(['a=?', 'a={?', 'a=b;', '://a@'])('a long one of nothing but %s takes no longer than others', (piece) => {
    const startedMs = threadMs();
    maskTarget(`/?${piece.repeat(100_000)}`, RULES);
    // With a look at the rest of the text for each of them it would be minutes.
    expect(threadMs() - startedMs).toBeLessThan(5_000);
  });

  test.each(SECRET_PARAMETERS)('%s is known in any case', (name) => {
    expect(isSecretName(name.toUpperCase(), RULES)).toBe(true);
  });
});

describe('content', () => {
  test.each<[string, string, string]>([
    ['application/json', '{"a": {"password" : "p\\"w" }, "b":1}', '{"a": {"password" : "‹masked 4 octets›" }, "b":1}'],
    ['application/json', '{"user":{"pin":1234,"name":"x"},"pin":5}', '{"user":{"pin":"‹masked 4 octets›","name":"x"},"pin":5}'],
    [
      'application/json',
      '{"list":[{"key":{"k":[1,"]"]}},{"key":null,"x":2}]}',
      '{"list":[{"key":"‹masked 13 octets›"},{"key":"‹masked 4 octets›","x":2}]}',
    ],
    ['application/json', '{"a b":["x","y","z"]}', '{"a b":["x","‹masked 1 octet›","z"]}'],
    ['application/json', '{"pass\\u0077ord":"x"}', '{"pass\\u0077ord":"‹masked 1 octet›"}'],
    ['application/vnd.api+json; charset=utf-8', '[{"access_token":"x"}]', '[{"access_token":"‹masked 1 octet›"}]'],
    ['application/x-ndjson', '{"secret":1}\n{"secret":2}\n', '{"secret":"‹masked 1 octet›"}\n{"secret":"‹masked 1 octet›"}\n'],
    ['application/json', '{"x":1,"password":"cut o', '{"x":1,"password":"‹masked 5 octets›"'],
    ['text/plain', ' {"query":"…","variables":{"password":"x"}}', ' {"query":"…","variables":{"password":"‹masked 1 octet›"}}'],
    ['application/x-www-form-urlencoded', 'a=1&password=p%20w\nq&mine=x', 'a=1&password=‹masked+7+octets›&mine=‹masked+1+octet›'],
    ['text/event-stream', 'event: x\ndata: {"token":1,"secret":2}\n\n', 'event: x\ndata: {"token":1,"secret":"‹masked 1 octet›"}\n\n'],
    ['text/html', '<a href="?token=1">', '<a href="?token=1">'],
    ['application/json', '', ''],
  ])('of %s: %s', (type, content, expected) => {
    expect(maskContent(Buffer.from(content), type, RULES).toString()).toBe(expected);
  });

  test('of a form in parts: by name, and not of files', () => {
    const part = (head: string, value: string): string => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`;
    const form = (secret: string, json: string): string =>
      `${part('name="a"', 'x')}${part('name="password"', secret)}${part('name="password"; filename="p.txt"', 'file')}${part('name=j\r\nContent-Type: application/json', json)}--b--\r\n`;
    const masked = maskContent(Buffer.from(form('hunter2', '{"secret":1}')), 'multipart/form-data; boundary="b"', RULES);
    expect(masked.toString()).toBe(form('‹masked 7 octets›', '{"secret":"‹masked 1 octet›"}'));
  });

  test('is the same memory where there is nothing to mask', () => {
    const octets = Buffer.from('{"a":1}');
    expect(maskContent(octets, 'application/json', RULES)).toBe(octets);
  });

  test('in UTF-16 hides nothing', () => {
    const little = Buffer.from('\ufeff{"password":"hunter2"}', 'utf16le');
    for (const octets of [little, Buffer.from(little).swap16()]) {
      expect(maskContent(octets, 'application/json', RULES).toString()).toBe('{"password":"‹masked 7 octets›"}');
    }
  });

  test('as deep as content goes takes no stack, and what lies deeper than anything useful is masked as a whole', () => {
    const deep = maskContent(Buffer.from(`${'['.repeat(200_000)}{"password":"x"}`), 'application/json', RULES).toString();
    expect(deep).not.toContain('password');
    expect(deep).toMatch(/^\[{500}"‹masked/);
  });
});

test('a message of a WebSocket is masked as content is', () => {
  const message = {
    exchangeId: 1,
    number: 1,
    atMs: 0,
    direction: 'from-client',
    length: 9,
    isCompressed: false,
    contentLength: 9,
  } as const;
  const preview = Buffer.from('{"secret":1}').toString('base64');
  const rest = { closeCode: null, problem: null };
  const masked = maskMessage({ ...message, ...rest, kind: 'text', preview }, RULES);
  expect(Buffer.from(masked.preview, 'base64').toString()).toBe('{"secret":"‹masked 1 octet›"}');
  const binary = { ...message, ...rest, kind: 'binary', preview } as const;
  expect(maskMessage(binary, RULES)).toBe(binary);
});

test('an exchange shows a secret nowhere once it is masked: heads, trailers, cache key, question, sentences', () => {
  const fields = [['Cookie', 'a=hunter2']] as const;
  const head = { method: 'GET', target: 'http://u:hunter2@h/?token=hunter2', version: '1.1', fields };
  const answer = {
    status: 200,
    reason: '',
    version: '1.1',
    fields: [
      ['Set-Cookie', 'a=hunter2'],
      ['Location', '/?code=hunter2'],
    ],
  } as const;
  const content = { length: 1, kept: 1, digest: null, isComplete: true, trailers: [['X-Api-Key', 'hunter2']] } as const;
  const question = { pathAndQuery: '/?token=hunter2', fields: [{ name: 'Cookie', value: 'a=hunter2', line: 'Cookie: a=hunter2\r\n' }] };
  const sentence = 'GET http://h/?token=hunter2';
  const decision: RecordedDecision = {
    ...{ action: 'allow', decidedBy: 'rule', file: 'p', line: 1, rule: null, reported: [], groups: [], policyDigest: '' },
    ...{ sentence, question },
  };
  const cache: RecordedCache = {
    ...{ outcome: 'hit', isCollapsed: false, reuseWhy: null, storing: null, ttlSeconds: null, forwardStatus: null },
    key: 'http://h/?token=hunter2',
  };
  const exchange = exchangeOf(
    {
      ...{ request: head, sent: head, received: answer, response: answer, requestContent: content, responseContent: content },
      facts: factsOf({ decision, cache, errorMessage: 'no answer to http://h/?token=hunter2' }),
    },
    { path: '/?token=hunter2' },
  );
  expect(JSON.stringify(maskExchange(exchange, RULES))).not.toContain('hunter2');
  expect(JSON.stringify(maskExchange(exchange, RULES))).toContain('\xe2\x80\xb9masked');
});

describe('paths', () => {
  test.each(['', '$', 'a', '$.', '$.a.', '$.a[', '$[a]', '$.a b', `$${'.a'.repeat(31)}`])('%j is none', (path) => {
    expect(() => parseJsonPath(path)).toThrow(/expected a path/);
  });

  test('name members, elements, all of them and all below', () => {
    expect(parseJsonPath("$..list[*]['x y'][0].z")).toEqual([
      { kind: 'descent' },
      { kind: 'member', name: 'list' },
      { kind: 'any' },
      { kind: 'member', name: 'x y' },
      { kind: 'member', name: '0' },
      { kind: 'member', name: 'z' },
    ]);
  });
});
