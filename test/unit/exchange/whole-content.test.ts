import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { type Collected, collectContent, WholeContent } from '../../../src/exchange/whole-content.ts';
import { type Body, type BodySink, type Fields, FULL, NO_FIELDS, TAKEN, type Taken } from '../../../src/http/message.ts';
import { Cancellation } from '../../../src/net/cancellation.ts';

/** Content that comes when the test says so, and whose memory is used again at once. */
class Coming implements Body {
  readonly length = null;
  sink: BodySink | null = null;
  isFull = false;
  isCancelled = false;
  start(sink: BodySink): void {
    this.sink = sink;
  }
  resume(): void {
    this.isFull = false;
  }
  cancel(): void {
    this.isCancelled = true;
  }
  say(text: string): void {
    if (this.isFull) throw new Error('it was told to send no more');
    const bytes = Buffer.from(text);
    const taken = this.sink!.write(bytes);
    if (taken === FULL) this.isFull = true;
    if (taken === TAKEN) bytes.fill(0);
  }
}

class Taking implements BodySink {
  text = '';
  ended: Fields | ProxyError | null = null;
  answer: Taken = TAKEN;
  write(bytes: Buffer): Taken {
    this.text += bytes;
    return this.answer;
  }
  end(trailers: Fields): void {
    this.ended = trailers;
  }
  fail(error: ProxyError): void {
    this.ended = error;
  }
}

const BROKEN = new ProxyError('connection_terminated', 'broken');
const TRAILERS = [{ name: 'A', value: 'b' }];

function more(collected: Collected): Body {
  if (collected.kind !== 'more') throw new Error('it is whole');
  return collected.body;
}

describe('content that is collected', () => {
  test('is whole at its end, with its trailers', async () => {
    const body = new Coming();
    const collecting = collectContent(body, 10, null, new Cancellation());
    body.say('hello');
    body.say('world');
    body.sink!.end(TRAILERS);
    expect(await collecting).toEqual({ kind: 'whole', content: Buffer.from('helloworld'), trailers: TRAILERS });
  });

  test('that announces too much is not even begun', async () => {
    const body = new WholeContent(Buffer.alloc(11));
    expect(await collectContent(body, 10, null, new Cancellation())).toEqual({ kind: 'more', body, isSlow: false });
  });

  test('that turns out too much passes from its beginning, and waits until somebody takes it', async () => {
    const body = new Coming();
    const collecting = collectContent(body, 5, null, new Cancellation());
    body.say('hello');
    body.say('world');
    expect(body.isFull).toBe(true);
    const rest = more(await collecting);
    const sink = new Taking();
    sink.answer = FULL;
    rest.start(sink);
    expect([sink.text, body.isFull]).toEqual(['hello', true]);
    rest.resume();
    sink.answer = TAKEN;
    rest.resume();
    expect([sink.text, body.isFull]).toEqual(['helloworld', false]);
    body.say('!');
    body.sink!.end(NO_FIELDS);
    expect([sink.text, sink.ended]).toEqual(['helloworld!', NO_FIELDS]);
  });

  test('that does not end in time passes too; what comes meanwhile is kept, in order', async () => {
    const body = new Coming();
    const collecting = collectContent(body, 100, 1, new Cancellation());
    body.say('a');
    const rest = more(await collecting);
    body.say('b');
    body.sink!.fail(BROKEN);
    const sink = new Taking();
    rest.start(sink);
    expect([sink.text, sink.ended]).toEqual(['ab', BROKEN]);
  });

  test('and cancelled while it is passed on says nothing more', async () => {
    const body = new Coming();
    const collecting = collectContent(body, 1, null, new Cancellation());
    body.say('ab');
    const rest = more(await collecting);
    const sink = new Taking();
    rest.cancel();
    rest.resume();
    expect([body.isCancelled, sink.text]).toEqual([true, '']);
  });

  test('that breaks off, or whose client leaves, is a failure', async () => {
    const broken = new Coming();
    const collecting = collectContent(broken, 10, null, new Cancellation());
    broken.sink!.fail(BROKEN);
    await expect(collecting).rejects.toBe(BROKEN);
    const left = new Coming();
    const cancellation = new Cancellation();
    const waiting = collectContent(left, 10, null, cancellation);
    cancellation.cancel();
    await expect(waiting).rejects.toThrow('left');
    expect(left.isCancelled).toBe(true);
  });
});

test('whole content waits for room before it ends, and has a length unless trailers follow', () => {
  const content = new WholeContent(Buffer.from('abc'), TRAILERS);
  const sink = new Taking();
  sink.answer = FULL;
  content.start(sink);
  expect([content.length, sink.text, sink.ended]).toEqual([null, 'abc', null]);
  content.resume();
  expect(sink.ended).toEqual(TRAILERS);
  expect(new WholeContent(Buffer.from('abc')).length).toBe(3);
});
