// Any valid message that the writer is given, in pieces of any size, into an output of any slowness, is the same message again when it is read:
// by our reader, and by the strict reader of the tests, which shares no code with it.
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHUNKED, type Framing, UNTIL_CLOSE } from '../../src/http/framing.ts';
import { type Fields, FULL, NO_FIELDS, TAKEN } from '../../src/http/message.ts';
import { MessageWriter, requestHeadText, responseHeadText } from '../../src/http1/writer.ts';
import { MemoryOutput } from '../support/memory-output.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { readMessage, readRequestHead } from '../support/strict-message.ts';
import { transcribe } from '../support/transcript.ts';

const TCHAR = [..."!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
const VALUE_OCTET = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0x21, max: 0x7e }) },
  { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xff }) },
  { weight: 2, arbitrary: fc.constantFrom(0x20, 0x09) },
);
const token = fc.string({ unit: fc.constantFrom(...TCHAR), minLength: 1, maxLength: 20 });
const fieldText = fc.array(VALUE_OCTET, { maxLength: 40 }).map((codes) => String.fromCharCode(...codes).replace(/^[ \t]+|[ \t]+$/g, ''));
const MADE_BY_WRITER = new Set(['host', 'content-length', 'transfer-encoding', 'connection']);
const fields: fc.Arbitrary<Fields> = fc.array(
  fc.record({ name: token.filter((name) => !MADE_BY_WRITER.has(name.toLowerCase())), value: fieldText }, { noNullPrototype: true }),
  { maxLength: 12 },
);
const target = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 60,
});
/** Now and then larger than what the writer copies. */
const pieces = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.uint8Array({ maxLength: 50 }) },
    { weight: 1, arbitrary: fc.integer({ min: 16_000, max: 40_000 }).map((size) => new Uint8Array(size).fill(0x61)) },
  ),
  { maxLength: 6 },
);
/** Octets that the kernel takes: at first, then with every drain. */
const slowness = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 30_000 }));
/** Where what was written is cut before it is read. */
const cuts = fc.array(fc.nat({ max: 5_000 }), { maxLength: 5 });

describe('a request', () => {
  const request = fc.record({
    method: token,
    target,
    fields,
    pieces,
    slowness,
    cuts,
    kind: fc.constantFrom('none', 'length', 'chunked'),
    trailers: fields,
  });

  it('written and read is the same request', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        const { framing, content, trailers } = contentFor(given);
        if (given.method === 'CONNECT') return;
        const head = requestHeadText(given.method, given.target, 'a.example', given.fields, framing);
        const wire = await write(head, framing, given.kind === 'none' ? [] : given.pieces, trailers, given.slowness);

        const read = transcribe(cut(wire, given.cuts), { role: 'request', memory: 'overwritten' });
        expect(read.error).toBeNull();
        expect(read.ending).toBe('between');
        expect(read.events).toEqual(
          told(
            [`${given.method} ${given.target} 1.1`, 'Host: a.example', ...lines(given.fields), ...framingLine(head, framing)],
            framing,
            content,
            trailers,
          ),
        );

        const strict = await strictly(wire, async (connection) => (await readRequestHead(connection)).complete());
        expect(strict).toMatchObject({ method: given.method, target: given.target, version: '1.1' });
        expect(strict.fields.slice(1, 1 + given.fields.length)).toEqual(pairs(given.fields));
        expect({ body: strict.body.equals(content), trailers: strict.trailers }).toEqual({ body: true, trailers: pairs(trailers) });
      }),
      { numRuns: 400 },
    );
  });
});

