// Owns frames of HTTP/2 as chance makes them, for both legs: mostly such as somebody could send who goes on afterwards, some that break every rule.
import { block, data, type FieldList, FLAGS, frame, headers, rstStream, TYPES, windowUpdate } from '../support/frame-client.ts';
import type { Random } from './random.ts';

/** What a client sends behind its preface. */
export function requestFrames(random: Random, authority: string): Buffer[] {
  return random.isLuckier(0.75) ? tameRequests(random, authority) : wildFrames(random, (stream) => wildRequest(random, authority, stream));
}

/** What an origin answers on a stream. */
export function responseFrames(random: Random, stream: number): Buffer[] {
  switch (random.weighted(ANSWERS)) {
    case 'trailers':
      return [
        headers(
          stream,
          [
            [':status', '103'],
            ['link', '</a>; rel=preload'],
          ],
          FLAGS.endHeaders,
        ),
        headers(
          stream,
          [
            [':status', '200'],
            ['cache-control', random.pick(['max-age=60', 'no-store'])],
          ],
          FLAGS.endHeaders,
        ),
        data(stream, octets(random, random.between(0, 16_000)), 0),
        headers(stream, [
          ['grpc-status', '0'],
          ['te', 'q'],
          ['x', 'y'],
        ]),
      ];
    case 'reset in content':
      return [
        headers(stream, [[':status', '200']], FLAGS.endHeaders),
        data(stream, octets(random, 3_000), 0),
        rstStream(stream, random.pick(CODES)),
      ];
    case 'reset':
      return [rstStream(stream, random.pick(CODES))];
    case 'goaway':
      return [goAway(random.pick([0, 1, 3]), 0)];
    case 'whole':
      return [
        headers(stream, [[':status', '200'], ...someFields(random, 2)], FLAGS.endHeaders),
        data(stream, octets(random, random.between(0, 3_000))),
      ];
    default:
      return wildFrames(random, (chosen) =>
        headers(
          random.isLuckier(0.85) ? stream : chosen,
          [[':status', random.pick(STATUSES)], ...someFields(random, 5)],
          random.pick([4, 4, 5]),
        ),
      );
  }
}

/** Requests that are well formed, with content, resets, windows and settings between them. */
function tameRequests(random: Random, authority: string): Buffer[] {
  const frames: Buffer[] = [];
  const open: number[] = [];
  let next = 1;
  for (let count = random.between(2, 21); count > 0; count -= 1) {
    const kind = open.length === 0 ? 'request' : random.weighted(TAME);
    if (kind === 'request') {
      const method = random.pick(METHODS);
      const isOpen = method === 'CONNECT' || ((method === 'POST' || method === 'PUT') && random.isLuckier(0.5));
      frames.push(headers(next, tameHead(random, method, authority), isOpen ? FLAGS.endHeaders : FLAGS.endHeaders | FLAGS.endStream));
      if (isOpen) open.push(next);
      next += 2;
    } else if (kind === 'content') {
      const index = random.between(0, open.length - 1);
      const isEnd = random.isLuckier(0.5);
      frames.push(data(open[index]!, octets(random, random.between(0, random.isLuckier(0.1) ? 16_000 : 100)), isEnd ? FLAGS.endStream : 0));
      if (isEnd) open.splice(index, 1);
    } else if (kind === 'reset') {
      const stream = 1 + 2 * random.between(0, (next - 3) / 2);
      frames.push(rstStream(stream, random.pick(CODES)));
      if (open.includes(stream)) open.splice(open.indexOf(stream), 1);
    } else if (kind === 'window') frames.push(windowUpdate(0, random.between(1, 10_000)));
    else if (kind === 'ping') frames.push(frame(TYPES.ping, 0, 0, octets(random, 8)));
    else frames.push(setting(...random.pick(SETTINGS)));
  }
  return frames;
}

function tameHead(random: Random, method: string, authority: string): FieldList {
  const path = random.pick(['/', '/a', '/cache', `/b?${random.between(0, 4)}`]);
  const head: [string, string][] = [
    [':method', method],
    [':scheme', 'https'],
    [':authority', authority],
    [':path', path],
  ];
  if (method === 'CONNECT') head.push([':protocol', 'websocket'], ['sec-websocket-version', '13']);
  if (random.isLuckier(0.3)) head.push(['te', 'trailers']);
  return [...head, ...someFields(random, 2).filter(([name, value]) => !NOT_TAME.has(name) && !/^ |\r/.test(value))];
}

function wildRequest(random: Random, authority: string, stream: number): Buffer {
  const method = random.pick([...METHODS, 'TRACE']);
  const head: [string, string][] = [
    [':method', method],
    [':scheme', random.pick(['https', 'https', 'https', 'http'])],
    [':authority', random.isLuckier(0.9) ? authority : 'evil.test'],
    [':path', random.pick(['/', '/a', '/cache', '*'])],
  ];
  if (method === 'CONNECT' && random.isLuckier(0.8)) head.push([':protocol', 'websocket']);
  const flags = random.isLuckier(0.9) ? FLAGS.endHeaders | random.between(0, 1) : random.pick([0, 1, 0x24, 0x0c]);
  return headers(stream, [...head, ...someFields(random, 5)], flags);
}

