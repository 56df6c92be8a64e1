// The ways in which two readers of one connection have been brought to disagree about where a message ends, each with what stops it here:
// RFC 9112 §6.3 rule by rule, then the known attacks. In all of them the octets that an attacker hides must never come out as a message.
import { describe, expect, it } from 'vitest';
import { Http1Reader } from '../../../src/http1/reader.ts';
import { LIMITS, octets, type Transcript, transcribe } from '../../support/transcript.ts';

const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: a.example\r\n\r\n';

describe('message body length (RFC 9112 §6.3)', () => {
  it.each<[string, string, string, string]>([
    ['rule 1: HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', 'framing 0'],
    ['rule 1: 204', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n', 'framing 0'],
    ['rule 1: 304', 'GET', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n', 'framing 0'],
    ['rule 4: chunked', 'GET', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'framing -1'],
    ['rule 6: a length', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', 'framing 3'],
    ['rule 8: until the connection closes', 'GET', 'HTTP/1.1 200 OK\r\n\r\n', 'framing -2'],
  ])('%s', (_, method, text, framing) => {
    expect(transcribe([octets(text)], { role: 'response', answers: [method] }).events[0]).toMatch(new RegExp(`${framing}$`));
  });

  it('rule 1: 1xx, whatever its fields say, is followed by the answer', () => {
    const text = 'HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
    expect(transcribe([octets(text)], { role: 'response' })).toMatchObject({
      ending: 'between',
      events: [/interim$/, /framing 0$/, /^end$/].map(matching),
    });
  });

  it('rule 2: what follows a 2xx to CONNECT is the tunnel', () => {
    const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    expect(transcribe([octets(text)], { role: 'response', answers: ['CONNECT'] }).events.at(-1)).toBe('rest 0\r\n\r\n');
  });

  it('rules 3 to 5: what cannot be measured in one way alone is an error, and nothing follows it', () => {
    for (const fields of [
      'Content-Length: 5\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: gzip',
      'Content-Length: 5\r\nContent-Length: 4',
      'Content-Length: 5,',
    ]) {
      for (const start of ['POST / HTTP/1.1', 'HTTP/1.1 200 OK']) {
        const role = start.startsWith('POST') ? 'request' : 'response';
        expect(transcribe([octets(`${start}\r\n${fields}\r\n\r\n${HIDDEN}`)], { role }), `${start} ${fields}`).toMatchObject({
          ending: 'refused',
          events: [],
        });
      }
    }
  });

  it('rule 7: a request without framing has no content, on any method', () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'X']) {
      expect(transcribe([octets(`${method} / HTTP/1.1\r\n\r\n`)], { role: 'request' }).events).toEqual([
        `${method} / 1.1 | framing 0`,
        'end',
      ]);
    }
  });

  it('a message that is cut off is not complete (§8)', () => {
    for (const text of [
      'Content-Length: 5\r\n\r\nhell',
      'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
      'Transfer-Encoding: chunked\r\n\r\n0\r\n',
    ]) {
      for (const [role, start] of [
        ['request', 'POST / HTTP/1.1'],
        ['response', 'HTTP/1.1 200 OK'],
      ] as const) {
        const { ending, events } = transcribe([octets(`${start}\r\n${text}`)], { role });
        expect({ ending, hasEnd: events.some((event) => event.startsWith('end')) }, text).toEqual({ ending: 'broken', hasEnd: false });
      }
    }
  });
});

