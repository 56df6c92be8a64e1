import { describe, expect, it } from 'vitest';
import { asProxyError, ProxyError } from '../../../src/errors/proxy-error.ts';
import { type BodySink, FULL, KEPT, TAKEN, type Taken } from '../../../src/http/message.ts';
import { type BodySource, IncomingBody } from '../../../src/http1/incoming-body.ts';
import { Http1Reader } from '../../../src/http1/reader.ts';
import { LIMITS, octets } from '../../support/transcript.ts';

const CUT_OFF = new ProxyError('http_response_incomplete', 'The peer left.');

describe('IncomingBody', () => {
  it('delivers nothing before it is started, and then what has come', () => {
    const { body, heard } = bodyOf('Content-Length: 5', 'hello');
    body.pump();
    expect(heard).toEqual([]);
    body.start(sinkInto(heard));
    expect(heard).toEqual(['hello', 'source: ended', 'end']);
    expect({ isOver: body.isOver, octets: body.octets }).toEqual({ isOver: true, octets: 5 });
  });

  it('asks its source for more once it is started, and delivers what comes with each pump, trailers with the end', () => {
    const { body, heard, feed } = bodyOf('Transfer-Encoding: chunked', '');
    body.start(sinkInto(heard));
    feed('2\r\nab\r\n');
    feed('0\r\nX: 1\r\n\r\n');
    expect(heard).toEqual(['source: resume', 'ab', 'source: ended', 'end X']);
  });

  it('stops at a full sink until it has room, and lets its source wait as long', () => {
    const { body, heard, feed } = bodyOf('Transfer-Encoding: chunked', '1\r\na\r\n1\r\nb\r\n');
    let answer: Taken = FULL;
    body.start(sinkInto(heard, () => answer));
    expect(heard).toEqual(['a', 'source: pause']);
    feed('1\r\nc\r\n');
    expect(heard).toEqual(['a', 'source: pause']);
    answer = TAKEN;
    body.resume();
    expect(heard).toEqual(['a', 'source: pause', 'b', 'c', 'source: memory freed', 'source: resume']);
    body.resume();
    expect(heard.at(-1)).toBe('source: resume');
  });

  it('does not ask its source for more once the content is over', () => {
    const { body, heard } = bodyOf('Content-Length: 1', 'a');
    body.start(sinkInto(heard, () => FULL));
    body.resume();
    expect(heard).toEqual(['a', 'source: pause', 'source: ended', 'end', 'source: memory freed']);
  });

  it('does not call memory free that a sink keeps, or that the next message may be in', () => {
    const { body, heard } = bodyOf('Transfer-Encoding: chunked', '1\r\na\r\n1\r\nb\r\n');
    body.start(sinkInto(heard, () => FULL));
    body.resume();
    expect(heard).toEqual(['a', 'source: pause', 'b', 'source: pause']);
    body.cancel();
    body.resume();
    expect(heard.at(-1)).toBe('source: cancelled');
  });

  it.each<[string, Taken, boolean]>([
    ['TAKEN', TAKEN, false],
    ['KEPT', KEPT, true],
    ['FULL', FULL, true],
  ])('says whether the memory is still in use: %s', (_, answer, isKept) => {
    const { body, heard } = bodyOf('Content-Length: 5', 'he');
    body.start(sinkInto(heard, () => answer));
    expect(body.hasKeptBytes).toBe(isKept);
  });

  it.each<[string, Taken, number]>([
    ['TAKEN', TAKEN, 0],
    ['KEPT', KEPT, 20_000],
  ])('keeps what its reader has copied from being freed while a sink uses it: %s', (_, answer, left) => {
    const { body, reader, feed } = bodyOf('Transfer-Encoding: chunked', '4');
    const given: Buffer[] = [];
    const write = (bytes: Buffer): Taken => {
      given.push(bytes);
      return answer;
    };
    body.start({ write, end: () => {}, fail: () => {} });
    // The line in two pieces makes the copy.
    feed(`e20\r\n${'x'.repeat(20_000)}\r\n`);
    reader.freeCopy();
    expect(given.map(({ length }) => length)).toEqual([left]);
  });

  it('fails when the content cannot be read on, and keeps what came before', () => {
    const { body, heard } = bodyOf('Transfer-Encoding: chunked', '1\r\na\r\nnonsense');
    body.start(sinkInto(heard));
    expect(heard).toEqual(['a', 'source: failed', 'fail http_request_error']);
  });

  it('keeps a failure for whoever starts it later', () => {
    const { body, heard } = bodyOf('Content-Length: 5', 'he');
    body.fail(CUT_OFF);
    body.start(sinkInto(heard));
    expect(heard).toEqual(['source: failed', 'fail http_response_incomplete']);
  });

  it('a peer that leaves too early cuts it off, after all that came', () => {
    const { body, heard } = bodyOf('Content-Length: 5', 'hell');
    body.start(sinkInto(heard));
    body.finish(CUT_OFF);
    expect(heard).toEqual(['hell', 'source: resume', 'source: failed', 'fail http_response_incomplete']);
  });

  it.each([
    ['while the sink is full', true],
    ['before anybody started it', false],
  ])('a peer that leaves %s, having sent everything, leaves it complete', (_, isStarted) => {
    const { body, heard } = bodyOf('Transfer-Encoding: chunked', '1\r\na\r\n1\r\nb\r\n0\r\n\r\n');
    let answer: Taken = FULL;
    const sink = sinkInto(heard, () => answer);
    if (isStarted) body.start(sink);
    body.finish(CUT_OFF);
    answer = TAKEN;
    if (isStarted) body.resume();
    else body.start(sink);
    expect(heard.filter((each) => !each.startsWith('source'))).toEqual(['a', 'b', 'end']);
  });

  it('a response that runs to the close ends with it, its content delivered first', () => {
    const reader = new Http1Reader('response', LIMITS);
    const heard: string[] = [];
    reader.feed(octets('HTTP/1.0 200 OK\r\n\r\nabc'));
    reader.next();
    const body = new IncomingBody(null, reader, sourceInto(heard), asProxyError);
    body.finish(CUT_OFF);
    body.start(sinkInto(heard));
    expect(heard).toEqual(['abc', 'source: ended', 'end']);
  });

  it('a cancelled body is heard of no more', () => {
    const { body, heard, feed } = bodyOf('Content-Length: 5', 'he');
    body.start(
      sinkInto(heard, () => {
        body.cancel();
        return FULL;
      }),
    );
    feed('llo');
    body.fail(CUT_OFF);
    body.cancel();
    expect(heard).toEqual(['he', 'source: cancelled']);
  });
});

