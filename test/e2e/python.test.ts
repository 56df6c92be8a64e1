// Python's urllib through the proxy, which it takes from the environment.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith, succeed } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['python3', 'openssl'], "Python's urllib", () => {
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

  function python(script: string): Promise<Buffer> {
    const env = { http_proxy: proxy.url, https_proxy: proxy.url, SSL_CERT_FILE: ca.certFile };
    return succeed('python3', ['-c', script], { env });
  }

  test('sends and receives content by length and in chunks', async () => {
    await python(`
import os
from urllib.request import Request, urlopen
content = os.urandom(1_000_000)
by_length = urlopen(Request('${origin.url}/length', data=content, method='PUT'))
assert by_length.read() == content
pieces = [content[i:i + 70_000] for i in range(0, len(content), 70_000)]
in_chunks = urlopen(Request('${origin.url}/chunks', data=iter(pieces), method='POST'))
assert in_chunks.read() == content
`);
    expect(origin.requests).toMatchObject([
      { method: 'PUT', headers: { 'content-length': '1000000', via: expect.any(String) } },
      { method: 'POST', headers: { 'transfer-encoding': 'chunked', via: expect.any(String) } },
    ]);
  });

  test('opens HTTPS through a tunnel', async () => {
    await python(`
import os
from urllib.request import Request, urlopen
content = os.urandom(1_000_000)
assert urlopen(Request('${secureOrigin.url}/', data=content)).read() == content
`);
    await proxy.logged(({ method, target }) => method === 'CONNECT' && target === `localhost:${secureOrigin.port}`);
  });

  test('raises HTTPError with the page when the proxy cannot reach an origin', async () => {
    const out = await python(`
from urllib.error import HTTPError
from urllib.request import urlopen
try:
    urlopen('http://no-such-host.invalid/')
except HTTPError as error:
    print(error.code, error.headers['Proxy-Status'])
`);
    expect(out.toString()).toMatch(/^502 .*error=dns_error/);
  });
});
