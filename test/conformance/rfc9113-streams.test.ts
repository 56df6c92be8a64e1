// RFC 9113 §8 and what SECURITY asks of HTTP/2, frame by frame: what is not well formed reaches no origin, whoever refuses it (nghttp2 or we), and a
// flood costs the client its connection.
import { afterAll, describe, expect, test } from 'vitest';
import { ProxyError } from '../../src/errors/proxy-error.ts';
import type { Incoming } from '../../src/exchange/exchange.ts';
import { fieldValue } from '../../src/http/fields.ts';
import { type Body, NO_FIELDS } from '../../src/http/message.ts';
import {
  block,
  CODES,
  data,
  type FieldList,
  FLAGS,
  FrameClient,
  frame,
  headers,
  rstStream,
  type StreamEnd,
  TYPES,
  windowUpdate,
} from '../support/frame-client.ts';
import { answer, openConnections } from '../support/opened-connections.ts';
import { read } from '../support/read-body.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const ca = createTemporaryCa(temporaryFolder(afterAll));
const leaf = ca.issue('origin.test');

const GET: FieldList = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'origin.test'],
  [':path', '/'],
];
const POST: FieldList = [[':method', 'POST'], ...GET.slice(1)];

/** Sends frames on stream 1. @returns how that ended, and the requests that were begun and could be read whole */
async function meet(...frames: Buffer[]): Promise<{ end: StreamEnd; whole: Incoming[] }> {
  const whole: Incoming[] = [];
  await using opened = await openConnections(leaf, (incoming) => {
    const content = incoming.body === null ? Promise.resolve(null) : read(incoming.body);
    content.then(
      () => {
        whole.push(incoming);
        answer(incoming, 200, incoming.head.target);
      },
      () => incoming.responder.abort(),
    );
  });
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(...frames);
  return { end: await client.end(1), whole };
}

function without(name: string, fields: FieldList = GET): FieldList {
  return fields.filter(([field]) => field !== name);
}

function withValue(name: string, value: string, fields: FieldList = GET): FieldList {
  return fields.map(([field, before]) => [field, field === name ? value : before]);
}

test('answers what is well formed', async () => {
  const { end, whole } = await meet(
    headers(1, [...GET, ['x-a', '1'], ['x-a', '2'], ['te', 'trailers'], ['cookie', 'a=b'], ['x-b', '3'], ['cookie', 'c=d']]),
  );
  expect(end).toMatchObject({ kind: 'answered', status: 200, content: 'https://origin.test/' });
  expect(whole[0]!.head).toMatchObject({ method: 'GET', version: '2', target: 'https://origin.test/' });
  expect(whole[0]!.head.fields.map(({ name, value }) => `${name}: ${value}`)).toEqual([
    'x-a: 1',
    'x-a: 2',
    'te: trailers',
    'cookie: a=b; c=d',
    'x-b: 3',
  ]);
});

