// What is known of a WebSocket from its octets alone: messages, their ends, and whatever is wrong with them, as facts and never as exceptions.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { WebSocketObserver } from '../../../src/tunnel/websocket-observer.ts';
import { type FrameShape, frame, hear, watch } from '../../support/websocket-frames.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const KEY = [0x37, 0xfa, 0x21, 0x3d] as const;
const DEFLATE = 'permessage-deflate';
const FROM_SERVER = { direction: 'to-client', isCompressed: false, closeCode: null, problem: null };

/** Events of what a server sends. */
function ofServer(extensions: string | undefined, ...frames: readonly FrameShape[]) {
  const { observer, seen } = watch(extensions);
  for (const shape of frames) hear((bytes) => observer.toClient(bytes), frame(shape));
  return seen;
}

function compressed(text: string): Buffer {
  const bytes = deflateRawSync(text, { finishFlush: zlib.Z_SYNC_FLUSH });
  return bytes.subarray(0, -4);
}

/** Octets of what cannot be collected. */
function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('frames', () => {
  it.each([
    ['a single-frame unmasked text message', '810548656c6c6f', 'toClient', { kind: 'text', preview: 'Hello' }],
    ['a single-frame masked text message', '818537fa213d7f9f4d5158', 'fromClient', { kind: 'text', preview: 'Hello' }],
    ['a fragmented unmasked text message', '010348656c80026c6f', 'toClient', { kind: 'text', preview: 'Hello', length: 5 }],
    ['an unmasked ping', '890548656c6c6f', 'toClient', { kind: 'ping', preview: 'Hello' }],
    ['a masked pong', '8a8537fa213d7f9f4d5158', 'fromClient', { kind: 'pong', preview: 'Hello' }],
  ] as const)('reads %s of RFC 6455 §5.7', (_, octets, way, facts) => {
    const { observer, seen } = watch();
    hear((bytes) => observer[way](bytes), Buffer.from(octets, 'hex'));
    expect(seen).toMatchObject([{ ...facts, problem: null }]);
  });

  it.each([0, 1, 125, 126, 65_535, 65_536, 300_000])('reads a payload of %i octets, and what follows it', (length) => {
    const seen = ofServer(undefined, { opcode: 2, payload: Buffer.alloc(length, 'a') }, { opcode: 1, payload: 'next' });
    expect(seen).toMatchObject([
      { kind: 'binary', length, contentLength: length, preview: 'a'.repeat(Math.min(length, 4096)), problem: null },
      { kind: 'text', preview: 'next' },
    ]);
  });

  it('joins fragments around control frames (RFC 6455 §5.4)', () => {
    const seen = ofServer(
      undefined,
      { opcode: 1, payload: 'one ', isFinal: false },
      { opcode: 9, payload: 'there?' },
      { opcode: 0, payload: 'two ', isFinal: false },
      { opcode: 0, isFinal: false },
      { opcode: 0, payload: 'three' },
    );
    expect(seen).toEqual([
      { ...FROM_SERVER, kind: 'ping', length: 6, contentLength: 6, preview: 'there?' },
      { ...FROM_SERVER, kind: 'text', length: 13, contentLength: 13, preview: 'one two three' },
    ]);
  });

  it.each([
    ['client', 'fromClient', KEY, null],
    ['client', 'fromClient', null, 'a client has not masked a frame'],
    ['server', 'toClient', null, null],
    ['server', 'toClient', KEY, 'a server has masked a frame'],
  ] as const)('of a %s (%s) with the key %j: %s (RFC 6455 §5.1)', (_, way, key, problem) => {
    const { observer, seen } = watch();
    hear((bytes) => observer[way](bytes), frame({ opcode: 1, payload: 'readable', key }));
    expect(seen).toMatchObject([{ preview: 'readable', problem }]);
  });
});

