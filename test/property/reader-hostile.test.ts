// Whatever is done to a message, the reader either refuses it with a `ProxyError` or understands what everybody else will understand:
// what it accepted is written anew, as the proxy does, and Node's own parser has to find the very same message in it.
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { CHUNKED, type Framing, requestFraming, responseFraming, UNTIL_CLOSE } from '../../src/http/framing.ts';
import type { Fields } from '../../src/http/message.ts';
import { parseTarget } from '../../src/http/target.ts';
import { MessageWriter, requestHeadText, responseHeadText } from '../../src/http1/writer.ts';
import { MemoryOutput } from '../support/memory-output.ts';
import { type NodeMessage, NodeRequests, NodeResponses } from '../support/node-parser.ts';
import { octets, transcribe } from '../support/transcript.ts';
import { CORPUS } from './corpus/messages.ts';
import { ourOpinion } from './opinions.ts';

type Edit = { readonly at: number } & (
  | { readonly kind: 'delete' | 'double'; readonly size: number }
  | { readonly kind: 'swap' }
  | { readonly kind: 'insert' | 'replace'; readonly text: string }
);

const HOSTILE = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  '\t',
  ' ',
  ':',
  ';',
  ',',
  '"',
  '=',
  '-',
  '+',
  '0',
  '1',
  '5',
  'a',
  '\x0b',
  '\x7f',
  '\x85',
  '\xa0',
  '\xff',
  '\r\n\r\n',
];
const at = fc.nat({ max: 400 });
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constantFrom('delete' as const, 'double' as const), at, size: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ kind: fc.constant('swap' as const), at }),
  fc.record({ kind: fc.constantFrom('insert' as const, 'replace' as const), at, text: fc.constantFrom(...HOSTILE) }),
);
const good = (role: 'request' | 'response'): fc.Arbitrary<{ bytes: string; answers?: readonly string[] }> =>
  fc
    .record({
      message: fc.constantFrom(...CORPUS.filter((message) => message.role === role && message.outcome === 'accepted')),
      edits: fc.array(edit, { minLength: 1, maxLength: 4 }),
    })
    .map(({ message, edits }) => ({ ...message, bytes: edits.reduce(apply, message.bytes) }));

const requests = new NodeRequests();
const responses = new NodeResponses();
beforeAll(async () => {
  await requests.listen();
  await responses.listen();
});
afterAll(() => {
  requests.close();
  responses.close();
});

it.each(['request', 'response'] as const)('a spoiled %s is refused with a ProxyError or read to an end, cut or not', (role) => {
  fc.assert(
    fc.property(good(role), fc.nat({ max: 400 }), ({ bytes, answers = [] }, place) => {
      const all = octets(bytes);
      // Anything but a ProxyError comes through `transcribe` and fails the property.
      const whole = transcribe([all], { role, answers });
      expect(whole.contentBytes).toBeLessThanOrEqual(all.length);
      expect(whole.events.length).toBeLessThanOrEqual(all.length + 2);
      const cut = Math.min(place, all.length);
      expect(transcribe([all.subarray(0, cut), all.subarray(cut)], { role, answers, memory: 'overwritten' })).toEqual(whole);
    }),
    { numRuns: 3_000 },
  );
});

it('any octets at all are refused or read to an end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('request' as const, 'response' as const), (bytes, role) => {
      const all = Buffer.from(bytes);
      expect(transcribe([all], { role }).contentBytes).toBeLessThanOrEqual(all.length);
    }),
    { numRuns: 3_000 },
  );
});

