import { describe, expect, test } from 'vitest';
import { type ArrivalOutcome, ArrivingResponse } from '../../../src/cache/arriving.ts';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { Listener, SlowWriter, Source, settled, type WriterBehaviour } from './moving-content.ts';
import { storedOf } from './rules/stored-of.ts';

const BROKEN = new ProxyError('http_response_incomplete', 'The origin broke its answer off.');
const RESPONSE = storedOf('');
const KIB = 1024;

interface Arrival {
  readonly source: Source;
  readonly writer: SlowWriter;
  readonly arriving: ArrivingResponse;
  readonly outcomes: ArrivalOutcome[];
}

function arrive(behaviour: WriterBehaviour = {}, length: number | null = null): Arrival {
  const source = new Source(length);
  const writer = new SlowWriter(behaviour);
  const outcomes: ArrivalOutcome[] = [];
  const arriving = new ArrivingResponse(RESPONSE, source, writer, {
    commit: () => writer.commit(RESPONSE),
    ended: (outcome) => outcomes.push(outcome),
  });
  return { source, writer, arriving, outcomes };
}

function reader({ arriving }: Arrival): Listener {
  return new Listener(arriving.read());
}

describe('one who reads', () => {
  test('gets what comes as it comes, and it is stored with its last octet', () => {
    const arrival = arrive();
    const one = reader(arrival).begin();
    arrival.source.push('ab');
    expect(one.text).toBe('ab');
    arrival.source.push('c');
    arrival.source.end();
    expect([one.text, one.ending, arrival.outcomes, arrival.writer.text]).toEqual(['abc', 'complete', ['stored'], 'abc']);
    expect(arrival.writer.calls).toEqual(['commit', 'release']);
  });

  test('gets nothing as an end, where nothing is what there is', () => {
    const arrival = arrive();
    const one = reader(arrival).begin();
    arrival.source.end();
    expect([one.text, one.ending, arrival.outcomes]).toEqual(['', 'complete', ['stored']]);
  });

  test('begins the content, which nobody asks for before', () => {
    const arrival = arrive();
    const one = reader(arrival);
    expect(arrival.source.isStarted).toBe(false);
    one.begin();
    expect(arrival.source.isStarted).toBe(true);
  });

  test('gets a stretch of it, and the rest is stored without a reader where it is little', () => {
    const arrival = arrive({}, 10);
    const one = new Listener(arrival.arriving.read(2, 3)).begin();
    arrival.source.push('0123456789');
    expect([one.text, one.ending]).toEqual(['234', 'complete']);
    arrival.source.end();
    expect(arrival.outcomes).toEqual(['stored']);
  });

  test('that is slow holds the origin back, once it is far enough behind', () => {
    const arrival = arrive();
    const one = reader(arrival);
    one.isSlow = true;
    one.begin();
    for (let i = 0; i < 8 && !arrival.source.isHeld; i += 1) arrival.source.push(Buffer.alloc(64 * KIB, 'x'));
    expect([arrival.source.isHeld, arrival.writer.written]).toEqual([true, 384 * KIB]);
    one.isSlow = false;
    one.goOn();
    expect(arrival.source.isHeld).toBe(false);
  });

  test('may leave from within a write, and hears no more', () => {
    const arrival = arrive();
    const body = arrival.arriving.read();
    let writes = 0;
    body.start({
      write() {
        writes += 1;
        body.cancel();
        return 0;
      },
      end: () => expect.unreachable(),
      fail: () => expect.unreachable(),
    });
    arrival.source.push('a');
    arrival.source.push('b');
    expect([writes, arrival.source.cancels, arrival.outcomes]).toEqual([1, 1, ['incomplete']]);
    expect(arrival.writer.calls).toEqual(['abandon', 'release']);
  });
});

