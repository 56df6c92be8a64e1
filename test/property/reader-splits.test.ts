// However the octets of a message are cut into pieces, and whatever becomes of the memory they came in, the reader tells the same story.
import { describe, expect, it } from 'vitest';
import { octets, transcribe, type Way } from '../support/transcript.ts';
import { CORPUS, type KeptMessage } from './corpus/messages.ts';

const WAYS: readonly [string, Omit<Way, 'role'>][] = [
  ['every piece in memory of its own', { memory: 'kept' }],
  ['memory used again when nothing is buffered', { memory: 'overwritten' }],
  ['memory used again after detach', { memory: 'detached' }],
  ['one event pulled a piece', { memory: 'overwritten', eventsAPiece: 1 }],
];

describe('the kept corpus', () => {
  it.each(CORPUS.map((message) => [message.name, message] as const))('%s', (_, message) => {
    const { ending, error } = transcribe([octets(message.bytes)], wayOf(message));
    const outcome = error !== null ? 'refused' : ending === 'broken' ? 'broken' : 'accepted';
    expect({ outcome, error: error?.message }).toMatchObject({ outcome: message.outcome });
  });

  it('has no name twice', () => {
    expect(new Set(CORPUS.map(({ name }) => name)).size).toBe(CORPUS.length);
  });
});

describe.each(WAYS)('with %s', (_, way) => {
  it('a message cut in two at any place reads as it does whole', () => {
    for (const message of CORPUS) {
      const bytes = octets(message.bytes);
      const whole = transcribe([bytes], wayOf(message));
      for (let cut = 1; cut < bytes.length; cut += 1) {
        const split = transcribe([bytes.subarray(0, cut), bytes.subarray(cut)], { ...wayOf(message), ...way });
        expect(split, `${message.name}, cut after ${cut} octets`).toEqual(whole);
      }
    }
  });

  it('a message that comes octet by octet reads as it does whole', () => {
    for (const message of CORPUS) {
      const bytes = octets(message.bytes);
      const single = Array.from(bytes, (_octet, at) => bytes.subarray(at, at + 1));
      expect(transcribe(single, { ...wayOf(message), ...way }), message.name).toEqual(transcribe([bytes], wayOf(message)));
    }
  });

  it('empty pieces in between change nothing', () => {
    for (const message of CORPUS) {
      const bytes = octets(message.bytes);
      const middle = bytes.length >> 1;
      const pieces = [bytes.subarray(0, 0), bytes.subarray(0, middle), bytes.subarray(0, 0), bytes.subarray(middle), bytes.subarray(0, 0)];
      expect(transcribe(pieces, { ...wayOf(message), ...way }), message.name).toEqual(transcribe([bytes], wayOf(message)));
    }
  });
});

describe('limits', () => {
  const limits = { headBytes: 60, targetBytes: 20, fieldCount: 3, trailerBytes: 20 };
  it.each([
    ['a head that is too large', `GET / HTTP/1.1\r\nX: ${'a'.repeat(60)}\r\n\r\n`],
    ['a head that is too large and has a bare LF within the limit', `GET / HTTP/1.1\r\nX: a\nb${'a'.repeat(60)}\r\n\r\n`],
    ['a head that is too large and has a bare LF beyond the limit', `GET / HTTP/1.1\r\nX: ${'a'.repeat(60)}\n\r\n\r\n`],
    ['a head that never ends', `GET / HTTP/1.1\r\nX: ${'a'.repeat(100)}`],
    ['a target that is too long', `GET /${'a'.repeat(20)} HTTP/1.1\r\n\r\n`],
    ['a target that is too long and a NUL', `GET /${'a'.repeat(20)} HTTP/1.1\r\nX: \x00\r\n\r\n`],
    ['too many fields', 'GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n'],
    ['trailers that are too large', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 0123456789012345\r\n\r\n'],
  ])('%s is refused in the same words, however it is cut', (_, text) => {
    const bytes = octets(text);
    const whole = transcribe([bytes], { role: 'request', limits });
    expect(whole.error).not.toBeNull();
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(transcribe([bytes.subarray(0, cut), bytes.subarray(cut)], { role: 'request', limits }), `after ${cut}`).toEqual(whole);
    }
    const single = Array.from(bytes, (_octet, at) => bytes.subarray(at, at + 1));
    expect(transcribe(single, { role: 'request', limits, memory: 'overwritten' })).toEqual(whole);
  });
});

function wayOf(message: KeptMessage): Way {
  return { role: message.role, ...(message.answers === undefined ? {} : { answers: message.answers }) };
}
