// HTTP/2 inside an opened tunnel, and towards the origin, in any pairing with HTTP/1.1 (RFC 9113).
import type { ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { afterAll, describe, expect, test } from 'vitest';
import { startDualOrigin } from '../support/dual-origin.ts';
import { ask, openSession } from '../support/http2-in-tunnels.ts';
import { connectThrough, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { startStreamOrigin } from '../support/stream-origin.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);

describe('a client of HTTP/2', () => {
  test('reaches an origin of HTTP/2 by streams of one connection', async () => {
    await using origin = await startDualOrigin(ca, (request, response) => response.end(`${request.method} ${request.url}`));
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await openSession(proxy, `localhost:${origin.port}`);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(session, { ':path': `/${i}` })));
    expect(answers.map(({ content }) => content.toString())).toEqual(Array.from({ length: 20 }, (_, i) => `GET /${i}`));
    expect(new Set(origin.versions)).toEqual(new Set(['2.0']));
    expect(origin.accepted).toBe(1);
    const flow = await proxy.flow(0);
    expect(flow).toMatchObject({ version: '2', upstreamProtocol: '2', outcome: 'forwarded', connectId: expect.any(Number) });
  });

  test('reaches an origin that speaks HTTP/1.1 alone', async () => {
    await using origin = await startTlsOrigin(ca, (request, response) => response.end(`${request.method} ${request.headers.host}`));
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await openSession(proxy, `localhost:${origin.port}`);
    const { headers, content } = await ask(session, { ':method': 'POST' }, Buffer.from('content'));
    expect(headers[':status']).toBe(200);
    expect(content.toString()).toBe(`POST localhost:${origin.port}`);
    expect(await proxy.flow(0)).toMatchObject({ version: '2', upstreamProtocol: '1.1' });
  });

  test('is misdirected (421) with another :authority (RFC 9113 §9.1.2), and the others on its connection are not', async () => {
    await using origin = await startDualOrigin(ca, (_, response) => response.end('ok'));
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await openSession(proxy, `localhost:${origin.port}`);
    expect((await ask(session, { ':authority': 'other.example' })).headers[':status']).toBe(421);
    expect((await ask(session, {})).headers[':status']).toBe(200);
    expect(origin.versions).toHaveLength(1);
  });

  test('gets trailers behind content of known length if it asks for them (RFC 9110 §6.5.1, §10.1.4)', async () => {
    await using origin = await startDualOrigin(ca, null);
    origin.server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-length': 7 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc', 'set-cookie': 'a=b' }));
      stream.end('content');
    });
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await openSession(proxy, `localhost:${origin.port}`);
    const asked = await ask(session, { te: 'trailers' });
    expect([asked.headers['content-length'], asked.content.toString(), ...Object.entries(asked.trailers)]).toEqual([
      '7',
      'content',
      ['x-checksum', 'abc'],
    ]);
    const unasked = await ask(session, {});
    expect([unasked.content.toString(), ...Object.keys(unasked.trailers)]).toEqual(['content']);
  });

  test('that asks for trailers is told of content without any, and of content that breaks off, as every other', async () => {
    await using origin = await startDualOrigin(ca, null);
    origin.server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => {});
      stream.respond({ ':status': 200, 'content-length': 7 });
      if (headers[':path'] === '/whole') stream.end('content');
      else stream.write('cont', () => stream.destroy(new Error('broke off')));
    });
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await openSession(proxy, `localhost:${origin.port}`);
    expect((await ask(session, { ':path': '/whole', te: 'trailers' })).content.toString()).toBe('content');
    await expect(ask(session, { ':path': '/broken', te: 'trailers' })).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
    expect((await ask(session, { ':path': '/whole', te: 'trailers' })).content.toString()).toBe('content');
  });

  test('has so many requests and tunnels as all connections together may, and is answered 503 for one more', async () => {
    const held: ServerResponse[] = [];
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    await using origin = await startTlsOrigin(ca, ({ url }, response) => {
      if (url !== '/held') return void response.end('ok');
      held.push(response);
      if (held.length === 2) resolve();
    });
    await using proxy = await startOpeningProxy(folder, ca, { config: { listener: { http2Requests: 2, tunnels: 2 } } });
    const authority = `localhost:${origin.port}`;
    const [session, other] = [await openSession(proxy, authority), await openSession(proxy, authority)];
    const waiting = [ask(session, { ':path': '/held' }), ask(other, { ':path': '/held' })];
    await asked;
    const refused = await ask(session, { ':path': '/' });
    expect([refused.headers[':status'], refused.headers['proxy-status']]).toEqual([
      503,
      expect.stringContaining('connection_limit_reached'),
    ]);
    for (const response of held) response.end('late');
    expect((await Promise.all(waiting)).map(({ content }) => content.toString())).toEqual(['late', 'late']);
    expect((await ask(session, { ':path': '/' })).content.toString()).toBe('ok');
    // An opened tunnel is one for as long as its inside is there.
    await expect(connectThrough(proxy, authority)).rejects.toThrow('answered 503');
    other.close();
    await expect.poll(() => proxy.flows.filter(({ outcome }) => outcome === 'opened')).toHaveLength(1);
    await connectThrough(proxy, authority);
  });

  test('is told of denials on a page, stream by stream', async () => {
    await using origin = await startDualOrigin(ca, (_, response) => response.end('ok'));
    await using proxy = await startOpeningProxy(folder, ca, {
      rules: '  - { deny: { host: localhost, path: /no }, name: Never }\n  - intercept: { host: localhost }\n',
    });
    const session = await openSession(proxy, `localhost:${origin.port}`);
    const [denied, allowed] = await Promise.all([ask(session, { ':path': '/no' }), ask(session, { ':path': '/yes' })]);
    expect(denied.headers[':status']).toBe(403);
    expect(denied.content.toString()).toContain('Never');
    expect(allowed.headers[':status']).toBe(200);
  });

  test('sends and receives large content, and trailers both ways', async () => {
    const content = Buffer.alloc(3_000_000, 'sallyport ');
    await using origin = await startDualOrigin(ca, null);
    origin.server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      let seen: IncomingHttpHeaders = {};
      stream.on('trailers', (trailers) => {
        seen = trailers;
      });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'answer', 'x-seen': String(seen['x-sum']) }));
      stream.pipe(stream);
    });
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await openSession(proxy, `localhost:${origin.port}`);
    const answer = await ask(session, { ':method': 'POST', te: 'trailers' }, content, { 'x-sum': 'request' });
    expect(answer.content.equals(content)).toBe(true);
    expect(answer.trailers).toMatchObject({ 'x-sum': 'answer', 'x-seen': 'request' });
  });

  test('hears an answer break off as a reset stream, never as its end', async () => {
    await using origin = await startTlsOrigin(ca, (_, response) => {
      response.write('half');
      setImmediate(() => response.socket?.destroy());
    });
    await using proxy = await startOpeningProxy(folder, ca);
    const session = await openSession(proxy, `localhost:${origin.port}`);
    await expect(ask(session, {})).rejects.toThrow(/NGHTTP2_INTERNAL_ERROR|NGHTTP2_CANCEL/);
  });
});