describe('a response', () => {
  const response = fc.record({
    status: fc.integer({ min: 200, max: 599 }),
    reason: fieldText,
    fields,
    pieces,
    slowness,
    cuts,
    kind: fc.constantFrom('none', 'length', 'chunked', 'close'),
    trailers: fields,
  });

  it('written and read is the same response', async () => {
    await fc.assert(
      fc.asyncProperty(response, async (given) => {
        const isBare = given.status === 204 || given.status === 304;
        const { framing, content, trailers } = contentFor(isBare ? { ...given, kind: 'none' } : given);
        const head = responseHeadText(given.status, given.reason, given.fields, isBare ? null : framing, null);
        const wire = await write(
          head,
          isBare ? null : framing,
          isBare || given.kind === 'none' ? [] : given.pieces,
          trailers,
          given.slowness,
        );

        const read = transcribe(cut(wire, given.cuts), { role: 'response', memory: 'overwritten' });
        expect(read.error).toBeNull();
        expect(read.events).toEqual(
          told([`${given.status} ${given.reason} 1.1`, ...lines(given.fields), ...framingLine(head, framing)], framing, content, trailers),
        );

        const strict = await strictly(wire, (connection) => readMessage(connection, 'GET'));
        expect(strict).toMatchObject({ status: given.status, reason: given.reason });
        expect(strict.fields.slice(0, given.fields.length)).toEqual(pairs(given.fields));
        expect({ body: strict.body.equals(content), trailers: strict.trailers }).toEqual({ body: true, trailers: pairs(trailers) });
      }),
      { numRuns: 400 },
    );
  });
});

/** A relay of octets, so that the strict reader has a real connection to read from. */
const relay = createServer({ allowHalfOpen: true });
const arrivals: ((socket: Socket) => void)[] = [];
beforeAll(async () => {
  relay.on('connection', (socket) => arrivals.shift()?.(socket));
  await once(relay.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  relay.close();
});

async function strictly<T>(wire: Buffer, read: (connection: RawConnection) => Promise<T>): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  arrivals.push(resolve);
  const sender = dial((relay.address() as AddressInfo).port, '127.0.0.1');
  sender.end(wire);
  using connection = new RawConnection(await promise, 20_000);
  try {
    return await read(connection);
  } finally {
    sender.destroy();
  }
}

async function write(
  head: string,
  framing: Framing | null,
  given: readonly Uint8Array[],
  trailers: Fields,
  kernelTakes: number,
): Promise<Buffer> {
  const output = new MemoryOutput();
  output.capacity = kernelTakes;
  const done: unknown[] = [];
  const writer = new MessageWriter(output, head, framing, (error) => done.push(error));
  for (const piece of given) {
    const bytes = Buffer.from(piece);
    const taken = writer.write(bytes);
    // The memory is the caller's again: whatever still refers to it comes out wrong.
    if (taken === TAKEN) bytes.fill(0xa5);
    // Sometimes the turn ends here, sometimes it does not.
    if (piece.length % 2 === 1) await null;
    if (piece.length % 5 === 1) await setImmediate();
    if (taken === FULL) while (!output.drain(20_000));
  }
  writer.end(trailers);
  await null;
  output.drain();
  expect(done).toEqual([null]);
  expect(writer.bytesWritten).toBe(output.bytes.length);
  return output.bytes;
}

function contentFor(given: { kind: string; pieces: readonly Uint8Array[]; trailers: Fields }): {
  framing: Framing;
  content: Buffer;
  trailers: Fields;
} {
  const content = Buffer.concat(given.kind === 'none' ? [] : given.pieces);
  const framing = given.kind === 'chunked' ? CHUNKED : given.kind === 'close' ? UNTIL_CLOSE : content.length;
  return { framing, content, trailers: framing === CHUNKED ? given.trailers : NO_FIELDS };
}

/** The events that a transcript has to hold. */
function told(start: readonly string[], framing: Framing, content: Buffer, trailers: Fields): string[] {
  const events = [[...start, `framing ${framing}`].join(' | '), ['end', ...lines(trailers)].join(' | ')];
  if (content.length > 0) events.splice(1, 0, `content ${content.toString('latin1')}`);
  return events;
}

function framingLine(head: string, framing: Framing): string[] {
  if (framing === CHUNKED) return ['Transfer-Encoding: chunked'];
  return head.includes(`\r\nContent-Length: ${framing}\r\n\r\n`) ? [`Content-Length: ${framing}`] : [];
}

function cut(wire: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => Math.min(place, wire.length)).sort((a, b) => a - b), wire.length];
  return sorted.slice(1).map((end, i) => wire.subarray(sorted[i], end));
}

function lines(list: Fields): string[] {
  return list.map(({ name, value }) => `${name}: ${value}`);
}

function pairs(list: Fields): [string, string][] {
  return list.map(({ name, value }) => [name, value]);
}
