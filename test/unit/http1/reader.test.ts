import { describe, expect, it } from 'vitest';
import { CHUNKED, UNTIL_CLOSE } from '../../../src/http/framing.ts';
import { Http1Reader, type ReaderEvent } from '../../../src/http1/reader.ts';
import { threadMs } from '../../support/thread-time.ts';
import { LIMITS, octets, transcribe } from '../../support/transcript.ts';

const POST_CHUNKED = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('a request', () => {
  it('is its head, its framing, and an end', () => {
    const reader = requestReader('GET /a HTTP/1.1\r\nHost: a.example\r\nX:  1 \r\n\r\n');
    expect(reader.next()).toEqual({
      kind: 'request',
      framing: 0,
      head: {
        method: 'GET',
        target: '/a',
        version: '1.1',
        fields: [
          { name: 'Host', value: 'a.example' },
          { name: 'X', value: '1' },
        ],
      },
    });
    expect(reader.next()).toEqual({ kind: 'end', trailers: [] });
    expect(reader.next()).toBeNull();
  });

  it('gives its content as it lies in what was fed, uncopied', () => {
    const bytes = octets('POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello');
    const reader = new Http1Reader('request', LIMITS);
    reader.feed(bytes);
    reader.next();
    const content = reader.next();
    expect(content?.kind === 'content' && content.bytes.buffer === bytes.buffer && content.bytes.toString()).toBe('hello');
  });

  it('gives content as it comes, and the end with the last of it', () => {
    const reader = requestReader('POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n');
    expect(reader.next()).toMatchObject({ kind: 'request', framing: 5 });
    expect(reader.next()).toBeNull();
    reader.feed(octets('he'));
    expect(contentOf(reader.next())).toBe('he');
    expect(reader.next()).toBeNull();
    reader.feed(octets('lloGET'));
    expect(contentOf(reader.next())).toBe('llo');
    expect(reader.next()).toEqual({ kind: 'end', trailers: [] });
    expect(reader.buffered).toBe(3);
  });

  it('in chunks is content, then trailers (RFC 9112 §7.1)', () => {
    const reader = requestReader(`${POST_CHUNKED}5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nA: 1\r\nB:\r\n\r\n`);
    expect(reader.next()).toMatchObject({ framing: CHUNKED });
    expect(contentOf(reader.next())).toBe('hello');
    expect(contentOf(reader.next())).toBe('!');
    expect(reader.next()).toEqual({
      kind: 'end',
      trailers: [
        { name: 'A', value: '1' },
        { name: 'B', value: '' },
      ],
    });
  });

  it('that follows another without waiting is read after it (RFC 9112 §9.3.2)', () => {
    const { events } = transcribe(
      [octets('GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET /3 HTTP/1.0\r\n\r\n')],
      { role: 'request' },
    );
    expect(events).toEqual([
      'GET /1 1.1 | framing 0',
      'end',
      'POST /2 1.1 | Content-Length: 1 | framing 1',
      'content x',
      'end',
      'GET /3 1.0 | framing 0',
      'end',
    ]);
  });

  it('may have two empty lines before it, not three (RFC 9112 §2.2)', () => {
    expect(transcribe([octets('\r\n\r\nGET / HTTP/1.1\r\n\r\n')], { role: 'request' }).events).toEqual(['GET / 1.1 | framing 0', 'end']);
    expect(transcribe([octets('\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n')], { role: 'request' }).error).toMatchObject({ status: 400 });
  });

  it('may have empty lines before each of several', () => {
    const one = '\r\n\r\nGET / HTTP/1.1\r\n\r\n';
    expect(transcribe([octets(one + one)], { role: 'request' }).ending).toBe('between');
  });

  it('CONNECT leaves what follows to the tunnel (RFC 9110 §9.3.6)', () => {
    const reader = requestReader('CONNECT a.example:443 HTTP/1.1\r\n\r\n\x16\x03\x01');
    expect(reader.next()).toMatchObject({ kind: 'request', framing: 0 });
    expect(reader.takeRest().toString('latin1')).toBe('\x16\x03\x01');
    expect(reader.buffered).toBe(0);
    expect(reader.next()).toBeNull();
  });

  it('CONNECT that was answered with an error may be followed by another request', () => {
    const reader = requestReader('CONNECT a.example:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n');
    expect(kinds(reader)).toEqual(['request', 'end', 'request', 'end']);
    expect(reader.isBetweenMessages).toBe(true);
  });
});