test('a client of HTTP/1.1 is served by an origin in HTTP/1.1, though that speaks HTTP/2 as well', async () => {
  await using origin = await startDualOrigin(ca, (request, response) => response.end(request.httpVersion));
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await connectThrough(proxy, `localhost:${origin.port}`);
  const secured = await client.startTls({ ca: proxy.authority, servername: 'localhost' });
  await secured.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  expect((await secured.readResponse()).body.toString()).toBe('1.1');
});

test('a client of HTTP/1.1 reaches an origin that speaks HTTP/2 alone, which turns HTTP/1.1 down once', async () => {
  await using origin = await startStreamOrigin(ca, (stream, headers) => {
    const content: Buffer[] = [];
    stream.on('data', (bytes: Buffer) => content.push(bytes));
    stream.on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end(`${headers[':authority']} ${Buffer.concat(content)}`);
    });
  });
  await using proxy = await startOpeningProxy(folder, ca);
  const authority = `localhost:${origin.port}`;
  const client = await openTunnel(proxy, authority, { ALPNProtocols: ['http/1.1'] });
  for (const word of ['one', 'two']) {
    await client.send(`POST / HTTP/1.1\r\nHost: ${authority}\r\nContent-Length: 3\r\n\r\n${word}`);
    const answer = await client.readResponse();
    expect([answer.status, answer.body.toString()]).toEqual([200, `${authority} ${word}`]);
  }
  expect(await proxy.flow(1)).toMatchObject({ version: '1.1', upstreamProtocol: '2', outcome: 'forwarded' });
  expect([origin.accepted, origin.streams]).toEqual([2, 2]);
});
