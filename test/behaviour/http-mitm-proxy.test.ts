// The adapter against the package whose API it has: the same scenarios, with real clients and origins. Where they differ both outcomes are stated; the
// table of those is src/adapters/README.md.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { Proxy as Adapter, type ListenOptions, type RequestContext } from '../../src/adapters/http-mitm-proxy.ts';
import { compare, type MitmOrigin, play, type Scene, type Seen, type Setting, startMitmOrigin, taken } from '../support/mitm-proxies.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
let ca: TemporaryCa;
let origin: MitmOrigin;
let other: MitmOrigin;
let secure: MitmOrigin;
let setting: Setting;

beforeAll(async () => {
  ca = createTemporaryCa(folder);
  setting = { ca, folder };
  origin = await startMitmOrigin(answer);
  other = await startMitmOrigin((_request, response) => response.end('the other'));
  secure = await startMitmOrigin(answer, ca.issue('localhost'));
});

afterAll(() => {
  for (const each of [origin, other, secure]) each.close();
});

beforeEach(() => {
  for (const { saw } of [origin, other, secure]) taken(saw);
  // The package writes down what fails, and what it starts.
  for (const method of ['error', 'debug', 'info'] as const) vi.spyOn(console, method).mockImplementation(() => {});
});

function answer(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
  const { pathname } = new URL(request.url!, 'http://origin');
  switch (pathname) {
    case '/gzip':
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' });
      response.end(gzipSync('<h3>One</h3><p>Lucky</p>'));
      return;
    case '/fields':
      response.writeHead(200, [
        ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Kept', 'kept', 'X-Dropped', 'dropped'],
        ...['Content-Type', 'text/plain', 'Content-Length', '6'],
      ]);
      response.end('fields');
      return;
    case '/status':
      response.writeHead(Number(new URL(request.url!, 'http://origin').searchParams.get('is')), { etag: '"1"' });
      response.end();
      return;
    case '/chunks':
      response.write('one ');
      response.end('two');
      return;
    case '/big':
      response.end('x'.repeat(1024 * 1024));
      return;
    case '/broken':
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('half');
      setImmediate(() => response.destroy());
      return;
    default:
      response.end(`${request.method} ${request.url} ${body.length}`);
  }
}

/** The same from both. */
async function same<T>(scenario: (scene: Scene) => Promise<T>, options: Setting['options'] = {}): Promise<T> {
  const { theirs, ours } = await compare({ ...setting, options }, scenario);
  expect(ours).toEqual(theirs);
  return ours;
}

test('passes what nobody asks for: a response with a length, one in chunks, one that is large', async () => {
  const seen = await same(async ({ fetch }) => [
    await fetch(`${origin.url}/plain`),
    await fetch(`${origin.url}/chunks`),
    (await fetch(`${origin.url}/big`)).body.length,
    taken(origin.saw),
  ]);
  expect(seen).toMatchObject([{ status: 200, body: 'GET /plain 0' }, { headers: { 'transfer-encoding': 'chunked' } }, 1024 * 1024, {}]);
});

test('shows and changes the content of responses, uncompressed by its own module', async () => {
  const seen = await same(async ({ proxy, fetch }) => {
    proxy.onRequest((ctx, done) => {
      if (ctx.clientToProxyRequest.headers.host === `127.0.0.1:${origin.port}` && ctx.clientToProxyRequest.url?.startsWith('/gzip')) {
        ctx.use(Adapter.gunzip);
        ctx.onResponseData((_ctx, chunk, done) => done(null, Buffer.from(chunk.toString().replace(/<h3.*?<\/h3>/g, '<h3>Pwned!</h3>'))));
      }
      return done();
    });
    return [await fetch(`${origin.url}/gzip?q`), await fetch(`${origin.url}/other`), taken(origin.saw)];
  });
  expect(seen).toMatchObject([{ body: '<h3>Pwned!</h3><p>Lucky</p>' }, { body: 'GET /other 0' }, {}]);
});