describe('request smuggling', () => {
  const post = (fields: string, content: string): string => `POST / HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n\r\n${content}`;

  it.each<[string, string]>([
    ['CL.TE', post(`Content-Length: ${HIDDEN.length + 5}\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${HIDDEN}`)],
    ['TE.CL', post('Transfer-Encoding: chunked\r\nContent-Length: 4', `5c\r\n${HIDDEN}`)],
    ['TE.TE: one of two lines hidden', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: x', `0\r\n\r\n${HIDDEN}`)],
    ['TE.TE: a blank before the colon', post('Transfer-Encoding : chunked', `0\r\n\r\n${HIDDEN}`)],
    ['TE.TE: a vertical tab', post('Transfer-Encoding: \x0bchunked', `0\r\n\r\n${HIDDEN}`)],
    ['TE.TE: a folded line', post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${HIDDEN}`)],
    ['TE.TE: a bare LF before the field', post('X: x\nTransfer-Encoding: chunked', `0\r\n\r\n${HIDDEN}`)],
    ['TE.TE: a bare CR before the field', post('X: x\rTransfer-Encoding: chunked', `0\r\n\r\n${HIDDEN}`)],
    ['TE.TE: a NUL in the name', post('Transfer-Encoding\0: chunked', `0\r\n\r\n${HIDDEN}`)],
    ['CL.CL', post(`Content-Length: 0\r\nContent-Length: ${HIDDEN.length}`, HIDDEN)],
    ['a length in the length', post('Content-Length: 0,44', HIDDEN)],
    ['a chunk size that wraps around', post('Transfer-Encoding: chunked', `10000000000000000\r\n${HIDDEN}`)],
    ['a chunk longer than its size', post('Transfer-Encoding: chunked', `1\r\nxx\r\n0\r\n\r\n${HIDDEN}`)],
    ['a chunk with two octets for any line end', post('Transfer-Encoding: chunked', `1\r\nx__0\r\n\r\n${HIDDEN}`)],
    ['a bare LF in an extension', post('Transfer-Encoding: chunked', `1;\nx\r\n0\r\n\r\n${HIDDEN}`)],
    ['a bare CR in an extension', post('Transfer-Encoding: chunked', `1;\rx\r\n0\r\n\r\n${HIDDEN}`)],
    ['a last chunk without digits', post('Transfer-Encoding: chunked', `\r\n\r\n${HIDDEN}`)],
    ['a trailer that is a request line', post('Transfer-Encoding: chunked', `0\r\n${HIDDEN}`)],
    ['content of CONNECT', `CONNECT a.example:443 HTTP/1.1\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`],
    ['a request line in a request line', `GET / HTTP/1.1\r GET /hidden HTTP/1.1\r\n\r\n`],
  ])('%s never shows what it hides', (_, text) => {
    const { ending, events } = transcribe([octets(text)], { role: 'request' });
    expect(ending).toBe('refused');
    expect(events.filter((event) => event.includes('/hidden') && !event.startsWith('content'))).toEqual([]);
  });

  it('content stays content, however much it looks like a request', () => {
    const told = transcribe([octets(post(`Content-Length: ${HIDDEN.length}`, HIDDEN))], { role: 'request' });
    expect(told).toMatchObject({ ending: 'between', events: [/^POST/, /^content GET \/hidden/, /^end$/].map(matching) });
  });

  it('0.CL: an Expect changes nothing about the length', () => {
    const told = transcribe([octets(post(`Expect: 100-continue\r\nContent-Length: ${HIDDEN.length}`, HIDDEN))], { role: 'request' });
    expect(heads(told)).toHaveLength(1);
  });
});

describe('response splitting and queue poisoning', () => {
  it('what stands behind a complete answer keeps the connection from being used again', () => {
    for (const surplus of ['x', '\r\n', 'HTTP/1.1 200 OK\r\n', '\0']) {
      const reader = new Http1Reader('response', LIMITS);
      reader.expectResponseTo('GET');
      reader.feed(octets(`HTTP/1.1 204 No Content\r\n\r\n${surplus}`));
      expect([reader.next()?.kind, reader.next()?.kind]).toEqual(['response', 'end']);
      expect(reader.isBetweenMessages, JSON.stringify(surplus)).toBe(false);
    }
  });

  it('an answer with a line end in its reason or fields is refused', () => {
    for (const text of [
      'HTTP/1.1 200 O\rK\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n',
    ]) {
      expect(transcribe([octets(text)], { role: 'response' })).toMatchObject({ ending: 'refused', events: [] });
    }
  });
});

function heads({ events }: Transcript): string[] {
  return events.filter((event) => /framing -?\d+$/.test(event));
}

function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}
