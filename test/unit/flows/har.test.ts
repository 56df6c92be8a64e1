// Archives: what is exported is HAR 1.2, what is imported is what was there.
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { exportHar, type HarSource } from '../../../src/flows/har-export.ts';
import { importHar } from '../../../src/flows/har-import.ts';
import type { RecordedExchange, RecordedMessage, Summary } from '../../../src/flows/recorded.ts';
import { maskRules } from '../../../src/flows/redact/rules.ts';
import { HAR } from '../../support/har-schema.ts';
import { exchangeOf, factsOf } from '../../support/recorded.ts';

const RULES = maskRules({ fields: [], query: [], json: [] });

function source(own: Partial<HarSource> = {}, exchange: Partial<RecordedExchange> = {}, summary: Partial<Summary> = {}): HarSource {
  return { exchange: exchangeOf(exchange, summary), requestOctets: null, responseOctets: Buffer.from('hello'), messages: [], ...own };
}

async function exported(sources: readonly HarSource[], rules = null as typeof RULES | null): Promise<string> {
  let text = '';
  for await (const piece of exportHar(sources, '1.0', rules)) text += piece;
  return text;
}

interface Exported {
  readonly log: { readonly entries: readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[] };
}

const JSON_POST = source(
  { requestOctets: Buffer.from('a=1&token=x'), responseOctets: brotliCompressSync('{"name":"é"}') },
  {
    request: {
      method: 'POST',
      target: '/',
      version: '2',
      fields: [
        ['Content-Type', 'application/x-www-form-urlencoded'],
        ['Cookie', 'a=b; c="d=e"'],
      ],
    },
    requestContent: { length: 11, kept: 11, digest: null, isComplete: true, trailers: [] },
    response: {
      ...{ status: 201, reason: 'Cr\xc3\xa9\xc3\xa9', version: '2' },
      fields: [
        ['Content-Type', 'application/json'],
        ['Content-Encoding', 'br'],
        ['Location', '/x'],
        ['Set-Cookie', 'a=b; Path=/'],
        ['Set-Cookie', 'c=d'],
      ],
    },
    responseContent: { length: 17, kept: 17, digest: null, isComplete: true, trailers: [['X', 'y']] },
    facts: factsOf({ upstreamAddress: '2001:db8::1' }),
  },
  {
    method: 'POST',
    scheme: 'https',
    host: '[2001:db8::1]',
    port: 8443,
    path: '/caf\xc3\xa9?q=%C3%A9&x',
    status: 201,
    responseBytes: 17,
    requestBytes: 11,
    tlsMs: 3,
  },
);
const BINARY = source({ requestOctets: Buffer.from([0, 255]), responseOctets: Buffer.from([0xff, 0xd8, 0xff]) });
const FAILED = source(
  { responseOctets: null },
  { response: null, received: null, responseContent: null },
  { status: 0, outcome: 'failed', error: 'dns_error', firstByteMs: null, resolveMs: 3, connectMs: null, totalMs: 4, contentType: null },
);
const TUNNEL = source(
  { responseOctets: null },
  { responseContent: null },
  { kind: 'tunnel', method: 'CONNECT', scheme: 'tunnel', port: 443, path: '' },
);
const MESSAGE: RecordedMessage = {
  ...{
    exchangeId: 7,
    number: 1,
    atMs: 1_760_000_000_500,
    direction: 'from-client',
    kind: 'text',
    length: 4,
    isCompressed: false,
    contentLength: 4,
  },
  ...{ preview: Buffer.from('hé').toString('base64'), closeCode: null, problem: null },
};
const WEBSOCKET = source(
  {
    responseOctets: null,
    messages: [MESSAGE, { ...MESSAGE, number: 2, kind: 'ping' }, { ...MESSAGE, number: 3, kind: 'binary', direction: 'to-client' }],
  },
  { responseContent: null },
  { kind: 'websocket', status: 101, messages: 2 },
);
const ALL = [source(), JSON_POST, BINARY, FAILED, TUNNEL, WEBSOCKET];