test('lets a handler collect a response and write another at its end', async () => {
  const seen = await same(async ({ proxy, fetch }) => {
    proxy.use(Adapter.gunzip);
    proxy.onRequest((ctx, done) => {
      const chunks: Buffer[] = [];
      ctx.onResponseData((_ctx, chunk, done) => {
        chunks.push(chunk);
        return done(null, undefined);
      });
      ctx.onResponseEnd((ctx, done) => {
        const isHtml = ctx.serverToProxyResponse?.headers['content-type']?.startsWith('text/html');
        const text = Buffer.concat(chunks).toString();
        ctx.proxyToClientResponse.write(isHtml ? text.replace('Lucky', 'Happy') : text);
        return done();
      });
      done();
    });
    return [await fetch(`${origin.url}/gzip`), await fetch(`${origin.url}/chunks`), taken(origin.saw)];
  });
  expect(seen).toMatchObject([{ body: '<h3>One</h3><p>Happy</p>' }, { body: 'one two' }, {}]);
});

test('lets a handler answer on its own, and asks no origin then', async () => {
  const seen = await same(async ({ proxy, fetch }) => {
    proxy.onRequest((ctx, done) => {
      if (ctx.clientToProxyRequest.url === '/pass') return done();
      if (ctx.clientToProxyRequest.url === '/teapot') {
        ctx.proxyToClientResponse.writeHead(418, 'Short', { 'X-Own': 'yes', 'Content-Length': '3' });
        ctx.proxyToClientResponse.write('tea');
      } else ctx.proxyToClientResponse.setHeader('x-set', 'yes');
      return ctx.proxyToClientResponse.end(ctx.clientToProxyRequest.url === '/teapot' ? undefined : 'Hacked');
    });
    return [
      await fetch(`${origin.url}/plain`),
      await fetch(`${origin.url}/teapot`),
      await fetch(`${origin.url}/x`, { method: 'HEAD' }),
      await fetch(`${origin.url}/x`, { method: 'POST', body: 'unread' }),
      taken(origin.saw),
    ];
  });
  expect(seen).toMatchObject([
    { body: 'Hacked', headers: { 'content-length': '6' } },
    { status: 418, reason: 'Short' },
    { body: '' },
    {},
    [],
  ]);
});

test('lets a handler read the content of a request before it answers', async () => {
  const seen = await same(async ({ proxy, fetch }) => {
    proxy.onRequest((ctx) => {
      let text = '';
      ctx.clientToProxyRequest.on('data', (chunk) => (text += chunk));
      ctx.clientToProxyRequest.on('end', () => ctx.proxyToClientResponse.end(`read ${text}`));
      ctx.clientToProxyRequest.resume();
    });
    return await fetch(`${origin.url}/x`, { method: 'POST', body: ['one', 'two'] });
  });
  expect(seen).toMatchObject({ status: 200, body: 'read onetwo' });
});

test('changes fields on the way to the origin and back', async () => {
  const seen = await same(async ({ proxy, fetch }) => {
    proxy.onRequest((ctx, done) => {
      const { headers } = ctx.proxyToServerRequestOptions;
      headers['x-added'] = 'added';
      headers['X-Changed'] = 'after';
      delete headers['x-gone'];
      delete headers['x-changed'];
      headers['x-many'] = ['1', '2'];
      done();
    });
    proxy.onRequestHeaders((ctx, done) => {
      ctx.proxyToServerRequestOptions.headers['x-late'] = 'late';
      done();
    });
    proxy.onResponse((ctx, done) => {
      const from = ctx.serverToProxyResponse!;
      from.headers['x-back'] = 'back';
      delete from.headers['x-dropped'];
      ctx.proxyToClientResponse.setHeader('x-set', 'set');
      done();
    });
    proxy.onResponseHeaders((ctx, done) => {
      ctx.serverToProxyResponse!.headers['x-last'] = 'last';
      ctx.serverToProxyResponse!.statusCode = 203;
      done();
    });
    const headers = { 'x-gone': '1', 'x-changed': 'before', 'proxy-anything': 'no', cookie: 'a=1; b=2', 'user-agent': 'test' };
    return [(await fetch(`${origin.url}/fields`, { headers })).headers, taken(origin.saw)];
  });
  expect(seen[0]).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'x-kept': 'kept', 'x-back': 'back', 'x-set': 'set', 'x-last': 'last' });
});

