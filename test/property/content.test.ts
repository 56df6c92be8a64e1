// Every reader of content takes any octets: it throws nothing, and much of the worst does not keep it long.
import { deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ContentKind } from '../../src/flows/content/content-view.ts';
import { layOutJson } from '../../src/flows/content/json.ts';
import { viewContent } from '../../src/flows/content/view.ts';
import { threadMs } from '../support/thread-time.ts';

const KINDS: readonly ContentKind[] = [
  ...(['json', 'text', 'html', 'xml', 'css', 'javascript', 'image', 'form', 'multipart'] as const),
  ...(['protobuf', 'grpc', 'graphql', 'jwt', 'sse', 'cbor', 'msgpack', 'hex'] as const),
];
const TYPES = [
  null,
  'application/json',
  'text/html',
  'image/png',
  'multipart/mixed; boundary=a',
  'application/grpc-web-text',
  'text/x; charset=utf-16',
  '*',
];
const CODINGS = ['', 'gzip', 'deflate', 'br', 'zstd', 'gzip, br', 'none-such'];
const octets = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 100 }).map((any) => gzipSync(any)),
  fc.uint8Array({ maxLength: 100 }).map((any) => deflateRawSync(any)),
  fc.string({ unit: fc.constantFrom(...'{}[]<>()\'"`/\\:;,=&%-\r\n ae0'), maxLength: 200 }).map((any) => Buffer.from(any)),
);

test('any octets, as any kind, of any type, in any coding', async () => {
  await fc.assert(
    fc.asyncProperty(
      octets,
      fc.constantFrom(null, ...KINDS),
      fc.constantFrom(...TYPES),
      fc.constantFrom(...CODINGS),
      fc.boolean(),
      async (any, as, type, coding, isCut) => {
        const fields: [string, string][] = [
          ['Content-Encoding', coding],
          ...(type === null ? [] : [['Content-Type', type] as [string, string]]),
        ];
        const message = { octets: Buffer.from(any), isCut, fields };
        const view = await viewContent(message, as);
        expect([view.text, view.rows, view.parts, view.image, view.tree].some((each) => each !== undefined)).toBe(true);
        expect(view.alternatives).not.toContain(view.kind);
      },
    ),
    { numRuns: 400 },
  );
});

test('laying JSON out changes nothing of it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const { text, problem } = layOutJson(JSON.stringify(value));
      expect(problem).toBeNull();
      expect(text).toBe(JSON.stringify(value, null, 2));
    }),
  );
});

test('64 KiB of anything take no reader long', async () => {
  const pieces = [
    '[',
    '{"a":',
    '"',
    '\\',
    '<a ',
    '<!--',
    '<p>',
    '(',
    '{',
    '/',
    'a=b&',
    '--a\r\n',
    '\x0a\x04',
    '\0\0\0\0\x01',
    '\x81',
    '\x9f',
    ': ',
    '\xff\xd8\xff',
    ',',
  ];
  for (const piece of pieces) {
    const long = Buffer.from(piece.repeat(Math.ceil(2 ** 16 / piece.length)), 'latin1');
    for (const as of KINDS) {
      const startedMs = threadMs();
      await viewContent({ octets: long, isCut: false, fields: [['Content-Type', 'multipart/x; boundary=a']] }, as);
      expect(threadMs() - startedMs, `${JSON.stringify(piece)} as ${as}`).toBeLessThan(1_000);
    }
  }
});
