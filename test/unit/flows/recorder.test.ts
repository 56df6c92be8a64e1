import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ProxyError } from '../../../src/errors/proxy-error.ts';
import { CapturedContent } from '../../../src/flows/captured-content.ts';
import { createFlow, type Flow } from '../../../src/flows/flow.ts';
import type { Recorder } from '../../../src/flows/recorder.ts';
import { sentByHttp2 } from '../../../src/flows/sent-request.ts';
import { BytesBody, type Fields, NO_FIELDS } from '../../../src/http/message.ts';
import { MemoryStore, recorderInto } from '../../support/recorded-flows.ts';

const AUTHORITY = { host: 'example.com', kind: 'name', port: 8080 } as const;
const POSITION = { file: '/etc/policy.yaml', line: 12, column: 3 };

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
afterEach(() => vi.useRealTimers());

test('keeps an exchange as it came, went, was answered and was delivered', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store);
  const flow = forwarded(recorder);
  recorder.finish(flow);
  recorder.flush();

  const [frame] = store.frames;
  expect(store.frames).toHaveLength(1);
  expect(frame).toMatchObject({ kind: 'finished', id: 1_000 + flow.id, requestContent: 'question', responseContent: 'an answer' });
  expect(frame!.summary).toMatchObject({
    id: 1_000 + flow.id,
    state: 'done',
    kind: 'exchange',
    connectId: 1_007,
    client: '192.0.2.1',
    user: 'ada',
    method: 'POST',
    scheme: 'http',
    host: 'example.com',
    port: 8080,
    path: '/a?b=\xe9"',
    status: 200,
    outcome: 'forwarded',
    error: null,
    decision: 'allow',
    rule: '/etc/policy.yaml:12',
    contentType: 'text/plain',
    requestBytes: 8,
    responseBytes: 9,
    connectMs: null,
    firstByteMs: 1.25,
    totalMs: 20_000.5,
    messages: 0,
    touched: [],
  });
  expect(frame!.exchange).toMatchObject({
    request: { method: 'POST', version: '1.1', fields: REQUEST.map(pair) },
    sent: {
      method: 'POST',
      target: '/a?b=\xe9"',
      version: '1.1',
      fields: [
        ['Host', 'example.com:8080'],
        ['Accept', '*/*'],
        ['Via', '1.1 me'],
        ['Content-Length', '8'],
      ],
    },
    received: { status: 200, reason: 'OK', version: '1.1', fields: RESPONSE.map(pair) },
    response: {
      status: 200,
      reason: 'OK',
      version: '1.1',
      fields: [
        ['ETag', '"x\xff"'],
        ['Via', '1.1 me'],
        ['Transfer-Encoding', 'chunked'],
      ],
    },
    requestContent: { length: 8, kept: 8, digest: null, isComplete: true, trailers: [] },
    responseContent: { length: 9, kept: 9, digest: null, isComplete: true, trailers: [] },
    facts: {
      clientPort: 4_711,
      listener: 'lan',
      route: 'direct',
      upstreamAddress: '192.0.2.2',
      decision: {
        action: 'allow',
        file: '/etc/policy.yaml',
        line: 12,
        rule: null,
        groups: ['staff'],
        policyDigest: 'digest',
        question: {
          host: 'example.com',
          pathAndQuery: '/a?b=\xe9"',
          fields: REQUEST.map(({ name, value }) => ({ name, value })),
          identity: { user: 'ada', groups: ['staff'] },
        },
      },
    },
  });
  expect(recorder.underWay).toBe(0);
  expect(recorder.contentBytes).toBe(0);
});

test.each([
  ['http', 80, 'http://example.com/a?b'],
  ['http', 80, 'http://example.com:80/a?b'],
  ['http', 8080, 'http://example.com:8080/a?b'],
  ['http', 8080, 'HTTP://Example.com:8080/a?b'],
  ['https', 443, '/a?b'],
  ['https', 443, 'https://example.com/a?b'],
] as const)('the request target is kept as it was sent, %s to port %i: %s (RFC 9112 §3.2)', (scheme, port, target) => {
  const store = new MemoryStore();
  const recorder = recorderInto(store);
  const flow = createFlow({ id: 3, listener: 'lan', address: '192.0.2.1', port: 4_711, connectId: null });
  const capture = recorder.begin(flow, { method: 'GET', target, version: '1.1', fields: [] });
  capture.noteTarget(scheme, { ...AUTHORITY, port }, '/a?b');
  recorder.finish(flow);
  recorder.flush();
  expect(store.frames[0]!.exchange!.request.target).toBe(target);
});

