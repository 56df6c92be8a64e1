// The line that each kind of end leaves in the access log, as an operator reads it: from the file, in JSON.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ACCESS_LOG_DEFAULTS } from '../../src/observe/access-log.ts';
import { parseParentUrl } from '../../src/upstream/route.ts';
import { startOrigin, startRawServer } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestConfig, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { closedPort, openTunnel, refusedConnect } from '../support/tunnels.ts';

test('forwarded: who asked for what, where it went, how long and how much', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'x'.repeat(1_000) }));
  const { proxy, lines } = await startLoggingProxy();
  using client = await connectRaw(proxy);
  const request = `POST ${origin.url}/path?q=1 HTTP/1.1\r\nHost: ${origin.authority}\r\nContent-Length: 5\r\n\r\nhello`;
  await client.send(request);
  const { raw } = await client.readResponse();
  const [line] = await lines();
  expect(line).toMatchObject({
    listener: `127.0.0.1:${proxy.port}`,
    client: '127.0.0.1',
    client_port: client.localPort,
    user: null,
    method: 'POST',
    target: `${origin.url}/path?q=1`,
    version: '1.1',
    status: 200,
    outcome: 'forwarded',
    result: 'TCP_MISS',
    bytes_in: request.length,
    bytes_out: raw.length,
    resolve_ms: null,
    tls_ms: null,
    decision: 'allow',
    decided_by: 'default',
    route: 'direct',
    upstream: origin.authority,
    reused: false,
    resolved_from: 'literal',
    error: null,
  });
  for (const key of ['connect_ms', 'first_byte_ms', 'total_ms']) expect(line![key], key).toBeGreaterThan(0);
  expect(line!['total_ms']).toBeGreaterThanOrEqual(line!['first_byte_ms'] as number);
  expect(Math.abs(Date.parse(line!['time'] as string) - Date.now())).toBeLessThan(60_000);
});

test('forwarded on a kept connection: no time for connecting, and the octets of that exchange alone', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
  const { proxy, lines } = await startLoggingProxy();
  using client = await connectRaw(proxy);
  const sizes: { bytes_in: number; bytes_out: number }[] = [];
  for (const target of ['/first', '/second/and/longer']) {
    const request = `GET ${origin.url}${target} HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`;
    await client.send(request);
    const { raw } = await client.readResponse();
    sizes.push({ bytes_in: request.length, bytes_out: raw.length });
  }
  const [first, second] = await lines();
  expect([first, second]).toMatchObject(sizes);
  expect(second).toMatchObject({ reused: true, connect_ms: null, upstream: origin.authority, connection: first!['connection'] });
});

test('denied: the rule and where it stands', async () => {
  const policyFile = temporaryFile(
    onTestFinished,
    'policy.yaml',
    'version: 1\ndefault: allow\nconnect_ports: any\nrules:\n  - name: No shops\n    deny: { host: shop.example }\n',
  );
  const { proxy, lines } = await startLoggingProxy({ policyFile });
  using client = await connectRaw(proxy);
  await client.send('GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n');
  await client.readResponse();
  await refusedConnect(proxy, 'shop.example:443');
  const facts = { status: 403, outcome: 'denied', result: 'TCP_DENIED', decision: 'deny', rule: 'No shops', rule_at: `${policyFile}:5` };
  const nowhere = { route: null, upstream: null, connect_ms: null, error: null };
  expect(await lines()).toMatchObject([
    { method: 'GET', ...facts, ...nowhere },
    { method: 'CONNECT', target: 'shop.example:443', ...facts, ...nowhere },
  ]);
});

test('tunnelled: the octets of both directions, once the tunnel has ended', async () => {
  await using echo = await startEcho();
  const { proxy, lines } = await startLoggingProxy();
  using client = await openTunnel(proxy, echo.authority);
  await client.send('x'.repeat(5_000));
  await client.readExactly(5_000);
  client.end();
  await client.readToEnd();
  const [line] = await lines();
  expect(line).toMatchObject({
    method: 'CONNECT',
    target: echo.authority,
    status: 200,
    outcome: 'tunnelled',
    result: 'TCP_TUNNEL',
    upstream: echo.authority,
    error: null,
  });
  expect(line!['bytes_in']).toBeGreaterThan(5_000);
  expect(line!['bytes_out']).toBeGreaterThan(5_000);
});

