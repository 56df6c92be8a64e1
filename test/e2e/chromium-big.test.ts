// Gigabytes between Chromium and an origin: every octet arrives, and the memory of the proxy between them stays flat.
// A download is read as a stream by the page's script, which computes FNV-1a over it: no octet can be lost, doubled or moved unseen.
import { createWriteStream } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchChromium, through } from '../support/launch-chromium.ts';
import { once } from '../support/once.ts';
import { describeWith } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { blocks, digest, expectedContent, type Received } from '../support/tunnel-servers.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

/** What the access log calls them. */
const OUTCOMES = { 'plain HTTP': 'forwarded', 'a tunnel': 'tunnelled' } as const;
type Way = keyof typeof OUTCOMES;
const WAYS = Object.keys(OUTCOMES) as Way[];

describeWith(['chromium', 'openssl'], 'gigabytes in Chromium', () => {
  const folder = temporaryFolder(afterAll);
  const file = path.join(folder, 'content.bin');
  const origins = {} as Record<Way, WebOrigin>;
  let browser: Browser;
  let proxy: ProxyProcess;
  let page: Page;

  beforeAll(async () => {
    await pipeline(blocks(UPLOAD_LENGTH), createWriteStream(file));
    origins['plain HTTP'] = await startWebOrigin(respond);
    origins['a tunnel'] = await startWebOrigin(respond, createTemporaryCa(folder).issue('localhost'));
    // Every page has a proxy of its own; nothing goes any other way.
    browser = await launchChromium('http://proxy.invalid');
  });
  afterAll(async () => {
    await browser.close();
    for (const origin of Object.values(origins)) await origin.close();
  });
  // A proxy for each transfer: the peak of its memory is that of one.
  beforeEach(async () => {
    proxy = await runProxy();
    page = await browser.newPage({ ignoreHTTPSErrors: true, proxy: through(proxy.url) });
  });
  afterEach(async () => {
    await page.close();
    await proxy.stop();
  });

  test.each(WAYS)('2 GiB down over %s', async (way) => {
    await page.goto(origins[way].url);
    expect(await page.evaluate(`(${download})('/${DOWNLOAD_LENGTH}', ${fnv1a}, ${PIECE})`)).toEqual(expectedDownload());
    await expectFlatMemory(way, DOWNLOAD_LENGTH);
  });

  test.each(WAYS)('1 GiB up over %s', async (way) => {
    await page.goto(origins[way].url);
    await page.setInputFiles('input', file);
    expect(await page.evaluate(`(${upload})(document.querySelector('input').files[0])`)).toEqual(expectedUpload());
    await expectFlatMemory(way, UPLOAD_LENGTH);
  });

  /** Also that all of it went through the proxy, and in the way that the test's name says. */
  async function expectFlatMemory(way: Way, length: number): Promise<void> {
    // Where there is no /proc, the content alone is checked.
    if (process.platform === 'linux') expect(proxy.memory().peak).toBeLessThan(MOST_RESIDENT);
    // A tunnel is logged when it closes.
    await page.close();
    await proxy.logged(({ outcome, bytes_in, bytes_out }) => outcome === OUTCOMES[way] && bytes_in + bytes_out > length);
  }
});

interface Downloaded {
  readonly length: number;
  /** FNV-1a, as a signed number of 32 bits. */
  readonly checksum: number;
}

// The first three run in the page, so they know nothing but their parameters.

/** Over words of 32 bits: a fourth of the work. @param checksum  of what came before these */
function fnv1a(words: Uint32Array, checksum = 0x811c9dc5 | 0): number {
  for (let at = 0; at < words.length; at += 1) checksum = Math.imul(checksum ^ words[at]!, 0x01000193);
  return checksum;
}

/** @param piece  octets that are read at once, a part of the whole */
async function download(url: string, checksumOf: typeof fnv1a, piece: number): Promise<Downloaded> {
  const { body } = await fetch(url);
  const reader = body!.getReader({ mode: 'byob' });
  let length = 0;
  let checksum: number | undefined;
  for (let memory = new ArrayBuffer(piece); ; ) {
    const { done, value } = await reader.read(new Uint32Array(memory), { min: piece / 4 });
    if (done) return { length, checksum: checksum! };
    length += value.byteLength;
    checksum = checksumOf(value, checksum);
    memory = value.buffer as ArrayBuffer;
  }
}

async function upload(file: Blob): Promise<unknown> {
  return (await fetch('/', { method: 'PUT', body: file })).json();
}

/** GET: as many octets as the target says, or the page. PUT: what came, as JSON. */
const respond: RequestListener = async (request, response) => {
  if (request.method === 'PUT') {
    response.end(JSON.stringify((await digest(request)) satisfies Received));
    return;
  }
  const length = Number(request.url?.slice(1)) || 0;
  if (length === 0) {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><input type="file">');
    return;
  }
  response.setHeader('Cache-Control', 'no-store').setHeader('Content-Length', length);
  Readable.from(blocks(length)).pipe(response);
};

const DOWNLOAD_LENGTH = 2 * 1024 ** 3;
const PIECE = 1024 ** 2;
const UPLOAD_LENGTH = 1024 ** 3;
// Computed once for both ways: that takes as long as a transfer.
const expectedDownload = once((): Downloaded => {
  let checksum: number | undefined;
  for (const { buffer, byteOffset, length } of blocks(DOWNLOAD_LENGTH))
    checksum = fnv1a(new Uint32Array(buffer, byteOffset, length / 4), checksum);
  return { length: DOWNLOAD_LENGTH, checksum: checksum! };
});
const expectedUpload = once(() => expectedContent(UPLOAD_LENGTH));
const MOST_RESIDENT = 150 * 1024 ** 2;