describe('a malformed request reaches nobody (RFC 9113 §8.1.1)', () => {
  test.for<[string, FieldList]>([
    ['a name in upper case (§8.2)', [...GET, ['X-Upper', '1']]],
    ['Connection (§8.2.2)', [...GET, ['connection', 'close']]],
    ['Keep-Alive', [...GET, ['keep-alive', '5']]],
    ['Proxy-Connection', [...GET, ['proxy-connection', 'keep-alive']]],
    ['Transfer-Encoding', [...GET, ['transfer-encoding', 'chunked']]],
    ['Upgrade', [...GET, ['upgrade', 'websocket']]],
    ['HTTP2-Settings', [...GET, ['http2-settings', 'AAA']]],
    ['TE other than trailers (§8.2.2)', [...GET, ['te', 'gzip']]],
    ['TE with more than trailers', [...GET, ['te', 'trailers, gzip']]],
    ['a pseudo-header field after a field (§8.3)', [...GET.slice(0, 3), ['x-a', '1'], [':path', '/']]],
    ['an unknown pseudo-header field (§8.3)', [...GET, [':unknown', '1']]],
    ['one of responses', [...GET, [':status', '200']]],
    ['one of them twice', [...GET, [':path', '/b']]],
    ['another authority beside the first', [...GET, [':authority', 'evil.test']]],
    ['no method (§8.3.1)', without(':method')],
    ['an empty method', withValue(':method', '')],
    ['a method that is no token', withValue(':method', 'GE T')],
    ['no scheme', without(':scheme')],
    ['a scheme that is a URI', withValue(':scheme', 'https://evil.test/?')],
    ['a scheme that is not served', withValue(':scheme', 'ftp')],
    ['no path', without(':path')],
    ['an empty path', withValue(':path', '')],
    ['a path that would be an authority', withValue(':path', '@evil.test/')],
    ['an absolute-form in its path', withValue(':path', 'https://evil.test/')],
    ['a path with a blank', withValue(':path', '/a b')],
    ['a path with CR and LF', withValue(':path', '/ HTTP/1.1\r\nHost: evil.test\r\n\r\n')],
    ['"*" for GET', withValue(':path', '*')],
    ['no authority and no Host', without(':authority')],
    ['an empty authority', withValue(':authority', '')],
    ['an authority with a path', withValue(':authority', 'origin.test/x')],
    ['an authority with a query', withValue(':authority', 'origin.test?x')],
    ['an authority with a fragment', withValue(':authority', 'origin.test#x')],
    ['an authority with CR and LF', withValue(':authority', 'origin.test\r\nX-A: 1')],
    ['a Host that is not its authority', [...GET, ['host', 'evil.test']]],
    ['a Host with another port', [...GET, ['host', 'origin.test:8443']]],
    ['two Host fields', [...without(':authority'), ['host', 'origin.test'], ['host', 'origin.test']]],
    ['a Content-Length that is no number', [...POST, ['content-length', 'x']]],
    ['a Content-Length with a sign', [...POST, ['content-length', '+1']]],
    ['a Content-Length of 20 digits', [...POST, ['content-length', '99999999999999999999']]],
    ['two Content-Lengths', [...POST, ['content-length', '0'], ['content-length', '0']]],
    ['content announced that does not come (§8.1.1)', [...POST, ['content-length', '5']]],
    ['":protocol" without CONNECT (RFC 8441 §4)', [...GET, [':protocol', 'websocket']]],
    ['":protocol" of another protocol', [[':method', 'CONNECT'], ...GET.slice(1), [':protocol', 'connect-udp']]],
    ['CONNECT with a path (§8.5)', [[':method', 'CONNECT'], ...GET.slice(1)]],
  ])('%s', async ([, fields]) => {
    const { end, whole } = await meet(headers(1, fields));
    expect(whole.map(({ head }) => head)).toEqual([]);
    if (end.kind === 'answered') expect([400, 431, 501]).toContain(end.status);
    else expect(end).toMatchObject({ kind: 'reset', code: CODES.protocolError });
  });

  test.for<[string, Buffer[]]>([
    ['less content than announced', [headers(1, [...POST, ['content-length', '5']], FLAGS.endHeaders), data(1, 'four')]],
    ['more content than announced', [headers(1, [...POST, ['content-length', '3']], FLAGS.endHeaders), data(1, 'four')]],
    ['a pseudo-header field in its trailers', [headers(1, POST, FLAGS.endHeaders), data(1, 'x', 0), headers(1, [[':path', '/evil']])]],
    ['trailers that do not end it', [headers(1, POST, FLAGS.endHeaders), data(1, 'x', 0), headers(1, [['x-a', '1']], FLAGS.endHeaders)]],
    ['content broken off with NO_ERROR', [headers(1, POST, FLAGS.endHeaders), data(1, 'x', 0), rstStream(1, CODES.noError)]],
    ['content broken off with CANCEL', [headers(1, POST, FLAGS.endHeaders), data(1, 'x', 0), rstStream(1, CODES.cancel)]],
  ])('%s', async ([, frames]) => {
    const errors: ProxyError[] = [];
    const whole: Buffer[] = [];
    await using opened = await openConnections(leaf, ({ body, responder }) => {
      read(body!).then(
        (content) => whole.push(content),
        (error: ProxyError) => {
          errors.push(error);
          responder.abort();
        },
      );
    });
    using client = await FrameClient.connect(opened.port, ca.cert);
    await client.send(...frames);
    const [flow] = await opened.flowCount(1);
    expect(flow).toMatchObject({ outcome: 'aborted' });
    expect(whole).toEqual([]);
    expect(errors).toMatchObject([{ code: 'http_request_error' }]);
  });
});