test('exchanges that differ in one thing alone are not taken for one another', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store);
  const cache = { key: 'k', outcome: 'forwarded', isCollapsed: false, reuse: null, storing: 'stored', ttlSeconds: 60, forwardStatus: null };
  const usual = {
    ...({ version: '1.1', status: 200, outcome: 'forwarded', startedAtMs: 1_763_862_999_004, cache } as const),
    ...{ user: 'ada', clientAddress: '192.0.2.1', contentType: 'text/plain', listener: 'lan' },
    ...{ upstreamPort: 8080, upstreamAddress: '192.0.2.2', reusedConnection: false },
  };
  const variants = [
    {},
    { version: '1.0' },
    { status: 204 },
    { outcome: 'aborted' },
    { startedAtMs: 1_763_862_998_999 },
    { startedAtMs: 7 },
    { cache: null },
    { cache: { ...cache, outcome: 'validated', forwardStatus: 304 } },
    { cache: { ...cache, storing: 'denied' } },
    { cache: { ...cache, isCollapsed: true, ttlSeconds: null } },
    { user: 'eve' },
    { clientAddress: '192.0.2.3' },
    { contentType: 'text/html' },
    { upstreamPort: 8081 },
    { upstreamAddress: '198.51.100.2' },
    { reusedConnection: true },
    { listener: 'wan' },
  ];
  const flows = [...variants, ...variants].map((variant) => Object.assign(forwarded(recorder), usual, variant));
  for (const flow of flows) recorder.finish(flow);
  recorder.flush();
  const kept = store.frames.map(({ exchange }) => {
    const { summary, facts } = exchange!;
    const { version, status, outcome, startedAtMs, user, client: clientAddress, contentType } = summary;
    const { cache: used, listener, upstreamPort, upstreamAddress, reusedConnection } = facts;
    return {
      ...{ version, status, outcome, startedAtMs, cache: used, user, clientAddress, contentType },
      ...{ listener, upstreamPort, upstreamAddress, reusedConnection },
    };
  });
  const wanted = [...variants, ...variants].map((variant) => {
    const { cache: used, ...rest } = { ...usual, ...variant };
    if (used === null) return { ...rest, cache: null };
    const { reuse: _, ...usage } = used;
    return { ...rest, cache: { ...usage, reuseWhy: null, stored: null } };
  });
  expect(kept).toEqual(wanted);
});

test('what went to an origin of HTTP/2 is what was sent: pseudo-fields for Host, names in lower case (RFC 9113 §8.2, §8.3.1)', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store);
  const flow = begun(recorder, [field('Host', 'example.com'), field('Accept', '*/*'), field('TE', 'trailers')], '/a?b');
  flow.upstreamProtocol = '2';
  flow.capture!.noteTarget('https', { ...AUTHORITY, port: 443 }, '/a?b');
  flow.capture!.noteSent('POST', 'https', { ...AUTHORITY, port: 443 }, '/a?b', [field('Accept', '*/*'), field('Via', '1.1 me')], 0);
  recorder.finish(flow);
  recorder.flush();
  expect(store.frames[0]!.exchange!.sent).toEqual({
    ...{ method: 'POST', target: '/a?b', version: '2' },
    fields: [
      ...[
        [':method', 'POST'],
        [':scheme', 'https'],
        [':authority', 'example.com'],
        [':path', '/a?b'],
      ],
      ...[
        ['accept', '*/*'],
        ['via', '1.1 me'],
        ['content-length', '0'],
      ],
    ],
  });
});

