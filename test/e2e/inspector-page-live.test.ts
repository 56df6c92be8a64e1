// The inspector as its user has it: a proxy, an origin behind it, clients in front of it, and the page in Chromium. What is done on the page is seen at
// the origin and by the client; what they do is seen on the page.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { RECORD_DEFAULTS } from '../../src/flows/options.ts';
import { inMemory } from '../support/cached.ts';
import { launchChromium, through } from '../support/launch-chromium.ts';
import { type OpeningProxy, startOpeningProxy } from '../support/opened-tunnels.ts';
import { describeWith, run } from '../support/programs.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['chromium', 'curl', 'openssl'], 'The inspector of a running proxy', () => {
  const folder = temporaryFolder(afterAll);
  const ca = createTemporaryCa(folder);
  const bodies: string[] = [];
  let plain: WebOrigin;
  let secure: WebOrigin;
  let proxy: OpeningProxy;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    expect(spawnSync(process.execPath, [path.join(root, '.config/ensure-page.cjs')], { encoding: 'utf8' }).stderr).toBe('');
    plain = await startWebOrigin((request, response) => {
      let body = '';
      request.on('data', (bytes) => (body += bytes));
      request.on('end', () => {
        bodies.push(`${request.method} ${request.url} ${body}`);
        response.setHeader('Cache-Control', request.url === '/kept' ? 'max-age=600' : 'no-store');
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ path: request.url, body, markup: '<img src=x onerror=alert(1)>' }));
      });
    });
    new WebSocketServer({ server: plain.server }).on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}!`)));
    secure = await startWebOrigin((_, response) => response.end('from inside'), ca.issue('localhost'));
    proxy = await startOpeningProxy(folder, ca, {
      rules: `  - name: Inside\n    intercept: { host: localhost }\n  - name: Loopback\n    allow: { host: 127.0.0.1 }\n`,
      config: {
        ...{ stateFolder: folder, record: RECORD_DEFAULTS, cache: inMemory(), admin: { host: '127.0.0.1', port: 0 } },
        rewrite: { file: path.join(folder, 'rewrite.yaml'), isNamed: false },
      },
    });
    browser = await launchChromium(null);
  });
  afterAll(async () => {
    await browser.close();
    await proxy.close();
    await Promise.all([plain.close(), secure.close()]);
  });

  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(proxy.running.newInspectorLink()!);
    await page
      .getByText(/exchanges?$/)
      .first()
      .waitFor();
  });
  afterEach(() => context.close());

  /** @returns what curl printed: content and status */
  async function curl(url: string, ...words: readonly string[]): Promise<string> {
    const { out } = await run('curl', [
      '-s',
      '--noproxy',
      '',
      '--proxy',
      proxy.url,
      '--cacert',
      proxy.authorityFile,
      '-w',
      ' %{http_code}',
      ...words,
      url,
    ]);
    return out.toString('utf8');
  }

  const row = (text: string) => page.locator('.row').filter({ hasText: text }).last();
  const tab = (name: string) => page.getByRole('tab', { name });
  const go = (fragment: string) => page.evaluate(`location.hash = '${fragment}'`);

  test('an exchange shows up as it happens, with what became of its fields and why', async () => {
    await curl(`${plain.url}/first`, '-H', 'Authorization: Bearer secret');
    await row('/first').click();
    await page.getByText('<img src=x onerror=alert(1)>').waitFor();
    await tab('Request').click();
    await page.getByRole('button', { name: /masked/ }).waitFor();
    await page.getByRole('row', { name: /Added by the proxy Via/ }).waitFor();
    await tab('Why').click();
    await page.getByText("Allowed by rule 'Loopback'").waitFor();
    expect(await page.locator('.rule-steps').textContent()).toContain('policy.yaml:');
  });

  test('an opened tunnel shows what went through it, and the certificate of the origin', async () => {
    expect(await curl(`${secure.url}/inside`)).toBe('from inside 200');
    await row('/inside').click();
    await page.getByText('from inside').waitFor();
    await tab('TLS').click();
    await page.getByText('TLSv1.3').waitFor();
    await page.locator('.chain').getByText('localhost').first().waitFor();
  });

  test('a request is replayed, and edited and sent again: the origin gets both', async () => {
    await curl(`${plain.url}/again`, '-d', 'one');
    await row('/again').click();
    await page.keyboard.press('r');
    await page.getByText(/^Replayed as/).waitFor();
    await page.keyboard.press('e');
    await page.getByLabel('Content', { exact: true }).fill('two');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText(/^Sent as/).waitFor();
    await expect
      .poll(() => bodies.filter((body) => body.includes('/again')))
      .toEqual(['POST /again one', 'POST /again one', 'POST /again two']);
  });

  test('two clicks make a rule of an exchange, which tells whom it touched and can be switched off', async () => {
    await curl(`${plain.url}/ruled`);
    await row('/ruled').click();
    await page.getByRole('button', { name: 'Rule', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Block' }).click();
    await page.getByText(/holds from now on/).waitFor();
    expect(await curl(`${plain.url}/ruled`)).toContain('403');
    await go('#/rules');
    await page.getByText('touched 1').waitFor();
    await page.getByRole('checkbox').click();
    await page.locator('.rewrite-rule.is-off').waitFor();
    expect(await curl(`${plain.url}/ruled`)).toContain('200');
  });

  test('a breakpoint holds a request until it is edited and sent on', async () => {
    await go('#/breakpoints');
    await page.getByLabel('Filter of the breakpoint').fill('path:/held');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByLabel('path:/held: on').waitFor();
    const answered = curl(`${plain.url}/held`, '-d', 'as it came');
    await page.getByLabel('Content', { exact: true }).fill('as it went');
    await page.getByRole('button', { name: 'Continue as edited' }).click();
    expect(await answered).toContain('as it went');
    await page.getByRole('button', { name: 'Remove path:/held' }).click();
  });

  test('what was denied can be allowed by lines to paste, and nothing changes by itself', async () => {
    expect(await curl('http://denied.example/')).toContain('403');
    await row('denied.example').click();
    await page.getByRole('button', { name: 'Allow this host' }).click();
    await page.locator('pre').filter({ hasText: 'expect: allow' }).waitFor();
    expect(await curl('http://denied.example/')).toContain('403');
  });

  test('the cache shows what it has, why it would answer, and forgets it', async () => {
    await curl(`${plain.url}/kept`);
    await curl(`${plain.url}/kept`);
    await row('/kept').getByText('Cache hit').waitFor({ state: 'attached' });
    await go('#/cache');
    await page.getByRole('textbox', { name: 'URL' }).fill(`${plain.url}/kept`);
    await page.getByRole('button', { name: 'Why' }).click();
    await page.getByText(/it is fresh/).waitFor();
    await page.getByRole('button', { name: `Forget ${plain.url}/kept` }).click();
    await page.getByText('Nothing is stored yet.').waitFor();
  });

  test('messages of a WebSocket are shown while it is open', async () => {
    const client = await browser.newPage({ proxy: through(proxy.url) });
    const site = `localhost:${plain.port}`;
    await client.goto(`http://${site}/page`);
    await client.evaluate(
      `new Promise((done) => { window.socket = new WebSocket('ws://${site}/live'); socket.onopen = () => done(socket.send('first')); })`,
    );
    await row('/live').click();
    await tab('Messages').click();
    await page.getByText('first!', { exact: true }).waitFor();
    await client.evaluate("socket.send('second')");
    await page.getByText('second!', { exact: true }).waitFor();
    await client.close();
  });

  test('the policy tells how often each rule decided, and what would become of a request', async () => {
    await go('#/policy');
    await page.locator('.rule-table').getByText('Loopback', { exact: true }).waitFor();
    await page.getByRole('textbox', { name: 'URL' }).fill('http://denied.example/');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByText(/denied by the default/).waitFor();
  });
});

const root = path.join(import.meta.dirname, '../..');
