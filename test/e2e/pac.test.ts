// Chromium that configures itself by the proxy's script: what is listed is reached directly, everything else through the proxy.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBrowserSite } from '../support/browser-site.ts';
import { LAUNCH_TIMEOUT_MS, QUIETLY } from '../support/launch-chromium.ts';
import { describeWith, pathOf } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

// A browser asks its maker for this and that; nothing but this machine is allowed, so that none of it gets out.
const POLICY = `version: 1
default: deny
connect_ports: any
rules:
  - allow: { host: .through.test }
`;
const SETTINGS = `policy: policy.yaml
dns: { hosts_file: hosts }
pac: { direct: [.direct.test] }
`;

describeWith(['chromium'], 'Chromium with the script of the proxy', () => {
  const folder = temporaryFolder(afterAll);
  const site = createBrowserSite(randomBytes(100));
  let browser: Browser;
  let proxy: ProxyProcess;
  let origin: WebOrigin;
  let page: Page;

  beforeAll(async () => {
    writeFileSync(path.join(folder, 'policy.yaml'), POLICY);
    writeFileSync(path.join(folder, 'hosts'), '127.0.0.1 www.through.test\n');
    writeFileSync(path.join(folder, 'sallyport.yaml'), SETTINGS);
    origin = await startWebOrigin(site.respond);
    site.echoOn(origin.server);
    proxy = await runProxy('--config', path.join(folder, 'sallyport.yaml'));
    browser = await chromium.launch({
      executablePath: pathOf('chromium')!,
      timeout: LAUNCH_TIMEOUT_MS,
      args: [...QUIETLY, `--proxy-pac-url=${proxy.url}/proxy.pac`, '--host-resolver-rules=MAP *.test 127.0.0.1'],
    });
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await proxy.stop();
    await origin.close();
  });

  test('goes through the proxy by default', async () => {
    const response = await page.goto(`http://www.through.test:${origin.port}/form`);
    expect(response?.status()).toBe(200);
    expect(origin.requests.at(-1)?.headers.via).toContain('sallyport');
  });

  test('opens WebSockets through the proxy, too', async () => {
    await page.goto(`http://www.through.test:${origin.port}/websocket`);
    expect(await (await page.waitForFunction('window.result')).jsonValue()).toEqual({ code: 1000, isSame: true });
    const target = `www.through.test:${origin.port}`;
    await proxy.logged(({ method, outcome, target: logged }) => method === 'CONNECT' && outcome === 'tunnelled' && logged === target);
  });

  test('reaches what is listed directly', async () => {
    const response = await page.goto(`http://www.direct.test:${origin.port}/websocket`);
    expect(response?.status()).toBe(200);
    expect(origin.requests.at(-1)?.headers.via).toBeUndefined();
    expect(await (await page.waitForFunction('window.result')).jsonValue()).toEqual({ code: 1000, isSame: true });
    expect(proxy.log.filter(({ target }) => target.includes('direct.test'))).toEqual([]);
  });
});
