// `GET https://...` said to the proxy in clear: the proxy itself speaks TLS to the origin, and vouches for nothing that it has not verified.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { parseParentUrl } from '../../src/upstream/route.ts';
import { startRawServer } from '../support/origin.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';
import { failure } from '../support/tunnels.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);

test('an origin with a certificate from a configured root answers', async () => {
  await using origin = await startTlsOrigin(ca, (request, response) => response.end(`${request.method} ${request.url}`));
  await using proxy = await startTestProxy({ rootCertificates: ca.certFile });
  const response = await ask(proxy, `${origin.url}/path?query`);
  expect(response.body.toString()).toBe('GET /path?query');
  expect(proxy.flows[0]).toMatchObject({ outcome: 'forwarded', upstreamPort: origin.port, tlsMs: expect.any(Number) });
});

test('the secured connection is used again', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('ok'));
  await using proxy = await startTestProxy({ rootCertificates: ca.certFile });
  for (let round = 0; round < 3; round += 1) expect((await ask(proxy, `${origin.url}/`)).status).toBe(200);
  expect(origin.accepted).toBe(1);
});

test('large content comes through whole', async () => {
  const content = Buffer.alloc(3_000_000, 'sallyport ');
  await using origin = await startTlsOrigin(ca, (_, response) => response.end(content));
  await using proxy = await startTestProxy({ rootCertificates: ca.certFile });
  expect((await ask(proxy, `${origin.url}/`)).body.equals(content)).toBe(true);
});

test('through a parent proxy, TLS is spoken with the origin inside a tunnel', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('inside'));
  await using parent = await startTestProxy();
  await using proxy = await startTestProxy({
    rootCertificates: ca.certFile,
    route: { parents: [parseParentUrl(parent.url)], noProxy: [] },
  });
  expect((await ask(proxy, `${origin.url}/secret`)).body.toString()).toBe('inside');
  expect(parent.flows.map(({ target }) => target)).not.toContain(`${origin.url}/secret`);
  await proxy.close();
  expect(await parent.flow(0)).toMatchObject({ method: 'CONNECT', target: `localhost:${origin.port}` });
});

test('an origin that nobody vouches for is refused, and is sent no request', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('never'));
  await using proxy = await startTestProxy();
  const response = await ask(proxy, `${origin.url}/`);
  expect(failure(response)).toEqual({ status: 502, error: 'tls_certificate_error' });
  expect(response.body.toString()).toMatch(/certificate of localhost is issued by "Sallyport test CA"/);
  expect(origin.requests).toBe(0);
});

test('so is one whose certificate names another host', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('never'), ['other.example']);
  await using proxy = await startTestProxy({ rootCertificates: ca.certFile });
  expect(failure(await ask(proxy, `${origin.url}/`))).toEqual({ status: 502, error: 'tls_certificate_error' });
  expect(failure(await ask(proxy, `https://127.0.0.1:${origin.port}/`))).toEqual({ status: 502, error: 'tls_certificate_error' });
  expect(origin.requests).toBe(0);
});

test('so is one with an expired certificate', async () => {
  const port = await serve(expiredLeaf());
  await using proxy = await startTestProxy({ rootCertificates: ca.certFile });
  const response = await ask(proxy, `https://localhost:${port}/`);
  expect(failure(response)).toEqual({ status: 502, error: 'tls_certificate_error' });
  expect(response.body.toString()).toMatch(/certificate of localhost expired on/);
});

test('an address is verified as an address', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('by address'), ['127.0.0.1']);
  await using proxy = await startTestProxy({ rootCertificates: ca.certFile });
  expect((await ask(proxy, `https://127.0.0.1:${origin.port}/`)).body.toString()).toBe('by address');
});

test('an origin that speaks no TLS, closes, or says nothing is an error of its own', async () => {
  await using plain = await startRawServer((connection) => connection.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  await using closing = await startRawServer((connection) => connection.end());
  await using silent = await startRawServer(() => {});
  await using proxy = await startTestProxy({ upstream: { connectTimeoutMs: 300 } });
  const answers = await Promise.all([plain, closing, silent].map(({ port }) => ask(proxy, `https://127.0.0.1:${port}/`)));
  expect(answers.map(failure)).toEqual([
    { status: 502, error: 'tls_protocol_error' },
    { status: 502, error: expect.stringMatching(/^(tls_protocol_error|connection_terminated)$/) },
    { status: 504, error: 'connection_timeout' },
  ]);
});

async function ask(proxy: TestProxy, url: string): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
  return await client.readResponse();
}

async function serve(leaf: { key: string; cert: string }): Promise<number> {
  const server: Server = createServer(leaf, (_, response) => response.end('never'));
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** For localhost, signed by the CA, over since yesterday. */
function expiredLeaf(): { key: string; cert: string } {
  const [key, request, cert] = ['key', 'csr', 'crt'].map((kind) => path.join(folder, `expired.${kind}`)) as [string, string, string];
  const openssl = (...words: string[]): unknown => execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', request, ...subject);
  const authority = ['-CA', ca.certFile, '-CAkey', ca.certFile.replace(/crt$/, 'key')];
  openssl('x509', '-req', '-in', request, ...authority, '-copy_extensions', 'copy', '-days', '-1', '-out', cert);
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}
