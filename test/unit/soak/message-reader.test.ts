import { describe, expect, test } from 'vitest';
import { MessageReader, type Role } from '../../soak/message-reader.ts';

/** What was read, and what came behind it; `null` when the message is not whole. */
function read(role: Role, pieces: readonly Buffer[], isEnded = false): { start: string; content: string; rest: string } | null {
  let start = '';
  let content = '';
  const reader = new MessageReader(
    role,
    ({ startLine }) => {
      start = startLine;
    },
    (bytes) => {
      content += bytes.toString('latin1');
    },
  );
  const rests = pieces.map((piece) => reader.feed(piece)).filter((rest) => rest !== null);
  if (rests.length === 0 && !(isEnded && reader.finish())) return null;
  return { start, content, rest: Buffer.concat(rests).toString('latin1') };
}

const octets = (text: string): Buffer => Buffer.from(text, 'latin1');
const OK = 'HTTP/1.1 200 OK\r\n';

describe('the reader of messages under load', () => {
  test.each<{ name: string; role: Role; text: string; content: string; rest: string }>([
    { name: 'a length', role: 'response', text: `${OK}Content-Length: 3\r\n\r\nabcHTTP`, content: 'abc', rest: 'HTTP' },
    { name: 'no content', role: 'response', text: `${OK}Content-Length: 0\r\n\r\n`, content: '', rest: '' },
    {
      name: 'chunks',
      role: 'response',
      text: `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\nX`,
      content: 'abc',
      rest: 'X',
    },
    { name: 'a request', role: 'request', text: 'GET /a HTTP/1.1\r\nHost: b\r\n\r\nGET', content: '', rest: 'GET' },
    { name: 'a tunnel', role: 'response to CONNECT', text: `${OK}\r\nabc`, content: '', rest: 'abc' },
  ])('reads $name, split at every offset', ({ role, text, content, rest }) => {
    const message = octets(text);
    for (let at = 0; at <= message.length; at += 1) {
      const found = read(
        role,
        [message.subarray(0, at), message.subarray(at)].filter((piece) => piece.length > 0),
      );
      expect(found, `split at ${at}`).toMatchObject({ content, rest });
    }
  });

  test('takes content until the end where nothing else says how long it is (RFC 9112 §6.3)', () => {
    expect(read('response', [octets(`${OK}\r\nabc`)])).toBeNull();
    expect(read('response', [octets(`${OK}\r\nabc`)], true)).toMatchObject({ content: 'abc' });
  });

  test.each([
    { name: 'a length', text: `${OK}Content-Length: 4\r\n\r\nabc` },
    { name: 'the last chunk', text: `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n` },
    { name: 'a head', text: `${OK}Content-Le` },
  ])('does not take an end before $name for whole', ({ text }) => {
    expect(read('response', [octets(text)], true)).toBeNull();
  });

  test.each([
    { name: 'two framings', text: `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n` },
    { name: 'two lengths', text: `${OK}Content-Length: 3\r\nContent-Length: 3\r\n\r\n` },
    { name: 'a length with a sign', text: `${OK}Content-Length: +3\r\n\r\n` },
    { name: 'a chunk that is longer than announced', text: `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n` },
    { name: 'a start line that is none', text: 'ICY 200 OK\r\n\r\n' },
    { name: 'a field that is none', text: `${OK}broken line\r\n\r\n` },
  ])('refuses $name', ({ text }) => {
    expect(() => read('response', [octets(text)])).toThrow();
  });
});
