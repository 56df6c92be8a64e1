// Rewriting rules, each as a client and an origin see it: over HTTP/1.1, and over HTTP/2 inside an opened tunnel.
import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inBothVersions } from '../support/both-versions.ts';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { ask, openSession } from '../support/http2-in-tunnels.ts';
import { connectRaw } from '../support/raw-client.ts';
import { ResetError } from '../support/raw-connection.ts';
import { type Answer, fetchThrough, type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
let plain: WebOrigin;
let secure: DualOrigin;
let staging: WebOrigin;
let rewriting: RewritingProxy;
/** One for each test that wants it. */
let session: ClientHttp2Session | null = null;

/** Says what it was asked. */
const answer: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (bytes: Buffer) => chunks.push(bytes));
  request.on('end', () => {
    const { url = '', method, headers } = request;
    if (url.startsWith('/body')) {
      const content = gzipSync(`foo and foo, ${Buffer.concat(chunks)}`);
      response.setHeader('ETag', '"one"');
      response.setHeader('Content-Encoding', 'gzip');
      response.setHeader('Content-Length', String(content.length));
      response.statusCode = url === '/body/part' ? 206 : 200;
      response.end(method === 'HEAD' ? undefined : content);
      return;
    }
    response.setHeader('Server-Timing', 'db;dur=53');
    response.setHeader('Content-Type', url === '/events' ? 'text/event-stream' : 'application/json');
    if (url === '/events') response.end('data: foo\n\n');
    else if (url === '/thin') response.end(Buffer.alloc(24_000));
    else if (url === '/thick/known') response.setHeader('Content-Length', 30_000).end(Buffer.alloc(30_000));
    else if (url === '/thick/unknown') response.write(Buffer.alloc(10_000));
    else response.end(JSON.stringify({ method, url, headers, content: Buffer.concat(chunks).toString() }));
  });
};

beforeAll(async () => {
  plain = await startWebOrigin(answer);
  staging = await startWebOrigin((request, response) => response.end(`staging ${request.headers.host} ${request.url}`));
  secure = await startDualOrigin(ca, inBothVersions(answer));
  mkdirSync(path.join(folder, 'site'));
  writeFileSync(path.join(folder, 'site', 'app.js'), 'local()');
  writeFileSync(path.join(folder, 'site', 'index.html'), '<p>local</p>');
  symlinkSync('/etc/passwd', path.join(folder, 'site', 'out.txt'));
  rewriting = await startRewritingProxy(
    folder,
    ca,
    `version: 1
rules:
  - { name: Local, match: "path:/static", map_local: ./site }
  - { name: Remote, match: "path:/remote", map_remote: "${staging.url}/base", set: { response: { X-Seen: "yes" } } }
  - { name: Forbidden, match: "path:/forbidden", map_remote: "http://denied.example" }
  - { name: Ourselves, match: "path:/ourselves", map_remote: "http://127.0.0.1:1" }
  - name: Fields
    match: path:/fields
    set: { request: { X-Debug: "1" }, response: { X-Seen: "yes", Content-Type: text/plain } }
    remove: { request: [user-agent], response: [Server-Timing] }
  - { name: Url, match: "path:/old", rewrite_url: { pattern: "/old/(\\\\w+)", with: "/new/$1" } }
  - name: Body
    match: path:/body
    replace: [{ find: foo, with: ba\u00e4r }, { in: request, pattern: "a([0-9])", with: "b$1" }]
  - { name: Events, match: "path:/events", replace: { find: foo, with: bar } }
  - { name: Down, match: "path:/down", answer: { status: 503, fields: { Retry-After: "5", Content-Type: text/plain }, body: "down\\n" } }
  - { name: Gone, match: "path:/gone status:200", status: 410 }
  - { name: Slow, match: "path:/slow", delay: 300ms }
  - { name: Thin, match: "path:/thin", throttle: { down: 16KB/s } }
  - { name: Broken, match: "path:/broken", fail: reset }
  - { name: Silent, match: "path:/silent", fail: timeout }
  - { name: Wordless, match: "path:/wordless", fail: empty }
  - { name: Offline, match: "path:/offline", fail: offline }
  - { name: Halved, match: "path:/thick", fail: truncate }
  - { name: Limited, match: "path:/limited", set: { request: { X-A: b } } }
  - { name: Switched off, match: "path:/", answer: { status: 500 }, on: false }
`,
    {
      policyRules:
        '  - deny: { host: denied.example }\n  - { name: Few, allow: { field: { X-Few: "*" } }, limits: { concurrent: 1, requests: 1/s } }\n',
    },
  );
});
afterAll(async () => {
  await rewriting?.proxy.close();
  await Promise.all([plain.close(), staging.close(), secure.close()]);
});

