// A rule from an exchange, in two clicks on the inspector's page in Chromium: each kind of them then acts on what passes, as curl and the site see it, and
// the page leads from the rule to the exchanges that it touched.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from '../support/launch-chromium.ts';
import { describeWith, run } from '../support/programs.ts';
import { type ProxyProcess, runRecordingProxy } from '../support/run-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['chromium', 'curl'], 'A rule from an exchange', () => {
  const folder = temporaryFolder(afterAll);
  const stateFolder = path.join(folder, 'state');
  let site: WebOrigin;
  let other: WebOrigin;
  let proxy: ProxyProcess;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    expect(spawnSync(process.execPath, [path.join(root, '.config/ensure-page.cjs')], { encoding: 'utf8' }).stderr).toBe('');
    const answers = (name: string) => (_: unknown, response: import('node:http').ServerResponse) =>
      response.setHeader('Content-Type', 'text/plain').setHeader('Cache-Control', 'max-age=0').end(name);
    [site, other] = await Promise.all([startWebOrigin(answers('the site')), startWebOrigin(answers('another'))]);
    mkdirSync(stateFolder, { mode: 0o700 });
    const config = path.join(folder, 'sallyport.yaml');
    writeFileSync(config, '{ cache: off }');
    proxy = await runRecordingProxy(stateFolder, '--config', config);
    browser = await launchChromium(null);
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(30_000);
    await page.goto(/inspector +(http:\S+#open=\S+)/.exec(proxy.said)![1]!);
  });
  afterAll(async () => {
    await browser.close();
    await proxy.stop();
    await Promise.all([site.close(), other.close()]);
  });

  const go = (fragment: string) => page.evaluate(`location.hash = '${fragment}'`);
  const row = (text: string) => page.locator('.row').filter({ hasText: text }).last();
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const card = (place: string) => page.locator('.rewrite-rule').filter({ hasText: place }).first();
  /** How often the site was asked for it. */
  const asked = (place: string) => site.requests.filter(({ url }) => url === place).length;

  interface Answered {
    readonly content: string;
    readonly status: string;
    readonly seconds: number;
    readonly cacheControl: string;
  }

  async function curl(place: string): Promise<Answered> {
    const format = '|%{http_code}|%{time_total}|%header{cache-control}';
    const words = ['-s', '--noproxy', '', '--proxy', proxy.url, '-w', format, `${site.url}${place}`];
    const [content = '', status = '', seconds = '', cacheControl = ''] = (await run('curl', words)).out.toString('utf8').split('|');
    return { content, status, seconds: Number(seconds), cacheControl };
  }

  /** What passes first makes the exchange; two clicks make the rule of it. */
  async function ruleFor(place: string, label: string): Promise<void> {
    await chooseRule(place, label);
    await heard(place);
  }

  async function chooseRule(place: string, label: string): Promise<void> {
    expect((await curl(place)).content).toBe('the site');
    await go('#/traffic');
    await row(place).click();
    await page.locator('.detail-head').getByText(place).waitFor();
    await button('Rule').click();
    await page.getByRole('menuitem', { name: label, exact: true }).click();
  }

  async function heard(place: string): Promise<void> {
    await page.locator('.notice').filter({ hasText: place }).getByText('holds from now on').waitFor();
  }

  /** From the rule's card, which counts by itself, to the one exchange that it touched, and what was done to that. */
  async function touched(place: string, change: RegExp): Promise<void> {
    await go('#/rules');
    await card(place).getByRole('button', { name: 'touched 1' }).click();
    await expect.poll(() => page.locator('.row').count()).toBe(1);
    await row(place).click();
    await page.getByRole('tab', { name: 'Changes' }).click();
    await page.locator('.detail-body').getByText(change).first().waitFor();
    await page.getByRole('button', { name: 'Clear the filter' }).click();
  }

  test('answers with a local file, which begins as what passed and is whatever it is edited to', async () => {
    await ruleFor('/local', 'Answer with a local file');
    const [file] = readdirSync(stateFolder, { recursive: true, encoding: 'utf8' }).filter((name) => /local\.txt$/.test(name));
    writeFileSync(path.join(stateFolder, file!), 'edited in an editor');
    expect(await curl('/local')).toMatchObject({ status: '200', content: 'edited in an editor' });
    expect(asked('/local')).toBe(1);
    await touched('/local', /map local|local/i);
  });

  test('sends to another server, the one that somebody names', async () => {
    await chooseRule('/remote', 'Send to another server …');
    await page.getByLabel('URL of the server').fill(other.url);
    await page.keyboard.press('Enter');
    await heard('/remote');
    expect((await curl('/remote')).content).toBe('another');
    expect(other.requests.map(({ url }) => url)).toEqual(['/remote']);
    await touched('/remote', /remote/i);
  });

  test('answers in the place of the site, with what is written in the rule', async () => {
    await ruleFor('/mock', 'Answer with a status');
    expect(await curl('/mock')).toMatchObject({ status: '200', content: 'the site' });
    expect(asked('/mock')).toBe(1);
    await touched('/mock', /answer/i);
  });

  test('blocks', async () => {
    await ruleFor('/blocked', 'Block');
    expect((await curl('/blocked')).status).toBe('403');
    expect(asked('/blocked')).toBe(1);
    await touched('/blocked', /Block/);
  });

  test('sets fields of the request and of the response', async () => {
    await ruleFor('/fields', 'Set fields');
    expect((await curl('/fields')).cacheControl).toBe('no-store');
    expect(site.requests.findLast(({ url }) => url === '/fields')?.headers['x-debug']).toBe('1');
    await touched('/fields', /X-Debug|set/i);
  });

  test('delays, and slows down to the latency of a mobile network', async () => {
    await ruleFor('/delayed', 'Delay');
    await ruleFor('/throttled', 'Throttle to 3G');
    const [delayed, throttled] = await Promise.all([curl('/delayed'), curl('/throttled')]);
    expect(delayed.seconds).toBeGreaterThanOrEqual(2);
    expect(throttled.seconds).toBeGreaterThanOrEqual(0.15);
    expect(throttled.content).toBe('the site');
    await touched('/delayed', /delay/i);
    await touched('/throttled', /throttle/i);
  });

  test('resets the connection', async () => {
    await ruleFor('/reset', 'Reset the connection');
    expect((await curl('/reset')).status).toBe('000');
    expect(asked('/reset')).toBe(1);
    await touched('/reset', /reset|fail/i);
  });
});

const root = path.join(import.meta.dirname, '../..');
