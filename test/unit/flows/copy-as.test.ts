// What copied requests read like. That programs send the same octets is shown end to end.
import { expect, test } from 'vitest';
import { type CopiedRequest, copiedRequest } from '../../../src/flows/copy-as/copied-request.ts';
import { asCurl, shellWord } from '../../../src/flows/copy-as/curl.ts';
import { asFetch } from '../../../src/flows/copy-as/fetch.ts';
import { asPython } from '../../../src/flows/copy-as/python.ts';
import type { RecordedFields } from '../../../src/flows/recorded.ts';
import { exchangeOf } from '../../support/recorded.ts';

const FIELDS: RecordedFields = [
  ['Host', 'api.example'],
  ['Content-Type', 'application/json'],
  ['Proxy-Authorization', 'Basic x'],
  ['Content-Length', '7'],
];

function copied(content: Buffer | null, length = content?.length ?? 0): CopiedRequest {
  const request = { method: 'POST', target: '/a?b', version: '1.1', fields: FIELDS };
  const requestContent = { length, kept: content?.length ?? 0, digest: null, isComplete: true, trailers: [] };
  return copiedRequest(
    exchangeOf({ request, requestContent }, { method: 'POST', scheme: 'https', host: 'api.example', port: 443, path: '/a?b' }),
    content,
  )!;
}

test('curl', () => {
  expect(asCurl(copied(Buffer.from('{"a":1}')))).toBe(
    [
      "curl --globoff 'https://api.example/a?b' \\",
      "  --header 'Content-Type: application/json' \\",
      "  --header 'User-Agent:' \\",
      "  --header 'Accept:' \\",
      "  --header 'Expect:' \\",
      '  --data-raw \'{"a":1}\'\n',
    ].join('\n'),
  );
});

test('fetch', () => {
  expect(asFetch(copied(Buffer.from('{"a":1}')))).toBe(
    [
      'await fetch("https://api.example/a?b", {',
      '  method: "POST",',
      '  headers: [',
      '    ["Content-Type", "application/json"],',
      '  ],',
      '  body: "{\\"a\\":1}",',
      '});\n',
    ].join('\n'),
  );
});

test("Python's requests", () => {
  expect(asPython(copied(Buffer.from('{"a":1}')))).toBe(
    [
      'import requests\n',
      'response = requests.request(',
      '    "POST",',
      '    "https://api.example/a?b",',
      '    headers={',
      '        "Content-Type": "application/json",',
      '        "User-Agent": None,',
      '        "Accept": None,',
      '        "Accept-Encoding": None,',
      '    },',
      '    data=b"{\\"a\\":1}",',
      '    allow_redirects=False,',
      ')',
      'print(response.status_code)',
      'print(response.text)\n',
    ].join('\n'),
  );
});

test('what is missing of the content is said first', () => {
  const cut = copied(Buffer.from('{"a'), 7);
  for (const text of [asCurl(cut), asFetch(cut), asPython(cut)]) {
    expect(text).toMatch(/^(?:#|\/\/) The content is incomplete: 3 of its 7 octets were kept\.\n/);
  }
});

test('a CONNECT and what could not be understood are nothing to send again', () => {
  expect(copiedRequest(exchangeOf({}, { scheme: 'tunnel', method: 'CONNECT', path: '' }), null)).toBeNull();
  expect(copiedRequest(exchangeOf({}, { scheme: '', method: '', path: '', host: '' }), null)).toBeNull();
});

test('a path of octets that programs would encode goes to curl as it is', () => {
  const request = copiedRequest(exchangeOf({}, { path: '/caf\xe9' }), null)!;
  expect(asCurl(request)).toContain(`--request-target '/caf'"$(printf '\\351')"`);
});

test.each<[string, string]>([
  ['plain-1.0/x', 'plain-1.0/x'],
  ['', "''"],
  ["it's", "'it'\\''s'"],
  ['$(id) `id` "x"', '\'$(id) `id` "x"\''],
  ['\xc3\xa9', "'é'"],
  ["\xe9'a", `"$(printf '\\351')"''\\''a'`],
])('the word of a shell for %j is %s', (octets, word) => {
  expect(shellWord(octets)).toBe(word);
});
