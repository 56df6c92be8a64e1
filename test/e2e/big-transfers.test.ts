// Gigabytes through the proxy in a process of its own: every octet arrives, and its memory stays flat. curl is the client.
// Content is made from its position and checked by its SHA-256, so that nothing is kept and nothing can be lost, doubled or swapped.
import { spawn } from 'node:child_process';
import type { RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { once } from '../support/once.ts';
import { CLEAN_ENVIRONMENT, describeWith } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { blocks, digest, expectedContent, type Received } from '../support/tunnel-servers.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['curl'], 'big transfers', () => {
  let proxy: ProxyProcess;
  let origin: WebOrigin;

  beforeAll(async () => {
    origin = await startWebOrigin(respond);
  });
  afterAll(() => origin.close());
  // A proxy for each transfer: the peak of its memory is that of one.
  beforeEach(async () => {
    proxy = await runProxy();
  });
  afterEach(() => proxy.stop());

  test.each([
    ['plain HTTP', []],
    ['a tunnel', ['--proxytunnel']],
  ])('2 GiB down over %s', async (_, words) => {
    const curl = startCurl([...words, `${origin.url}/${DOWNLOAD_LENGTH}`]);
    curl.stdin.end();
    expect(await digest(curl.stdout)).toEqual(expectedDownload());
    expectFlatMemory();
  });

  test.each([
    ['plain HTTP', []],
    ['a tunnel', ['--proxytunnel']],
  ])('1 GiB up over %s', async (_, words) => {
    const curl = startCurl([...words, '--upload-file', '-', `${origin.url}/`]);
    const [answer] = await Promise.all([curl.stdout.toArray(), pipeline(Readable.from(blocks(UPLOAD_LENGTH)), curl.stdin)]);
    expect(JSON.parse(Buffer.concat(answer as Buffer[]).toString())).toEqual(expectedUpload());
    expectFlatMemory();
  });

  function startCurl(words: readonly string[]) {
    const quiet = ['--disable', '--silent', '--show-error', '--no-buffer', '--proxy', proxy.url, '--noproxy', ''];
    return spawn('curl', [...quiet, ...words], { env: CLEAN_ENVIRONMENT, stdio: ['pipe', 'pipe', 'inherit'] });
  }

  function expectFlatMemory(): void {
    // Where there is no /proc, the content alone is checked.
    if (process.platform === 'linux') expect(proxy.memory().peak).toBeLessThan(MOST_RESIDENT);
  }
});

/** GET: as many octets as the target says. PUT: what came, as JSON. */
const respond: RequestListener = async (request, response) => {
  if (request.method === 'PUT') {
    response.end(JSON.stringify((await digest(request)) satisfies Received));
    return;
  }
  const length = Number(request.url?.slice(1));
  response.setHeader('Content-Length', length);
  Readable.from(blocks(length)).pipe(response);
};

const DOWNLOAD_LENGTH = 2 * 1024 ** 3;
const UPLOAD_LENGTH = 1024 ** 3;
// Computed once for all ways: that takes as long as a transfer.
const expectedDownload = once(() => expectedContent(DOWNLOAD_LENGTH));
const expectedUpload = once(() => expectedContent(UPLOAD_LENGTH));
const MOST_RESIDENT = 150 * 1024 ** 2;