test.for<[string, string, string]>([
  ['CR and LF', 'x-a', '1\r\nX-Smuggled: 1'],
  ['LF', 'x-a', '1\nX-Smuggled: 1'],
  ['NUL', 'x-a', '1\0'],
  ['a blank in its name', 'x a', '1'],
  ['a colon in its name', 'x:a', '1'],
  ['blanks around its value', 'x-a', ' 1 '],
])('a field with %s goes no further (RFC 9113 §8.2.1)', async ([, name, value]) => {
  const { whole } = await meet(headers(1, [...GET, [name, value]]));
  for (const { head } of whole) expect(head.fields).toEqual([]);
});

test('keeps octets beyond ASCII in a value as they are', async () => {
  const { whole } = await meet(headers(1, [...GET, ['x-a', 'caf\xe9 \xc3\xa9']]));
  expect(fieldValue(whole[0]!.head.fields, 'x-a')).toBe('caf\xe9 \xc3\xa9');
});

test('takes Host where there is no authority, and one that says the same beside it (RFC 9113 §8.3.1)', async () => {
  expect((await meet(headers(1, [...without(':authority'), ['host', 'origin.test']]))).end).toMatchObject({
    status: 200,
    content: 'https://origin.test/',
  });
  expect((await meet(headers(1, [...GET, ['host', 'ORIGIN.test:443']]))).end).toMatchObject({
    status: 200,
    content: 'https://origin.test/',
  });
});

test('reads OPTIONS * as the whole server (RFC 9113 §8.3.1)', async () => {
  const { end } = await meet(headers(1, withValue(':path', '*', withValue(':method', 'OPTIONS'))));
  expect(end).toMatchObject({ status: 200, content: 'https://origin.test' });
});

test('hands trailers on, but none that a trailer section may not have (RFC 9110 §6.5.1)', async () => {
  const seen: string[] = [];
  await using opened = await openConnections(leaf, (incoming) => {
    incoming.body!.start({
      write: () => 0,
      end(trailers) {
        seen.push(...trailers.map(({ name, value }) => `${name}: ${value}`));
        answer(incoming, 200, 'taken');
      },
      fail() {},
    });
  });
  using client = await FrameClient.connect(opened.port, ca.cert);
  const trailers: FieldList = [
    ['x-checksum', 'abc'],
    ['authorization', 'Basic eDp5'],
    ['host', 'evil.test'],
    ['content-type', 'text/html'],
  ];
  await client.send(headers(1, POST, FLAGS.endHeaders), data(1, 'content', 0), headers(1, trailers));
  expect(await client.end(1)).toMatchObject({ kind: 'answered', status: 200 });
  expect(seen).toEqual(['x-checksum: abc']);
});

test('refuses a trailer section that is too long (431)', async () => {
  await using opened = await openConnections(leaf, (incoming) => {
    read(incoming.body!).catch((error: ProxyError) => answer(incoming, error.status, error.message));
  });
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, POST, FLAGS.endHeaders), data(1, 'content', 0), headers(1, [['x-a', 'a'.repeat(9_000)]]));
  expect(await client.end(1)).toMatchObject({ kind: 'answered', status: 431 });
});

test('sends a head as long as an origin may send it', async () => {
  const fields = Array.from({ length: 20 }, (_, i) => ({ name: `X-${i}`, value: 'v'.repeat(4_000) }));
  await using opened = await openConnections(leaf, ({ responder }) => responder.respond(200, '', fields, null, null));
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, GET));
  expect(await client.end(1)).toMatchObject({ status: 200 });
});

test.for<[string, FieldList, number]>([
  ['too many fields', [...GET, ...Array.from({ length: 120 }, (_, i): [string, string] => [`x-${i}`, '1'])], 431],
  ['too many octets', [...GET, ['x-a', 'a'.repeat(15_000)], ['x-b', 'b'.repeat(15_000)], ['x-c', 'c'.repeat(6_000)]], 431],
  ['a target that is too long', withValue(':path', `/${'p'.repeat(16_500)}`), 414],
])('answers a head with %s, which is not twice of what is served', async ([, fields, status]) => {
  const payload = block(fields);
  const frames: Buffer[] = [];
  for (let at = 0; at < payload.length; at += 16_000) {
    const flags = (at === 0 ? FLAGS.endStream : 0) | (at + 16_000 >= payload.length ? FLAGS.endHeaders : 0);
    frames.push(frame(at === 0 ? TYPES.headers : TYPES.continuation, flags, 1, payload.subarray(at, at + 16_000)));
  }
  const { end, whole } = await meet(...frames);
  expect(end).toMatchObject({ kind: 'answered', status });
  expect(whole).toEqual([]);
});