describe('several who read', () => {
  test('a slow one does not slow the others, and gets all of it in the end', () => {
    const arrival = arrive();
    const slow = reader(arrival);
    slow.isSlow = true;
    slow.begin();
    const fast = reader(arrival).begin();
    const content = Buffer.alloc(64 * KIB, 'x');
    for (let i = 0; i < 32; i += 1) arrival.source.push(content);
    arrival.source.end();
    expect([fast.text.length, fast.ending, slow.text.length, slow.ending]).toEqual([2048 * KIB, 'complete', 64 * KIB, 'open']);
    expect(arrival.outcomes).toEqual(['stored']);
    expect(arrival.writer.calls).toEqual(['commit']);
    slow.isSlow = false;
    slow.goOn();
    expect([slow.text, slow.ending]).toEqual([fast.text, 'complete']);
    expect(arrival.writer.calls).toEqual(['commit', 'release']);
  });

  test('one who comes late gets it from its first octet on', () => {
    const arrival = arrive();
    reader(arrival).begin();
    arrival.source.push('ab');
    const late = reader(arrival).begin();
    arrival.source.push('c');
    arrival.source.end();
    expect([late.text, late.ending]).toEqual(['abc', 'complete']);
  });

  test('whoever came first may leave, and the others get it whole', () => {
    const arrival = arrive();
    const first = reader(arrival).begin();
    const second = reader(arrival).begin();
    arrival.source.push('ab');
    first.leave();
    arrival.source.push('c');
    arrival.source.end();
    expect([first.text, second.text, second.ending, arrival.source.isCancelled]).toEqual(['ab', 'abc', 'complete', false]);
  });

  test('the fast one leaves: the slow one sets the pace from there on', () => {
    const arrival = arrive();
    const slow = reader(arrival);
    slow.isSlow = true;
    slow.begin();
    const fast = reader(arrival).begin();
    for (let i = 0; i < 16; i += 1) arrival.source.push(Buffer.alloc(64 * KIB));
    expect(arrival.source.isHeld).toBe(false);
    fast.leave();
    arrival.source.push(Buffer.alloc(KIB));
    expect(arrival.source.isHeld).toBe(true);
  });

  test('the one that held it back leaves, and it goes on for those who wait for more', () => {
    const arrival = arrive({ room: 2 });
    const slow = reader(arrival);
    slow.isSlow = true;
    const fast = reader(arrival).begin();
    slow.begin();
    arrival.source.push('abc');
    arrival.source.push('d');
    expect(arrival.source.isHeld).toBe(true);
    slow.leave();
    expect(arrival.source.isHeld).toBe(false);
    arrival.source.end();
    expect([fast.text, fast.ending]).toEqual(['abcd', 'complete']);
  });
});

describe('when everybody has left', () => {
  test('it is given up where much of it is missing, or nobody knows how much (quick-abort)', () => {
    for (const length of [null, 100 * KIB]) {
      const arrival = arrive({}, length);
      const one = reader(arrival).begin();
      arrival.source.push(Buffer.alloc(KIB));
      one.leave();
      expect([arrival.source.cancels, arrival.outcomes, arrival.writer.calls]).toEqual([1, ['incomplete'], ['abandon', 'release']]);
    }
  });

  test.each([
    ['16 KiB of it are missing', 100 * KIB, 84 * KIB],
    ['a twentieth of it is missing', 10_000 * KIB, 9_500 * KIB],
  ])('it is fetched to its end where %s', (_, length, arrived) => {
    const arrival = arrive({}, length);
    const one = reader(arrival).begin();
    arrival.source.push(Buffer.alloc(arrived));
    one.leave();
    expect(arrival.source.isCancelled).toBe(false);
    arrival.source.push(Buffer.alloc(length - arrived));
    arrival.source.end();
    expect([arrival.outcomes, arrival.writer.calls]).toEqual([['stored'], ['commit', 'release']]);
  });

  test('one octet more, and it is not worth it', () => {
    const arrival = arrive({}, 100 * KIB);
    const one = reader(arrival).begin();
    arrival.source.push(Buffer.alloc(84 * KIB - 1));
    one.leave();
    expect(arrival.outcomes).toEqual(['incomplete']);
  });

  test('before anybody has begun to read, short content is fetched all the same, and nothing is left open', () => {
    const arrival = arrive({}, 2);
    reader(arrival).leave();
    expect(arrival.source.isStarted).toBe(true);
    arrival.source.push('ab');
    arrival.source.end();
    expect([arrival.outcomes, arrival.writer.calls]).toEqual([['stored'], ['commit', 'release']]);
  });

  test('before anybody has begun to read, other content is given up', () => {
    const arrival = arrive();
    reader(arrival).leave();
    expect([arrival.source.isStarted, arrival.source.cancels, arrival.outcomes]).toEqual([false, 1, ['incomplete']]);
  });

  test('it is fetched for the sake of the store where that was asked for', () => {
    const arrival = arrive();
    arrival.arriving.keepAnyway();
    const one = reader(arrival).begin();
    one.leave();
    arrival.source.push('ab');
    arrival.source.end();
    expect([arrival.outcomes, arrival.writer.text]).toEqual([['stored'], 'ab']);
  });

  test('and the store gives up while it is fetched for its sake: then for nobody', () => {
    const arrival = arrive({ room: 3 });
    arrival.arriving.keepAnyway();
    arrival.source.push('ab');
    arrival.source.push('cd');
    expect([arrival.source.cancels, arrival.outcomes, arrival.writer.calls]).toEqual([1, ['incomplete'], ['gave up', 'release']]);
  });

  test('of those who leave twice, each counts once', () => {
    const arrival = arrive();
    const [one, other] = [reader(arrival).begin(), reader(arrival).begin()];
    one.leave();
    one.body.cancel();
    expect(arrival.outcomes).toEqual([]);
    other.leave();
    expect(arrival.outcomes).toEqual(['incomplete']);
  });
});