describe('export', () => {
  test('of everything that is recorded is an archive by the specification', async () => {
    expect(HAR.parse(JSON.parse(await exported(ALL))).log.entries).toHaveLength(ALL.length);
    expect(HAR.parse(JSON.parse(await exported(ALL, RULES))).log.entries).toHaveLength(ALL.length);
    expect(HAR.parse(JSON.parse(await exported([]))).log.entries).toEqual([]);
  });

  test('has what the format has room for', async () => {
    const { log } = JSON.parse(await exported([JSON_POST])) as Exported;
    expect(log.entries[0]).toMatchObject({
      startedDateTime: '2025-10-09T08:53:20.123Z',
      time: 20,
      serverIPAddress: '2001:db8::1',
      connection: '3',
      timings: { dns: 1.5, connect: 5, ssl: 3, send: 0, wait: 5.75, receive: 7.75 },
      request: {
        ...{ method: 'POST', url: 'https://[2001:db8::1]:8443/caf%C3%A9?q=%C3%A9&x', httpVersion: 'HTTP/2.0', bodySize: 11 },
        queryString: [
          { name: 'q', value: 'é' },
          { name: 'x', value: '' },
        ],
        cookies: [
          { name: 'a', value: 'b' },
          { name: 'c', value: '"d=e"' },
        ],
        headers: [
          { name: ':method', value: 'POST' },
          { name: ':authority', value: '[2001:db8::1]:8443' },
          { name: ':scheme', value: 'https' },
          { name: ':path', value: '/café?q=%C3%A9&x' },
          { name: 'Content-Type', value: 'application/x-www-form-urlencoded' },
          { name: 'Cookie', value: 'a=b; c="d=e"' },
        ],
        postData: {
          mimeType: 'application/x-www-form-urlencoded',
          text: 'a=1&token=x',
          params: [
            { name: 'a', value: '1' },
            { name: 'token', value: 'x' },
          ],
        },
      },
      response: {
        ...{
          status: 201,
          statusText: 'Créé',
          redirectURL: '/x',
          bodySize: 17,
          cookies: [
            { name: 'a', value: 'b' },
            { name: 'c', value: 'd' },
          ],
        },
        content: { text: '{"name":"é"}', size: 13, compression: -4, mimeType: 'application/json' },
      },
    });
  });

  test.each([
    [['Sec-Fetch-Dest', 'style'], 'text/css', 'stylesheet'],
    [['Sec-Fetch-Dest', 'empty'], 'text/html', 'fetch'],
    [['Sec-Fetch-Dest', 'report'], null, 'other'],
    [['Accept', '*/*'], 'application/problem+json; charset=utf-8', 'fetch'],
    [['Accept', '*/*'], 'text/event-stream', 'eventsource'],
    [['Accept', '*/*'], 'image/png', undefined],
  ] as const)('says what %s of %s was fetched for', async (field, contentType, type) => {
    const request = { method: 'GET', target: 'http://example.com/', version: '1.1', fields: [field] };
    const { log } = JSON.parse(await exported([source({}, { request }, { contentType })])) as Exported;
    expect(log.entries[0]!['_resourceType']).toBe(type);
  });

  test('has octets that are no text in Base64', async () => {
    const { log } = JSON.parse(await exported([BINARY])) as Exported;
    expect(log.entries[0]!['request']).toMatchObject({ postData: { text: 'AP8=', _encoding: 'base64' } });
    expect(log.entries[0]!['response']).toMatchObject({ content: { text: '/9j/', encoding: 'base64' } });
  });

  test('has messages as the client sent them and as they came to it, whatever became of them at a breakpoint', async () => {
    const said = (number: number, direction: RecordedMessage['direction'], text: string, fate: RecordedMessage['fate'] | null = null) => ({
      ...{ ...MESSAGE, number, direction, preview: Buffer.from(text).toString('base64') },
      ...(fate !== null && { fate }),
    });
    const messages = [
      ...[said(1, 'from-client', 'asked'), said(2, 'from-client', 'edited', { of: 1, how: 'edited' })],
      ...[said(3, 'to-client', 'answered'), said(4, 'to-client', 'other', { of: 3, how: 'edited' })],
      ...[said(5, 'to-client', 'lost'), said(6, 'to-client', 'lost', { of: 5, how: 'dropped' })],
    ];
    const { log } = JSON.parse(await exported([{ ...WEBSOCKET, messages }])) as Exported;
    expect(log.entries[0]!['_webSocketMessages']).toMatchObject([
      { type: 'send', data: 'asked' },
      { type: 'receive', data: 'other' },
    ]);
  });

  test('says what was cut off', async () => {
    const cut = source({}, { responseContent: { length: 100, kept: 5, digest: null, isComplete: true, trailers: [] } });
    const { log } = JSON.parse(await exported([cut])) as Exported;
    expect(log.entries[0]!['response']).toMatchObject({ content: { text: 'hello', comment: 'Only the first 5 octets were kept.' } });
  });

  test('has the messages of WebSockets as Chromium writes them', async () => {
    const { log } = JSON.parse(await exported([WEBSOCKET])) as Exported;
    expect(log.entries[0]).toMatchObject({
      ...{ _resourceType: 'websocket', request: { url: 'ws://example.com/a?b=1' } },
      _webSocketMessages: [
        { type: 'send', time: 1_760_000_000.5, opcode: 1, data: 'hé' },
        { type: 'receive', opcode: 2, data: MESSAGE.preview },
      ],
    });
  });

  test('with secrets masked says none of them, in heads, content or the record', async () => {
    const secret = source(
      { requestOctets: Buffer.from('token=hunter2'), responseOctets: brotliCompressSync('{"password":"hunter2"}') },
      {
        request: {
          method: 'POST',
          target: '/?token=hunter2',
          version: '1.1',
          fields: [
            ['Content-Type', 'application/x-www-form-urlencoded'],
            ['Cookie', 'a=hunter2'],
          ],
        },
        response: {
          status: 200,
          reason: '',
          version: '1.1',
          fields: [
            ['Content-Type', 'application/json'],
            ['Content-Encoding', 'br'],
            ['Set-Cookie', 'a=hunter2'],
          ],
        },
        sent: null,
        received: null,
      },
      { path: '/?token=hunter2' },
    );
    const unknown = source(
      { responseOctets: Buffer.from('{"password":"hunter2"}') },
      { response: { status: 200, reason: '', version: '1.1', fields: [['Content-Encoding', 'dcz']] } },
    );
    const text = await exported([secret, unknown], RULES);
    expect(text).not.toContain('hunter2');
    expect(text).toContain('‹masked 7 octets›');
  });

  test('leaves out what was no request', async () => {
    const unreadable = source({}, {}, { scheme: '', host: '', path: '', method: '' });
    expect((JSON.parse(await exported([unreadable])) as Exported).log.entries).toEqual([]);
  });

  test('is written entry by entry, as they come', async () => {
    let asked = 0;
    async function* sources(): AsyncGenerator<HarSource> {
      for (; asked < 3; asked += 1) yield source();
    }
    const pieces: number[] = [];
    for await (const _ of exportHar(sources(), '1.0', null)) pieces.push(asked);
    // Each entry behind what parts it from the one before.
    expect(pieces).toEqual([0, 0, 0, 1, 1, 2, 2, 3]);
  });
});