test('sends a request elsewhere when its options say so', async () => {
  const seen = await same(async ({ proxy, fetch }) => {
    proxy.onRequest((ctx, done) => {
      Object.assign(ctx.proxyToServerRequestOptions, { host: '127.0.0.1', port: other.port, path: '/changed?way', method: 'PUT' });
      // The package goes on saying the host that the client named; here Host says where a request goes.
      ctx.proxyToServerRequestOptions.headers['host'] = `127.0.0.1:${other.port}`;
      done();
    });
    return [await fetch(`${origin.url}/asked`), taken(origin.saw), taken(other.saw)];
  });
  expect(seen).toMatchObject([{ body: 'the other' }, [], [{ method: 'PUT', url: '/changed?way' }]]);
});

test('Host says where a request goes: the package leaves what the client said (RFC 9110 §7.2)', async () => {
  const { theirs, ours } = await compare(setting, async ({ proxy, fetch }) => {
    proxy.onRequest((ctx, done) => {
      ctx.proxyToServerRequestOptions.port = other.port;
      done();
    });
    await fetch(`${origin.url}/asked`);
    return taken(other.saw)[0]?.headers.host;
  });
  expect({ theirs, ours }).toEqual({ theirs: `127.0.0.1:${origin.port}`, ours: `127.0.0.1:${other.port}` });
});

test('passes 1 MB of a request, with a length and in chunks, by handlers and without', async () => {
  const body = 'y'.repeat(1024 * 1024);
  for (const isSeen of [false, true]) {
    const seen = await same(async ({ proxy, fetch }) => {
      if (isSeen) proxy.onRequestData((_ctx, chunk, done) => done(null, chunk));
      return [
        await fetch(`${origin.url}/a`, { method: 'POST', body, headers: { 'content-length': body.length } }),
        await fetch(`${origin.url}/b`, { method: 'POST', body: [body] }),
        taken(origin.saw).map(({ headers, body: { length } }) => ({ headers, length })),
      ];
    });
    expect(seen[2]).toMatchObject([{ length: 1024 * 1024 }, { length: 1024 * 1024, headers: { 'transfer-encoding': 'chunked' } }]);
  }
});

test('changes the content of requests: chunk by chunk, at the end, and by a filter', async () => {
  const unsized = (ctx: RequestContext): void => {
    delete ctx.proxyToServerRequestOptions.headers['content-length'];
  };
  const seen = await same(async ({ proxy, fetch }) => {
    proxy.onRequest((ctx, done) => {
      unsized(ctx);
      switch (ctx.clientToProxyRequest.url) {
        case '/doubled':
          ctx.onRequestData((_ctx, chunk, done) => done(null, Buffer.concat([chunk, chunk])));
          break;
        case '/collected': {
          const chunks: Buffer[] = [];
          ctx.onRequestData((_ctx, chunk, done) => {
            chunks.push(chunk);
            return done(null, undefined);
          });
          ctx.onRequestEnd((ctx, done) => {
            ctx.proxyToServerRequest!.write(Buffer.concat(chunks).toString().toUpperCase());
            return done();
          });
          break;
        }
        default:
          ctx.addRequestFilter(createGzip());
      }
      done();
    });
    for (const path of ['doubled', 'collected', 'filtered']) await fetch(`${origin.url}/${path}`, { method: 'POST', body: 'some content' });
    const [doubled, collected, filtered] = taken(origin.saw).map(({ body }) => body);
    return [doubled, collected, gunzipSync(Buffer.from(filtered!, 'latin1')).toString()];
  });
  expect(seen).toEqual(['some contentsome content', 'SOME CONTENT', 'some content']);
});

test('leaves the length of requests out where it is told to', async () => {
  const seen = await same(
    async ({ fetch }) => {
      await fetch(`${origin.url}/a`, { method: 'POST', body: 'content' });
      return taken(origin.saw);
    },
    { forceChunkedRequest: true },
  );
  expect(seen).toMatchObject([{ headers: { 'transfer-encoding': 'chunked' }, body: 'content' }]);
});

