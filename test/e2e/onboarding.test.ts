// The page that helps to trust the certificate, in Chromium: before, with the very commands that it shows, and after.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { main } from '../../src/cli/cli.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { describeWith, run, succeed } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { recordingTerminal } from '../unit/cli/recording-terminal.ts';

const NAME = 'sallyport.invalid';
const POLICY = `version: 1
default: deny
rules:
  - intercept: { host: opened.test }
`;

describeWith(['chromium', 'certutil', 'curl', 'openssl', 'certtool'], 'the page about the certificate', () => {
  const folder = temporaryFolder(afterAll);
  const home = path.join(folder, 'home');
  const database = path.join(home, '.pki', 'nssdb');
  let proxy: ProxyProcess;

  beforeAll(async () => {
    mkdirSync(database, { recursive: true });
    execFileSync('certutil', ['-N', '--empty-password', '-d', `sql:${database}`]);
    writeFileSync(path.join(folder, 'policy.yaml'), POLICY);
    writeFileSync(path.join(folder, 'sallyport.yaml'), 'policy: policy.yaml\ntls:\n  ca_dir: certs\n');
    const config = ['--config', path.join(folder, 'sallyport.yaml')];
    // Limited: of all names that it could not sign for, that of the page must be none.
    expect(await main(['ca', 'init', '--from-policy', ...config], recordingTerminal(process.cwd()))).toBe(0);
    proxy = await runProxy(...config);
  });
  afterAll(() => proxy.stop());

  /** Every start reads what is trusted anew. */
  async function inChromium(body: (page: Page, browser: Browser) => Promise<void>): Promise<void> {
    const browser = await launchChromium(proxy.url, undefined, home);
    try {
      await body(await browser.newPage({ viewport: { width: 390, height: 844 } }), browser);
    } finally {
      await browser.close();
    }
  }

  test('says that it is not trusted, in a page that fits a phone and runs nothing', async () => {
    await inChromium(async (page) => {
      await page.goto(`http://${NAME}/`);
      expect(await page.textContent('h1')).toBe('You are using this proxy');
      expect(await page.isVisible('.state.untried')).toBe(true);
      expect(await page.isVisible('.state.trusted')).toBe(false);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
      // Its own style is applied: the hash in the Content-Security-Policy is the one that Chromium computes.
      expect(await page.evaluate('getComputedStyle(document.querySelector(".care")).borderTopWidth')).toBe('1px');
      await expect(page.goto(`https://${NAME}/`)).rejects.toThrow('net::ERR_CERT_AUTHORITY_INVALID');
    });
  });

  test('gives the certificate as a file, and a fingerprint that is that of the CA', async () => {
    await inChromium(async (page) => {
      await page.goto(`http://${NAME}/`);
      const downloading = page.waitForEvent('download');
      await page.click('.download');
      const download = await downloading;
      expect(download.suggestedFilename()).toBe('sallyport-ca.crt');
      const content = readFileSync(await download.path());
      expect(content.toString().trim()).toBe(readFileSync(path.join(folder, 'certs', 'ca.crt'), 'utf8').trim());
      const said = await succeed('openssl', ['x509', '-noout', '-fingerprint', '-sha256'], { input: content });
      const shown = ((await page.textContent('.fingerprint')) ?? '').trim().split(/\s+/).join(':');
      expect(said.toString()).toContain(`=${shown}\n`);
    });
  });

  test('shows the check by itself, once its own commands for Chromium on Linux were done', async () => {
    await inChromium(async (page) => {
      await page.goto(`http://${NAME}/?for=chromium-linux`);
      const commands = await page.locator('pre').allTextContents();
      const [download, add] = [commands.find((line) => line.startsWith('curl'))!, commands.find((line) => line.includes('-A -t'))!];
      await succeed('sh', ['-ec', `${download} && ${add}`], { cwd: folder, env: { HOME: home, http_proxy: proxy.url } });
    });
    await inChromium(async (page) => {
      // By the style sheet alone: nothing has come through a tunnel before it.
      await page.goto(`http://${NAME}/`);
      await page.waitForSelector('.state.trusted', { state: 'visible' });
      expect(await page.isVisible('.state.untried')).toBe(false);
      expect(await page.textContent('.state.trusted')).toContain('This browser has fetched a part of this page');

      await page.click('text=Look whether this browser trusts it');
      await expect
        .poll(() => page.textContent('.state.trusted'))
        .toMatch(/a program at your address, 127\.0\.0\.1, got an answer through an opened tunnel/);
      const response = await page.goto(`https://${NAME}/`);
      expect(response?.status()).toBe(200);
      expect(await page.textContent('.state.trusted')).toContain('This page has come to you through an opened tunnel');
    });
  });

  test('is believed by OpenSSL in curl, too, and by GnuTLS, under a CA that may sign for nothing else but what is opened', async () => {
    const [ca, leaf] = [path.join(folder, 'certs', 'ca.crt'), path.join(folder, 'leaf.pem')];
    await succeed('curl', ['-sSf', '--proxy', proxy.url, '--cacert', ca, `https://${NAME}/trusted.css`]);
    const shown = await run('openssl', ['s_client', '-proxy', new URL(proxy.url).host, '-connect', `${NAME}:443`, '-servername', NAME]);
    writeFileSync(leaf, shown.out);
    await succeed('certtool', ['--verify', '--verify-hostname', NAME, '--load-ca-certificate', ca, '--infile', leaf]);
  });

  test('and stops being trusted by the commands for that', async () => {
    await inChromium(async (page) => {
      await page.goto(`http://${NAME}/?for=chromium-linux`);
      const remove = (await page.locator('pre').allTextContents()).find((line) => line.includes('-D'))!;
      await succeed('sh', ['-ec', remove], { cwd: folder, env: { HOME: home } });
    });
    await inChromium(async (page) => {
      await expect(page.goto(`https://${NAME}/`)).rejects.toThrow('net::ERR_CERT_AUTHORITY_INVALID');
    });
  });
});
