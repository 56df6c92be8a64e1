// Chromium from the cache: a page with style, script and pictures, loaded again by a browser that has nothing of it; a reload, which has to ask the site;
// and what a person reads where nothing is stored.
import type { RequestListener } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type CachedProxy, type CacheHome, cacheIn, expectOnlyHits } from '../support/cached-proxy.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { describeWith } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { type SeenRequest, startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['chromium'], 'Chromium, from the cache', () => {
  let home: CacheHome;
  let origin: WebOrigin;
  let proxy: CachedProxy;
  let browser: Browser;

  beforeEach(async () => {
    home = cacheIn(temporaryFolder(onTestFinished));
    origin = await startWebOrigin(serveSite);
    proxy = await home.start();
    browser = await launchChromium(proxy.url);
  });
  afterEach(async () => {
    await browser.close();
    await origin.close();
  });

  async function expectLoaded(page: Page): Promise<void> {
    await page.waitForFunction('window.result');
    expect(await page.evaluate('window.result')).toEqual({ width: 17, colour: 'rgb(1, 2, 3)' });
  }

  test('a page is there for a second browser while its site is gone', async () => {
    const first = await browser.newPage();
    await first.goto(`${origin.url}/`);
    await expectLoaded(first);
    await browser.close();
    await proxy.stop();
    await origin.close();

    proxy = await home.start('--offline');
    browser = await launchChromium(proxy.url);
    const second = await browser.newPage();
    const response = await second.goto(`${origin.url}/`);
    expect(response?.headers()['cache-status']).toMatch(/;hit;ttl=\d+$/);
    await expectLoaded(second);
    await browser.close();
    const log = await toOrigin();
    expect(log.map(({ target }) => target).sort()).toEqual(
      Object.keys(SITE)
        .map((each) => `${origin.url}${each}`)
        .sort(),
    );
    expectOnlyHits(log);
  });

  test('a reload has the page validated, one past the cache (Ctrl-Shift-R) everything, and nothing is sent again (RFC 9111 §5.2.1)', async () => {
    const page = await browser.newPage();
    await page.goto(`${origin.url}/`);
    await expectLoaded(page);
    const reload = async (ignoreCache: boolean): Promise<SeenRequest[]> => {
      const before = origin.requests.length;
      const loaded = page.waitForEvent('load');
      await (await page.context().newCDPSession(page)).send('Page.reload', { ignoreCache });
      await loaded;
      await expectLoaded(page);
      return origin.requests.slice(before);
    };
    for (const [ignoreCache, validated] of [
      [false, ['/']],
      [true, Object.keys(SITE)],
    ] as const) {
      const requests = await reload(ignoreCache);
      expect(requests.map(({ url }) => url).sort()).toEqual([...validated].sort());
      expect(requests.every(({ headers }) => headers['if-none-match'] !== undefined)).toBe(true);
    }
    await browser.close();
    const again = (await toOrigin()).slice(Object.keys(SITE).length);
    expect(again.map(({ cache, cache_why }) => ({ cache, cache_why }))).toEqual([
      { cache: 'validated', cache_why: 'request-max-age' },
      ...Object.keys(SITE).map(() => ({ cache: 'validated', cache_why: 'request-no-cache' })),
    ]);
  });

  test('what nobody has loaded is a page that says so, offline', async () => {
    await browser.close();
    await proxy.stop();
    proxy = await home.start('--offline');
    browser = await launchChromium(proxy.url);
    const page = await browser.newPage();
    const response = await page.goto(`${origin.url}/never`);
    expect(response?.status()).toBe(504);
    expect(await page.textContent('h1')).toBe('Nothing stored here can answer this request');
    const text = (await page.textContent('main')) ?? '';
    expect(text).toContain('This proxy is offline');
    expect(text).toContain('This proxy, which has not asked the site.');
    expect(origin.requests).toEqual([]);
    await browser.close();
    await proxy.stop();
  });

  /** What was asked of the origin; a browser has questions of its own besides. */
  async function toOrigin() {
    return (await proxy.stop()).filter(({ target }) => target.startsWith(origin.url));
  }
});

const serveSite: RequestListener = (request, response) => {
  const [type, content] = SITE[request.url ?? ''] ?? ['text/plain', ''];
  const tag = `"${content.length}"`;
  // Already some seconds old: to somebody who wants it no older than this moment, that is too old from the start.
  response.setHeader('Content-Type', type).setHeader('Cache-Control', 'max-age=3600').setHeader('Age', '5').setHeader('ETag', tag);
  if (request.headers['if-none-match'] === tag) response.writeHead(304).end();
  else response.end(content);
};

const SITE: Readonly<Record<string, readonly [type: string, content: string]>> = {
  '/': [
    'text/html',
    `<!doctype html><title>test</title><link rel="icon" href="data:,"><link rel="stylesheet" href="style.css"><img src="picture.svg"><p>text</p><script src="script.js"></script>`,
  ],
  '/style.css': ['text/css', 'p { color: rgb(1, 2, 3) }'],
  '/picture.svg': ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" width="17" height="1"/>'],
  '/script.js': [
    'text/javascript',
    `addEventListener('load', () => {
      window.result = { width: document.images[0].naturalWidth, colour: getComputedStyle(document.querySelector('p')).color };
    });`,
  ],
};