test('pipes responses through filters, and calls what is modified chunked', async () => {
  const seen = await same(async ({ proxy, fetch }) => {
    proxy.onResponse((ctx, done) => {
      ctx.addResponseFilter(createGzip());
      done();
    });
    const { headers, body } = await fetch(`${origin.url}/plain`);
    return { headers, text: gunzipSync(Buffer.from(body, 'latin1')).toString() };
  });
  expect(seen).toEqual({ headers: { 'transfer-encoding': 'chunked' }, text: 'GET /plain 0' });
});

test('passes responses without content: to HEAD, 204, 304', async () => {
  for (const isSeen of [false, true]) {
    const seen = await same(async ({ proxy, notes, fetch }) => {
      if (isSeen) proxy.onResponseEnd((ctx, done) => noted(notes, ctx.serverToProxyResponse!.statusCode, done));
      return [
        await fetch(`${origin.url}/fields`, { method: 'HEAD' }),
        await fetch(`${origin.url}/status?is=204`),
        await fetch(`${origin.url}/status?is=304`, { headers: { 'if-none-match': '"1"' } }),
        notes,
      ];
    });
    expect(seen).toMatchObject([{ headers: { 'content-length': '6' } }, { status: 204 }, { status: 304 }, isSeen ? [200, 204, 304] : []]);
  }
});

test('calls handlers in order: those of the proxy, then those of the context', async () => {
  const seen = await same(async ({ proxy, notes, fetch }) => {
    const note = (word: string) => (_ctx: RequestContext, done: () => unknown) => noted(notes, word, done);
    const noteData = (word: string) => (_ctx: RequestContext, chunk: Buffer, done: (error: null, chunk: Buffer) => unknown) => {
      notes.push(`${word} ${chunk}`);
      return done(null, Buffer.from(`${chunk}+`));
    };
    proxy.onRequest((ctx, done) => {
      ctx.onRequestData(noteData('own request data'));
      ctx.onResponse(note('own response'));
      ctx.onResponseData(noteData('own response data'));
      ctx.onRequestEnd(note('own request end'));
      ctx.onResponseEnd(note('own response end'));
      delete ctx.proxyToServerRequestOptions.headers['content-length'];
      return done();
    });
    proxy.onRequest(note('request')).onRequestHeaders(note('request headers')).onRequestData(noteData('request data'));
    proxy.onRequestEnd(note('request end')).onResponse(note('response')).onResponseHeaders(note('response headers'));
    proxy.onResponseData(noteData('response data')).onResponseEnd(note('response end'));
    const { body } = await fetch(`${origin.url}/x`, { method: 'POST', body: 'b' });
    return [body, notes, taken(origin.saw).map(({ body }) => body)];
  });
  expect(seen[2]).toEqual(['b++']);
});

test('tells of failures by the same kinds, and answers them with 504 where no handler does', async () => {
  const seen = await same(async ({ proxy, notes, fetch }) => {
    proxy.onError((ctx, error, kind) => {
      notes.push([kind, (error as NodeJS.ErrnoException).code, ctx?.clientToProxyRequest.url]);
      if (ctx?.clientToProxyRequest.url === '/answered') ctx.proxyToClientResponse.end('by a handler');
    });
    const refuse = (word: string) => (ctx: RequestContext, done: (error?: Error) => unknown) =>
      ctx.clientToProxyRequest.url === `/${word}` ? done(new Error(`no ${word}`)) : done();
    proxy.onRequest(refuse('request')).onRequestHeaders(refuse('request-headers'));
    proxy.onResponse(refuse('response')).onResponseHeaders(refuse('response-headers'));
    const closed = await startMitmOrigin();
    closed.close();
    const words = ['request', 'request-headers', 'response', 'response-headers'];
    const refused = [];
    for (const word of words) refused.push(unframed(await fetch(`${origin.url}/${word}`)));
    const unreachable = await fetch(`${closed.url}/refused`);
    return [
      refused,
      { ...unframed(unreachable), body: unreachable.body.slice(0, 30) },
      unframed(await fetch(`${closed.url}/answered`)),
      notes,
    ];
  });
  expect(seen[0]).toMatchObject([{ status: 504, reason: 'Proxy Error', body: 'ON_REQUEST_ERROR: Error: no request' }, {}, {}, {}]);
  expect(seen[3]).toContainEqual(['PROXY_TO_SERVER_REQUEST_ERROR', 'ECONNREFUSED', '/refused']);
});

