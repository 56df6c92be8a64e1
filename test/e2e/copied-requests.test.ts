// Requests copied as commands and scripts, run by the programs they are for: what arrives at the origin is what was recorded, octet by octet.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CopiedRequest, copiedRequest } from '../../src/flows/copy-as/copied-request.ts';
import { asCurl } from '../../src/flows/copy-as/curl.ts';
import { asFetch } from '../../src/flows/copy-as/fetch.ts';
import { asPython } from '../../src/flows/copy-as/python.ts';
import type { RecordedExchange, RecordedFields } from '../../src/flows/recorded.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { describeWith, run, succeed } from '../support/programs.ts';
import { exchangeOf } from '../support/recorded.ts';
import type { RawRequest } from '../support/strict-message.ts';

interface Case {
  readonly title: string;
  readonly method?: string;
  readonly path?: string;
  readonly target?: string;
  readonly fields?: RecordedFields;
  readonly content?: Buffer;
}

const EVERY_OCTET = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const CASES: readonly Case[] = [
  { title: 'a plain GET' },
  { title: 'HEAD', method: 'HEAD' },
  { title: 'a method of its own', method: 'PURGE' },
  { title: 'DELETE', method: 'DELETE', fields: [['X-A', 'b']] },
  {
    title: 'fields that shells, JavaScript and Python could take for theirs',
    fields: [
      ['X-Quotes', `'"'"\`\\' $(id) \${HOME} %s %% \\n !x #y ; & |`],
      ['X-Tab', 'a\tb'],
      ['X-Latin-1', 'caf\xe9 \xa0\xff'],
      ['X-UTF-8', 'caf\xc3\xa9 \xe2\x82\xac'],
      ['X-Mixed', "a'\xe9'b\xc3\xa9"],
      ['X-Dashes', '--help -o /dev/null'],
      ['X-Semicolon', 'a;'],
      ['User-Agent', 'Mine/1.0 (a; b)'],
      ['Accept', '*/*;q=0.1'],
      ['Cookie', 'a=b; c="d"'],
    ],
  },
  { title: 'a field without a value', fields: [['X-Empty', '']] },
  {
    title: 'several lines of one name',
    fields: [
      ['X-Twice', 'a'],
      ['X-Twice', 'b'],
    ],
  },
  { title: 'a target full of what could be wildcards', path: '/[1-3]/{a,b}/$x`y`?q=%27*&r=%20;s=(t)!' },
  { title: 'JSON', method: 'POST', fields: [['Content-Type', 'application/json']], content: Buffer.from('{"a":"it\'s \\" é €"}\n\n') },
  {
    title: 'content that begins like the name of a file',
    method: 'PUT',
    fields: [['Content-Type', 'text/plain']],
    content: Buffer.from('@/etc/passwd'),
  },
  { title: 'content without a media type', method: 'POST', content: Buffer.from('a=b') },
  { title: 'content of no octets', method: 'POST', content: Buffer.alloc(0) },
  { title: 'every octet there is', method: 'POST', fields: [['Content-Type', 'application/octet-stream']], content: EVERY_OCTET },
  { title: 'octets that are no text, without NUL', method: 'POST', fields: [['Content-Type', 'x/y']], content: EVERY_OCTET.subarray(1) },
  {
    title: 'more text than fits into a word',
    method: 'POST',
    fields: [['Content-Type', 'text/plain']],
    content: Buffer.from("it's %s \\101 é\n".repeat(20_000)),
  },
  {
    title: 'more octets than fit into a word',
    method: 'POST',
    fields: [['Content-Type', 'x/y']],
    content: Buffer.concat(Array(600).fill(EVERY_OCTET)),
  },
];
const ONLY_CURL: readonly Case[] = [
  { title: 'a path that leads upwards', path: '/a/../b/./c' },
  { title: 'the origin itself', method: 'OPTIONS', target: '*', path: '' },
  { title: 'GET with content', fields: [['Content-Type', 'application/json']], content: Buffer.from('{}') },
];

let origin: Origin;
beforeAll(async () => {
  origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
});
afterAll(() => origin.close());

