// Owns how Chromium is started in a test: without a window, through a proxy alone, and with as little business of its own as it allows.
import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core';
import { pathOf } from './programs.ts';

/**
 * @param proxyUrl  for all pages that are not opened with a proxy of their own; `null` goes directly
 * @param credentials  what it answers the proxy's 407 with
 * @param home  a folder that holds what its user trusts: `.pki/nssdb`
 */
export function launchChromium(
  proxyUrl: string | null,
  credentials?: { readonly username: string; readonly password: string },
  home?: string,
): Promise<Browser> {
  return chromium.launch({
    executablePath: pathOf('chromium')!,
    args: [...QUIETLY],
    timeout: LAUNCH_TIMEOUT_MS,
    ...(proxyUrl !== null && { proxy: { ...through(proxyUrl), ...credentials } }),
    ...(home !== undefined && { env: { ...process.env, HOME: home } }),
  });
}

/** For `browser.newPage({ proxy: through(url) })`. Chromium goes to this machine directly unless told not to. */
export function through(proxyUrl: string): NonNullable<BrowserContextOptions['proxy']> {
  return { server: proxyUrl, bypass: '<-loopback>' };
}

/** A browser is a dozen processes, and others may have the machine. */
export const LAUNCH_TIMEOUT_MS = 120_000;
/** Without business of its own. */
export const QUIETLY: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