test('says what Node says of a name that does not exist', async () => {
  const seen = await same(async ({ proxy, notes, fetch }) => {
    proxy.onError((_ctx, error, kind) => notes.push([kind, (error as NodeJS.ErrnoException).code]));
    return [(await fetch('http://nothing.invalid/')).status, notes];
  });
  expect(seen).toEqual([504, [['PROXY_TO_SERVER_REQUEST_ERROR', expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/)]]]);
});

test('opens tunnels under the CA in its folder, and says so to handlers', async () => {
  const seen = await same(async ({ proxy, notes, fetch }) => {
    proxy.onRequest((ctx, done) => {
      const { connectRequest: connect, clientToProxyRequest: request } = ctx;
      notes.push([ctx.isSSL, request.url, request.headers.host, connect?.method, connect?.url, connect?.headers['x-from']]);
      notes.push([typeof ctx.uuid, request.httpVersion, typeof request.socket.remoteAddress]);
      ctx.onResponseData((_ctx, chunk, done) => done(null, Buffer.from(chunk.toString().toUpperCase())));
      done();
    });
    return [await fetch(`${secure.url}/inside?q=1`, { method: 'POST', body: 'x' }), notes, taken(secure.saw)];
  });
  const authority = `localhost:${secure.port}`;
  expect(seen).toMatchObject([
    { body: 'POST /INSIDE?Q=1 1' },
    [
      [true, '/inside?q=1', authority, 'CONNECT', authority, 'test'],
      ['string', '1.1', 'string'],
    ],
    [{ body: 'x' }],
  ]);
});

test('keeps a connection for several requests', async () => {
  const seen = await same(
    async ({ proxy, notes, fetch }) => {
      proxy.onRequest((ctx, done) => noted(notes, ctx.clientToProxyRequest.url, done));
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const bodies = [];
      for (const path of ['/1', '/2', '/3']) bodies.push((await fetch(`${origin.url}${path}`, { agent })).body);
      agent.destroy();
      return [bodies, notes];
    },
    { keepAlive: true },
  );
  expect(seen[0]).toEqual(['GET /1 0', 'GET /2 0', 'GET /3 0']);
});

test('tells of a response that breaks off where nobody looks at its content, too', async () => {
  const { theirs, ours } = await compare(setting, async ({ proxy, notes, fetch }) => {
    proxy.onError((_ctx, error, kind) => notes.push([kind, (error as NodeJS.ErrnoException).code]));
    await fetch(`${origin.url}/broken`).catch(() => {});
    return notes;
  });
  expect(ours).toEqual(theirs);
  expect(ours).toEqual([['SERVER_TO_PROXY_RESPONSE_ERROR', 'ECONNRESET']]);
});

test('speaks HTTP/2 to clients that want it, and shows handlers the same', async () => {
  const seen = await play('adapter', setting, async (scene) => {
    scene.proxy.onRequest((ctx, done) => {
      const { method, url, headers, httpVersion } = ctx.clientToProxyRequest;
      scene.notes.push([method, url, headers.host, httpVersion, ctx.isSSL]);
      ctx.onResponseData((_ctx, chunk, done) => done(null, Buffer.from(`${chunk}!`)));
      return done();
    });
    const authority = `localhost:${secure.port}`;
    const socket = await scene.openTls(authority, { ALPNProtocols: ['h2'] });
    const session = http2.connect(`https://${authority}`, { createConnection: () => socket });
    const stream = session.request({ ':path': '/two' });
    let text = '';
    for await (const chunk of stream) text += chunk;
    session.destroy();
    return [text, scene.notes];
  });
  expect(seen).toEqual(['GET /two 0!', [['GET', '/two', `localhost:${secure.port}`, '2.0', true]]]);
});

