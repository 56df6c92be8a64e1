// What somebody does on the inspector's page, in Chromium, with the proxy as its users start it and sites behind it: what the page says is what curl and
// the site have seen, and what is done on the page reaches them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { HAR } from '../support/har-schema.ts';
import { createInspectedSite } from '../support/inspected-site.ts';
import { launchChromium, through } from '../support/launch-chromium.ts';
import { describeWith, run, succeed } from '../support/programs.ts';
import { type ProxyProcess, runRecordingProxy } from '../support/run-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const POLICY = `version: 1
default: deny
connect_ports: any
rules:
  - name: Secrets
    deny: { host: 127.0.0.1, path: /secret/* }
  - name: Opened
    intercept: { host: localhost }
  - name: Own machine
    allow: { host: 127.0.0.1 }
  - name: Never asked for
    allow: { host: never.example }
tests:
  - request: GET http://127.0.0.1/secret/a
    expect: deny
`;

describeWith(['chromium', 'curl', 'openssl'], 'The inspector, used by a person', () => {
  const folder = temporaryFolder(afterAll);
  const ca = createTemporaryCa(folder);
  const site = createInspectedSite();
  const policyFile = path.join(folder, 'policy.yaml');
  const stateFolder = path.join(folder, 'state');
  let plain: WebOrigin;
  let secure: WebOrigin;
  let proxy: ProxyProcess;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    expect(spawnSync(process.execPath, [path.join(root, '.config/ensure-page.cjs')], { encoding: 'utf8' }).stderr).toBe('');
    plain = await startWebOrigin(site.respond);
    site.answerOn(plain.server);
    secure = await startWebOrigin(site.respond, ca.issue('localhost'));
    writeFileSync(policyFile, POLICY);
    const config = path.join(folder, 'sallyport.yaml');
    mkdirSync(stateFolder, { mode: 0o700 });
    writeFileSync(config, JSON.stringify({ tls: { roots: ca.certFile, ca_dir: path.join(folder, 'authority') } }));
    proxy = await runRecordingProxy(stateFolder, '--config', config, '--policy', policyFile);
    browser = await launchChromium(null);
    context = await browser.newContext({ viewport: DESKTOP, permissions: ['clipboard-read', 'clipboard-write'] });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
  });
  afterAll(async () => {
    await browser.close();
    await proxy.stop();
    await Promise.all([plain.close(), secure.close()]);
  });
  beforeEach(async () => {
    if (!page.url().startsWith('http')) return;
    await go('#/traffic');
    await filter().fill('');
    await page.locator('#traffic-list').focus();
  });

  const go = (fragment: string) => page.evaluate(`location.hash = '${fragment}'`);
  const row = (text: string) => page.locator('.row').filter({ hasText: text }).last();
  const tab = (name: string) => page.getByRole('tab', { name });
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const says = (text: string | RegExp) => page.getByText(text).first().waitFor();
  const copied = () => page.evaluate<string>('navigator.clipboard.readText()');
  const filter = () => page.getByRole('combobox', { name: 'Filter' });

  /** @returns what curl printed: content and status */
  async function curl(url: string, ...words: readonly string[]): Promise<string> {
    const authority = path.join(folder, 'authority/ca.crt');
    const own = ['-s', '--noproxy', '', '--proxy', proxy.url, '--cacert', authority, '-w', ' %{http_code}'];
    return (await run('curl', [...own, ...words, url])).out.toString('utf8');
  }

  /** Of the command line, about this proxy. */
  async function sallyport(...words: readonly string[]): Promise<string> {
    const env = { SALLYPORT_STATE_DIR: stateFolder };
    return (await succeed(process.execPath, [path.join(root, 'src/bin.cjs'), ...words], { env })).toString('utf8');
  }

  /** Looks for it with the filter, and opens the newest, which has ended unless it goes on for as long as somebody wants. */
  async function openRow(text: string, { goesOn = false } = {}): Promise<void> {
    await filter().fill(text);
    const shown = () => page.locator('.row').allTextContents();
    await expect.poll(async () => (await shown()).map((each) => each.includes(text))).toSatisfy(isAllTrue);
    await row(text).click();
    const head = page.locator('.detail-head');
    await head.getByText(text).waitFor();
    if (!goesOn) await head.getByText('Under way').waitFor({ state: 'detached' });
  }

  /** Curl has ended before its exchange is listed. */
  async function listed(text: string, count: number): Promise<void> {
    await expect.poll(() => page.locator('.row').filter({ hasText: text }).count()).toBe(count);
  }

  /** What was decided on has gone from the page, which hears of it later than the client. */
  async function nothingHeld(): Promise<void> {
    await page.locator('.section').getByText('Nothing. What matches a breakpoint').waitFor();
  }

  test('without a link the page says how to get one; the printed link signs in, once', async () => {
    const link = /inspector +(http:\S+#open=\S+)/.exec(proxy.said)![1]!;
    await page.goto(new URL('/', link).href);
    await says('This inspector opens with a link');
    expect(await page.locator('.command-line code').textContent()).toBe('sallyport inspector');
    // A fragment alone would load nothing.
    await page.goto('about:blank');
    await page.goto(link);
    await says('Waiting for the first request');
    expect(page.url()).not.toContain('open=');
    const other = await browser.newContext();
    const stranger = await other.newPage();
    await stranger.goto(link);
    await stranger.getByText('This link was used already').waitFor();
    await stranger.goto('about:blank');
    await stranger.goto((await sallyport('inspector')).trim());
    await stranger.getByText('Waiting for the first request').waitFor();
    await other.close();
  });

  test('what passes appears by itself; headers show what the proxy did to them, and JSON is laid out', async () => {
    await curl(`${plain.url}/json?token=of-the-query`, '-H', 'Authorization: Bearer of-the-client', '-H', 'X-Mine: 1');
    await row('/json').waitFor();
    await row('/json').click();
    await page.locator('.json').getByText('"Tea cup"').waitFor();
    await tab('Request').click();
    await page.getByRole('row', { name: /Added by the proxy Via/ }).waitFor();
    await tab('Response').click();
    await button('Hex').click();
    await page.locator('.hex').getByText('1f 8b').waitFor();
  });

  test('secrets are masked until somebody asks for one', async () => {
    await openRow('/json');
    await tab('Request').click();
    expect(await page.locator('.page').textContent()).not.toMatch(/of-the-(?:client|query)/);
    await page
      .getByRole('button', { name: /masked/ })
      .first()
      .click();
    await says('Bearer of-the-client');
  });

  test('a picture is shown as one', async () => {
    await curl(`${plain.url}/picture.png`, '-o', '/dev/null');
    await openRow('/picture.png');
    await tab('Response').click();
    await says('64 × 64');
  });

  test('the filter leaves what matches, completes words, and points at the column of a mistake', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('is:hi');
    await page.getByRole('option', { name: /^hit/ }).waitFor();
    await filter().fill('~d 127.0.0.1 & ~m GET & path:/picture');
    await row('/picture.png').waitFor();
    await row('/json').waitFor({ state: 'detached' });
    await filter().fill('status:200 & (is:hit');
    await says(/^Column \d+: /);
    await filter().fill('body:"Tea cup"');
    await row('/json').waitFor();
    await row('/picture.png').waitFor({ state: 'detached' });
    await button('Clear the filter').click();
    await row('/picture.png').waitFor();
  });

  test('the keyboard alone goes through the list, into an exchange, over its tabs and back', async () => {
    await page.locator('#traffic-list').focus();
    for (const key of ['Home', 'j', 'k', 'Enter']) await page.keyboard.press(key);
    await tab('Response').waitFor();
    const chosen = () => page.locator('[role=tab][aria-selected=true]').textContent();
    const before = await chosen();
    await page.keyboard.press(']');
    await expect.poll(chosen).not.toBe(before);
    await page.keyboard.press('Escape');
    await tab('Response').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await says('Copy as curl');
    await page.getByRole('button', { name: 'status:404 | status:410' }).press('Enter');
    await expect.poll(() => filter().inputValue()).toBe('status:404 | status:410');
    await page.keyboard.press('3');
    await says('What would become of a request?');
  });

  test('Why tells of a denied, a cached, a forwarded and a failed exchange who decided, and where that is written', async () => {
    await curl(`${plain.url}/secret/plan`);
    await curl(`${plain.url}/kept`);
    await curl(`${plain.url}/kept`);
    await curl(`${plain.url}/broken`);
    await listed('/kept', 2);
    await openRow('/secret/plan');
    await tab('Why').click();
    const story = page.locator('.why');
    await story.getByText("Denied by rule 'Secrets'").waitFor();
    expect(await page.locator('.rule-steps').textContent()).toContain('policy.yaml:5');
    await openRow('/kept');
    await story
      .getByText(/RFC 9111/)
      .first()
      .waitFor();
    await openRow('/json');
    await story.getByText("Allowed by rule 'Own machine'").waitFor();
    await openRow('/broken');
    await story
      .getByText(/closed|broke/)
      .first()
      .waitFor();
    await tab('Timing').click();
    await says('Total');
    await openRow('/json');
    await says('Connection');
  });

  test('of what could not be understood there is what came, and nothing is offered that takes a URL', async () => {
    await curl(`${proxy.url}/not-for-a-proxy`, '--proxy', '');
    await filter().fill('error:http_request_error');
    await row('(not understood)').click();
    await tab('Request').click();
    await says('GET /not-for-a-proxy HTTP/1.1');
    await button('Copy').click();
    expect(await page.getByRole('menuitem').allTextContents()).toEqual(['Copy the raw request', 'Copy the raw response']);
    await page.keyboard.press('Escape');
    expect(await button('Replay').count()).toBe(0);
    await go('#/overview');
    await says('no host');
  });

  test('of an opened tunnel there is what went through it, and the chain of certificates', async () => {
    expect(await curl(`${secure.url}/inside`, '-d', 'one')).toBe('/inside: one 200');
    await openRow('/inside');
    await tab('TLS').click();
    await page.locator('.chain').getByText('Sallyport test CA').first().waitFor();
    await page.locator('.chain summary').first().click();
    await tab('Why').click();
    await says(/Rules, in their order/);
  });

  test('messages of a WebSocket and events of a stream are there while they come', async () => {
    const client = await browser.newPage({ proxy: through(proxy.url) });
    // Chromium takes a tunnel for a WebSocket; the policy opens those to this name.
    await client.goto(`http://localhost:${plain.port}/page`);
    await client.evaluate(`new Promise((open) => {
      window.socket = new WebSocket('ws://localhost:${plain.port}/chat');
      socket.onopen = () => open(socket.send('{"say":"hello"}'));
    })`);
    await openRow('/chat');
    await tab('Messages').click();
    await says('{"say":"hello"}!');
    await client.evaluate("socket.send('and more')");
    await says('and more!');
    await client.evaluate("void (window.source = new EventSource('/events'))");
    await openRow('/events', { goesOn: true });
    await tab('Messages').click();
    await says('the first');
    site.sendEvent('the second');
    await says('the second');
    await client.close();
  });

  test('two exchanges are laid beside each other', async () => {
    await curl(`${plain.url}/order`, '-d', 'two cups');
    await row('/order').waitFor();
    await curl(`${plain.url}/order`, '-d', 'three cups');
    const orders = page.locator('.row').filter({ hasText: '/order' });
    await expect.poll(() => orders.count()).toBe(2);
    await orders.nth(0).click();
    await orders.nth(1).click({ modifiers: ['Control'] });
    await page.keyboard.press('d');
    const dialog = page.getByRole('dialog');
    const sides = async () =>
      Promise.all(['two cups', 'three cups'].map(async (text) => (await dialog.getByRole('cell', { name: text }).first().boundingBox())!));
    await expect.poll(sides).toSatisfy(([left, right]: Box[]) => left!.y === right!.y && left!.x + left!.width === right!.x);
    await page.setViewportSize({ width: 390, height: 844 });
    await expect.poll(sides).toSatisfy(([above, below]: Box[]) => above!.x === below!.x && above!.y + above!.height === below!.y);
    await page.setViewportSize(DESKTOP);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
  });

  test('a request is sent again as it was, and edited: the site gets both', async () => {
    await openRow('/order');
    await page.keyboard.press('r');
    await says(/^Replayed as/);
    await expect.poll(() => site.echoed.filter((each) => each === 'POST /order three cups').length).toBe(2);
    await openRow('/order');
    await page.keyboard.press('e');
    await page.getByLabel('URL', { exact: true }).fill(`${plain.url}/order?edited`);
    await page.getByLabel('Content', { exact: true }).fill('four cups');
    await button('Send').click();
    await says(/^Sent as/);
    await expect.poll(() => site.echoed).toContain('POST /order?edited four cups');
  });

  test('a request copied as curl works in a shell', async () => {
    await openRow('?edited');
    await page.keyboard.press('c');
    await says('Copied it as a curl command.');
    const before = site.echoed.length;
    await succeed('bash', ['-c', await copied()]);
    expect(site.echoed.slice(before)).toEqual(['POST /order?edited four cups']);
    await button('Copy').click();
    await page.getByRole('menuitem', { name: 'Copy as Python' }).click();
    await expect.poll(copied).toContain('import requests');
    await button('Copy').click();
    await page.getByRole('menuitem', { name: 'Copy the raw request' }).click();
    await expect.poll(copied).toMatch(/^POST \S+\/order\?edited HTTP\/1\.1\r\n(?:\S+: .*\r\n)+\r\nfour cups$/);
  });

  test('content is saved as the octets that it is', async () => {
    await openRow('/picture.png');
    const downloading = page.waitForEvent('download');
    await button('Save').click();
    const download = await downloading;
    expect(download.suggestedFilename()).toMatch(/\.png$/);
    expect(
      readFileSync(await download.path())
        .subarray(1, 4)
        .toString('latin1'),
    ).toBe('PNG');
    await openRow('/json');
    const unpacking = page.waitForEvent('download');
    await button('Save').click();
    const plain = await (await unpacking).path();
    expect(JSON.parse(readFileSync(plain, 'utf8'))).toMatchObject({ order: 4711 });
  });

  test('two clicks make a rule of an exchange; it acts, and says which exchanges it touched', async () => {
    await openRow('/order');
    // By keyboard a press has no place of its own; the menu is at the button all the same.
    await button('Rule').press('Enter');
    const [at, menu] = await Promise.all([button('Rule').boundingBox(), page.getByRole('menu').boundingBox()]);
    expect(Math.abs(at!.x - menu!.x)).toBeLessThan(2);
    await page.getByRole('menuitem', { name: 'Block' }).click();
    await says(/holds from now on/);
    expect(await curl(`${plain.url}/order`, '-d', 'blocked')).toContain(' 403');
    await go('#/rules');
    await button('touched 1').waitFor();
    await button('touched 1').click();
    await listed('/order', 1);
    await row('/order').click();
    await tab('Changes').click();
    await page.locator('.detail').getByText('Block').first().waitFor();
    await go('#/rules');
    await page.getByRole('checkbox').first().click();
    await page.locator('.rewrite-rule.is-off').waitFor();
    expect(await curl(`${plain.url}/order`, '-d', 'again')).toContain(' 200');
    await go('#/traffic');
    await button('Clear the filter').click();
  });

  test('what stops at a breakpoint is edited, let go, answered or dropped', async () => {
    await go('#/breakpoints');
    await page.getByLabel('Filter of the breakpoint').fill('path:/held');
    await button('Add').click();
    await page.getByLabel('path:/held: on').waitFor();
    const held = (content: string) => curl(`${plain.url}/held`, '-d', content);
    const edited = held('as it came');
    await page.getByLabel('Content', { exact: true }).fill('as it went');
    await button('Continue as edited').click();
    expect(await edited).toBe('/held: as it went 200');
    await nothingHeld();
    const continued = held('untouched');
    await button('Continue').click();
    expect(await continued).toBe('/held: untouched 200');
    await nothingHeld();
    const secret = curl(`${plain.url}/held`, '-H', 'Cookie: sid=of-the-client', '-d', 'with a secret');
    const fields = page.getByLabel('Fields, one a line');
    await expect.poll(() => fields.inputValue()).toContain('sid=‹masked 13 octets›');
    await button('Show them').click();
    await expect.poll(() => fields.inputValue()).toContain('sid=of-the-client');
    await button('Continue').click();
    expect(await secret).toBe('/held: with a secret 200');
    await nothingHeld();
    const answered = held('not seen');
    await button('Answer …').click();
    await page.getByLabel('Status').fill('418');
    await page.getByLabel('Content', { exact: true }).fill('from the inspector');
    await button('Answer with this').click();
    expect(await answered).toBe('from the inspector 418');
    await nothingHeld();
    const dropped = held('not seen');
    await button('Drop').click();
    expect(await dropped).toBe(' 000');
    await nothingHeld();
    await page.getByLabel('Where it stops').selectOption('response');
    await page.getByLabel('Filter of the breakpoint').fill('path:/changed');
    await button('Add').click();
    await page.getByLabel('path:/changed: on').waitFor();
    const changed = curl(`${plain.url}/changed`);
    await page.getByLabel('Status').fill('404');
    await page.getByLabel('Content', { exact: true }).fill('other words');
    await button('Continue as edited').click();
    expect(await changed).toBe('other words 404');
    await button('Remove path:/changed').click();
    await page.getByLabel('path:/changed: on').waitFor({ state: 'detached' });
    await button('Remove path:/held').click();
    await page.getByLabel('path:/held: on').waitFor({ state: 'detached' });
    expect(site.echoed.filter((each) => each.includes('not seen'))).toEqual([]);
  });

  test('a message of a WebSocket stops at a breakpoint and is edited', async () => {
    await go('#/breakpoints');
    await page.getByLabel('Where it stops').selectOption('message');
    await page.getByLabel('Filter of the breakpoint').fill('path:/edited');
    await button('Add').click();
    await page.getByLabel('path:/edited: on').waitFor();
    const client = await browser.newPage({ proxy: through(proxy.url) });
    await client.goto(`http://localhost:${plain.port}/page`);
    const answer = client.evaluate<string>(`new Promise((came) => {
      window.socket = new WebSocket('ws://localhost:${plain.port}/edited');
      socket.onopen = () => socket.send('as it was typed');
      socket.onmessage = ({ data }) => came(data);
    })`);
    await page.getByLabel('Content', { exact: true }).fill('as it was edited');
    await button('Continue as edited').click();
    // The answer to it stops as well, and stands where the message stood.
    await expect.poll(() => page.getByLabel('Content', { exact: true }).inputValue()).toBe('as it was edited!');
    await button('Continue').click();
    expect(await answer).toBe('as it was edited!');
    await button('Remove path:/edited').click();
    await page.getByLabel('path:/edited: on').waitFor({ state: 'detached' });
    await client.close();
  });

  test('Allow this host gives lines which, pasted, the policy and its tests accept; nothing is loosened by itself', async () => {
    expect(await curl('http://blocked.example/a')).toContain(' 403');
    await openRow('blocked.example');
    await button('Allow this host …').click();
    const lines = page.locator('.lines');
    await lines.getByText('expect: allow').waitFor();
    await lines.nth(0).getByRole('button', { name: 'Copy' }).click();
    await expect.poll(copied).toContain('allow:');
    const rule = await copied();
    await lines.nth(1).getByRole('button', { name: 'Copy' }).click();
    await expect.poll(copied).toContain('expect:');
    const pasted = path.join(folder, 'pasted.yaml');
    writeFileSync(pasted, POLICY.replace('rules:\n', `rules:\n${rule}`).concat(await copied()));
    expect(await sallyport('policy', 'test', pasted)).toMatch(/2 (?:tests? )?pass/i);
    expect(readFileSync(policyFile, 'utf8')).toBe(POLICY);
    await page.keyboard.press('Escape');
  });

  test('the policy page counts hits, shows rules that never had one, and explains a request that nobody has made', async () => {
    await go('#/policy');
    await page.locator('tr.is-never').getByText('Never asked for', { exact: true }).waitFor();
    await page.getByRole('textbox', { name: 'URL' }).fill(`${plain.url}/secret/x`);
    await button('Explain').click();
    await says(/denied by rule 'Secrets'/i);
  });

  test('the cache page shows what is stored, why it would answer, and forgets it', async () => {
    await go('#/cache');
    await page.getByRole('textbox', { name: 'URL' }).fill(`${plain.url}/kept`);
    await button('Why').click();
    await says(/it is fresh/);
    await page.getByRole('button', { name: `${plain.url}/kept`, exact: true }).click();
    await page
      .locator('.entry-detail')
      .getByText(/age \d+ s = .*fresh for/)
      .waitFor();
    await button(`Forget ${plain.url}/kept`).click();
    await says('1 stored response forgotten');
    await says('Nothing is stored yet.');
  });

  test('numbers, clients and certificates are there', async () => {
    await go('#/overview');
    await page.locator('.plot svg, .plot canvas').first().waitFor();
    await says('127.0.0.1');
    await go('#/clients');
    await button('127.0.0.1').waitFor();
    await go('#/certificates');
    await says('The CA of this proxy');
    // The platform of whoever looks comes first; what is for another one is a click away.
    await page.getByRole('button', { name: 'Chromium on Linux', pressed: true }).waitFor();
    await button('Windows').click();
    const downloading = page.waitForEvent('download');
    await button('Save sallyport-ca.cer').click();
    const saved = await succeed('openssl', ['x509', '-inform', 'der', '-in', await (await downloading).path(), '-noout', '-subject']);
    expect(saved.toString()).toContain('Sallyport CA');
  });

  test('columns are chosen and ordered by, and the tree of hosts narrows the list', async () => {
    await page.keyboard.press('Escape');
    await button('Columns').click();
    await page.getByRole('menuitemcheckbox', { name: 'Rule' }).click();
    await page.keyboard.press('Escape');
    await page.locator('.cell-rule').getByText('Own machine').first().waitFor();
    await button('Status').click();
    await button('Status').click();
    const first = async () => (await page.locator('.row[aria-rowindex="2"] .cell-status').textContent())?.trim();
    await page.getByRole('columnheader', { name: 'Status' }).and(page.locator('[aria-sort=descending]')).waitFor();
    await page.locator('#traffic-list').press('Home');
    await expect.poll(first).toBe('502');
    await button('Status').click();
    await page.locator('.row .waterfall').first().waitFor();
    await button('Tree of hosts').click();
    await page.locator('.host').filter({ hasText: 'blocked.example' }).click();
    await row('blocked.example').waitFor();
    await row('127.0.0.1').waitFor({ state: 'detached' });
    await page.locator('.host').filter({ hasText: 'All hosts' }).click();
    await button('Tree of hosts').click();
  });

  test('what matches goes out as HAR 1.2 and comes back', async () => {
    await filter().fill('path:/json');
    await row('/json').waitFor();
    await row('/picture.png').waitFor({ state: 'detached' });
    const downloading = page.waitForEvent('download');
    await button('Export and import').click();
    await page.getByRole('menuitem', { name: 'Export what matches as HAR' }).click();
    const file = path.join(folder, 'one.har');
    await (await downloading).saveAs(file);
    const text = readFileSync(file, 'utf8');
    HAR.parse(JSON.parse(text));
    expect(text).not.toMatch(/of-the-(?:client|query|origin)/);
    await button('Clear the filter').click();
    const choosing = page.waitForEvent('filechooser');
    await button('Export and import').click();
    await page.getByRole('menuitem', { name: 'Import a HAR …' }).click();
    await (await choosing).setFiles(file);
    await button('Look at them').click();
    await says('You look at the session');
    await page.locator('.list-foot').getByText('1 exchange', { exact: true }).waitFor();
    await openRow('/json');
    await tab('Response').click();
    await page.locator('.json').getByText('"Tea cup"').waitFor();
  });

  test('what is exported opens in the Network panel of Chromium: each request, JSON, a picture, messages', async () => {
    const har = path.join(folder, 'all.har');
    await sallyport('flows', 'export', '--output', har);
    const { log } = JSON.parse(readFileSync(har, 'utf8')) as { readonly log: { readonly entries: readonly unknown[] } };
    const devtools = await browser.newPage({ viewport: DESKTOP });
    await devtools.goto('devtools://devtools/bundled/devtools_app.html?panel=network');
    await devtools.getByRole('button', { name: 'Import HAR file' }).first().waitFor();
    await devtools.locator('input[type=file]').setInputFiles(har);
    await devtools.getByText(`${log.entries.length} requests`, { exact: true }).waitFor();
    const look = async (name: string, view: string) => {
      await devtools.getByRole('textbox', { name: 'Filter' }).first().fill(name);
      await devtools.locator('td.name-column').filter({ hasText: name }).first().click();
      await devtools.getByRole('tab', { name: view, exact: true }).click();
    };
    await look('json', 'Response');
    await devtools.locator('.cm-content').filter({ hasText: 'Tea cup' }).waitFor();
    await look('picture.png', 'Preview');
    await devtools.locator('.image-view img').waitFor();
    await look('chat', 'Messages');
    await devtools.getByText('and more!', { exact: true }).waitFor();
    await devtools.close();
  });

  test('a session is kept under a name, saved as a file and opened again', async () => {
    await go('#/sessions');
    await button('Keep as …').click();
    await page.getByRole('textbox', { name: 'Name' }).fill('before lunch');
    await button('OK').click();
    await says('Kept as ‘before lunch’.');
    const saved = async (command: string, name: string): Promise<string> => {
      const downloading = page.waitForEvent('download');
      await button('Save before lunch as a file').click();
      await page.getByRole('menuitem', { name: command, exact: true }).click();
      await (await downloading).saveAs(path.join(folder, name));
      return path.join(folder, name);
    };
    expect(unpacked(await saved('Save as a file, secrets included', 'own.sallyport'))).toContain('of-the-client');
    const file = await saved('Save as a file', 'shared.sallyport');
    expect(unpacked(file)).not.toContain('of-the-client');
    const choosing = page.waitForEvent('filechooser');
    await button('Open a file …').click();
    await (await choosing).setFiles(file);
    await says('Imported as ‘shared’.');
    await button('Look at it').last().click();
    await says('You look at the session');
    await row('blocked.example').waitFor();
    await button('Back to what passes now').click();
    await page.getByText('You look at the session').waitFor({ state: 'detached' });
  });

  test.each([
    ['dark', DESKTOP],
    ['light', { width: 390, height: 844 }],
  ] as const)('in %s, on a screen of %j, everything has room', async (colorScheme, viewport) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await curl(`http://${'sub.'.repeat(40)}example/far`);
    await openRow('/far');
    await tab('Why').click();
    await says('is not localhost');
    const wide: string[] = (await page.evaluate<string[]>(TOO_WIDE)).map((what) => `Why of a long name: ${what}`);
    await go('#/traffic');
    await openRow('/json');
    for (const name of ['Request', 'Response', 'Why', 'Timing']) {
      await tab(name).click();
      wide.push(...(await page.evaluate<string[]>(TOO_WIDE)).map((what) => `${name}: ${what}`));
    }
    for (const place of ['overview', 'policy', 'cache', 'rules', 'breakpoints', 'clients', 'certificates', 'sessions']) {
      await go(`#/${place}`);
      await page.locator(`.page-${place} .section, .page-${place} .tile`).first().waitFor();
      wide.push(...(await page.evaluate<string[]>(TOO_WIDE)).map((what) => `${place}: ${what}`));
    }
    expect(wide).toEqual([]);
  });
});

const root = path.join(import.meta.dirname, '../..');

type Box = NonNullable<Awaited<ReturnType<Locator['boundingBox']>>>;

/** And there are some: a list that waits for what it asked for has none. */
function isAllTrue(each: readonly boolean[]): boolean {
  return each.length > 0 && each.every(Boolean);
}

/** A session as one file is packed as a whole. */
function unpacked(file: string): string {
  return gunzipSync(readFileSync(file)).toString('latin1');
}

/** In the page: what does not fit and cannot be scrolled to either. */
const TOO_WIDE = `[document.documentElement, ...document.querySelectorAll('.page, .page-body, .detail-body, .detail-head, .traffic')]
  .filter((element) => element.scrollWidth > element.clientWidth + 1)
  .map((element) => (element.className || 'page') + ' ' + element.scrollWidth)`;
const DESKTOP = { width: 1280, height: 800 };