test('ends a stream whose head is larger than that, or its connection', async () => {
  const { end, whole } = await meet(headers(1, [...GET, ...Array.from({ length: 400 }, (_, i): [string, string] => [`x-${i}`, '1'])]));
  expect(['reset', 'goaway', 'closed']).toContain(end.kind);
  expect(whole).toEqual([]);
});

test('ends a connection that floods it with CONTINUATIONs (CVE-2024-27316)', async () => {
  const frames = [frame(TYPES.headers, FLAGS.endStream, 1, block(GET))];
  for (let i = 0; i < 2_000; i += 1) frames.push(frame(TYPES.continuation, 0, 1, block([[`x-${i}`, 'a'.repeat(100)]])));
  const { end, whole } = await meet(...frames);
  expect(['goaway', 'closed']).toContain(end.kind);
  expect(whole).toEqual([]);
});

test('ends a connection that opens streams to reset them (CVE-2023-44487)', async () => {
  let begun = 0;
  await using opened = await openConnections(leaf, () => (begun += 1), { http2Resets: 50 });
  using client = await FrameClient.connect(opened.port, ca.cert);
  for (let i = 0; i < 200; i += 1) await client.send(headers(1 + 2 * i, GET), rstStream(1 + 2 * i, CODES.cancel));
  expect(await client.end(-1)).toEqual({ kind: 'goaway', code: CODES.enhanceYourCalm });
  expect(begun).toBeLessThan(120);
});

test('ends a connection that has its streams reset by breaking the rules (CVE-2025-8671)', async () => {
  let begun = 0;
  await using opened = await openConnections(leaf, () => (begun += 1), { http2Resets: 50 });
  using client = await FrameClient.connect(opened.port, ca.cert);
  for (let i = 0; i < 200; i += 1) await client.send(headers(1 + 2 * i, GET), windowUpdate(1 + 2 * i, 0));
  expect(['goaway', 'closed']).toContain((await client.end(-1)).kind);
  expect(begun).toBeLessThan(120);
});

test('refuses streams beyond the limit, which the client may send again (RFC 9113 §8.7)', async () => {
  await using opened = await openConnections(leaf, () => {}, { http2Streams: 3 });
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, GET), headers(3, GET), headers(5, GET), headers(7, GET));
  expect(await client.end(7)).toMatchObject({ kind: 'reset', code: CODES.refusedStream });
});

test.for<[string, Buffer]>([
  ['settings', Buffer.concat(Array.from({ length: 20_000 }, () => frame(TYPES.settings, 0, 0, Buffer.alloc(0))))],
  ['pings', Buffer.concat(Array.from({ length: 20_000 }, () => frame(TYPES.ping, 0, 0, Buffer.alloc(8))))],
])('ends a connection that floods it with %s and does not read what comes of it', async ([, flood]) => {
  await using opened = await openConnections(leaf, () => {});
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.next();
  client.connection.pause();
  let isOver = false;
  void client.connection.closed.then(() => (isOver = true));
  for (let i = 0; i < 100 && opened.ends.length === 0 && !isOver; i += 1) await client.send(flood);
  client.connection.resume();
  expect(['goaway', 'closed']).toContain((await client.end(-1)).kind);
});

test('ends a connection that sends empty frames of content without end (CVE-2019-9518)', async () => {
  await using opened = await openConnections(leaf, ({ body }) => void read(body!).catch(() => {}));
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, POST, FLAGS.endHeaders), ...Array.from({ length: 1_000 }, () => data(1, '', 0)));
  expect(['goaway', 'closed']).toContain((await client.end(-1)).kind);
});

test('resets a stream whose answer breaks off, and never ends it (RFC 9113 §8.1)', async () => {
  const failing: Body = {
    length: null,
    start(sink) {
      sink.write(Buffer.from('the beginning'));
      sink.fail(new ProxyError('http_response_incomplete', 'The origin broke off.'));
    },
    resume() {},
    cancel() {},
  };
  const short: Body = {
    length: 20,
    start(sink) {
      sink.write(Buffer.from('the beginning'));
      sink.end(NO_FIELDS);
    },
    resume() {},
    cancel() {},
  };
  await using opened = await openConnections(leaf, ({ responder, head }) =>
    responder.respond(200, '', NO_FIELDS, head.target.endsWith('short') ? short : failing, null),
  );
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, GET));
  expect(await client.end(1)).toMatchObject({ kind: 'reset', code: CODES.internalError });
  await client.send(headers(3, withValue(':path', '/short')));
  expect(await client.end(3)).toMatchObject({ kind: 'reset', code: CODES.internalError });
  expect(await opened.flowCount(2)).toMatchObject([
    { outcome: 'failed', error: { code: 'http_response_incomplete' } },
    { outcome: 'failed', error: { code: 'http_response_incomplete' } },
  ]);
});

