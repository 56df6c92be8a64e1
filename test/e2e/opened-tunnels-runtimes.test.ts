// Python and Node through tunnels that the proxy opens, each with its own way of being told of the proxy and of the certificate.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { type OpeningProcess, runOpeningProxy } from '../support/opening-process.ts';
import { describeWith, run } from '../support/programs.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const RULES = `  - name: Secrets
    deny: { host: localhost, path: /secret/* }
  - intercept: { host: localhost }
`;

describeWith(['openssl', 'python3'], 'programs in Python and in Node, through opened tunnels', () => {
  const folder = temporaryFolder(afterAll);
  let ca: TemporaryCa;
  let proxy: OpeningProcess;
  let origin: DualOrigin;

  beforeAll(async () => {
    ca = createTemporaryCa(folder);
    origin = await startDualOrigin(ca, (request, response) => request.pipe(response));
    proxy = await runOpeningProxy(folder, ca, RULES);
  });
  afterAll(async () => {
    await proxy.stop();
    await origin.close();
  });

  function python(script: string, roots = proxy.authorityFile) {
    const env = { https_proxy: proxy.url, SSL_CERT_FILE: roots, REQUESTS_CA_BUNDLE: roots };
    return run('python3', ['-c', script], { env });
  }

  function node(script: string, env: Readonly<Record<string, string>> = { NODE_EXTRA_CA_CERTS: proxy.authorityFile }) {
    const proxied = { NODE_USE_ENV_PROXY: '1', https_proxy: proxy.url };
    return run(process.execPath, ['--input-type=module', '--eval', script], { env: { ...proxied, ...env } });
  }

  /** It was the proxy that read the request, not a tunnel that passed it. */
  async function expectOpened(path: string, version = '1.1'): Promise<void> {
    const line = await proxy.logged(({ target }) => target === `${origin.url}${path}`);
    expect(line).toMatchObject({ outcome: 'forwarded', connect: expect.any(Number), version, upstream_version: version });
  }

  async function expectRefused(path: string): Promise<void> {
    const line = await proxy.logged(
      ({ interception, interception_why: why }) => interception === 'refused' && why?.includes(ALERT) === true,
    );
    expect(line).toMatchObject({ method: 'CONNECT', target: `localhost:${origin.port}`, outcome: 'aborted' });
    expect(proxy.log.some(({ target }) => target === `${origin.url}${path}`)).toBe(false);
  }

  test("Python's urllib sends and receives content by length and in chunks, and reads a denial", async () => {
    const { code, err } = await python(`
import os
from urllib.error import HTTPError
from urllib.request import Request, urlopen
content = os.urandom(5_000_000)
assert urlopen(Request('${origin.url}/urllib', data=content, method='PUT')).read() == content
pieces = [content[i:i + 70_000] for i in range(0, len(content), 70_000)]
assert urlopen(Request('${origin.url}/urllib-in-chunks', data=iter(pieces), method='POST')).read() == content
try:
    urlopen('${origin.url}/secret/a')
    assert False
except HTTPError as error:
    assert error.code == 403 and b"rule 'Secrets'" in error.read().replace(b'\\n', b' ')
`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    await expectOpened('/urllib');
    await expectOpened('/urllib-in-chunks');
  });

  test("Python's http.client keeps one connection for many requests", async () => {
    const { code, err } = await python(`
import http.client, os
connection = http.client.HTTPSConnection('127.0.0.1', ${proxy.port})
connection.set_tunnel('localhost', ${origin.port})
for size in (0, 1, 100_000, 1_000_000):
    content = os.urandom(size)
    connection.request('POST', '/http-client', body=content)
    response = connection.getresponse()
    assert response.status == 200 and response.read() == content
`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    await expectOpened('/http-client');
    const lines = proxy.log.filter(({ target }) => target === `${origin.url}/http-client`);
    expect(new Set(lines.map(({ connect }) => connect)).size).toBe(1);
  });

  test("Python's requests has its session in one tunnel", async ({ skip }) => {
    const found = await run('python3', ['-c', 'import requests']);
    skip(found.code !== 0, 'requests not found: apt-get install python3-requests');
    const { code, err } = await python(`
import os, requests
session = requests.Session()
for path in ('a', 'b', 'c'):
    content = os.urandom(500_000)
    assert session.post('${origin.url}/requests-' + path, data=content).content == content
`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    await expectOpened('/requests-c');
  });

  test('Python without trust says so, and sends no request', async () => {
    const { code, err } = await python(`from urllib.request import urlopen; urlopen('${origin.url}/distrusted')`, ca.certFile);
    expect(code).toBe(1);
    expect(err).toContain('CERTIFICATE_VERIFY_FAILED');
    await expectRefused('/distrusted');
  });

  test("Node's fetch sends and receives content as a whole, as a stream, and twenty at once", async () => {
    const { code, err } = await node(`
      import { deepStrictEqual } from 'node:assert';
      import { randomBytes } from 'node:crypto';
      const content = randomBytes(5_000_000);
      const parts = Array.from({ length: 10 }, (_, index) => content.subarray(index * 500_000, (index + 1) * 500_000));
      for (const body of [content, ReadableStream.from(parts)]) {
        const response = await fetch('${origin.url}/fetch', { method: 'POST', body, duplex: 'half' });
        deepStrictEqual(Buffer.from(await response.arrayBuffer()).equals(content), true);
      }
      const bodies = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000));
      const answers = await Promise.all(bodies.map(async (body) => (await fetch('${origin.url}/many', { method: 'PUT', body })).text()));
      deepStrictEqual(answers, bodies);
      const denied = await fetch('${origin.url}/secret/a');
      deepStrictEqual(denied.status, 403);
    `);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    // It takes HTTP/2 where it is offered.
    await expectOpened('/fetch', '2');
  });

  test('node:https keeps one connection for many requests', async () => {
    const { code, err } = await node(`
      import { deepStrictEqual } from 'node:assert';
      import { Agent, request } from 'node:https';
      import { text } from 'node:stream/consumers';
      const agent = new Agent({ keepAlive: true, maxSockets: 1, proxyEnv: { https_proxy: '${proxy.url}' } });
      for (const content of ['one', 'two', 'three']) {
        const answer = await new Promise((resolve, reject) => {
          request('${origin.url}/https', { method: 'POST', agent }, resolve).once('error', reject).end(content);
        });
        deepStrictEqual(await text(answer), content);
      }
      agent.destroy();
    `);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    await expectOpened('/https');
    const lines = proxy.log.filter(({ target }) => target === `${origin.url}/https`);
    expect(new Set(lines.map(({ connect }) => connect)).size).toBe(1);
  });

  test('Node without trust says so, and sends no request', async () => {
    const { code, err } = await node(`await fetch('${origin.url}/distrusted-by-node')`, {});
    expect(code).toBe(1);
    expect(err).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED_CERT_IN_CHAIN/);
    expect(proxy.log.some(({ target }) => target.endsWith('/distrusted-by-node'))).toBe(false);
  });
});

/** What Python's OpenSSL says of an authority that it does not know. */
const ALERT = 'unknown_ca';