test('a WebSocket that went over HTTP/2 went as CONNECT (RFC 8441 §5)', () => {
  const head = {
    ...{ method: 'GET', target: '/chat', authority: 'example.com', length: 0, wantsTrailers: false },
    fields: [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Key', 'eA=='],
      ['Sec-WebSocket-Version', '13'],
    ] as const,
  };
  expect(sentByHttp2(head).map((pair) => pair.join(' '))).toEqual([
    ...[':method CONNECT', ':scheme https', ':authority example.com', ':path /chat', ':protocol websocket', 'sec-websocket-version 13'],
  ]);
});

test('credentials for the proxy are never kept', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store);
  const flow = begun(recorder, [field('Proxy-Authorization', 'Basic c2VjcmV0'), field('Authorization', 'Bearer mine')]);
  recorder.finish(flow);
  recorder.flush();
  expect(store.frames[0]!.exchange!.request.fields).toEqual([
    ['Proxy-Authorization', expect.stringContaining('masked 14 octets')],
    ['Authorization', 'Bearer mine'],
  ]);
});

test('where secrets are to be unwritten, they are masked in fields, targets and paths before anything is kept', () => {
  const store = new MemoryStore();
  const unwritten = {
    maskedValue: (name: string, value: string) => (name === 'Cookie' ? 'gone' : value),
    maskedUrl: (url: string) => url.replace('secret', 'gone'),
    maskedContent: (octets: Buffer, type: string | null) => Buffer.from(octets.toString().replace('secret', String(type))),
  };
  const recorder = recorderInto(store, { unwritten });
  const flow = begun(recorder, [field('Cookie', 'a=secret')], '/?token=secret');
  flow.capture!.noteTarget('http', AUTHORITY, '/?token=secret');
  flow.contentType = 'text/plain';
  deliver(recorder, flow, 'a secret to tell');
  recorder.finish(flow);
  const packed = begun(recorder);
  packed.capture!.noteResponse(200, 'OK', [field('Content-Encoding', 'gzip')], undefined, null);
  deliver(recorder, packed, 'a secret');
  recorder.finish(packed);
  recorder.flush();
  expect(JSON.stringify(store.frames)).not.toContain('secret');
  expect(store.frames[0]!.responseContent).toBe('a text/plain to tell');
  expect(store.frames[1]!.exchange!.responseContent).toMatchObject({ length: 8, kept: 0 });
});

test('an exchange that lasts is announced once, in the order in which they began, and ends later', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store);
  const first = begun(recorder);
  const second = begun(recorder);
  const quick = begun(recorder);
  recorder.finish(quick);
  vi.advanceTimersByTime(1_000);
  expect(store.frames.map(({ kind, id }) => [kind, id - 1_000])).toEqual([
    ['finished', quick.id],
    ['begun', first.id],
    ['begun', second.id],
  ]);
  expect(store.frames[1]!.summary).toMatchObject({ state: 'pending', outcome: null, totalMs: null });
  recorder.finish(first);
  vi.advanceTimersByTime(1_000);
  expect(store.frames.slice(3).map(({ kind, id }) => [kind, id - 1_000])).toEqual([['finished', first.id]]);
  expect(vi.getTimerCount()).toBe(0);
});

test('tells what is known of an exchange that has not ended', () => {
  const recorder = recorderInto(new MemoryStore());
  const flow = forwarded(recorder);
  expect(recorder.active(1_000 + flow.id)).toMatchObject({ summary: { state: 'pending', host: 'example.com' }, received: { status: 200 } });
  expect(recorder.activeContent(1_000 + flow.id, 'response')?.toString()).toBe('an answer');
  recorder.finish(flow);
  expect(recorder.active(1_000 + flow.id)).toBeNull();
  expect(recorder.activeContent(1_000 + flow.id, 'response')).toBeNull();
});

test('a message follows the announcement of its exchange', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store);
  const flow = begun(recorder);
  const event = {
    atMs: 5,
    direction: 'to-client',
    kind: 'text',
    length: 9,
    isCompressed: false,
    contentLength: 9,
    closeCode: null,
  } as const;
  flow.capture!.event({ ...event, preview: Buffer.from('hello'), problem: null });
  flow.capture!.event({ ...event, preview: Buffer.from('again'), problem: 'it is "odd"' });
  recorder.finish(flow);
  recorder.flush();
  expect(store.frames.map(({ kind }) => kind)).toEqual(['begun', 'message', 'message', 'finished']);
  expect(store.frames[2]).toMatchObject({
    requestContent: 'again',
    message: { exchangeId: 1_000 + flow.id, number: 2, problem: 'it is "odd"' },
  });
  expect(store.frames[3]!.summary!.messages).toBe(2);
});