type Ask = (path: string, request?: { method?: string; headers?: Record<string, string>; content?: string }) => Promise<Answer>;

const overHttp1: Ask = (at, request) => fetchThrough(rewriting.proxy, `${plain.url}${at}`, request);
const overHttp2: Ask = async (at, { method = 'GET', headers = {}, content } = {}) => {
  if (session === null || session.destroyed) session = await openSession(rewriting.proxy, `localhost:${secure.port}`);
  const { headers: answered, content: octets } = await ask(
    session,
    { ':method': method, ':path': at, ...headers },
    content === undefined ? undefined : Buffer.from(content),
  );
  return { status: Number(answered[':status']), headers: answered, content: octets };
};

async function changesOf(at: string): Promise<string[]> {
  const { facts } = await rewriting.recorded(at);
  return facts.changes.map(({ stage, rule, what }) => `${stage} ${rule}: ${what}`);
}

describe.each<[string, string, Ask]>([
  ['HTTP/1.1', '1', overHttp1],
  ['HTTP/2 in an opened tunnel', '2', overHttp2],
])('over %s', (_, version, asks) => {
  test('a file answers, by its name; what the folder has not is 404, and a link leads out of it for nobody', async () => {
    const local = await asks('/static/app.js');
    expect([local.status, local.headers['content-type'], local.content.toString()]).toEqual([
      200,
      'text/javascript; charset=utf-8',
      'local()',
    ]);
    expect((await asks('/static/')).content.toString()).toBe('<p>local</p>');
    for (const at of ['/static/none.js', '/static/out.txt', '/static/..%2f..%2f..%2f..%2fetc%2fpasswd', '/static/%2e%2e/rewrite.yaml'])
      expect([at, (await asks(at)).status]).toEqual([at, 404]);
    expect(await changesOf('/static/app.js')).toEqual([`request Local: answered from ${path.join(folder, 'site')}`]);
  });

  test('another server answers, under its own name; the rule still fits the response', async () => {
    const { content, headers } = await asks(`/remote/${version}?q`);
    expect(content.toString()).toBe(`staging 127.0.0.1:${staging.port} /base/remote/${version}?q`);
    expect(headers['x-seen']).toBe('yes');
    const { summary, sent, facts } = await rewriting.recorded(`/remote/${version}?q`);
    expect([summary.touched, sent?.target, facts.changes.length]).toEqual([['Remote'], `/base/remote/${version}?q`, 2]);
  });

  test('where a rule sends it is judged: policy denies it as any other', async () => {
    expect((await asks('/forbidden')).status).toBe(403);
    expect((await rewriting.recorded('/forbidden')).summary).toMatchObject({ decision: 'deny', outcome: 'denied' });
  });

  test('fields are set and removed, both ways', async () => {
    const { headers, content } = await asks('/fields', { headers: { 'user-agent': 'test' } });
    const seen = JSON.parse(content.toString()).headers;
    expect([seen['x-debug'], seen['user-agent']]).toEqual(['1', undefined]);
    expect([headers['x-seen'], headers['content-type'], headers['server-timing']]).toEqual(['yes', 'text/plain', undefined]);
  });

  test('a URL is rewritten', async () => {
    expect(JSON.parse((await asks('/old/page?x=1')).content.toString()).url).toBe('/new/page?x=1');
  });

  test('content is replaced out of its coding, and the validator of the old one goes (RFC 9110 §8.8)', async () => {
    const { headers, content } = await asks(`/body/${version}`, { method: 'POST', content: 'a1 a2 c' });
    expect(content.toString()).toBe('ba\u00e4r and ba\u00e4r, b1 b2 c');
    expect([headers['content-encoding'], headers['etag'], Number(headers['content-length'])]).toEqual([
      undefined,
      undefined,
      content.length,
    ]);
    expect(await changesOf(`/body/${version}`)).toEqual([
      'request Body: replaced a([0-9]) in the content',
      'response Body: replaced foo in the content',
    ]);
    const head = await asks(`/body/${version}`, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.headers['etag']]).toEqual([200, undefined, undefined]);
  });

  test('a part of a representation and a stream of events are left alone', async () => {
    expect((await asks('/body/part')).headers['content-encoding']).toBe('gzip');
    expect((await asks('/events')).content.toString()).toBe('data: foo\n\n');
    expect(await changesOf('/events')).toEqual(['response Events: left the content alone, since it is a stream of events']);
  });

  test('a rule answers in the place of the origin, and gives an answer another status', async () => {
    const down = await asks('/down', { method: 'POST', content: 'unread' });
    expect([down.status, down.headers['retry-after'], down.content.toString()]).toEqual([503, '5', 'down\n']);
    expect((await asks('/gone')).status).toBe(410);
    expect((await rewriting.recorded('/down')).summary).toMatchObject({ outcome: 'answered', status: 503 });
  });

  test('an exchange waits, or comes as slowly as a rule says', async () => {
    let sinceMs = performance.now();
    await asks('/slow');
    expect(performance.now() - sinceMs).toBeGreaterThan(290);
    sinceMs = performance.now();
    expect((await asks('/thin')).content.length).toBe(24_000);
    expect(performance.now() - sinceMs).toBeGreaterThan(300);
  });

  test('a rule breaks it off, and says so in the record', async () => {
    await expect(asks('/broken')).rejects.toThrow();
    expect((await rewriting.recorded('/broken')).summary).toMatchObject({ status: 0, error: 'connection_terminated', touched: ['Broken'] });
    // Of HTTP/2, only the stream.
    expect((await asks('/fields')).status).toBe(200);
  });

  test('a rule makes of an origin one that cannot be reached, with our page (RFC 9209)', async () => {
    const { status, headers } = await asks('/offline', { method: 'POST', content: 'unread' });
    expect([status, headers['proxy-status']]).toEqual([502, expect.stringContaining('error=connection_refused')]);
    expect((await rewriting.recorded('/offline')).summary).toMatchObject({ outcome: 'failed', error: 'connection_refused' });
  });

  test('a rule breaks an answer off in the middle, whether its length was known or not', async () => {
    for (const at of ['/thick/known', '/thick/unknown']) {
      await expect(asks(at)).rejects.toThrow();
      const { summary, responseContent } = await rewriting.recorded(at);
      expect(summary).toMatchObject({ status: 200, error: 'http_response_incomplete', outcome: 'failed', touched: ['Halved'] });
      expect(responseContent?.isComplete).toBe(false);
      expect([15_000, 5_000]).toContain(responseContent?.length);
    }
    expect((await asks(`/thick/known?${version}`, { method: 'HEAD' })).status).toBe(200);
    expect(await changesOf(`/thick/known?${version}`)).toEqual(['response Halved: left it whole, since it has no content']);
  });
});

