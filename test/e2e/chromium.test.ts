// Chromium with the proxy set, as somebody works with it: pages over HTTP and through tunnels, WebSockets, server-sent events, files both ways,
// and what a person sees when the proxy says no.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createBrowserSite, EVENT_COUNT } from '../support/browser-site.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { describeWith } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

// A browser asks its maker for this and that; nothing but this machine is allowed, so that none of it gets out.
const POLICY = `version: 1
default: deny
connect_ports: any
rules:
  - name: Adverts
    deny: { host: ads.test }
    message: No adverts <b>here</b>.
  - allow: { host: [127.0.0.1, localhost] }
`;

describeWith(['chromium', 'openssl'], 'Chromium', () => {
  const folder = temporaryFolder(afterAll);
  const site = createBrowserSite(randomBytes(8_000_000));
  let browser: Browser;
  let proxy: ProxyProcess;
  let plain: WebOrigin;
  let secure: WebOrigin;
  let page: Page;

  beforeAll(async () => {
    writeFileSync(path.join(folder, 'policy.yaml'), POLICY);
    plain = await startWebOrigin(site.respond);
    secure = await startWebOrigin(site.respond, createTemporaryCa(folder).issue('localhost'));
    site.echoOn(plain.server);
    site.echoOn(secure.server);
    proxy = await runProxy('--policy', path.join(folder, 'policy.yaml'));
    browser = await launchChromium(proxy.url);
  });
  afterAll(async () => {
    await browser.close();
    await proxy.stop();
    await Promise.all([plain.close(), secure.close()]);
  });

  beforeEach(async () => {
    page = await browser.newPage({ ignoreHTTPSErrors: true });
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  });
  afterEach(() => page.close());

  /** Opens a page of the site. @returns what its script found */
  async function resultOf(url: string): Promise<unknown> {
    await page.goto(url);
    return (await page.waitForFunction('window.result')).jsonValue();
  }

  const schemes = ['http', 'https'] as const;
  const originOf = (scheme: (typeof schemes)[number]): WebOrigin => (scheme === 'http' ? plain : secure);

  test.each(schemes)('loads a page of 100 resources over %s', async (scheme) => {
    const origin = originOf(scheme);
    const before = origin.requests.length;
    expect(await resultOf(`${origin.url}/hundred`)).toEqual({ images: upTo(40), scripts: upTo(30), styles: upTo(30) });
    const requests = origin.requests.slice(before);
    expect(requests).toHaveLength(101);
    expect(requests.filter(({ headers }) => headers.via !== undefined)).toHaveLength(scheme === 'http' ? 101 : 0);
  });

  test.each(schemes)('a WebSocket echoes over %s', async (scheme) => {
    expect(await resultOf(`${originOf(scheme).url}/websocket`)).toEqual({ code: 1000, isSame: true });
    const target = `${scheme === 'http' ? '127.0.0.1' : 'localhost'}:${originOf(scheme).port}`;
    await proxy.logged(({ method, outcome, target: logged }) => method === 'CONNECT' && outcome === 'tunnelled' && logged === target);
  });

  test.each(schemes)('server-sent events arrive one by one over %s', async (scheme) => {
    expect(await resultOf(`${originOf(scheme).url}/stream`)).toEqual(upTo(EVENT_COUNT));
  });

  test.each(schemes)('a file is uploaded and downloaded over %s', async (scheme) => {
    const file = path.join(folder, 'content.bin');
    writeFileSync(file, site.content);
    await page.goto(`${originOf(scheme).url}/form`);
    const downloading = page.waitForEvent('download');
    await page.click('a');
    expect(readFileSync(await (await downloading).path()).equals(site.content)).toBe(true);
    await page.setInputFiles('input', file);
    await page.click('button');
    expect(await page.textContent('p')).toBe(createHash('sha256').update(site.content).digest('hex'));
  });

  test('a denied page says whose decision it is, which rule and what to do, and runs nothing', async () => {
    const problems: string[] = [];
    page.on('console', (message) => problems.push(message.text()));
    const response = await page.goto('http://ads.test/banner?secret=1');
    expect(response?.status()).toBe(403);
    expect(await page.textContent('h1')).toBe('This proxy does not allow this request');
    const text = (await page.textContent('main')) ?? '';
    expect(text).toContain("rule 'Adverts'");
    expect(text).toContain('No adverts <b>here</b>.');
    expect(text).not.toContain('secret');
    // The style sheet is the page's only resource; its hash in the Content-Security-Policy must be the one that Chromium computes.
    expect(await page.evaluate('getComputedStyle(document.querySelector("main")).borderTopWidth')).toBe('4px');
    expect(problems.filter((problem) => !problem.includes('403'))).toEqual([]);
  });

  test('an origin that refuses is a page that says so', async () => {
    const closed = await startWebOrigin(site.respond);
    await closed.close();
    const response = await page.goto(closed.url);
    expect(response?.status()).toBe(502);
    expect(await page.textContent('h1')).toBe('The server refused the connection');
    expect(await page.textContent('main')).toContain(`127.0.0.1:${closed.port}`);
  });

  test("a denied https page is Chromium's own error: it shows no page of a proxy before the tunnel stands", async () => {
    await expect(page.goto('https://ads.test/')).rejects.toThrow('net::ERR_TUNNEL_CONNECTION_FAILED');
    await proxy.logged(({ target, status }) => target === 'ads.test:443' && status === 403);
  });

  test('the address of the proxy itself, opened as a page, greets', async () => {
    const direct = await browser.newPage({ proxy: { server: proxy.url, bypass: '127.0.0.1' } });
    expect((await direct.goto(proxy.url))?.status()).toBe(200);
    expect(await direct.textContent('h1')).toBe('This is a proxy, and it is running');
    await direct.close();
  });
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

const PAGE_TIMEOUT_MS = 60_000;