describe('import', () => {
  test('of our own archive gives the records and their content again, but for codings', async () => {
    const imported = [...importHar(await exported(ALL), 'own.har', 100)];
    for (const [i, { exchange, requestOctets, responseOctets, messages }] of imported.entries()) {
      const original = ALL[i]!;
      expect(exchange.summary).toEqual({ ...original.exchange.summary, id: 100 + i });
      expect(exchange.sent).toEqual(original.exchange.sent);
      expect(exchange.request.fields).toEqual(original.exchange.request.fields);
      expect(requestOctets).toEqual(original.requestOctets);
      if (original !== JSON_POST) expect(responseOctets).toEqual(original.responseOctets);
      expect(messages).toHaveLength(original.messages.length === 0 ? 0 : 2);
    }
    const post = imported[1]!;
    expect(post.responseOctets!.toString()).toBe('{"name":"é"}');
    expect(post.exchange.response!.fields.map(([name]) => name)).not.toContain('Content-Encoding');
    expect(post.exchange.facts.changes).toMatchObject([{ stage: 'response', rule: 'import', what: expect.stringContaining('(br)') }]);
    expect(post.exchange.responseContent).toMatchObject({ length: 13, trailers: [['X', 'y']] });
  });

  test('of what Chromium writes', () => {
    const [imported] = importHar(JSON.stringify(CHROMIUM), 'chromium.har', 1);
    expect(imported!.exchange.summary).toMatchObject({
      ...{
        kind: 'exchange',
        method: 'POST',
        scheme: 'https',
        host: 'example.com',
        port: 443,
        path: '/a?x=%C3%A9',
        version: '2',
        status: 200,
      },
      ...{
        resolveMs: 2,
        connectMs: 4,
        tlsMs: 6,
        firstByteMs: 43,
        totalMs: 50.5,
        contentType: 'text/html',
        requestBytes: 3,
        responseBytes: 120,
      },
    });
    expect(imported!.exchange.request.fields).toEqual([['accept', '*/*']]);
    expect(imported!.exchange.response!.fields).toEqual([
      ['content-type', 'text/html'],
      ['x', '\xc3\xa9'],
    ]);
    expect(imported!.requestOctets!.toString()).toBe('a=é');
    expect(imported!.responseOctets!.toString()).toBe('<p>');
    expect(imported!.exchange.facts.upstreamAddress).toBe('93.184.216.34');
  });

  test('of a form that has its parameters and no text, as Firefox may write it', () => {
    const form = structuredClone(CHROMIUM);
    form.log.entries[0]!.request.postData = {
      mimeType: 'application/x-www-form-urlencoded',
      params: [{ name: 'a', value: 'b c' }],
    } as never;
    const [imported] = importHar(JSON.stringify(form), 'firefox.har', 1);
    expect(imported!.requestOctets!.toString()).toBe('a=b+c');
  });

  test.each<[string, (entry: Record<string, Record<string, unknown>>) => void, string]>([
    [
      'no status',
      ({ response }) => delete response!['status'],
      'x.har: log.entries[0].response.status: expected number, received undefined',
    ],
    [
      'a name that is a number',
      ({ request }) => (request!['headers'] = [{ name: 1, value: '' }]),
      'x.har: log.entries[0].request.headers[0].name: expected string',
    ],
    [
      'a URL that is none',
      ({ request }) => (request!['url'] = '/a'),
      'x.har: log.entries[0].request.url: expected a URL of http, https, ws or wss',
    ],
    [
      'a time that is none',
      (entry) => ((entry as Record<string, unknown>)['startedDateTime'] = 'x'),
      'x.har: log.entries[0].startedDateTime: expected a date',
    ],
  ])('says where it is wrong: %s', (_, spoil, message) => {
    const spoiled = structuredClone(CHROMIUM);
    spoil(spoiled.log.entries[0] as never);
    expect(() => [...importHar(JSON.stringify(spoiled), 'x.har', 1)]).toThrow(message);
  });

  test('leaves out entries that no proxy forwards, whatever else is in them, and counts them', () => {
    const [entry] = CHROMIUM.log.entries;
    const others = ['chrome-extension://a/b.js', 'data:text/plain,x', 'blob:https://example.com/1', 'about:blank'];
    const entries = [...others.map((url) => ({ request: { url } })), entry];
    const imported = importHar(JSON.stringify({ log: { entries } }), 'x.har', 7);
    expect(imported.next().value).toMatchObject({ exchange: { summary: { id: 7, host: 'example.com' } } });
    expect(imported.next()).toEqual({ done: true, value: 4 });
  });

  test('says that it is no archive', () => {
    expect(() => [...importHar('{', 'x.har', 1)]).toThrow('x.har is no HTTP Archive: ');
    expect(() => [...importHar('{"log":{}}', 'x.har', 1)]).toThrow('x.har is no HTTP Archive: log.entries: expected array');
  });
});

