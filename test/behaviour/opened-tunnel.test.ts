// A tunnel that policy opens: what its client, its origin and the record see of it (HTTP/1.1; HTTP/2 is opened-tunnel-http2.test.ts).
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { LEAF_DEFAULTS } from '../../src/tls/options.ts';
import { connectThrough, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { startRawServer } from '../support/origin.ts';
import { ownAuthority } from '../support/own-authority.ts';
import { startTestProxy } from '../support/start-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { clientHello, serverName } from '../support/tls-hello.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';
import { startWebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);

test('requests inside are forwarded one by one, with records that name the CONNECT they came out of', async () => {
  await using origin = await startTlsOrigin(ca, (request, response) => response.end(`${request.method} ${request.url}`));
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  for (const target of ['/a?b', '/c']) {
    await client.send(`GET ${target} HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
    expect((await client.readResponse()).body.toString()).toBe(`GET ${target}`);
  }
  client.destroy();
  const [first, second, connect] = [await proxy.flow(0), await proxy.flow(1), await proxy.flow(2)];
  expect(connect).toMatchObject({ method: 'CONNECT', outcome: 'opened', status: 200, interception: { outcome: 'opened', reason: null } });
  expect(connect.hello).toMatchObject({ serverName: 'localhost', versions: expect.arrayContaining([0x0304]) });
  expect(connect.bytesFromClient).toBeGreaterThan(100);
  expect(first).toMatchObject({ connectId: connect.id, target: `https://localhost:${origin.port}/a?b`, outcome: 'forwarded', status: 200 });
  expect(first.decision).toMatchObject({ action: 'allow', rule: { action: 'intercept' } });
  expect(second).toMatchObject({ connectId: connect.id, reusedConnection: true });
  expect(origin.accepted).toBe(1);
});

test('the origin is dialled for the first request, not before', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end());
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  expect(origin.accepted).toBe(0);
  client.destroy();
});

test('rules see the path inside, and say so on a page of ours', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('secret'));
  await using proxy = await startOpeningProxy(folder, ca, {
    rules: '  - { deny: { host: localhost, path: /secret/* }, name: Secrets }\n  - intercept: { host: localhost }\n',
  });
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  await client.send(`GET /secret/a HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  const denied = await client.readResponse();
  expect(denied.status).toBe(403);
  expect(denied.body.toString()).toContain('Secrets');
  await client.send(`GET /open HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  expect((await client.readResponse()).status).toBe(200);
  expect(origin.requests).toBe(1);
});

test('every request has to want where the CONNECT went (421), and the connection goes on', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('ok'));
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  await client.send('GET / HTTP/1.1\r\nHost: other.example\r\n\r\n');
  expect((await client.readResponse()).status).toBe(421);
  await client.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  expect((await client.readResponse()).status).toBe(200);
  expect(origin.requests).toBe(1);
});

test('TLS that was begun with another name that policy opens gets a certificate for it, and 421 for every request', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('ok'));
  await using proxy = await startOpeningProxy(folder, ca, { rules: '  - intercept: { host: [localhost, front.example] }\n' });
  const client = await openTunnel(proxy, `localhost:${origin.port}`, { servername: 'front.example' });
  await client.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  expect((await client.readResponse()).status).toBe(421);
  expect(origin.accepted).toBe(0);
});

test('an origin whose certificate is not to be trusted gets no request; the client reads why under our certificate', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('ok'), ['elsewhere.example']);
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  await client.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  const response = await client.readResponse();
  expect(response.status).toBe(502);
  expect(response.body.toString()).toMatch(/elsewhere\.example/);
  expect(origin.requests).toBe(0);
  expect((await proxy.flow(0)).error).toMatchObject({ code: 'tls_certificate_error' });
});

test('an origin that does not finish its handshake is told of in whole milliseconds', async () => {
  await using origin = await startRawServer(() => {});
  await using proxy = await startOpeningProxy(folder, ca, { config: { upstream: { connectTimeoutMs: 300 } } });
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  await client.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  const answer = await client.readResponse();
  expect(answer.status).toBe(504);
  expect(answer.body.toString()).toMatch(/The TLS handshake with localhost took longer than \d+ ms\./);
});

test('plain HTTP inside a tunnel is judged by the same rules, with the scheme http', async () => {
  const origin = await startWebOrigin((request, response) => response.end(request.url));
  await using proxy = await startOpeningProxy(folder, ca, {
    rules: '  - deny: { host: localhost, path: /no }\n  - intercept: { host: localhost }\n',
  });
  const client = await connectThrough(proxy, `localhost:${origin.port}`);
  await client.send(`GET /no HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  expect((await client.readResponse()).status).toBe(403);
  await client.send(`GET /yes HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  expect((await client.readResponse()).body.toString()).toBe('/yes');
  expect(origin.requests.map(({ url }) => url)).toEqual(['/yes']);
  expect(await proxy.flow(1)).toMatchObject({ target: `http://localhost:${origin.port}/yes` });
  await origin.close();
});

test('what is neither TLS nor HTTP does not pass a tunnel that is to be opened', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('ok'));
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await connectThrough(proxy, `localhost:${origin.port}`);
  await client.send('SSH-2.0-OpenSSH_9.2\r\n');
  await client.closed;
  expect(client.unread.length).toBe(0);
  expect(await proxy.flow(0)).toMatchObject({
    outcome: 'failed',
    interception: { outcome: 'refused' },
    error: { code: 'http_request_denied' },
  });
  expect(origin.accepted).toBe(0);
});