// In a process of its own, which the test can end where it waits for ever.
test.skipIf(process.platform !== 'linux')('does not wait for ever where the folder of its CA cannot be made', () => {
  const script =
    "const given = await import(process.argv[1]); try { given.writeCertificate('/proc/nowhere', ''); } catch (error) { console.log(error.code); }";
  const words = ['--input-type=module', '--eval', script, path.join(import.meta.dirname, '../../src/adapters/adapter-config.ts')];
  const { stdout, signal } = spawnSync(process.execPath, words, { timeout: 60_000, encoding: 'utf8' });
  expect({ said: stdout.trim(), signal }).toEqual({ said: 'ENOENT', signal: null });
});

test('whoever finds the certificate of its CA finds all of it, though another process is just writing it', async () => {
  const place = path.join(folder, 'written');
  const file = path.join(place, 'certs', 'ca.pem');
  const program = `import { rmSync } from 'node:fs';
    import { writeCertificate } from ${JSON.stringify(path.join(import.meta.dirname, '../../src/adapters/adapter-config.ts'))};
    const certificate = 'x'.repeat(${4 << 20});
    writeCertificate(${JSON.stringify(place)}, certificate);
    console.log('begun');
    for (const end = Date.now() + 1000; Date.now() < end; ) {
      rmSync(${JSON.stringify(file)});
      writeCertificate(${JSON.stringify(place)}, certificate);
    }`;
  const writer = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(writer.stdout, 'data');
  const found = new Set<number | undefined>();
  for (; writer.exitCode === null; await turn()) found.add(statSync(file, { throwIfNoEntry: false })?.size);
  found.delete(undefined);
  expect([...found]).toEqual([4 << 20]);
});

test('goes on under the CA that the package has made, once nobody else may read its key', async () => {
  const sslCaDir = path.join(folder, 'moved');
  const moved = { ...setting, options: { sslCaDir } };
  const theirs = await play('package', moved, async ({ authority }) => authority);
  const key = path.join(sslCaDir, 'keys', 'ca.private.key');
  await expect(play('adapter', moved, async () => null)).rejects.toThrow(`Run: chmod 600 ${key}`);
  chmodSync(key, 0o600);
  const seen = await play('adapter', moved, async ({ authority, fetch }) => [authority, (await fetch(`${secure.url}/x`)).status]);
  expect(seen).toEqual([theirs, 200]);
});

test('tells of a handler that throws: the package falls over it', async () => {
  const seen = await play('adapter', setting, async ({ proxy, notes, fetch }) => {
    proxy.onError((_ctx, error, kind) => notes.push([kind, error.message]));
    proxy.onRequest(() => {
      throw new Error('thrown');
    });
    return [(await fetch(`${origin.url}/x`)).status, notes];
  });
  expect(seen).toEqual([504, [['ON_REQUEST_ERROR', 'thrown']]]);
});

test('breaks off a response that the origin has broken off: the package ends it with a text, as if it were whole', async () => {
  const { theirs, ours } = await compare(setting, async ({ proxy, notes, fetch }) => {
    proxy.onError((_ctx, _error, kind) => notes.push(kind));
    proxy.onResponseData((_ctx, chunk, done) => done(null, chunk));
    const outcome = await fetch(`${origin.url}/broken`).then(
      ({ body }) => body,
      (error: NodeJS.ErrnoException) => error.code,
    );
    return [outcome, notes];
  });
  expect(theirs).toEqual(['halfSERVER_TO_PROXY_RESPONSE_ERROR: Error: aborted', ['SERVER_TO_PROXY_RESPONSE_ERROR']]);
  expect(ours).toEqual(['ECONNRESET', ['SERVER_TO_PROXY_RESPONSE_ERROR']]);
});

test('refuses to send more content than was announced: the package sends it behind the request', async () => {
  const seen = await play('adapter', setting, async ({ proxy, notes, fetch }) => {
    proxy.onError((_ctx, error, kind) => notes.push([kind, error.message]));
    proxy.onRequestData((_ctx, chunk, done) => done(null, Buffer.concat([chunk, chunk])));
    const { status } = await fetch(`${origin.url}/x`, { method: 'POST', body: 'twice', headers: { 'content-length': 5 } });
    return [status, notes, taken(origin.saw)];
  });
  expect(seen).toEqual([504, [['PROXY_TO_SERVER_REQUEST_ERROR', expect.stringContaining('10 octets where Content-Length says 5')]], []]);
});