function exchangeFor({ method = 'GET', path = '/a?b=c', target = path, fields = [], content }: Case): RecordedExchange {
  const all: RecordedFields = [['Host', origin.authority], ['Connection', 'keep-alive, X-Hop'], ['X-Hop', '1'], ...fields];
  return exchangeOf(
    {
      request: { method, target, version: '1.1', fields: all },
      requestContent:
        content === undefined ? null : { length: content.length, kept: content.length, digest: null, isComplete: true, trailers: [] },
    },
    { method, path, host: '127.0.0.1', port: origin.port },
  );
}

/** What arrives while one program runs, request for request. */
async function arrived(cases: readonly Case[], send: () => Promise<unknown>): Promise<(readonly [Case, RawRequest])[]> {
  const before = origin.requests.length;
  await send();
  const requests = origin.requests.slice(before);
  expect(requests.length).toBe(cases.length);
  return cases.map((each, i) => [each, requests[i]!]);
}

function copied(each: Case): CopiedRequest {
  return copiedRequest(exchangeFor(each), each.content ?? null)!;
}

/** The fields that are not made for the connection, sorted: the order of different names means nothing (RFC 9110 §5.3). */
function ownFields(fields: RecordedFields, made: readonly string[]): string[] {
  return fields
    .filter(([name]) => !made.includes(name.toLowerCase()))
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    .sort();
}

describeWith(['curl'], 'curl', () => {
  test.each(['sh', 'bash'])('from %s sends every octet as it was', async (shell) => {
    const cases = [...CASES, ...ONLY_CURL];
    const commands = cases.map((each) => asCurl(copied(each)).replace('curl ', 'curl --silent --show-error --output /dev/null '));
    for (const [each, request] of await arrived(cases, () => succeed(shell, ['-e'], { input: commands.join('') }))) {
      expectSame(request, each, ['host', 'content-length']);
      expect(request.target, each.title).toBe(each.target ?? each.path ?? '/a?b=c');
      expect(ownFields(request.fields, ['host', 'content-length']), each.title).toEqual(ownFields(each.fields ?? [], []));
    }
  });
});

test('fetch sends every octet as it was, and what it adds itself', async () => {
  const script = CASES.map((each) => asFetch(copied(each))).join('');
  const added = ['host', 'connection', 'content-length', 'accept', 'accept-language', 'sec-fetch-mode', 'user-agent', 'accept-encoding'];
  const requests = await arrived(CASES, () => succeed(process.execPath, ['--input-type=module', '-'], { input: script }));
  for (const [each, request] of requests) expectSame(request, each, added);
});

describeWith(['python3'], "Python's requests", () => {
  test('sends every octet as it was, but for the spelling of URLs', async (context) => {
    const { code } = await run('python3', ['-c', 'import requests']);
    if (code !== 0) context.skip('apt-get install python3-requests');
    const cases = CASES.filter(({ path }) => path === undefined);
    const script = cases.map((each) => asPython(copied(each))).join('');
    const added = ['host', 'connection', 'content-length', 'user-agent', 'accept-encoding'];
    for (const [each, request] of await arrived(cases, () => succeed('python3', ['-'], { input: script })))
      expectSame(request, each, added);
  });
});

/** @param added  names that a program may add where the request has none of them */
function expectSame(
  request: RawRequest,
  { title, method = 'GET', fields = [], content = Buffer.alloc(0) }: Case,
  added: readonly string[],
): void {
  expect(request.method, title).toBe(method);
  expect(request.body.equals(content), title).toBe(true);
  const made = added.filter((name) => !fields.some(([own]) => own.toLowerCase() === name));
  expect(ownFields(joined(request.fields), made), title).toEqual(ownFields(joined(fields), []));
}

/** Several lines of one name as one (RFC 9110 §5.3). */
function joined(fields: RecordedFields): RecordedFields {
  const names = [...new Set(fields.map(([name]) => name))];
  return names.map((name) => [
    name,
    fields
      .filter(([each]) => each === name)
      .map(([, value]) => value)
      .join(', '),
  ]);
}
