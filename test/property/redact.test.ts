// Masking under any input: JSON stays JSON and says no secret, however it is spelled or cut, and nothing takes long.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maskRules } from '../../src/flows/redact/rules.ts';
import { maskContent, maskFields, maskTarget } from '../../src/flows/redact.ts';
import { threadMs } from '../support/thread-time.ts';

const RULES = maskRules({ fields: [], query: [], json: [] });
const SECRET = 'hunter-number-two';

test('a password at any place of any JSON value is masked, and all else is as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.nat(2), (before, after, indent) => {
      const value = { before, inner: [{ password: { deep: [SECRET] }, x: 1 }], after };
      const masked = maskContent(Buffer.from(JSON.stringify(value, null, indent)), 'application/json', RULES).toString();
      const read = JSON.parse(masked) as typeof value;
      expect(masked).not.toContain(SECRET);
      const names = JSON.stringify([before, after]);
      if (!/password|secret|token|key/i.test(names)) expect([read.before, read.after]).toEqual(JSON.parse(names));
    }),
    { numRuns: 300 },
  );
});

test('content that is cut anywhere shows nothing of it', () => {
  const content = JSON.stringify({ a: ['x'], password: SECRET, b: 1 });
  for (let length = 0; length <= content.length; length += 1) {
    expect(maskContent(Buffer.from(content.slice(0, length)), 'application/json', RULES).toString()).not.toContain('hun');
  }
});

test('any octets under any media type are masked without an error', () => {
  const types = [
    'application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'text/event-stream',
    'text/plain',
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...types), fc.string(), (octets, type, text) => {
      maskContent(Buffer.from(octets), type, RULES);
      maskFields(
        [
          ['Location', text],
          ['Cookie', text],
        ],
        RULES,
      );
      expect(maskTarget(maskTarget(text, RULES), RULES)).toBe(maskTarget(text, RULES));
    }),
    { numRuns: 500 },
  );
});

test('a megabyte of anything is masked in time', () => {
  const types = ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a', 'text/event-stream'];
  for (const piece of ['{"a":', '"', '[', '\\', 'a=', '?a=1&', '://', '@://a', '--a\r\n', 'data: {', '[[]', '%7B']) {
    const long = piece.repeat(Math.ceil(2 ** 20 / piece.length));
    const startedMs = threadMs();
    for (const type of types) maskContent(Buffer.from(long), type, RULES);
    maskTarget(long.slice(0, 64 * 1024), RULES);
    maskFields(
      [
        ['Location', long.slice(0, 64 * 1024)],
        ['Cookie', long.slice(0, 64 * 1024)],
      ],
      RULES,
    );
    expect(threadMs() - startedMs, piece).toBeLessThan(5_000);
  }
});
