// One client connection, many requests: answered in order, each judged for itself, none harmed by the one before.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { conversation, type Step } from '../support/conversation.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFile } from '../support/temp-files.ts';

let proxy: TestProxy;
let origin: Origin;
beforeAll(async () => {
  proxy = await startTestProxy({ viaName: 'sally' });
  origin = await startOrigin(({ target, body }, reply) =>
    reply.response({ body: `${target} ${body}`, chunked: target.endsWith('chunked') }),
  );
});
afterAll(async () => {
  await proxy.close();
  await origin.close();
});

function get(path: string, to = origin.url): string {
  return `GET ${to}${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
}

describe('pipelined requests (RFC 9112 §9.3.2)', () => {
  it('are answered in order', async () => {
    using client = await connectRaw(proxy);
    const paths = Array.from({ length: 50 }, (_, n) => `/${n}${n % 3 === 0 ? '-chunked' : ''}`);
    await client.send(paths.map((path) => get(path)).join(''));
    for (const path of paths) expect((await client.readResponse()).body.toString()).toBe(`${path} `);
  });

  it('with content between them are kept apart', async () => {
    using client = await connectRaw(proxy);
    const post = (framed: string): string => `POST ${origin.url}/p HTTP/1.1\r\nHost: x\r\n${framed}`;
    await client.send(
      post(`Content-Length: 41\r\n\r\nGET http://127.0.0.1:1/smuggled HTTP/1.1\r`) +
        post(`Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n`) +
        get('/last'),
    );
    expect((await client.readResponse()).body.toString()).toBe('/p GET http://127.0.0.1:1/smuggled HTTP/1.1\r');
    expect((await client.readResponse()).body.toString()).toBe('/p GET /');
    expect((await client.readResponse()).body.toString()).toBe('/last ');
  });

  it('are judged one by one', async () => {
    const policy = temporaryFile(
      onTestFinished,
      'policy.yaml',
      'version: 1\ndefault: allow\nrules:\n  - name: No secrets\n    deny: { host: 127.0.0.1, path: /secret* }\n',
    );
    await using strict = await startTestProxy({ policyFile: policy });
    using client = await connectRaw(strict);
    await client.send(get('/a') + get('/secret') + get('/b') + get('/c/../secret/1') + get('/d'));
    const statuses: number[] = [];
    for (let n = 0; n < 5; n += 1) statuses.push((await client.readResponse()).status);
    expect(statuses).toEqual([200, 403, 200, 403, 200]);
    expect(strict.flows.map(({ outcome }) => outcome)).toEqual(['forwarded', 'denied', 'forwarded', 'denied', 'forwarded']);
    expect(strict.flows[1]!.decision?.rule?.name).toBe('No secrets');
    expect(origin.requests.map(({ target }) => target)).not.toContain('/secret');
  });

  it.each([
    ['Connection: close', 'GET {origin}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['HTTP/1.0', 'GET {origin}/ HTTP/1.0\r\n\r\n'],
    ['an error that closes', 'GET {origin}/ HTTP/1.1\r\nbad line\r\n\r\n'],
  ])('behind %s are not processed', async (_, request) => {
    await using own = await startOrigin((_request, reply) => reply.response({ body: 'x' }));
    using client = await connectRaw(proxy);
    await client.send(request.replace('{origin}', own.url) + get('/behind', own.url));
    await client.readLastResponse();
    expect(own.requests.map(({ target }) => target)).not.toContain('/behind');
  });

  it('are answered however many wait, without one answer nested in another', async () => {
    using client = await connectRaw(proxy);
    const count = 5_000;
    await client.send('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(count));
    for (let n = 0; n < count; n += 1) expect((await client.readResponse('HEAD')).status).toBe(200);
  });
});

it('carries thousands of requests on one connection', async () => {
  using client = await connectRaw(proxy);
  const first = proxy.flows.length;
  for (let n = 0; n < 2_000; n += 1) {
    await client.send(get(`/${n}`));
    expect((await client.readResponse()).body.toString()).toBe(`/${n} `);
  }
  await proxy.flow(first + 1_999);
  const [connection, ...others] = new Set(proxy.flows.slice(-1_000).map(({ connectionId }) => connectionId));
  expect(connection).toBeGreaterThan(0);
  expect(others).toEqual([]);
});

describe('the next request is answered as if nothing had happened, after', () => {
  const next: Step[] = [
    { 'client sends': 'GET http://{origin}/next HTTP/1.1\r\nHost: {origin}\r\n\r\n' },
    { 'origin sees': /^GET \/next / },
    { 'origin sends': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' },
    { 'client sees': /hi$/ },
  ];
  it.each<[string, string, RegExp]>([
    ['a refused connection', 'GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 502/],
    ['a refused expectation', 'GET http://{origin}/ HTTP/1.1\r\nHost: x\r\nExpect: cake\r\n\r\n', /^HTTP\/1\.1 417/],
    [
      'an error before content that is here already',
      'POST http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
      /^HTTP\/1\.1 502/,
    ],
    ['the greeting', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 200/],
    ['an empty line', '\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 200/],
  ])('%s', async (_, request, answer) => {
    await conversation(proxy, [{ 'client sends': request }, { 'client sees': answer }, ...next]);
  });
});

it('closes after an error when the content of the request is still on its way', async () => {
  using client = await connectRaw(proxy);
  await client.send('POST http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\nhello');
  const response = await client.readLastResponse();
  expect(response.status).toBe(502);
  expect(response.head).toContain('Connection: close');
});

it('stays open when the origin answers in pieces while it still reads, as an echo does', async () => {
  await conversation(proxy, [
    { 'client sends': 'POST http://{origin}/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello' },
    { 'origin sees': 'POST /echo HTTP/1.1\r\nHost: {origin}\r\nVia: 1.1 sally\r\nContent-Length: 10\r\n\r\nhello' },
    { 'origin sends': 'HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n' },
    { 'client sees': 'HTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 sally\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n' },
    { 'client sends': 'world' },
    { 'origin sees': 'world' },
    { 'origin sends': '5\r\nworld\r\n0\r\n\r\n' },
    { 'client sees': '5\r\nworld\r\n0\r\n\r\n' },
    { 'client sends': 'GET http://{origin}/next HTTP/1.1\r\nHost: x\r\n\r\n' },
    { 'origin sees': /^GET \/next / },
  ]);
});