function bodyOf(
  framing: string,
  content: string,
): { body: IncomingBody; reader: Http1Reader; heard: string[]; feed: (text: string) => void } {
  const reader = new Http1Reader('request', LIMITS);
  const heard: string[] = [];
  reader.feed(octets(`POST / HTTP/1.1\r\n${framing}\r\n\r\n${content}`));
  reader.next();
  const body = new IncomingBody(null, reader, sourceInto(heard), asProxyError);
  const feed = (text: string): void => {
    reader.feed(octets(text));
    body.pump();
  };
  return { body, reader, heard, feed };
}

function sourceInto(heard: string[]): BodySource {
  return {
    pauseReading: () => heard.push('source: pause'),
    resumeReading: () => heard.push('source: resume'),
    memoryFreed: () => heard.push('source: memory freed'),
    contentEnded: () => heard.push('source: ended'),
    contentCancelled: () => heard.push('source: cancelled'),
    contentFailed: () => heard.push('source: failed'),
  };
}

function sinkInto(heard: string[], answer: () => Taken = () => TAKEN): BodySink {
  return {
    write: (bytes) => {
      heard.push(bytes.toString('latin1'));
      return answer();
    },
    end: (trailers) => heard.push(['end', ...trailers.map(({ name }) => name)].join(' ')),
    fail: (error) => heard.push(`fail ${error.code}`),
  };
}