/** @param message headers on a stream, which may be any */
function wildFrames(random: Random, message: (stream: number) => Buffer): Buffer[] {
  const frames: Buffer[] = [];
  let next = 1;
  for (let count = random.between(1, 14); count > 0; count -= 1) {
    const stream = random.isLuckier(0.7) ? next : 1 + 2 * random.between(0, 5);
    const kind = random.weighted(WILD);
    if (kind === 'message') {
      frames.push(message(stream));
      next += 2;
    } else frames.push(wildFrame(random, kind, stream));
  }
  return frames;
}

function wildFrame(random: Random, kind: Exclude<keyof typeof WILD, 'message'>, stream: number): Buffer {
  switch (kind) {
    case 'content':
      return data(stream, octets(random, random.between(0, random.isLuckier(0.1) ? 20_000 : 50)), random.between(0, 1));
    case 'trailers':
      return headers(stream, someFields(random, 4));
    case 'reset':
      return rstStream(stream, random.between(0, 14));
    case 'settings':
      return setting(random.between(1, 9), random.pick([0, 1, 100, 16_384, 65_535, 0x7fff_ffff, 0xffff_ffff]));
    case 'window':
      return windowUpdate(random.pick([0, stream]), random.pick([0, 1, 1_000, 0x7fff_ffff]));
    case 'ping':
      return frame(TYPES.ping, random.between(0, 1), 0, octets(random, 8));
    case 'continuation':
      return frame(TYPES.continuation, random.pick([0, 4]), stream, block(someFields(random, 2)));
    case 'goaway':
      return goAway(random.pick([0, 1, 3, 255]), random.between(0, 13));
    case 'any':
      return frame(
        random.between(0, 12),
        random.between(0, 255),
        random.pick([0, stream, 2, 0x7fff_ffff]),
        octets(random, random.between(0, 30)),
      );
    default:
      return octets(random, random.between(0, 100));
  }
}

function someFields(random: Random, most: number): [string, string][] {
  return Array.from({ length: random.between(0, most) }, () => [random.pick(NAMES), random.pick(VALUES)]);
}

function setting(id: number, value: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id, 0);
  payload.writeUInt32BE(value, 2);
  return frame(TYPES.settings, 0, 0, payload);
}

function goAway(lastStream: number, code: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(code, 4);
  return frame(TYPES.goaway, 0, 0, payload);
}

export function octets(random: Random, count: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: count }, () => random.between(0, 255)));
}

const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'DELETE', 'CONNECT'];
const STATUSES = ['200', '200', '200', '204', '304', '100', '103', '101', '404', '600', '999', '407', '206', '000', '20'];
/** NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, STREAM_CLOSED, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED. */
const CODES = [0, 0, 1, 2, 5, 7, 8, 8, 11, 13];
/** Identifier and value: windows of every size, tables, frames, streams, lists. */
const SETTINGS: readonly (readonly [number, number])[] = [
  [4, 0],
  [4, 10],
  [4, 65_535],
  [4, 100_000],
  [1, 0],
  [1, 4_096],
  [5, 16_384],
  [3, 100],
  [6, 100_000],
];
const TAME = { request: 50, content: 22, reset: 10, window: 8, ping: 4, settings: 6 } as const;
const WILD = {
  message: 32,
  content: 14,
  trailers: 7,
  reset: 7,
  settings: 7,
  window: 7,
  ping: 5,
  continuation: 6,
  goaway: 5,
  any: 7,
  octets: 3,
} as const;
const ANSWERS = { trailers: 25, 'reset in content': 10, reset: 5, goaway: 5, whole: 35, wild: 20 } as const;
const NAMES = [
  ...[
    'x',
    'cookie',
    'te',
    'content-length',
    'host',
    'authorization',
    'expect',
    'trailer',
    'transfer-encoding',
    'connection',
    'http2-settings',
  ],
  ...[
    'upgrade',
    'via',
    'range',
    'if-range',
    'cache-control',
    'content-type',
    'set-cookie',
    'location',
    'accept-encoding',
    'proxy-authorization',
  ],
  ...['sec-websocket-key', 'date', 'age', 'etag', 'vary', 'link', 'keep-alive', '__proto__', 'constructor', ':status', ':path', 'x:y', 'X'],
];
const VALUES = [
  ...['', '1', '3', '0', 'trailers', 'chunked', 'close', '100-continue', 'a\r\nb', '\x80\xff', ' a', 'gzip', 'no-store', 'max-age=60', '*'],
  ...['bytes=0-1', 'websocket', '13', 'localhost', 'x'.repeat(300), 'x'.repeat(9_000), '"e"', 'Mon, 01 Jan 2024 00:00:00 GMT'],
];
const NOT_TAME = new Set([
  'te',
  'content-length',
  'host',
  'expect',
  'transfer-encoding',
  'connection',
  'http2-settings',
  'upgrade',
  'keep-alive',
  ':status',
  ':path',
  'x:y',
  'X',
]);