describe('when the origin breaks off', () => {
  test('nobody gets a clean end, and nothing is stored', () => {
    const arrival = arrive();
    const slow = reader(arrival);
    slow.isSlow = true;
    slow.begin();
    const fast = reader(arrival).begin();
    arrival.source.push('ab');
    arrival.source.push('cd');
    arrival.source.fail(BROKEN);
    expect([fast.text, fast.ending, slow.ending]).toEqual(['abcd', BROKEN, 'open']);
    slow.isSlow = false;
    slow.goOn();
    expect([slow.text, slow.ending]).toEqual(['abcd', BROKEN]);
    expect([arrival.outcomes, arrival.writer.calls, arrival.arriving.isShareable]).toEqual([['incomplete'], ['abandon', 'release'], false]);
  });

  test('before it was begun, whoever begins hears of it', () => {
    const arrival = arrive();
    const one = reader(arrival);
    arrival.source.fail(BROKEN);
    one.begin();
    expect([one.ending, arrival.outcomes]).toEqual([BROKEN, ['incomplete']]);
  });
});

describe('when the store gives up in the middle', () => {
  test('those who read get it whole, and the slowest sets the pace', () => {
    const arrival = arrive({ room: 4 });
    const slow = reader(arrival);
    slow.isSlow = true;
    slow.begin();
    const fast = reader(arrival).begin();
    for (const piece of ['abc', 'def', 'ghi']) arrival.source.push(piece);
    expect([fast.text, slow.text, arrival.source.isHeld, arrival.arriving.isShareable]).toEqual(['abcdef', 'abc', true, false]);
    slow.goOn();
    expect([fast.text, slow.text, arrival.source.isHeld]).toEqual(['abcdefghi', 'abcdef', true]);
    slow.isSlow = false;
    slow.goOn();
    arrival.source.end();
    expect([fast.text, fast.ending, slow.text, slow.ending]).toEqual(['abcdefghi', 'complete', 'abcdefghi', 'complete']);
    expect([arrival.outcomes, arrival.writer.calls]).toEqual([['not-stored'], ['gave up', 'release']]);
  });

  test('the last reader leaves: the origin is told', () => {
    const arrival = arrive({ room: 1 }, 10);
    const one = reader(arrival).begin();
    arrival.source.push('ab');
    one.leave();
    expect([arrival.source.cancels, arrival.outcomes, arrival.writer.calls]).toEqual([1, ['incomplete'], ['gave up', 'release']]);
  });

  test('at the very end, when it commits: what was read was right', () => {
    const arrival = arrive({ commits: false });
    const one = reader(arrival).begin();
    arrival.source.push('ab');
    arrival.source.end();
    expect([one.text, one.ending, arrival.outcomes, arrival.writer.calls]).toEqual([
      'ab',
      'complete',
      ['not-stored'],
      ['commit', 'release'],
    ]);
  });
});

describe('a store that is slow', () => {
  test('holds the origin back, however fast the readers are', async () => {
    const arrival = arrive({ isBehind: true });
    const one = reader(arrival).begin();
    arrival.source.push('ab');
    arrival.source.push('cd');
    expect([one.text, arrival.source.isHeld]).toEqual(['ab', true]);
    await arrival.writer.catchUp();
    expect(one.text).toBe('abcd');
  });

  test('reads back later: in order, once, and to the end', async () => {
    const arrival = arrive({ isAsync: true, pieceBytes: 2 });
    const [one, other] = [reader(arrival).begin(), reader(arrival).begin()];
    arrival.source.push('abcde');
    arrival.source.push('fg');
    arrival.source.end();
    for (let i = 0; i < 10; i += 1) await settled();
    expect([one.text, one.ending, other.text, other.ending]).toEqual(['abcdefg', 'complete', 'abcdefg', 'complete']);
    expect([arrival.outcomes, arrival.writer.calls]).toEqual([['stored'], ['commit', 'release']]);
  });

  test('reads back for somebody who has left meanwhile', async () => {
    const arrival = arrive({ isAsync: true });
    const one = reader(arrival).begin();
    const other = reader(arrival).begin();
    arrival.source.push('ab');
    one.leave();
    arrival.source.end();
    for (let i = 0; i < 5; i += 1) await settled();
    expect([one.text, other.text, other.ending]).toEqual(['', 'ab', 'complete']);
  });

  test('has lost what it should read back: those readers break off, and it is not their end', () => {
    const arrival = arrive();
    const slow = reader(arrival);
    slow.isSlow = true;
    slow.begin();
    arrival.source.push('ab');
    arrival.source.push('cd');
    arrival.writer.isLost = true;
    slow.goOn();
    expect([slow.text, slow.ending]).toEqual(['ab', expect.objectContaining({ code: 'http_response_incomplete' })]);
  });

  test('somebody comes while it commits, and still gets all of it', async () => {
    const arrival = arrive({ isAsync: true });
    const one = reader(arrival).begin();
    arrival.source.push('ab');
    arrival.source.end();
    expect(arrival.arriving.isShareable).toBe(true);
    const late = reader(arrival).begin();
    for (let i = 0; i < 5; i += 1) await settled();
    expect([one.text, late.text, late.ending, arrival.writer.calls]).toEqual(['ab', 'ab', 'complete', ['commit', 'release']]);
  });
});
