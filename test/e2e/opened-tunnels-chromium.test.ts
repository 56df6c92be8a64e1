// Chromium through tunnels that the proxy opens, with the certificate in a store of its own: a site as its users see it, over HTTP/2, and what they see
// where the proxy says no, where the site's certificate is bad, and where nobody has told the browser to trust.
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { CA_EXTENSIONS, CertificateMaker, serverExtensions } from '../support/bad-certificates.ts';
import { inBothVersions } from '../support/both-versions.ts';
import { createBrowserSite, EVENT_COUNT } from '../support/browser-site.ts';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { type OpeningProcess, runOpeningProxy } from '../support/opening-process.ts';
import { describeWith, succeed } from '../support/programs.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

// Nothing but this machine is allowed: a browser asks its maker for this and that.
const RULES = `  - name: Secrets
    deny: { host: localhost, path: /secret/* }
    message: Not for <b>browsers</b>.
  - intercept: { host: localhost }
  - allow: { host: 127.0.0.1 }
`;

describeWith(['certutil', 'chromium', 'openssl'], 'Chromium, through opened tunnels', () => {
  const folder = temporaryFolder(afterAll);
  const site = createBrowserSite(randomBytes(8_000_000));
  let proxy: OpeningProcess;
  let browser: Browser;
  let origin: DualOrigin;
  let older: WebOrigin;
  let plain: WebOrigin;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    const ca = createTemporaryCa(folder);
    origin = await startDualOrigin(ca, inBothVersions(site.respond));
    older = await startWebOrigin(site.respond, ca.issue('localhost'));
    plain = await startWebOrigin(site.respond);
    // That of HTTP/2 takes the upgrades of HTTP/1.1 as well.
    for (const each of [origin, older]) site.echoOn(each.server as unknown as Server);
    proxy = await runOpeningProxy(folder, ca, RULES);
    browser = await launchChromium(proxy.url, undefined, await homeThatTrusts(proxy.authorityFile));
  });
  afterAll(async () => {
    await browser.close();
    await proxy.stop();
    await Promise.all([origin.close(), older.close(), plain.close()]);
  });

  beforeEach(async () => {
    page = await browser.newPage();
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
    problems = [];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
  });
  afterEach(() => page.close());

  /** A home folder with a store of certificates that holds this one. */
  async function homeThatTrusts(certificate: string): Promise<string> {
    const home = path.join(folder, 'home');
    const database = path.join(home, '.pki/nssdb');
    mkdirSync(database, { recursive: true });
    await succeed('certutil', ['-N', '--empty-password', '-d', `sql:${database}`]);
    await succeed('certutil', ['-A', '-d', `sql:${database}`, '-t', 'C,,', '-n', 'sallyport', '-i', certificate]);
    return home;
  }

  /** Opens a page of the site. @returns what its script found */
  async function resultOf(url: string): Promise<unknown> {
    await page.goto(url);
    return (await page.waitForFunction('window.result')).jsonValue();
  }

  /** What DevTools shows of each response from now on. */
  async function watchResponses(): Promise<readonly ShownResponse[]> {
    const shown: ShownResponse[] = [];
    const session = await page.context().newCDPSession(page);
    session.on('Network.responseReceived', ({ response }) => {
      // Its icon comes out of the page itself.
      if (!response.url.startsWith('data:')) shown.push({ protocol: response.protocol, issuer: response.securityDetails?.issuer });
    });
    await session.send('Network.enable');
    return shown;
  }

  test('loads a page of 100 resources over HTTP/2, under our certificate, and asks its origin for them in HTTP/2', async () => {
    const shown = await watchResponses();
    expect(await resultOf(`${origin.url}/hundred`)).toEqual({ images: upTo(40), scripts: upTo(30), styles: upTo(30) });
    expect(await page.evaluate(`fetch('/script/1').then((answer) => answer.text()).then((text) => text.length)`)).toBeGreaterThan(20_000);
    // What DevTools are told comes on a way of its own.
    await expect.poll(() => shown).toHaveLength(102);
    const { commonName } = await authorityOf(proxy);
    expect(shown.filter(({ protocol, issuer }) => protocol !== 'h2' || issuer !== commonName)).toEqual([]);
    expect(problems).toEqual([]);
    expect(origin.versions.slice(-102).every((version) => version === '2.0')).toBe(true);
    const line = await proxy.logged(({ target }) => target === `${origin.url}/hundred`);
    expect(line).toMatchObject({ version: '2', upstream_version: '2', outcome: 'forwarded', connect: expect.any(Number) });
  });

  test('loads the same from an origin that speaks HTTP/1.1 alone', async () => {
    const shown = await watchResponses();
    expect(await resultOf(`${older.url}/hundred`)).toEqual({ images: upTo(40), scripts: upTo(30), styles: upTo(30) });
    expect(new Set(shown.map(({ protocol }) => protocol))).toEqual(new Set(['h2']));
    expect(problems).toEqual([]);
    expect(await proxy.logged(({ target }) => target === `${older.url}/hundred`)).toMatchObject({ version: '2', upstream_version: '1.1' });
  });

  test.each([
    ['HTTP/2', 'HTTP/2', '2', () => origin],
    ['HTTP/2', 'HTTP/1.1', '2', () => older],
    ['nothing', 'HTTP/2', '1.1', () => origin],
    ['nothing', 'HTTP/1.1', '1.1', () => older],
  ] as const)(
    'with %s open to a site of %s, a WebSocket goes over %s, and echoes 1 MB of text and of octets',
    async (before, _, version, to) => {
      // Chromium takes a connection of HTTP/2 that is there for a WebSocket, too (RFC 8441), and else opens one of HTTP/1.1.
      const { port, url } = to();
      const context = await browser.newContext();
      const fresh = await context.newPage();
      await fresh.goto(before === 'nothing' ? `${plain.url}/` : `${url}/`);
      const target = `localhost:${port}/echo-${version}-${before}`.replace('HTTP/', '');
      expect(await fresh.evaluate(echoScript(`wss://${target}`))).toEqual({ code: 1000, isSame: true });
      await context.close();
      const line = await proxy.logged((each) => each.target.endsWith(target));
      expect(line).toMatchObject({ version, outcome: 'tunnelled', messages_in: 3, messages_out: 3, close_code: 1000 });
      expect(problems).toEqual([]);
    },
  );

  test('server-sent events arrive one by one', async () => {
    expect(await resultOf(`${origin.url}/stream`)).toEqual(upTo(EVENT_COUNT));
    expect(problems).toEqual([]);
  });

  test('a file is uploaded and downloaded', async () => {
    const file = path.join(folder, 'content.bin');
    writeFileSync(file, site.content);
    await page.goto(`${origin.url}/form`);
    const downloading = page.waitForEvent('download');
    await page.click('a');
    expect(readFileSync(await (await downloading).path()).equals(site.content)).toBe(true);
    await page.setInputFiles('input', file);
    await page.click('button');
    expect(await page.textContent('p')).toBe(createHash('sha256').update(site.content).digest('hex'));
  });

  test('a denied path inside is a page that says which rule, under a certificate that the browser believes', async () => {
    const response = await page.goto(`${origin.url}/secret/a?token=1`);
    expect(response?.status()).toBe(403);
    expect((await response?.securityDetails())?.issuer).toBe((await authorityOf(proxy)).commonName);
    expect(await page.textContent('h1')).toBe('This proxy does not allow this request');
    const text = (await page.textContent('main')) ?? '';
    expect(text).toContain("rule 'Secrets'");
    expect(text).toContain('Not for <b>browsers</b>.');
    expect(text).not.toContain('token');
    expect(await page.evaluate('getComputedStyle(document.querySelector("main")).borderTopWidth')).toBe('4px');
    expect(problems.filter((problem) => !problem.includes('403'))).toEqual([]);
  });

  test('a site whose certificate has expired is a page that says since when, and gets no request', async () => {
    const maker = new CertificateMaker(temporaryFolder(afterAll));
    const root = maker.make({ issuer: null, subject: '/CN=Some root', extensions: CA_EXTENSIONS });
    const leaf = maker.make({ issuer: root, subject: '/CN=localhost', extensions: serverExtensions('DNS:localhost'), from: -30, to: -2 });
    const expired = await startWebOrigin(site.respond, leaf);
    const response = await page.goto(`${expired.url}/`);
    expect(response?.status()).toBe(502);
    expect(await page.textContent('main')).toMatch(/expired/);
    expect(expired.requests).toEqual([]);
    await expired.close();
  });

  test('a browser that nobody has told to trust shows ERR_CERT_AUTHORITY_INVALID, and the record has its alert', async () => {
    const home = path.join(folder, 'empty-home');
    mkdirSync(home);
    const distrusting = await launchChromium(proxy.url, undefined, home);
    const stranger = await distrusting.newPage();
    await expect(stranger.goto(`${origin.url}/distrusted`)).rejects.toThrow('net::ERR_CERT_AUTHORITY_INVALID');
    await distrusting.close();
    const refused = await proxy.logged(
      ({ interception, interception_why: why }) =>
        interception === 'refused' && /certificate_unknown|unknown_ca|bad_certificate/.test(why ?? ''),
    );
    expect(refused).toMatchObject({ method: 'CONNECT', outcome: 'aborted', target: `localhost:${origin.port}` });
    expect(proxy.log.some(({ target }) => target === `${origin.url}/distrusted`)).toBe(false);
  });
});