test('a host that our CA may not sign for gets an alert, and the record says why', async () => {
  const own = mkdtempSync(path.join(folder, 'limited-'));
  const [certificateFile, keyFile, policyFile] = ['ca.crt', 'ca.key', 'policy.yaml'].map((name) => path.join(own, name)) as [
    string,
    string,
    string,
  ];
  const { certificate, privateKey } = ownAuthority({ only: ['elsewhere.example'] });
  writeFileSync(certificateFile, certificate);
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(policyFile, 'version: 1\ndefault: deny\nconnect_ports: any\nrules:\n  - intercept: { host: localhost }\n');
  const authority = { folder: null, existing: { certificateFile, keyFile } };
  await using proxy = await startTestProxy({ policyFile, tls: { authority, leaves: LEAF_DEFAULTS } });
  const client = await connectThrough(proxy, 'localhost:443');
  await client.send(clientHello({ extensions: [serverName('localhost')] }));
  expect((await client.readToEnd()).toString('hex')).toBe('15030300020231');
  expect(await proxy.flow(0)).toMatchObject({
    outcome: 'failed',
    interception: { outcome: 'refused', reason: 'no certificate can be made for localhost' },
    error: { code: 'proxy_configuration_error', message: expect.stringContaining('is limited to other hosts: only elsewhere.example') },
  });
});

test('a client that ends its side before it has said anything is let go of: nobody will ever say more', async () => {
  await using proxy = await startOpeningProxy(folder, ca);
  using client = await connectThrough(proxy, 'localhost:443');
  client.end();
  expect(await client.closed).toEqual({ hadReset: false });
  expect(await proxy.flow(0)).toMatchObject({ outcome: 'aborted', interception: null, error: null });
});

test('a client that does not trust our certificate is on record with what it said', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('ok'));
  await using proxy = await startOpeningProxy(folder, ca);
  await expect(curl(proxy.url, ca.certFile, `${origin.url}/`)).rejects.toThrow(/certificate/);
  expect(await proxy.flow(0)).toMatchObject({
    outcome: 'aborted',
    interception: { outcome: 'refused', reason: expect.stringMatching(/unknown_ca/) },
  });
  expect(origin.accepted).toBe(0);
});

test('the client that refused our certificate passes unopened from then on, where the rule lets it (on_pinned)', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('from the origin'));
  await using proxy = await startOpeningProxy(folder, ca, { rules: '  - { intercept: { host: localhost }, on_pinned: passthrough }\n' });
  await expect(curl(proxy.url, ca.certFile, `${origin.url}/`)).rejects.toThrow(/certificate/);
  await proxy.flow(0);
  expect(await curl(proxy.url, ca.certFile, `${origin.url}/`)).toBe('from the origin');
  expect(await proxy.flow(1)).toMatchObject({
    interception: { outcome: 'passed', reason: expect.stringMatching(/refused our certificate \(unknown_ca\)/) },
  });
});

test('a tunnel that a new policy would not open ends with the answer under way; the next one passes as it is', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('ok'));
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  const request = `GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`;
  await client.send(request);
  expect((await client.readResponse()).status).toBe(200);
  writeFileSync(proxy.config.policyFile, 'version: 1\ndefault: deny\nconnect_ports: any\nrules:\n  - tunnel: { host: localhost }\n');
  await proxy.running.reload(proxy.config);
  await client.closed;
  const passed = await openTunnel(proxy, `localhost:${origin.port}`, { ca: ca.cert });
  await passed.send(request);
  expect((await passed.readResponse()).status).toBe(200);
});

test('credentials for the proxy inside a tunnel are nobody, and go nowhere', async () => {
  const seen: (string | undefined)[] = [];
  await using origin = await startTlsOrigin(ca, (request, response) => {
    seen.push(request.headers['proxy-authorization']);
    response.end('ok');
  });
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  await client.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\nProxy-Authorization: Basic YTpi\r\n\r\n`);
  expect((await client.readResponse()).status).toBe(200);
  expect(seen).toEqual([undefined]);
});

test('an answer that breaks off is broken off inside the tunnel, too: no end of TLS that could be taken for the end of content', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => {
    response.write('half');
    setImmediate(() => response.socket?.destroy());
  });
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  await client.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  await expect(client.readResponse()).rejects.toThrow();
  expect((await proxy.flow(0)).error).toMatchObject({ code: 'http_response_incomplete' });
});

test('large content passes both ways', async () => {
  const content = Buffer.alloc(3_000_000, 'sallyport ');
  await using origin = await startTlsOrigin(ca, (request, response) => request.pipe(response));
  await using proxy = await startOpeningProxy(folder, ca);
  const client = await openTunnel(proxy, `localhost:${origin.port}`);
  await client.send(`POST / HTTP/1.1\r\nHost: localhost:${origin.port}\r\nContent-Length: ${content.length}\r\n\r\n`);
  void client.send(content);
  expect((await client.readResponse()).body.equals(content)).toBe(true);
});

/** A client that says why it leaves; Node's own only closes. */
async function curl(proxy: string, roots: string, url: string): Promise<string> {
  const { stdout } = await promisify(execFile)('curl', ['-sS', '--proxy', proxy, '--cacert', roots, url], { env: {} });
  return stdout;
}