it('a spoiled request that is accepted and written anew is the same request to Node', async () => {
  await fc.assert(
    fc.asyncProperty(good('request'), async ({ bytes }) => {
      for (const message of ourOpinion({ role: 'request', bytes }).messages) {
        const [method = '', sent = ''] = message.start.split(' ');
        const target = targetToSend(method, sent);
        if (target === null) continue;
        const fields = fieldsOf(message);
        const framing = requestFraming('1.1', fields);
        const kept = withoutWriterFields(fields);
        const wire = written(requestHeadText(method, target, 'a.example', kept, framing), framing, message);
        const { messages, error } = await requests.read(wire);
        expect(error).toBeNull();
        expect(messages).toEqual([{ ...message, start: `${method} ${target} 1.1`, fields: expect.any(Array) }]);
        expect(messages[0]!.fields.filter(isNotWriters)).toEqual(spelled(kept));
      }
    }),
    { numRuns: 1_000 },
  );
});

it('a spoiled response that is accepted and written anew is the same response to Node', async () => {
  await fc.assert(
    fc.asyncProperty(good('response'), async ({ bytes, answers }) => {
      const method = answers?.[0] ?? 'GET';
      for (const message of ourOpinion({ role: 'response', bytes, answers: [method] }).messages) {
        const [, code = '', reason = ''] = /^(\d+) ([\s\S]*) 1\.[01]$/.exec(message.start) ?? [];
        const status = Number(code);
        // Interim responses and what leaves HTTP are no messages with a framing of their own.
        if (status < 200 || (method === 'CONNECT' && status < 300)) continue;
        const fields = fieldsOf(message);
        const hasNone = method === 'HEAD' || status === 204 || status === 304;
        const framing = hasNone ? 0 : responseFraming(fields);
        const kept = withoutWriterFields(fields);
        const wire = written(responseHeadText(status, reason, kept, hasNone ? null : framing, 'close'), framing, message);
        const { messages, error } = await responses.read(wire, method);
        expect(error).toBeNull();
        expect(messages).toEqual([{ ...message, start: `${status} ${reason} 1.1`, fields: expect.any(Array) }]);
        expect(messages[0]!.fields.filter(isNotWriters)).toEqual(spelled(kept));
      }
    }),
    { numRuns: 600 },
  );
});

/** As the proxy sends it on; null for what it refuses, for tunnels, and for methods that Node does not know. */
function targetToSend(method: string, sent: string): string | null {
  if (!NODE_METHODS.has(method)) return null;
  try {
    const target = parseTarget(method, sent);
    return 'pathAndQuery' in target ? target.pathAndQuery : '*';
  } catch (error) {
    expect(error).toBeInstanceOf(ProxyError);
    return null;
  }
}

function apply(text: string, each: Edit): string {
  const place = each.at % (text.length + 1);
  const [before, after] = [text.slice(0, place), text.slice(place)];
  switch (each.kind) {
    case 'delete':
      return before + after.slice(each.size);
    case 'double':
      return before + after.slice(0, each.size) + after;
    case 'swap':
      return before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2);
    case 'insert':
      return before + each.text + after;
    case 'replace':
      return before + each.text + after.slice(1);
    default:
      return each satisfies never;
  }
}

function written(head: string, framing: Framing, { content, trailers }: NodeMessage): Buffer {
  const output = new MemoryOutput();
  const writer = new MessageWriter(output, head, framing, (error) => expect(error).toBeNull());
  writer.write(octets(content));
  writer.end(framing === CHUNKED ? asFields(trailers) : []);
  if (framing === UNTIL_CLOSE) expect(trailers).toEqual([]);
  output.endTurn();
  return output.bytes;
}

function fieldsOf(message: NodeMessage): Fields {
  return asFields(message.fields);
}

function asFields(lines: readonly string[]): Fields {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 2) };
  });
}

function withoutWriterFields(fields: Fields): Fields {
  return fields.filter(({ name }) => !WRITER_FIELDS.has(name.toLowerCase()));
}

function isNotWriters(line: string): boolean {
  return !WRITER_FIELDS.has(line.slice(0, line.indexOf(':')).toLowerCase());
}

function spelled(fields: Fields): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

const WRITER_FIELDS: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'proxy-connection',
  'upgrade',
]);
const NODE_METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'OPTIONS']);