test('what is larger than a batch goes alone', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store, { bodyLimit: 2_000_000 });
  const small = begun(recorder);
  recorder.finish(small);
  const large = begun(recorder);
  deliver(recorder, large, 'x'.repeat(1_200_000));
  recorder.finish(large);
  recorder.flush();
  expect(store.batches).toHaveLength(2);
  expect(store.frames[1]!.responseContent).toHaveLength(1_200_000);
});

test('texts of any length are whole, wherever their batch ends', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store, { bodyLimit: 100_000 });
  const lengths = Array.from({ length: 400 }, (_, i) => ({
    target: i === 100 ? 2_500_000 : (i * 7_919) % 40_000,
    content: (i * 104_729) % 60_000,
  }));
  for (const { target, content } of lengths) {
    const flow = begun(recorder, REQUEST, `/${'t'.repeat(target)}`);
    deliver(recorder, flow, 'c'.repeat(content));
    recorder.finish(flow);
  }
  recorder.flush();
  expect(store.frames.map(({ exchange }) => exchange!.request.target.length - 1)).toEqual(lengths.map(({ target }) => target));
  expect(store.frames.map(({ responseContent }) => responseContent.length)).toEqual(lengths.map(({ content }) => content));
  expect(store.batches.filter((used) => used > 2 ** 20)).toHaveLength(1);
  expect(store.batches.length).toBeLessThan((1.2 * store.batches.reduce((sum, used) => sum + used, 0)) / 2 ** 20);
});

test('while the store is behind, contents are left out first, then exchanges; those that were announced end all the same', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store, { maxPendingBytes: 100_000 });
  const announced = begun(recorder);
  vi.advanceTimersByTime(300);
  store.pendingBytes = 80_000;
  const withoutContent = begun(recorder);
  deliver(recorder, withoutContent, 'an answer');
  recorder.finish(withoutContent);
  store.pendingBytes = 100_001;
  recorder.finish(begun(recorder));
  announced.capture!.event({
    atMs: 5,
    direction: 'to-client',
    kind: 'text',
    length: 1,
    isCompressed: false,
    contentLength: 1,
    preview: Buffer.from('x'),
    closeCode: null,
    problem: null,
  });
  recorder.finish(announced);
  recorder.flush();
  expect(store.frames.map(({ kind, id }) => [kind, id - 1_000])).toEqual([
    ['begun', announced.id],
    ['finished', withoutContent.id],
    ['finished', announced.id],
  ]);
  expect(store.frames[1]!.exchange!.responseContent).toMatchObject({ length: 9, kept: 0 });
  expect(recorder.dropped).toEqual({ contents: 1, exchanges: 1, messages: 1 });
});

test('contents of all exchanges under way have one bound; what passes is whole all the same', () => {
  const store = new MemoryStore();
  const recorder = recorderInto(store, { bodyLimit: 1_000_000, maxContentBytes: 16 * 1_024 });
  const [one, two] = [begun(recorder), begun(recorder)];
  expect(deliver(recorder, one, 'x'.repeat(10_000))).toBe(10_000);
  expect(deliver(recorder, two, 'y'.repeat(10_000))).toBe(10_000);
  expect(recorder.contentBytes).toBeLessThanOrEqual(16 * 1_024);
  recorder.finish(two);
  recorder.finish(one);
  recorder.flush();
  expect(store.frames.map(({ responseContent }) => responseContent.length).sort()).toEqual([0, 10_000]);
  expect(recorder.dropped.contents).toBe(1);
  expect(recorder.contentBytes).toBe(0);
});