const CHROMIUM = {
  log: {
    version: '1.2',
    creator: { name: 'WebInspector', version: '537.36' },
    pages: [
      { startedDateTime: '2025-10-09T08:53:20.123Z', id: 'page_1', title: 'https://example.com/', pageTimings: { onContentLoad: 1 } },
    ],
    entries: [
      {
        _connectionId: '123',
        _initiator: { type: 'other' },
        _priority: 'VeryHigh',
        _resourceType: 'document',
        cache: {},
        connection: '443',
        pageref: 'page_1',
        request: {
          ...{ method: 'POST', url: 'https://example.com/a?x=é#top', httpVersion: 'http/2.0', headersSize: -1, bodySize: 3, cookies: [] },
          headers: [
            { name: ':authority', value: 'example.com' },
            { name: 'accept', value: '*/*' },
          ],
          queryString: [{ name: 'x', value: 'é' }],
          postData: { mimeType: 'application/x-www-form-urlencoded', text: 'a=é' },
        },
        response: {
          ...{
            status: 200,
            statusText: '',
            httpVersion: 'http/2.0',
            headersSize: -1,
            bodySize: 120,
            cookies: [],
            redirectURL: '',
            _error: null,
          },
          headers: [
            { name: 'content-type', value: 'text/html' },
            { name: 'content-encoding', value: 'gzip' },
            { name: 'x', value: 'é' },
          ],
          content: { size: 3, mimeType: 'text/html', text: '<p>' },
        },
        serverIPAddress: '93.184.216.34',
        startedDateTime: '2025-10-09T08:53:20.123Z',
        time: 50.5,
        timings: { blocked: 1, dns: 2, ssl: 6, connect: 10, send: 0, wait: 30, receive: 7.5, _blocked_queueing: 0.5 },
      },
    ],
  },
};