test('aborted: by a client that left before its answer, and in the middle of it', async () => {
  const asked = Promise.withResolvers<void>();
  await using origin = await startOrigin(async (request, reply) => {
    if (request.target === '/half') await reply.raw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    asked.resolve();
    await reply.hang();
  });
  const { proxy, lines } = await startLoggingProxy();
  const early = await connectRaw(proxy);
  await early.send(`GET ${origin.url}/never HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
  await asked.promise;
  early.reset();
  await proxy.flow(0);
  const late = await connectRaw(proxy);
  await late.send(`GET ${origin.url}/half HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
  await late.readUntil('half');
  late.reset();
  await proxy.flow(1);
  expect(await lines()).toMatchObject([
    { outcome: 'aborted', status: null, result: 'TCP_MISS_ABORTED', upstream: origin.authority, bytes_out: 0 },
    { outcome: 'aborted', status: 200, result: 'TCP_MISS_ABORTED', upstream: origin.authority, bytes_out: expect.any(Number) },
  ]);
});

test('failed: what was answered and why; and an answer that broke off', async () => {
  const port = await closedPort();
  await using origin = await startRawServer(async (connection) => {
    await connection.readUntil('\r\n\r\n');
    await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    connection.reset();
  });
  const { proxy, lines } = await startLoggingProxy();
  using client = await connectRaw(proxy);
  await client.send(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  await client.readResponse();
  await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  await client.readResponse().catch(() => {});
  await refusedConnect(proxy, `127.0.0.1:${port}`);
  expect(await lines()).toMatchObject([
    { outcome: 'failed', status: 502, error: 'connection_refused', result: 'TCP_MISS', route: 'direct', upstream: null },
    { outcome: 'failed', status: 200, error: 'http_response_incomplete', result: 'TCP_MISS_ABORTED', upstream: origin.authority },
    { outcome: 'failed', status: 502, error: 'connection_refused', result: 'TCP_TUNNEL', method: 'CONNECT' },
  ]);
});

test('failed: an address that may not be reached is logged with what was refused', async () => {
  const { proxy, lines } = await startLoggingProxy();
  await refusedConnect(proxy, '169.254.169.254:80');
  const [line] = await lines();
  expect(line).toMatchObject({ outcome: 'failed', status: 502, error: 'destination_ip_prohibited', result: 'TCP_DENIED', upstream: null });
  expect(JSON.stringify(line!['refused_addresses'])).toContain('169.254.169.254');
});

test('failed: a request that cannot be read has no method and no target', async () => {
  const { proxy, lines } = await startLoggingProxy();
  using client = await connectRaw(proxy);
  await client.send('\x16\x03\x01 hello');
  await client.readLastResponse();
  expect(await lines()).toMatchObject([{ method: '', target: '', status: 400, outcome: 'failed', error: 'http_request_error' }]);
});

test('answered: by the proxy itself', async () => {
  const { proxy, lines } = await startLoggingProxy();
  using client = await connectRaw(proxy);
  await client.send('GET / HTTP/1.1\r\nHost: proxy\r\n\r\n');
  await client.readResponse();
  await client.send('OPTIONS http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\nMax-Forwards: 0\r\n\r\n');
  await client.readResponse();
  expect(await lines()).toMatchObject([
    { target: '/', status: 200, outcome: 'answered', result: 'NONE_NONE', error: null },
    { method: 'OPTIONS', status: 200, outcome: 'answered', result: 'NONE_NONE', upstream: null },
  ]);
});

test('no credentials ever: neither the client’s, nor ours for a parent, nor those written into a target', async () => {
  await using parent = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
  const { proxy, lines } = await startLoggingProxy({
    route: { parents: [parseParentUrl(`http://us:s3cret@${parent.authority}`)], noProxy: [] },
  });
  const secrets = 'Proxy-Authorization: Basic s3cret\r\nAuthorization: Bearer s3cret\r\nCookie: s3cret\r\nReferer: http://u:s3cret@x/\r\n';
  for (const target of ['http://shop.example/', 'http://us:s3cret@shop.example/', 'http://us:s3cret@shop.example@x:1:2/']) {
    using client = await connectRaw(proxy);
    await client.send(`GET ${target} HTTP/1.1\r\nHost: shop.example\r\n${secrets}\r\n`);
    expect((await client.readResponse()).raw.toString()).not.toContain('s3cret');
  }
  for (const target of ['us:s3cret@shop.example:443', 'shop.example:443']) {
    using client = await connectRaw(proxy);
    await client.send(`CONNECT ${target} HTTP/1.1\r\nHost: x\r\n${secrets}\r\n`);
    await client.readResponse('CONNECT');
  }
  const logged = await lines();
  expect(logged.map(({ status }) => status)).toEqual([200, 400, 400, 400, 200]);
  expect(JSON.stringify(logged)).not.toMatch(/s3cret|czNjcmV0/);
});

type Line = Readonly<Record<string, unknown>>;

interface LoggingProxy {
  readonly proxy: TestProxy;
  /** Stops the proxy and reads what it logged. */
  lines(): Promise<readonly Line[]>;
}

async function startLoggingProxy(config: TestConfig = {}): Promise<LoggingProxy> {
  const file = path.join(temporaryFolder(onTestFinished), 'access.log');
  const proxy = await startTestProxy({ ...config, accessLog: { ...ACCESS_LOG_DEFAULTS, file } });
  onTestFinished(() => proxy.close());
  return {
    proxy,
    lines: async () => {
      await proxy.running.drain(100);
      await proxy.close();
      return readFileSync(file, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    },
  };
}