interface ShownResponse {
  readonly protocol: string | undefined;
  readonly issuer: string | undefined;
}

async function authorityOf({ authorityFile }: OpeningProcess): Promise<{ readonly commonName: string }> {
  const subject = (await succeed('openssl', ['x509', '-in', authorityFile, '-noout', '-subject', '-nameopt', 'multiline,utf8'])).toString();
  return { commonName: /commonName\s+= (.*)/.exec(subject)?.[1] ?? '' };
}

/** Run in a page. @returns the code that the WebSocket was closed with, and whether everything came back as it was sent */
function echoScript(url: string): string {
  return `new Promise((resolve) => {
    const socket = new WebSocket('${url}');
    socket.binaryType = 'arraybuffer';
    const octets = new Uint8Array(1_000_000).map((_, index) => (index * 7919) >> 3);
    const sent = ['x\\u00e9'.repeat(500_000), octets, 'the last'];
    const got = [];
    socket.onopen = () => sent.forEach((each) => socket.send(each));
    socket.onmessage = ({ data }) => {
      got.push(data);
      if (got.length === sent.length) socket.close(1000, 'enough');
    };
    const same = (a, b) => (typeof a === 'string' ? a === b : b instanceof ArrayBuffer && String(a) === String(new Uint8Array(b)));
    socket.onclose = ({ code }) => resolve({ code, isSame: sent.every((each, index) => same(each, got[index])) });
  })`;
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

const PAGE_TIMEOUT_MS = 60_000;
