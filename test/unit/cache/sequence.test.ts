import { describe, expect, test } from 'vitest';
import { Postponed } from '../../../src/cache/postponed.ts';
import { Sequence } from '../../../src/cache/sequence.ts';
import { Slice } from '../../../src/cache/slice.ts';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { BytesBody } from '../../../src/http/message.ts';
import { Listener, Source } from './moving-content.ts';

const BROKEN = new ProxyError('http_response_incomplete', 'The origin broke its answer off.');

describe('a sequence', () => {
  test('is one piece after the other, each begun when its turn has come', () => {
    const [one, other] = [new Source(2), new Source(3)];
    const all = new Listener(new Sequence([one, other])).begin();
    expect([all.body.length, one.isStarted, other.isStarted]).toEqual([5, true, false]);
    one.push('ab');
    other.push('cde');
    one.end();
    other.end();
    expect([all.text, all.ending]).toEqual(['abcde', 'complete']);
  });

  test('is of unknown length where one piece is', () => {
    expect(new Sequence([new Source(2), new Source(null)]).length).toBe(null);
  });

  test('holds the piece back whose turn it is', () => {
    const [one, other] = [new Source(), new Source()];
    const all = new Listener(new Sequence([one, other]));
    all.isSlow = true;
    all.begin();
    one.push('a');
    one.push('b');
    one.end();
    other.push('c');
    expect([all.text, one.isHeld]).toEqual(['a', true]);
    all.goOn();
    expect(all.text).toBe('ab');
    all.goOn();
    expect(all.text).toBe('abc');
    other.end();
    expect(all.ending).toBe('open');
    all.goOn();
    expect(all.ending).toBe('complete');
  });

  test('goes on from octets in memory that filled the sink', () => {
    const all = new Listener(
      new Sequence([new BytesBody(Buffer.from('ab')), new BytesBody(Buffer.alloc(0)), new BytesBody(Buffer.from('c'))]),
    );
    all.isSlow = true;
    all.begin();
    expect(all.text).toBe('ab');
    all.goOn();
    all.goOn();
    expect([all.text, all.ending]).toEqual(['abc', 'complete']);
  });

  test.each([0, 1])('that is left while piece %i is on tells all that are not over', (at) => {
    const parts = [new Source(), new Source(), new Source()];
    const all = new Listener(new Sequence(parts)).begin();
    for (const part of parts.slice(0, at)) part.end();
    all.leave();
    expect(parts.map(({ cancels }) => cancels)).toEqual(at === 0 ? [1, 1, 1] : [0, 1, 1]);
    all.body.cancel();
    expect(parts.map(({ cancels }) => cancels)).toEqual(at === 0 ? [1, 1, 1] : [0, 1, 1]);
  });

  test('that is left before it has begun tells all of them', () => {
    const parts = [new Source(), new Source()];
    new Listener(new Sequence(parts)).leave();
    expect(parts.map(({ cancels }) => cancels)).toEqual([1, 1]);
  });

  test('that breaks off in one piece lets go of those behind it', () => {
    const parts = [new Source(), new Source(), new Source()];
    const all = new Listener(new Sequence(parts)).begin();
    parts[0]!.end();
    parts[1]!.push('a');
    parts[1]!.fail(BROKEN);
    expect([all.text, all.ending, parts.map(({ cancels }) => cancels)]).toEqual(['a', BROKEN, [0, 0, 1]]);
  });
});

describe('a slice', () => {
  const cut = (first: number, length: number): { readonly source: Source; readonly all: Listener } => {
    const source = new Source(10);
    return { source, all: new Listener(new Slice(source, first, length, 10)).begin() };
  };

  test.each([
    [0, 10, '0123456789'],
    [0, 3, '012'],
    [4, 3, '456'],
    [7, 3, '789'],
    [5, 0, ''],
  ])('from %i on, %i octets long, whatever the pieces', (first, length, expected) => {
    for (const size of [1, 2, 3, 7, 10]) {
      const { source, all } = cut(first, length);
      for (let at = 0; at < 10; at += size) source.push('0123456789'.slice(at, at + size));
      source.end();
      expect([all.text, all.ending, all.body.length]).toEqual([expected, 'complete', length]);
    }
  });

  test.each([
    ['fewer', '012345678'],
    ['more', '0123456789a'],
  ])('of %s octets than were announced is a failure', (_, content) => {
    const { source, all } = cut(2, 3);
    source.push(content);
    source.end();
    expect([all.text, all.ending]).toEqual(['234', expect.objectContaining({ code: 'http_response_incomplete' })]);
  });

  test('holds its content back and lets go of it', () => {
    const { source, all } = cut(0, 10);
    all.isSlow = true;
    source.push('01');
    source.push('23');
    expect([all.text, source.isHeld]).toEqual(['01', true]);
    all.goOn();
    expect(all.text).toBe('0123');
    all.leave();
    expect(source.cancels).toBe(1);
  });

  test('breaks off with its content', () => {
    const { source, all } = cut(0, 10);
    source.fail(BROKEN);
    expect(all.ending).toBe(BROKEN);
  });
});

describe('postponed content', () => {
  test('is begun at once, and held back at its first piece', () => {
    const source = new Source(4);
    const all = new Listener(new Postponed(source));
    source.push('ab');
    source.push('cd');
    source.end();
    expect([source.isStarted, source.isHeld, all.body.length]).toEqual([true, true, 4]);
    all.begin();
    expect([all.text, all.ending]).toEqual(['abcd', 'complete']);
  });

  test('passes on what comes after its turn has come', () => {
    const source = new Source();
    const all = new Listener(new Postponed(source)).begin();
    source.push('ab');
    source.end();
    expect([all.text, all.ending]).toEqual(['ab', 'complete']);
  });

  test('ends empty, before its turn has come', () => {
    const source = new Source();
    const postponed = new Postponed(source);
    source.end();
    expect(new Listener(postponed).begin().ending).toBe('complete');
  });

  test('breaks off before its turn has come: what had come by then comes first', () => {
    const source = new Source();
    const all = new Listener(new Postponed(source));
    all.isSlow = true;
    source.push('ab');
    source.fail(BROKEN);
    all.begin();
    expect([all.text, all.ending]).toEqual(['ab', 'open']);
    all.goOn();
    expect(all.ending).toBe(BROKEN);
  });

  test('is held back by a sink without room, and goes on', () => {
    const source = new Source();
    const all = new Listener(new Postponed(source));
    all.isSlow = true;
    for (const piece of ['a', 'b', 'c']) source.push(piece);
    source.end();
    all.begin();
    expect([all.text, source.isHeld]).toEqual(['a', true]);
    all.goOn();
    all.goOn();
    all.goOn();
    expect([all.text, all.ending]).toEqual(['abc', 'complete']);
  });

  test('is let go of, before its turn and after', () => {
    for (const isBegun of [false, true]) {
      const source = new Source();
      const all = new Listener(new Postponed(source));
      source.push('a');
      if (isBegun) all.begin();
      all.leave();
      expect(source.cancels).toBe(1);
    }
  });
});
