import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { ContentDenied, LimitedContent } from '../../../src/exchange/content-limit.ts';
import { type Body, type BodySink, FULL, KEPT, NO_FIELDS, TAKEN, type Taken } from '../../../src/http/message.ts';
import type { ContentLimit } from '../../../src/policy/authorize.ts';
import { decide } from '../../../src/policy/decide.ts';
import * as q from '../../support/questions.ts';

const LIMIT: ContentLimit = {
  maxBytes: 10,
  denial: decide(
    q.compiled('allow', [q.rule('deny', q.requestSize(q.over(10)), { name: 'Small' })]),
    q.question({ method: 'POST', contentLength: 11 }),
  ),
};

/** Content that comes when the test says so, and what its producer was told. */
class SaidContent implements Body {
  readonly length = null;
  readonly told: string[] = [];
  sink: BodySink | null = null;

  start(sink: BodySink): void {
    this.sink = sink;
  }
  resume(): void {
    this.told.push('resume');
  }
  cancel(): void {
    this.told.push('cancel');
  }
}

/** What a consumer heard, in order. */
class Heard implements BodySink {
  readonly events: string[] = [];
  error: ProxyError | null = null;
  answer: Taken = TAKEN;

  write(bytes: Buffer): Taken {
    this.events.push(bytes.toString());
    return this.answer;
  }
  end(): void {
    this.events.push('end');
  }
  fail(error: ProxyError): void {
    this.events.push('fail');
    this.error = error;
  }
}

function limited(): { readonly content: SaidContent; readonly body: LimitedContent; readonly heard: Heard } {
  const content = new SaidContent();
  const body = new LimitedContent(content, LIMIT);
  const heard = new Heard();
  body.start(heard);
  return { content, body, heard };
}

describe('content of unknown length', () => {
  test('passes up to the limit, and ends', () => {
    const { content, body, heard } = limited();
    expect(body.length).toBeNull();
    expect(content.sink?.write(Buffer.from('12345'))).toBe(TAKEN);
    heard.answer = KEPT;
    expect(content.sink?.write(Buffer.from('67890'))).toBe(KEPT);
    content.sink?.end(NO_FIELDS);
    expect(heard.events).toEqual(['12345', '67890', 'end']);
    expect([body.failure, content.told]).toEqual([null, []]);
  });

  test('breaks off with the first octet too much, and its producer is told that nobody wants the rest', () => {
    const { content, body, heard } = limited();
    content.sink?.write(Buffer.from('12345'));
    content.sink?.write(Buffer.from('678901'));
    expect(heard.events).toEqual(['12345', 'fail']);
    expect(content.told).toEqual(['cancel']);
    expect(heard.error).toBe(body.failure);
    expect(body.failure).toBeInstanceOf(ContentDenied);
    expect(body.failure).toMatchObject({ code: 'http_request_denied', status: 403, decision: LIMIT.denial });
    expect(body.failure?.message).toBe("More than 10 octets of content: denied by rule 'Small' (p.yaml:2).");
  });

  test('is never shown as complete afterwards, whatever its producer still says', () => {
    const { content, body, heard } = limited();
    content.sink?.write(Buffer.from('12345678901'));
    content.sink?.write(Buffer.from('more'));
    content.sink?.end(NO_FIELDS);
    content.sink?.fail(new ProxyError('connection_terminated', 'gone'));
    body.resume();
    body.cancel();
    expect(heard.events).toEqual(['fail']);
    expect(content.told).toEqual(['cancel']);
  });

  test('that fails on its own fails as it did', () => {
    const { content, body, heard } = limited();
    const failure = new ProxyError('connection_terminated', 'gone');
    content.sink?.fail(failure);
    expect([heard.error, body.failure]).toEqual([failure, null]);
  });

  test('is paused, resumed and cancelled as if nothing stood in between', () => {
    const { content, body, heard } = limited();
    heard.answer = FULL;
    expect(content.sink?.write(Buffer.from('1'))).toBe(FULL);
    body.resume();
    body.cancel();
    expect(content.told).toEqual(['resume', 'cancel']);
  });

  test('of no octets under a limit of none ends', () => {
    const content = new SaidContent();
    const heard = new Heard();
    new LimitedContent(content, { ...LIMIT, maxBytes: 0 }).start(heard);
    content.sink?.end(NO_FIELDS);
    expect(heard.events).toEqual(['end']);
  });
});