describe('refusals name who is to blame and what is wrong', () => {
  it.each<[string, number, RegExp]>([
    ['GET / HTTP/2.0\r\n\r\n', 505, /HTTP\/2\.0 is not served/],
    ['GET / HTTP/1.2\r\n\r\n', 505, /HTTP\/1\.2/],
    ['GET /\r\n\r\n', 400, /HTTP version/],
    ['GET  HTTP/1.1\r\n\r\n', 400, /one blank and an HTTP version/],
    [`${'M'.repeat(41)} / HTTP/1.1\r\n\r\n`, 400, /method is longer than 40/],
    ['\x16\x03\x01', 400, /began with TLS/],
    ['\x05\x01\x00', 400, /began with SOCKS/],
    ['\x04\x01', 400, /began with SOCKS/],
    ['\x00', 400, /did not begin with an HTTP request/],
    ['GET / HTTP/1.1\nHost: a\n\n', 400, /LF alone/],
    ['\rGET / HTTP/1.1\r\n\r\n', 400, /CR alone/],
    ['GET / HTTP/1.1\r\nX: a\x00', 400, /NUL/],
    ['GET / HTTP/1.1\r\nX : a\r\n\r\n', 400, /blank between the field name "X" and its colon/],
    ['POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501, /Transfer-Encoding/],
    ['CONNECT a:1 HTTP/1.1\r\nContent-Length: 5\r\n\r\n', 400, /CONNECT request cannot have content/],
  ])('%j: %i', (text, status, message) => {
    const { error } = transcribe([octets(text)], { role: 'request' });
    expect(error).toMatchObject({ code: 'http_request_error', status });
    expect(error?.message).toMatch(message);
  });

  it.each<[string, string]>([
    ['HTTP/1.1 20x OK\r\n\r\n', 'http_protocol_error'],
    ['\x15\x03\x01', 'http_protocol_error'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: br, chunked\r\n\r\n', 'http_response_transfer_coding'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 'http_protocol_error'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n', 'http_protocol_error'],
  ])('%j from a server: 502, %s', (text, code) => {
    expect(transcribe([octets(text)], { role: 'response' }).error).toMatchObject({ code, status: 502 });
  });

  it('nothing is read after one, whatever is fed', () => {
    const reader = requestReader('GET / HTTP/1.1\nX\n\n');
    expect(() => reader.next()).toThrow();
    reader.feed(octets('GET / HTTP/1.1\r\n\r\n'));
    expect(reader.next()).toBeNull();
    expect(reader.isBetweenMessages).toBe(false);
    expect(reader.finish()).toBe('broken');
  });

  it('a line end that will never be right is refused before the head is complete', () => {
    const reader = requestReader('GET / HTTP/1.1\r\nHost: a\n');
    expect(() => reader.next()).toThrow('LF alone');
  });
});

describe('a response', () => {
  it.each<[string, string, string[]]>([
    [
      'to HEAD has no content, whatever it announces',
      'HEAD',
      ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', '200 OK 1.1 | Content-Length: 9 | framing 0', 'end'],
    ],
    [
      '204 has none',
      'GET',
      ['HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n', '204 No Content 1.1 | Content-Length: 9 | framing 0', 'end'],
    ],
    [
      '304 has none',
      'GET',
      [
        'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
        '304 Not Modified 1.1 | Transfer-Encoding: chunked | framing 0',
        'end',
      ],
    ],
    ['without a reason phrase', 'GET', ['HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', '200  1.1 | Content-Length: 0 | framing 0', 'end']],
  ])('%s (RFC 9112 §6.3)', (_, method, [text, ...events]) => {
    expect(transcribe([octets(text!)], { role: 'response', answers: [method] })).toMatchObject({ events, ending: 'between', error: null });
  });

  it('every 1xx but 101 is interim: the answer is still to come (RFC 9110 §15.2)', () => {
    const reader = responseReader(
      'GET',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    );
    expect(kinds(reader)).toEqual(['interim', 'interim', 'response', 'end']);
  });

  it('101 ends HTTP on the connection', () => {
    const reader = responseReader('GET', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00');
    expect(reader.next()).toMatchObject({ kind: 'response', framing: 0, head: { status: 101 } });
    expect(reader.next()).toBeNull();
    expect(reader.isBetweenMessages).toBe(false);
    expect(reader.takeRest().toString('latin1')).toBe('\x81\x00');
  });

  it('2xx to CONNECT ends HTTP on the connection, and its framing fields mean nothing (RFC 9110 §9.3.6)', () => {
    const reader = responseReader('CONNECT', 'HTTP/1.1 299 Yes\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nabc');
    expect(reader.next()).toMatchObject({ kind: 'response', framing: 0 });
    expect(reader.next()).toBeNull();
    expect(reader.takeRest().toString()).toBe('abc');
  });

  it('another status to CONNECT is framed like any answer', () => {
    const reader = responseReader('CONNECT', 'HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx');
    expect(kinds(reader)).toEqual(['response', 'content', 'end']);
  });

  it('without framing runs until the connection closes', () => {
    const reader = responseReader('GET', 'HTTP/1.0 200 OK\r\n\r\nab');
    expect(reader.next()).toMatchObject({ framing: UNTIL_CLOSE });
    expect(contentOf(reader.next())).toBe('ab');
    expect(reader.next()).toBeNull();
    reader.feed(octets('cd'));
    expect(contentOf(reader.next())).toBe('cd');
    expect(reader.finish()).toBe('complete');
    expect(reader.next()).toEqual({ kind: 'end', trailers: [] });
  });

  it('that has closed before all of it was pulled is still given whole', () => {
    const reader = responseReader('GET', 'HTTP/1.0 200 OK\r\n\r\nabcd');
    reader.next();
    expect(reader.finish()).toBe('complete');
    expect(contentOf(reader.next())).toBe('abcd');
    expect(reader.next()).toEqual({ kind: 'end', trailers: [] });
  });

  it('HEAD is forgotten once it is answered', () => {
    const reader = responseReader('HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
    expect(kinds(reader)).toEqual(['response', 'end']);
    reader.expectResponseTo('GET');
    reader.feed(octets('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    expect(kinds(reader)).toEqual(['response', 'content', 'end']);
  });
});

describe('where a connection stands', () => {
  it.each<[string, string, boolean, string]>([
    ['nothing came', '', true, 'between'],
    ['a whole request', 'GET / HTTP/1.1\r\n\r\n', true, 'between'],
    ['half a head', 'GET / HT', false, 'broken'],
    ['half an empty line', '\r', false, 'broken'],
    ['an empty line', '\r\n', true, 'between'],
    ['half the content', 'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\na', false, 'broken'],
    ['a chunk size', `${POST_CHUNKED}5`, false, 'broken'],
    ['chunks without the last', `${POST_CHUNKED}1\r\nx\r\n`, false, 'broken'],
    ['a last chunk without its empty line', `${POST_CHUNKED}0\r\n`, false, 'broken'],
    ['a last chunk', `${POST_CHUNKED}0\r\n\r\n`, true, 'between'],
    ['something behind a request', 'GET / HTTP/1.1\r\n\r\nG', false, 'broken'],
  ])('after %s', (_, text, isBetween, ending) => {
    const reader = requestReader(text);
    kinds(reader);
    expect({ isBetween: reader.isBetweenMessages, ending: reader.finish() }).toEqual({ isBetween, ending });
  });

  it('a message of which only the end is still to be pulled is complete, and not yet over', () => {
    const reader = requestReader('GET / HTTP/1.1\r\n\r\n');
    reader.next();
    expect(reader.isBetweenMessages).toBe(false);
    expect(reader.finish()).toBe('complete');
    expect(reader.next()).toEqual({ kind: 'end', trailers: [] });
    expect(reader.isBetweenMessages).toBe(true);
  });

  it('a length that lies whole in the reader is complete, less than that is broken', () => {
    const reader = requestReader('POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab');
    reader.next();
    expect(reader.finish()).toBe('broken');
    reader.feed(octets('c'));
    expect(reader.finish()).toBe('complete');
  });

  it('counts what is fed and not pulled', () => {
    const reader = requestReader('POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET');
    expect(reader.buffered).toBe(46);
    reader.next();
    expect(reader.buffered).toBe(8);
    reader.next();
    expect(reader.buffered).toBe(3);
    reader.detach();
    expect(reader.buffered).toBe(3);
    reader.discard();
    expect(reader.buffered).toBe(0);
    expect(reader.next()).toBeNull();
  });
});

describe('a copy that a line in two pieces made', () => {
  const SIZE = 20_000;

  /** A chunk's first line comes in two pieces, the second with all of its content and the start of the next line. */
  function readerOfSplitLine(): { reader: Http1Reader; content: Buffer } {
    const reader = requestReader(`${POST_CHUNKED}4`);
    reader.next();
    expect(reader.next()).toBeNull();
    reader.detach();
    reader.feed(octets(`e20\r\n${'x'.repeat(SIZE)}\r\n2`));
    const event = reader.next();
    if (event?.kind !== 'content') throw new Error('no content');
    expect(reader.next()).toBeNull();
    return { reader, content: event.bytes };
  }

  it('is freed with its content, and what is buffered is read on', () => {
    const { reader, content } = readerOfSplitLine();
    expect(content.length).toBe(SIZE);
    reader.freeCopy();
    expect(content.length).toBe(0);
    reader.feed(octets('\r\nhi\r\n0\r\n\r\n'));
    expect(reader.next()).toEqual({ kind: 'content', bytes: octets('hi') });
    expect(reader.next()).toEqual({ kind: 'end', trailers: [] });
  });

  it('is left alone while something out of it is in use', () => {
    const { reader, content } = readerOfSplitLine();
    reader.keepCopy();
    reader.feed(octets('\r\nhi'));
    reader.next();
    reader.freeCopy();
    expect(content.toString('latin1')).toBe('x'.repeat(SIZE));
  });
});

describe('limits are exact', () => {
  const limits = { headBytes: 100, targetBytes: 10, fieldCount: 2, trailerBytes: 30 };
  const headOf = (size: number): string => `GET / HTTP/1.1\r\nX: ${'x'.repeat(size - 23)}\r\n\r\n`;
  it.each<[string, string, number | null]>([
    ['a head of as many octets as allowed', headOf(100), null],
    ['a head of one more', headOf(101), 431],
    ['an unfinished head of as many octets', headOf(101).slice(0, 100), null],
    ['an unfinished head of one more', headOf(110).slice(0, 101), 431],
    ['empty lines before the head do not count', `\r\n\r\n${headOf(100)}`, null],
    ['a target of as many octets as allowed', `GET ${'/'.repeat(10)} HTTP/1.1\r\n\r\n`, null],
    ['a target of one more (RFC 9112 §3)', `GET ${'/'.repeat(11)} HTTP/1.1\r\n\r\n`, 414],
    ['as many fields as allowed', 'GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n', null],
    ['one more field (RFC 6585 §5)', 'GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n', 431],
    ['a method of 40 characters', `${'M'.repeat(40)} / HTTP/1.1\r\n\r\n`, null],
    ['a method of 41', `${'M'.repeat(41)} / HTTP/1.1\r\n\r\n`, 400],
    ['trailers of as many octets as allowed', `${POST_CHUNKED}0\r\nX: ${'x'.repeat(23)}\r\n\r\n`, null],
    ['trailers of one more', `${POST_CHUNKED}0\r\nX: ${'x'.repeat(24)}\r\n\r\n`, 431],
    ['as many trailers as allowed', `${POST_CHUNKED}0\r\nA: 1\r\nB: 2\r\n\r\n`, null],
    ['one more trailer', `${POST_CHUNKED}0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n`, 431],
    ['a chunk size of 13 digits', `${POST_CHUNKED}0000000000001\r\nx\r\n0\r\n\r\n`, null],
    ['a chunk size of 14 digits', `${POST_CHUNKED}00000000000001\r\nx\r\n0\r\n\r\n`, 400],
    ['a chunk line of 256 octets', `${POST_CHUNKED}1;${'x'.repeat(254)}\r\nx\r\n0\r\n\r\n`, null],
    ['a chunk line of 257 octets', `${POST_CHUNKED}1;${'x'.repeat(255)}\r\nx\r\n0\r\n\r\n`, 400],
    ['a chunk line without end', `${POST_CHUNKED}1;${'x'.repeat(256)}`, 400],
  ])('%s', (_, text, status) => {
    expect(transcribe([octets(text)], { role: 'request', limits }).error?.status ?? null).toBe(status);
  });

  it.each<[string, string, string]>([
    ['a head', 'http_response_header_section_size', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100)}\r\n\r\n`],
    ['a head with too many fields', 'http_response_header_section_size', 'HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n'],
    [
      'a trailer section',
      'http_response_trailer_section_size',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ${'x'.repeat(30)}\r\n\r\n`,
    ],
    [
      'a trailer section with too many fields',
      'http_response_trailer_section_size',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n',
    ],
  ])('%s of a server that is too large is %s', (_, code, text) => {
    expect(transcribe([octets(text)], { role: 'response', limits }).error).toMatchObject({ code, status: 502 });
  });

  it('a chunk of 2^52 - 1 octets is announced exactly', () => {
    const reader = requestReader(`${POST_CHUNKED}fffffffffffff\r\nx`);
    expect(kinds(reader)).toEqual(['request', 'content']);
    expect(reader.finish()).toBe('broken');
  });
});

it('a head that comes octet by octet costs time in proportion to its size', () => {
  const reader = new Http1Reader('request', { ...LIMITS, headBytes: 1_000_000 });
  const octet = octets('x');
  reader.feed(octets('GET / HTTP/1.1\r\nX: '));
  const start = threadMs();
  for (let i = 0; i < 300_000; i += 1) {
    reader.feed(octet);
    reader.next();
  }
  // Were it searched or copied anew for each octet, this would take minutes.
  expect(threadMs() - start).toBeLessThan(5_000);
});

function requestReader(text: string): Http1Reader {
  const reader = new Http1Reader('request', LIMITS);
  reader.feed(octets(text));
  return reader;
}

function responseReader(method: string, text: string): Http1Reader {
  const reader = new Http1Reader('response', LIMITS);
  reader.expectResponseTo(method);
  reader.feed(octets(text));
  return reader;
}

function kinds(reader: Http1Reader): string[] {
  const found: string[] = [];
  for (let event = reader.next(); event !== null; event = reader.next()) found.push(event.kind);
  return found;
}

function contentOf(event: ReaderEvent | null): string {
  return event?.kind === 'content' ? event.bytes.toString('latin1') : `not content but ${event?.kind}`;
}