test('a rule closes a connection without a word, in order: no reset, whatever the client has sent', async () => {
  const client = await connectRaw({ port: rewriting.proxy.port });
  await client.send(`POST ${plain.url}/wordless HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n`);
  await client.send(Buffer.alloc(300_000));
  expect(await client.readToEnd()).toEqual(Buffer.alloc(0));
  session = await openSession(rewriting.proxy, `localhost:${secure.port}`);
  const stream = session.request({ ':path': '/wordless' });
  const [answered] = await Promise.all([
    new Promise((resolve) => stream.on('response', () => resolve(true)).on('close', () => resolve(false))),
  ]);
  expect([answered, stream.rstCode]).toEqual([false, 0]);
  expect((await rewriting.recorded('/wordless')).summary).toMatchObject({
    status: 0,
    error: 'connection_terminated',
    touched: ['Wordless'],
  });
});

test('half of an answer reaches its client before it breaks off, with a reset', async () => {
  const client = await connectRaw({ port: rewriting.proxy.port });
  await client.send(`GET ${plain.url}/thick/known HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect(String(await client.readUntil('\r\n\r\n'))).toContain('Content-Length: 30000');
  expect((await client.readExactly(15_000)).length).toBe(15_000);
  await expect(client.readToEnd()).rejects.toThrow(ResetError);
});

test('a rule never answers: its client waits, and is heard when it leaves, whatever it has sent', async () => {
  const client = await connectRaw({ port: rewriting.proxy.port });
  await client.send(`POST ${plain.url}/silent HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n`);
  await client.send(Buffer.alloc(300_000));
  client.destroy();
  expect((await rewriting.recorded('/silent')).summary).toMatchObject({ outcome: 'aborted', touched: ['Silent'] });
});

test('a client that leaves while it is delayed takes its request along: the origin never hears of it', async () => {
  const before = plain.requests.length;
  const client = await connectRaw({ port: rewriting.proxy.port });
  await client.send(`GET ${plain.url}/slow/left HTTP/1.1\r\nHost: x\r\n\r\n`);
  client.destroy();
  expect((await rewriting.recorded('/slow/left')).summary.outcome).toBe('aborted');
  await overHttp1('/slow');
  expect(plain.requests.slice(before).map(({ url }) => url)).toEqual(['/slow']);
});

test('a client that waits for 100 before it sends is told to go on, once its content is needed (RFC 9110 §10.1.1)', async () => {
  const client = await connectRaw({ port: rewriting.proxy.port });
  await client.send(`POST ${plain.url}/body HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
  expect((await client.readAnyResponse()).status).toBe(100);
  await client.send('a1');
  const { body } = await client.readResponse('POST');
  expect(body.toString()).toContain('b1');
  client.destroy();
});

test('a rule that sends to the proxy itself gets what everybody gets', async () => {
  const { api, proxy } = rewriting;
  const { text } = await api<{ text: string }>('GET', '/api/rules');
  await api('PUT', '/api/rules', { text: text.replace('127.0.0.1:1"', `127.0.0.1:${proxy.port}"`) });
  expect((await overHttp1('/ourselves')).status).toBe(502);
  expect((await rewriting.recorded('/ourselves')).summary.error).toBe('destination_ip_prohibited');
});

test('what a rule has changed counts once against the limits of the rule of the policy that lets it pass', async () => {
  expect((await overHttp1('/limited', { headers: { 'X-Few': '1' } })).status).toBe(200);
});

test('what was not touched passes octet by octet, and no rule counts it', async () => {
  const digest = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  const { content } = await overHttp1('/untouched');
  expect(digest(content)).toBe(digest(Buffer.from(content.toString())));
  expect((await rewriting.recorded('/untouched')).facts.changes).toEqual([]);
  const { rules } = await rewriting.api<{ rules: { name: string; touched: number }[] }>('GET', '/api/rules');
  expect(rules.find(({ name }) => name === 'Switched off')?.touched).toBe(0);
  expect(rules.find(({ name }) => name === 'Local')?.touched).toBeGreaterThan(3);
});