test('a store that fails, or a record that cannot be encoded, is told of once and disturbs nobody', () => {
  const reports: string[] = [];
  const store = new MemoryStore();
  const recorder = recorderInto(store, { report: (line) => reports.push(line) });
  for (let i = 0; i < 2; i += 1) {
    const flow = begun(recorder);
    flow.decision = {} as Flow['decision'];
    recorder.finish(flow);
  }
  store.send = () => {
    throw new Error('gone');
  };
  recorder.finish(begun(recorder));
  recorder.flush();
  expect(reports).toHaveLength(1);
  expect(reports[0]).toContain('a defect left an exchange out of the record');
});

const REQUEST: Fields = [field('Host', 'example.com:8080'), field('Accept', '*/*'), field('Connection', 'close')];
const RESPONSE: Fields = [field('Content-Length', '9'), field('ETag', '"x\xff"')];

function field(name: string, value: string): Fields[number] {
  return { name, value, line: `${name}: ${value}\r\n` };
}

function pair({ name, value }: Fields[number]): readonly [string, string] {
  return [name, value];
}

function begun(recorder: Recorder, fields: Fields = REQUEST, target = '/'): Flow {
  const flow = createFlow({ id: 3, listener: 'lan', address: '192.0.2.1', port: 4_711, connectId: 7 });
  Object.assign(flow, { method: 'GET', target, version: '1.1' });
  recorder.begin(flow, { method: 'GET', target, version: '1.1', fields });
  return flow;
}

/** As the stages leave it. */
function forwarded(recorder: Recorder): Flow {
  const flow = createFlow({ id: 3, listener: 'lan', address: '192.0.2.1', port: 4_711, connectId: 7 });
  const target = 'http://example.com:8080/a?b=\xe9"';
  const capture = recorder.begin(flow, { method: 'POST', target, version: '1.1', fields: REQUEST });
  capture.noteTarget('http', AUTHORITY, '/a?b=\xe9"');
  const question = {
    ...({ method: 'POST', scheme: 'http', host: 'example.com', port: 8080, pathAndQuery: '/a?b=\xe9"', fields: REQUEST } as const),
    ...{ contentLength: 8, upgrade: null, clientAddress: '192.0.2.1', listener: 'lan', address: null, hello: null, response: null },
    identity: { user: 'ada', groups: ['staff'], claims: null },
    nowMs: 1_763_862_999_004,
  };
  Object.assign(flow, {
    ...{ user: 'ada', method: 'POST', target, version: '1.1', route: 'direct', upstreamAddress: '192.0.2.2', upstreamPort: 8080 },
    ...{ upstreamProtocol: '1.1', firstByteMs: 1.25, totalMs: 20_000.5, status: 200, contentType: 'text/plain', outcome: 'forwarded' },
    decision: {
      ...{ action: 'allow', decidedBy: 'rule', position: POSITION, question, awaits: 'nothing', normalisedPath: null, reported: [] },
      rule: { name: null, action: 'allow', position: POSITION },
    },
  });
  capture.requestContent = new CapturedContent(new BytesBody(Buffer.from('question')), recorder.bodyLimit, recorder.memory);
  drain(capture.requestContent);
  capture.noteSent('POST', 'http', AUTHORITY, '/a?b=\xe9"', [REQUEST[1]!, field('Via', '1.1 me')], 8);
  capture.noteReceived({ status: 200, reason: 'OK', version: '1.1', fields: RESPONSE });
  capture.noteResponse(200, 'OK', [RESPONSE[1]!, field('Via', '1.1 me')], undefined, null);
  deliver(recorder, flow, 'an answer');
  return flow;
}

/** @returns octets that arrived */
function deliver(recorder: Recorder, flow: Flow, text: string): number {
  const content = new CapturedContent(new BytesBody(Buffer.from(text)), recorder.bodyLimit, recorder.memory);
  flow.capture!.responseContent = content;
  return drain(content);
}

function drain(content: CapturedContent): number {
  let octets = 0;
  content.start({
    write: (bytes) => {
      octets += bytes.length;
      return 0;
    },
    end: (trailers) => expect(trailers).toBe(NO_FIELDS),
    fail: (error: ProxyError) => {
      throw error;
    },
  });
  return octets;
}