describe('a frame that is wrong is shown with what is wrong, and the next one is read', () => {
  it.each<[string, readonly FrameShape[], string]>([
    ['opcode 3', [{ opcode: 3 }], 'opcode 3 has no meaning'],
    ['opcode 15', [{ opcode: 15 }], 'opcode 15 has no meaning'],
    ['a ping in parts', [{ opcode: 9, isFinal: false }], 'a control frame is in parts'],
    ['a long ping', [{ opcode: 9, payload: 'a'.repeat(126) }], 'a control frame is longer than 125 octets'],
    ['a close frame of one octet', [{ opcode: 8, payload: 'a' }], 'a close code has two octets'],
    ['a length of 5 in two octets', [{ opcode: 1, payload: 'Hello', lengthOctets: 2 }], 'the length is written longer than it has to be'],
    [
      'a length of 300 in eight',
      [{ opcode: 2, payload: 'a'.repeat(300), lengthOctets: 8 }],
      'the length is written longer than it has to be',
    ],
    ['RSV1 that nobody uses', [{ opcode: 1, reserved: 4 }], 'a reserved bit is set that no extension uses'],
    ['RSV3', [{ opcode: 1, reserved: 1 }], 'a reserved bit is set that no extension uses'],
    ['a continuation of nothing', [{ opcode: 0 }], 'a message goes on that has not begun'],
    [
      'a message within another',
      [
        { opcode: 1, isFinal: false },
        { opcode: 2, payload: 'b' },
      ],
      'a message begins before the one before has ended',
    ],
  ])('%s', (_, frames, problem) => {
    const seen = ofServer(undefined, ...frames, { opcode: 1, payload: 'next' });
    expect(seen).toMatchObject([{ problem }, { preview: 'next', problem: null }]);
  });

  it('says that an extension it does not know has changed a frame', () => {
    expect(ofServer('x-turn-around; by=2', { opcode: 1, reserved: 2 })).toMatchObject([
      { problem: 'it is changed by an extension that is not known here: x-turn-around' },
    ]);
  });

  it.each(['827f8000000000000001', '827f0020000000000000', '827fffffffffffffffff'])(
    'gives up where the next frame cannot be found: %s',
    (octets) => {
      const { observer, seen } = watch();
      hear((bytes) => observer.toClient(bytes), Buffer.concat([Buffer.from(octets, 'hex'), frame({ opcode: 1 })]));
      hear((bytes) => observer.toClient(bytes), frame({ opcode: 1 }));
      expect(seen).toMatchObject([{ kind: 'lost', problem: 'a frame announces more octets than there can be' }]);
      hear((bytes) => observer.fromClient(bytes), frame({ opcode: 1, payload: 'the other way', key: KEY }));
      expect(seen.at(-1)).toMatchObject({ preview: 'the other way', problem: null });
    },
  );

  it('takes no memory for what is only announced', () => {
    const { observer } = watch(DEFLATE, { previewOctets: 1 << 30, maxInflated: 1 << 30 });
    const before = process.memoryUsage().arrayBuffers;
    hear((bytes) => observer.toClient(bytes), Buffer.from('c27f000000003fffffff61', 'hex'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  it('takes little memory for a message in very many frames', () => {
    const { observer } = watch(DEFLATE);
    observer.toClient(frame({ opcode: 1, isFinal: false, reserved: 4 }));
    const fragments = Buffer.concat(Array.from({ length: 200_000 }, () => frame({ opcode: 0, payload: 'a', isFinal: false })));
    const before = memoryInUse();
    observer.toClient(fragments);
    expect(memoryInUse() - before).toBeLessThan(4 << 20);
    observer.toClient(frame({ opcode: 0, payload: 'a' }));
    expect(observer.counts.messagesToClient).toBe(1);
  });
});

describe('closing', () => {
  it.each([
    ['a code and a reason', '\x03\xe9going away', 1001, { closeCode: 1001, preview: 'going away' }],
    ['a code alone', '\x03\xe8', 1000, { closeCode: 1000, preview: '' }],
    ['nothing', '', 1005, { closeCode: null, preview: '' }],
  ])('a close frame with %s', (_, payload, counted, facts) => {
    const { observer, seen } = watch();
    hear((bytes) => observer.toClient(bytes), frame({ opcode: 8, payload: Buffer.from(payload, 'latin1') }));
    expect(seen).toMatchObject([{ kind: 'close', problem: null, ...facts }]);
    expect(observer.counts.closeCode).toBe(counted);
  });

  it('the first close frame says why; the second is the answer to it', () => {
    const observer = new WebSocketObserver(undefined);
    observer.fromClient(frame({ opcode: 8, payload: Buffer.from([0x0f, 0xa0]), key: KEY }));
    observer.toClient(frame({ opcode: 8, payload: Buffer.from([0x03, 0xe8]) }));
    expect(observer.counts.closeCode).toBe(4000);
  });
});

describe('counts', () => {
  it('are of whole messages, each way, and the same whether anybody watches or not', () => {
    const watched = watch(DEFLATE).observer;
    const counted = new WebSocketObserver(DEFLATE);
    for (const observer of [watched, counted]) {
      for (const text of ['a', 'b', 'c']) hear((bytes) => observer.fromClient(bytes), frame({ opcode: 1, payload: text, key: KEY }));
      hear((bytes) => observer.toClient(bytes), frame({ opcode: 1, payload: 'part', isFinal: false }));
      hear((bytes) => observer.toClient(bytes), frame({ opcode: 9 }));
      expect(observer.counts).toEqual({ messagesFromClient: 3, messagesToClient: 0, closeCode: null });
      hear((bytes) => observer.toClient(bytes), frame({ opcode: 0, payload: 'whole' }));
      expect(observer.counts).toEqual({ messagesFromClient: 3, messagesToClient: 1, closeCode: null });
    }
  });
});

describe('permessage-deflate (RFC 7692)', () => {
  it.each([
    ['a message in one frame', [{ opcode: 1, reserved: 4, payload: Buffer.from('f248cdc9c90700', 'hex') }]],
    [
      'a message in two frames',
      [
        { opcode: 1, reserved: 4, payload: Buffer.from('f248cd', 'hex'), isFinal: false },
        { opcode: 0, payload: Buffer.from('c9c90700', 'hex') },
      ],
    ],
    ['a block without compression', [{ opcode: 1, reserved: 4, payload: Buffer.from('000500faff48656c6c6f00', 'hex') }]],
    ['a block with BFINAL', [{ opcode: 1, reserved: 4, payload: Buffer.from('f348cdc9c9070000', 'hex') }]],
    ['two blocks', [{ opcode: 1, reserved: 4, payload: Buffer.from('f24805000000ffffcac9c90700', 'hex') }]],
  ] satisfies [string, FrameShape[]][])('reads %s of §7.2.3', (_, frames) => {
    expect(ofServer(DEFLATE, ...frames)).toMatchObject([
      { kind: 'text', preview: 'Hello', isCompressed: true, contentLength: 5, problem: null },
    ]);
  });

  it('reads what refers to the message before (§7.2.3.2), where the sender keeps its context', () => {
    const first = { opcode: 1, reserved: 4, payload: Buffer.from('f248cdc9c90700', 'hex') };
    const second = { opcode: 1, reserved: 4, payload: Buffer.from('f200110000', 'hex') };
    expect(ofServer(DEFLATE, first, second)).toMatchObject([{ preview: 'Hello' }, { preview: 'Hello', problem: null }]);
    // A sender that has promised to forget may not refer to anything.
    expect(ofServer('permessage-deflate; server_no_context_takeover; client_max_window_bits=10', first, second)).toMatchObject([
      { preview: 'Hello' },
      { preview: '', contentLength: null, problem: expect.stringContaining('cannot be decompressed') },
    ]);
  });

  it('leaves a message without RSV1 as it is', () => {
    expect(ofServer(DEFLATE, { opcode: 1, payload: 'plain' })).toMatchObject([{ preview: 'plain', isCompressed: false, problem: null }]);
  });

  it('says so where RSV1 is on another frame than the first', () => {
    const payload = compressed('text');
    const seen = ofServer(
      DEFLATE,
      { opcode: 1, reserved: 4, payload, isFinal: false },
      { opcode: 0, reserved: 4 },
      { opcode: 9, reserved: 4 },
    );
    expect(seen).toMatchObject([
      { kind: 'text', problem: 'a reserved bit is set that no extension uses' },
      { kind: 'ping', problem: 'a reserved bit is set that no extension uses' },
    ]);
  });

  it('stops at its bound, whatever a message would come to, and reads the next that refers to nothing before', () => {
    const { observer, seen } = watch(DEFLATE, { previewOctets: 10, maxInflated: 1000 });
    const say = (payload: Buffer): void => observer.toClient(frame({ opcode: 1, reserved: 4, payload }));
    say(compressed('a'.repeat(1_000_000)));
    say(Buffer.alloc(1001));
    say(compressed('a'.repeat(999)));
    expect(seen).toMatchObject([
      { contentLength: null, preview: '', problem: 'it is more than 1000 octets once decompressed' },
      { contentLength: null, preview: '', length: 1001, problem: 'it is more than 1000 octets compressed' },
      { contentLength: 999, preview: 'a'.repeat(10), problem: null },
    ]);
  });

  it('never makes up what refers to a message that was not read', () => {
    const { observer, seen } = watch(DEFLATE, { previewOctets: 100, maxInflated: 1000 });
    observer.toClient(frame({ opcode: 1, reserved: 4, payload: Buffer.alloc(1001) }));
    observer.toClient(frame({ opcode: 1, reserved: 4, payload: Buffer.from('f200110000', 'hex') }));
    expect(seen.at(-1)).toMatchObject({ preview: '', contentLength: null, problem: expect.stringContaining('cannot be decompressed') });
  });

  it('says that garbage cannot be decompressed', () => {
    expect(
      ofServer(DEFLATE, { opcode: 2, reserved: 4, payload: Buffer.from('ffffffffff', 'hex') }, { opcode: 1, payload: 'next' }),
    ).toMatchObject([
      { contentLength: null, problem: expect.stringContaining('it cannot be decompressed: ') },
      { preview: 'next', problem: null },
    ]);
  });
});

describe('for whoever reads on from the next message', () => {
  it('says how many octets are left until then, wherever it is asked', () => {
    const parts = [
      frame({ opcode: 1, payload: 'begun', isFinal: false }),
      frame({ opcode: 9, payload: 'ping' }),
      frame({ opcode: 0, payload: 'x'.repeat(300) }),
    ];
    const octets = Buffer.concat(parts);
    const { observer } = watch();
    const left: (number | null)[] = [observer.octetsToNext('to-client')];
    for (const octet of octets) {
      hear((bytes) => observer.toClient(bytes), Buffer.from([octet]));
      left.push(observer.octetsToNext('to-client'));
    }
    // Within heads, and within all but the last frame of a message, nobody knows.
    const unknown = octets.length - 300;
    expect(left).toEqual([0, ...Array(unknown - 1).fill(null), ...Array.from({ length: 301 }, (_, i) => 300 - i)]);
    observer.toClient(Buffer.concat([Buffer.from([0x82, 0x7f]), Buffer.alloc(8, 0xff)]));
    expect(observer.octetsToNext('to-client')).toBe(null);
  });

  it('gives what it has of compressed messages before, and no less', () => {
    const inflater = (extensions: string | undefined, isWatched: boolean, ...payloads: Buffer[]) => {
      const observer = isWatched
        ? watch(extensions, { previewOctets: 10, maxInflated: 40_000 }).observer
        : new WebSocketObserver(extensions);
      for (const payload of payloads) observer.toClient(frame({ opcode: 1, reserved: 4, payload }));
      return observer.inflaterFrom('to-client', 1000);
    };
    const hello = Buffer.from('f248cdc9c90700', 'hex');
    const found = inflater(DEFLATE, true, hello);
    if (found === null || typeof found === 'string') throw new Error('it has none');
    // It refers to the message before (RFC 7692 §7.2.3.2).
    expect(found.inflate(Buffer.from('f200110000', 'hex'))).toEqual({ kind: 'inflated', bytes: Buffer.from('Hello') });
    expect(inflater(undefined, false)).toBe(null);
    expect(inflater(DEFLATE, false, hello)).toMatch(/refer to messages that nobody has kept/);
    expect(inflater(DEFLATE, true, Buffer.alloc(40_001), hello)).toMatch(/refer to messages that nobody has kept/);
    expect(inflater(DEFLATE, true, Buffer.alloc(40_001), compressed('a'.repeat(33_000)))).toHaveProperty('inflate');
    expect(inflater(`${DEFLATE}; server_no_context_takeover`, false, hello)).toHaveProperty('inflate');
    expect(inflater('bbf-usp-protocol', true)).toMatch(/an extension that is not known here: bbf-usp-protocol/);
  });
});