test('says Via in both directions: the package is not to be seen (RFC 9110 §7.6.3)', async () => {
  const via = await startMitmOrigin((request, response) => response.end(String(request.headers.via)));
  onTestFinished(() => via.close());
  const { theirs, ours } = await compare(setting, async ({ fetch }) => (await fetch(via.url)).body);
  expect([theirs, ours]).toEqual(['undefined', expect.stringMatching(/^1\.1 sallyport-/)]);
});

test('judges a request again where a handler has changed where it goes', async () => {
  const policy = temporaryFile(
    onTestFinished,
    'policy.yaml',
    `version: 1\ndefault: allow\nconnect_ports: any\nrules:\n  - name: Closed\n    deny: { path: /secret/** }\n`,
  );
  const seen = await play('adapter', { ...setting, options: { policy } }, async ({ proxy, notes, fetch }) => {
    proxy.onError((_ctx, error, kind) => notes.push([kind, error.message]));
    proxy.onRequest((ctx, done) => {
      ctx.proxyToServerRequestOptions.path = '/secret/file';
      done();
    });
    return [(await fetch(`${origin.url}/plain`)).status, notes, taken(origin.saw)];
  });
  const why = expect.stringContaining("The request was changed, and may not be sent so: denied by rule 'Closed'");
  expect(seen).toEqual([504, [['PROXY_TO_SERVER_REQUEST_ERROR', why]], []]);
});

test('lets no handler send a request to the proxy itself', async () => {
  const seen = await play('adapter', setting, async ({ proxy, port, notes, fetch }) => {
    proxy.onError((_ctx, error) => notes.push(error.message));
    proxy.onRequest((ctx, done) => {
      ctx.proxyToServerRequestOptions.port = port;
      done();
    });
    return [(await fetch(`${origin.url}/plain`)).status, notes];
  });
  expect(seen).toEqual([504, [expect.stringContaining('is this proxy itself')]]);
});

test('writes no field that a handler has made of more than one line', async () => {
  const seen = await play('adapter', setting, async ({ proxy, notes, fetch }) => {
    proxy.onError((_ctx, error) => notes.push(error.message));
    proxy.onRequest((ctx, done) => {
      ctx.proxyToServerRequestOptions.headers['x-split'] = 'a\r\nX-Smuggled: b';
      done();
    });
    return [(await fetch(`${origin.url}/plain`)).status, notes, taken(origin.saw)];
  });
  expect(seen).toEqual([504, ['A hook has set a field that cannot be written: "x-split".'], []]);
});

test('says of a port that is taken how listen is given another', async () => {
  const { port } = new URL(origin.url);
  const message = await new Promise((resolve) =>
    new Adapter().listen({ host: '127.0.0.1', port: Number(port), sslCaDir: path.join(folder, 'taken') }, (error) =>
      resolve(error?.message),
    ),
  );
  expect(message).toBe(`127.0.0.1:${port} is in use by another program. Stop it, or choose another address with listen({ host, port }).`);
});

test('refuses an agent that leads elsewhere, and one in the options of a request', async () => {
  const refused = (options: ListenOptions): Promise<string> =>
    new Promise((resolve) => new Adapter().listen({ ...options, port: 0 }, (error) => resolve(error?.message ?? 'listens')));
  class Elsewhere extends http.Agent {}
  expect(await refused({ httpAgent: new Elsewhere() })).toMatch(/^httpAgent is a Elsewhere, which cannot be followed/);
  expect(await refused({ httpsAgent: new https.Agent({ rejectUnauthorized: false }) })).toMatch(/^httpsAgent sets rejectUnauthorized/);
});

function noted(notes: unknown[], note: unknown, done: () => unknown): unknown {
  notes.push(note);
  return done();
}

/** What is written at once has its length here, where the package may send it in chunks. */
function unframed(seen: Seen): Seen {
  const { 'content-length': _length, 'transfer-encoding': _coding, ...headers } = seen.headers;
  return { ...seen, headers };
}