test('resets a stream whose answer breaks off while the window holds it back', async () => {
  let fail = (): void => {};
  const failing: Body = {
    length: null,
    start(sink) {
      sink.write(Buffer.alloc(100_000, 'x'));
      fail = () => sink.fail(new ProxyError('http_response_incomplete', 'The origin broke off.'));
    },
    resume() {},
    cancel() {},
  };
  await using opened = await openConnections(leaf, ({ responder }) => responder.respond(200, '', NO_FIELDS, failing, null));
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, GET));
  let seen = 0;
  while (seen < 65_535) seen += (await client.nextOf(TYPES.data, 1)).payload.length;
  fail();
  expect(await client.end(1)).toEqual({ kind: 'reset', code: CODES.internalError, status: null, content: '' });
});

test('ends the request too when the answer is complete before it (RFC 9113 §8.1)', async () => {
  await using opened = await openConnections(leaf, (incoming) => answer(incoming, 413, 'too large'));
  using client = await FrameClient.connect(opened.port, ca.cert);
  await client.send(headers(1, POST, FLAGS.endHeaders), data(1, 'x', 0));
  expect(await client.end(1)).toMatchObject({ kind: 'answered', status: 413, content: 'too large' });
  expect((await client.nextOf(TYPES.rstStream, 1)).payload.readUInt32BE(0)).toBe(CODES.noError);
  expect(await opened.flowCount(1)).toMatchObject([{ status: 413, outcome: 'answered' }]);
});

test('survives frames of any kind in any order, finishes every record, and goes on to serve', async () => {
  const begun = new Set<Incoming['flow']>();
  await using opened = await openConnections(leaf, (incoming) => {
    begun.add(incoming.flow);
    const content = incoming.body === null ? Promise.resolve(null) : read(incoming.body);
    content.then(
      () => answer(incoming, 200, 'ok'),
      () => incoming.responder.abort(),
    );
  });
  const random = seeded(20_261_122);
  for (let round = 0; round < 60; round += 1) {
    using client = await FrameClient.connect(opened.port, ca.cert);
    await client.send(...anyFrames(random, 40));
    if (random(2) === 0) client.connection.destroy();
    else {
      client.connection.end();
      await client.connection.closed;
    }
  }
  using last = await FrameClient.connect(opened.port, ca.cert);
  await last.send(headers(1, GET));
  expect(await last.end(1)).toMatchObject({ kind: 'answered', status: 200 });
  while (![...begun].every((flow) => opened.flows.includes(flow))) await opened.flowCount(opened.flows.length + 1);
  expect(begun.size).toBeGreaterThan(50);
  expect(new Set(opened.flows).size).toBe(opened.flows.length);
});

/** In order more often than not, or the first would end every connection. */
function anyFrames(random: (below: number) => number, count: number): Buffer[] {
  let newest = 1;
  return Array.from({ length: count }, (_, i) => {
    if (i === 0 || random(3) === 0) {
      const flags = random(2) === 0 ? FLAGS.endHeaders : FLAGS.endHeaders | FLAGS.endStream;
      const opening = headers(newest, random(3) === 0 ? GET : POST, flags);
      newest += 2;
      return opening;
    }
    const stream = 1 + 2 * random((newest - 1) / 2);
    const choices = [
      () => data(stream, 'x'.repeat(random(2_000)), random(2)),
      () => rstStream(stream, random(14)),
      () => windowUpdate(random(2) === 0 ? 0 : stream, random(70_000) + 1),
      () => frame(TYPES.ping, random(2), 0, Buffer.alloc(8)),
      () => frame(TYPES.settings, 0, 0, settings(random(8), random(70_000))),
      () => headers(stream, [['x-trailer', '1']]),
      () => frame(random(14), random(64), random(8), Buffer.from(Array.from({ length: random(40) }, () => random(256)))),
    ];
    // The last is wild, and rare.
    return choices[random(40) === 0 ? choices.length - 1 : random(choices.length - 1)]!();
  });
}

function settings(id: number, value: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id);
  payload.writeUInt32BE(value, 2);
  return payload;
}

/** Numbers below a bound, the same ones in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}
