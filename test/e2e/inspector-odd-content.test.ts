// What the inspector's page makes of what is not as usual, in Chromium with the proxy as its users start it: names without end, content that is empty, streams
// that go on, requests for the proxy itself, and what is typed and refused.
import { spawnSync } from 'node:child_process';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInspectedSite } from '../support/inspected-site.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { describeWith, run } from '../support/programs.ts';
import { type ProxyProcess, runRecordingProxy } from '../support/run-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['chromium', 'curl'], 'The inspector, shown what is not as usual', () => {
  const folder = temporaryFolder(afterAll);
  const site = createInspectedSite();
  let origin: WebOrigin;
  let proxy: ProxyProcess;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    expect(spawnSync(process.execPath, [path.join(root, '.config/ensure-page.cjs')], { encoding: 'utf8' }).stderr).toBe('');
    origin = await startWebOrigin(oddly(site.respond));
    proxy = await runRecordingProxy(folder);
    browser = await launchChromium(null);
    page = await browser.newPage({ viewport: DESKTOP });
    page.setDefaultTimeout(30_000);
    await page.goto(/inspector +(http:\S+#open=\S+)/.exec(proxy.said)![1]!);
    await page.locator('.rail').waitFor();
  });
  afterAll(async () => {
    await browser.close();
    await proxy.stop();
    await origin.close();
  });

  const go = (fragment: string) => page.evaluate(`location.hash = '${fragment}'`);
  const tab = (name: RegExp) => page.getByRole('tab', { name });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const fetched = (url: string) => run('curl', ['-s', '--noproxy', '', '--proxy', proxy.url, '-o', '/dev/null', url]);

  async function openRow(text: string, name: RegExp): Promise<void> {
    await go('#/traffic');
    await page.locator('.row').filter({ hasText: text }).last().click();
    await page.locator('.detail-head').getByText(text).waitFor();
    await tab(name).click();
  }

  test.each([DESKTOP, { width: 390, height: 844 }])(
    'beside a name as long as they come, values keep their room on a screen of %j',
    async (size) => {
      await page.setViewportSize(size);
      await fetched(`${origin.url}/long-name`);
      await openRow('/long-name', /Response/);
      const value = await page.locator('tr').filter({ hasText: LONG_NAME }).locator('.field-value').boundingBox();
      expect(value!.width).toBeGreaterThan(size.width / 8);
      expect(
        await page.evaluate("(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.detail-body'))"),
      ).toBe(0);
      await page.getByRole('button', { name: 'Close', exact: true }).click();
      await page.setViewportSize(DESKTOP);
    },
  );

  test('under a URL of 8,000 characters the fields are in sight, and all of it can be read', async () => {
    await fetched(`${origin.url}/far?${'a'.repeat(7_980)}end`);
    await openRow('/far?', /Request/);
    const host = page.getByRole('row', { name: /^Host / });
    await expect.poll(() => inSight(host), PATIENCE).toBe(true);
    await page.locator('.message-line').focus();
    await page.keyboard.press('End');
    const atEnd =
      "(({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - scrollTop - clientHeight)(document.querySelector('.message-line'))";
    await expect.poll(() => page.evaluate<number>(atEnd), PATIENCE).toBeLessThan(2);
  });

  test('what has the focus scrolls by keyboard, and the list stays where it is', async () => {
    await openRow('/far?', /Request/);
    const at = page.url();
    await tab(/Why/).click();
    await page.locator('.why').waitFor();
    await page.setViewportSize({ width: 1280, height: 400 });
    await page.locator('.detail-body').focus();
    const scrollTop = () => page.evaluate<number>("document.querySelector('.detail-body').scrollTop");
    await page.keyboard.press('End');
    await expect.poll(scrollTop, PATIENCE).toBeGreaterThan(50);
    await page.keyboard.press('Home');
    await expect.poll(scrollTop, PATIENCE).toBe(0);
    await page.keyboard.press('PageDown');
    await expect.poll(scrollTop, PATIENCE).toBeGreaterThan(50);
    expect(page.url().replace('/why', '')).toBe(at.replace(/\/(?:request|response|why)$/, ''));
    await page.setViewportSize(DESKTOP);
  });

  test('content that is empty is said to be so, and nothing is offered to be found in it', async () => {
    await fetched(`${origin.url}/empty`);
    await openRow('/empty', /Response/);
    await page.locator('.message').getByText('No content.', { exact: true }).waitFor();
    expect(await page.getByLabel('Find in the content').count()).toBe(0);
  });

  test('SVG is there to be read, since it is never drawn', async () => {
    await fetched(`${origin.url}/drawing.svg`);
    await openRow('/drawing.svg', /Response/);
    await page.locator('.content-box').getByText('<circle').waitFor();
    expect(await page.locator('.content-box circle').count()).toBe(0);
  });

  test('a request for the proxy itself is not one that was not understood', async () => {
    await run('curl', ['-s', '--noproxy', '*', '-o', '/dev/null', proxy.url]);
    await openRow('(the proxy itself)', /Request/);
    await page.locator('.message-line').getByText('GET / HTTP/1.1').waitFor();
  });

  test('of a stream the newest is in sight however long it goes on, until somebody scrolls up', async () => {
    const curl = run('curl', [
      '-sN',
      '--noproxy',
      '',
      '--proxy',
      proxy.url,
      '--max-time',
      '170',
      '-o',
      '/dev/null',
      `${origin.url}/events`,
    ]);
    const newest = (word: string) => page.locator('.stream-line').filter({ hasText: word }).last();
    const send = (from: number, to: number) => {
      for (let at = from; at < to; at += 1) site.sendEvent(`event-${at}.`);
    };
    await page.locator('.row').filter({ hasText: '/events' }).last().waitFor();
    // It is listed before it has come to its origin.
    await expect.poll(() => origin.requests.some(({ url }) => url === '/events')).toBe(true);
    send(0, 300);
    await openRow('/events', /Messages/);
    await expect.poll(() => inSight(newest('event-299.')), PATIENCE).toBe(true);
    // More than the page holds at once.
    for (let from = 300; from < 1_500; from += 300) {
      send(from, from + 300);
      await expect.poll(() => inSight(newest(`event-${from + 299}.`)), PATIENCE).toBe(true);
    }
    await page.locator('.detail-body').hover();
    // Where it gets to takes several frames.
    await page.evaluate(
      "void (globalThis.scrolled = new Promise((end) => document.querySelector('.detail-body').addEventListener('scrollend', end, { once: true })))",
    );
    await page.mouse.wheel(0, -2_000);
    await page.evaluate('scrolled.then(() => {})');
    const below = await page.evaluate<number>(
      "(({ scrollTop, scrollHeight, clientHeight }) => scrollHeight - scrollTop - clientHeight)(document.querySelector('.detail-body'))",
    );
    expect(below).toBeGreaterThan(1_000);
    const top = await page.evaluate("document.querySelector('.detail-body').scrollTop");
    send(1_500, 2_200);
    const later = page.getByRole('button', { name: /newer messages?$/ });
    await later.waitFor();
    expect(await page.evaluate("document.querySelector('.detail-body').scrollTop")).toBe(top);
    await later.click();
    await expect.poll(() => inSight(newest('event-2199.')), PATIENCE).toBe(true);
    // The row follows once a second, in the list as well.
    await expect
      .poll(() => page.locator('.row').filter({ hasText: '/events' }).locator('.cell-path').textContent(), PATIENCE)
      .toContain('2,201 messages');
    await origin.close();
    await curl;
    await page.locator('.row').filter({ hasText: '2,201 messages' }).waitFor();
  });

  test('a filter that a breakpoint cannot have stays to be mended', async () => {
    await go('#/breakpoints');
    const filter = page.getByLabel('Filter of the breakpoint');
    await filter.fill('time:>3s');
    await button('Add').click();
    await page.getByText(/is known only once an exchange has ended/).waitFor();
    expect(await filter.inputValue()).toBe('time:>3s');
    await filter.fill('path:/here');
    await button('Add').click();
    await page.getByLabel('path:/here: on').waitFor();
    await expect.poll(() => filter.inputValue()).toBe('');
  });

  test('beside a question that cannot be answered stands no answer to another one', async () => {
    await go('#/policy');
    await page.getByRole('textbox', { name: 'URL' }).fill('http://example.com/');
    await button('Explain').click();
    await page.locator('.verdict-line').waitFor();
    await page.getByRole('textbox', { name: 'URL' }).fill('not a url');
    await button('Explain').click();
    await page.locator('.problem').waitFor();
    expect(await page.locator('.verdict-line').count()).toBe(0);
  });

  async function inSight(element: ReturnType<Page['locator']>): Promise<boolean> {
    if ((await element.count()) === 0) return false;
    const [box, frame] = await Promise.all([element.boundingBox(), page.locator('.detail-body').boundingBox()]);
    return box !== null && frame !== null && box.y >= frame.y && box.y + box.height <= frame.y + frame.height;
  }
});

/** Answers of its own before those of the site. */
function oddly(respond: RequestListener): RequestListener {
  return (request, response) => {
    const answer = ODD[request.url ?? ''];
    if (answer === undefined) respond(request, response);
    else response.writeHead(200, answer.fields).end(answer.content);
  };
}

const root = path.join(import.meta.dirname, '../..');
const LONG_NAME = `x-${'a-name-without-end-'.repeat(12)}of-a-field`;
const ODD: Readonly<Record<string, { readonly fields: Readonly<Record<string, string>>; readonly content: string }>> = {
  '/long-name': { fields: { 'content-type': 'text/plain', [LONG_NAME]: 'and a value that is to be read' }, content: 'text' },
  // Without Content-Length: that it is empty is known at its end only.
  '/empty': { fields: { 'content-type': 'text/plain' }, content: '' },
  '/drawing.svg': {
    fields: { 'content-type': 'image/svg+xml' },
    content: '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>',
  },
};
const DESKTOP = { width: 1280, height: 800 };
const PATIENCE = { timeout: 20_000 };
