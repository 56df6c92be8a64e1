// Node's own clients through the proxy: fetch and node:http, with the proxy support that is built into both.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith, succeed } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['openssl'], 'Node', () => {
  let ca: TemporaryCa;
  let proxy: ProxyProcess;
  let origin: WebOrigin;
  let secureOrigin: WebOrigin;

  beforeAll(async () => {
    ca = createTemporaryCa(temporaryFolder(afterAll));
    origin = await startWebOrigin((request, response) => request.pipe(response));
    secureOrigin = await startWebOrigin((request, response) => request.pipe(response), ca.issue('localhost'));
    proxy = await runProxy();
  });
  afterAll(async () => {
    await proxy.stop();
    await Promise.all([origin.close(), secureOrigin.close()]);
  });

  function node(script: string): Promise<Buffer> {
    const env = { NODE_USE_ENV_PROXY: '1', http_proxy: proxy.url, https_proxy: proxy.url, NODE_EXTRA_CA_CERTS: ca.certFile };
    return succeed(process.execPath, ['--input-type=module', '--eval', script], { env });
  }

  test('fetch sends and receives content by length and as a stream', async () => {
    await node(`
      import { deepStrictEqual } from 'node:assert';
      import { randomBytes } from 'node:crypto';
      const content = randomBytes(1_000_000);
      const parts = Array.from({ length: 10 }, (_, index) => content.subarray(index * 100_000, (index + 1) * 100_000));
      for (const url of ['${origin.url}', '${secureOrigin.url}']) {
        for (const body of [content, ReadableStream.from(parts)]) {
          const response = await fetch(url, { method: 'POST', body, duplex: 'half' });
          deepStrictEqual(Buffer.from(await response.arrayBuffer()).equals(content), true);
        }
      }
    `);
    expect(origin.requests.map(({ headers }) => headers.via)).toEqual([expect.any(String), expect.any(String)]);
    await proxy.logged(({ method, target }) => method === 'CONNECT' && target === `localhost:${secureOrigin.port}`);
    expect(proxy.log.every(({ outcome }) => outcome !== 'failed')).toBe(true);
  });

  test('twenty fetches at once each get their own answer', async () => {
    await node(`
      import { deepStrictEqual } from 'node:assert';
      const bodies = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000));
      const answers = await Promise.all(bodies.map(async (body) => (await fetch('${origin.url}', { method: 'PUT', body })).text()));
      deepStrictEqual(answers, bodies);
    `);
  });

  test('node:http asks in absolute-form and reuses its connection', async () => {
    const before = origin.requests.length;
    await node(`
      import { deepStrictEqual } from 'node:assert';
      import { Agent, request } from 'node:http';
      import { text } from 'node:stream/consumers';
      const agent = new Agent({ keepAlive: true, maxSockets: 1, proxyEnv: { http_proxy: '${proxy.url}' } });
      for (const content of ['one', 'two', 'three']) {
        const answer = await new Promise((resolve, reject) => {
          request('${origin.url}/', { method: 'POST', agent }, resolve).once('error', reject).end(content);
        });
        deepStrictEqual(await text(answer), content);
      }
      agent.destroy();
    `);
    expect(origin.requests.slice(before).map(({ headers }) => headers.via)).toEqual(Array(3).fill(expect.any(String)));
  });
});
