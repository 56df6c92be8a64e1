// Owns the page on which somebody learns that this is a proxy, and how to trust its certificate where the policy has tunnels opened: what that means,
// the fingerprint, the file for the platform, the steps, whether it has worked, and the way back. As HTML, JSON or text, like all our pages.
// It runs nothing. Whether this very browser trusts the certificate shows by a style sheet from an address of ours inside an opened tunnel: only
// whoever trusts the certificate gets that, and it turns the page's "not yet" into "trusted".
// The private key has no way here: all that comes in is public.
import { hash } from 'node:crypto';
import type { Fields } from '../http/message.ts';
import { escapeHtml, plain, wrapped } from './harmless-text.ts';
import { htmlDocument } from './html-document.ts';
import { negotiate } from './negotiate.ts';
import { ONBOARDING_STYLE } from './onboarding-style.ts';
import { PLATFORMS, type Platform } from './platform.ts';
import { type Step, type TrustSteps, trustSteps } from './trust-steps.ts';

/** The name by which whoever uses the proxy reaches this page. `.invalid` is never anybody's (RFC 6761 §6.4). */
export const ONBOARDING_HOST = 'sallyport.invalid';

export interface OnboardingFacts {
  /** `directly`: as a web server; `through-proxy`: by the name above; `opened`: by the same name, in a tunnel that was opened. */
  readonly reached: 'directly' | 'through-proxy' | 'opened';
  /** Our address as the client has reached it, canonical, without a path: `http://127.0.0.1:8080`. */
  readonly base: string;
  /** Whether there is a script for automatic configuration at `/proxy.pac`. */
  readonly hasPac: boolean;
  /** `null` while the policy opens no tunnel. */
  readonly certificate: CertificateFacts | null;
  readonly platform: Platform;
  readonly clientAddress: string;
  /** When a program at the client's address last got an answer through an opened tunnel, in milliseconds since the epoch; `null` if none has. */
  readonly trustedAtMs: number | null;
  /** Our name in Via. */
  readonly proxyName: string;
}

export interface CertificateFacts {
  readonly name: string;
  /** SHA-256, octets in upper-case hexadecimal with colons between. */
  readonly fingerprint: string;
  readonly validUntilMs: number;
}

export interface RenderedPage {
  readonly contentType: string;
  /** UTF-8. */
  readonly bytes: Buffer;
}

/** The fields of the page besides Content-Type and Content-Length. */
export const ONBOARDING_FIELDS: Fields = Object.freeze([
  {
    name: 'Content-Security-Policy',
    value: [
      "default-src 'none'",
      `style-src 'sha256-${hash('sha256', ONBOARDING_STYLE, 'base64')}' https://${ONBOARDING_HOST}/trusted.css`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  },
  { name: 'X-Content-Type-Options', value: 'nosniff' },
  { name: 'Cache-Control', value: 'no-store' },
  { name: 'Referrer-Policy', value: 'no-referrer' },
  { name: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
]);

/**
 * The page in the form that Accept asks for.
 *
 * @param accept the request's Accept field, or `undefined`
 * @throws never
 */
export function renderOnboarding(facts: OnboardingFacts, accept: string | undefined): RenderedPage {
  switch (negotiate(accept)) {
    case 'html':
      return html(asHtml(harmless(facts)));
    case 'json':
      return { contentType: 'application/json', bytes: Buffer.from(asJson(harmless(facts))) };
    case 'text':
      return { contentType: 'text/plain;charset=utf-8', bytes: Buffer.from(asText(harmless(facts))) };
  }
}

/**
 * A page that looks again by itself until the certificate is trusted, and gives up after a while.
 *
 * @param attempt how often it has looked, from 1
 */
export function renderCheck(facts: OnboardingFacts, attempt: number): RenderedPage {
  const page = harmless(facts);
  const isOver = page.certificate === null || isTrusted(page) || attempt >= MOST_ATTEMPTS;
  const next = isOver ? '' : `<meta http-equiv="refresh" content="${ATTEMPT_SECONDS};url=/check?${attempt + 1}">\n`;
  const waiting = isOver
    ? ''
    : `<p class="soft untried">This page looks again every ${ATTEMPT_SECONDS} seconds. A browser may have to be started anew first.</p>\n`;
  const back = '<p class="soft"><a href="/">Back to the steps</a></p>';
  const body = page.certificate === null ? `<p class="message">${NO_CERTIFICATE}</p>` : `${stateOf(page)}\n${waiting}`;
  return html(document(page, 'Is the certificate trusted?', `<h1>Is the certificate trusted?</h1>\n${body}\n${back}`, next));
}

/** The facts as they may be shown, and what follows from them. */
interface Page extends OnboardingFacts {
  readonly title: string;
  readonly message: string;
  readonly steps: TrustSteps | null;
}

function harmless(facts: OnboardingFacts): Page {
  const certificate = facts.certificate === null ? null : { ...facts.certificate, name: plain(facts.certificate.name, 100) };
  return {
    ...facts,
    certificate,
    clientAddress: plain(facts.clientAddress, 64),
    proxyName: plain(facts.proxyName, 100),
    title: TITLES[facts.reached],
    message: messageOf(facts),
    steps: certificate === null ? null : trustSteps(facts.platform, certificate.name, facts.base, facts.reached === 'directly'),
  };
}

const TITLES = {
  directly: 'This is a proxy, and it is running',
  'through-proxy': 'You are using this proxy',
  opened: 'This tunnel was opened by the proxy',
} as const;

function messageOf({ reached, base, hasPac }: OnboardingFacts): string {
  if (reached !== 'directly') return 'What this browser fetches from the web comes through it.';
  const address = base.slice('http://'.length);
  const pac = hasPac ? `, or give it ${base}/proxy.pac for automatic configuration` : '';
  return `Set ${address} as the HTTP and HTTPS proxy of your browser or system${pac}.`;
}

function isTrusted({ reached, trustedAtMs }: OnboardingFacts): boolean {
  return reached === 'opened' || trustedAtMs !== null;
}

function html(text: string): RenderedPage {
  return { contentType: 'text/html;charset=utf-8', bytes: Buffer.from(text) };
}

function document(page: Page, title: string, body: string, head = ''): string {
  // At the end, so that nothing waits for it where the certificate is not trusted.
  const end = page.certificate === null || isTrusted(page) ? '' : `<link rel="stylesheet" href="https://${ONBOARDING_HOST}/trusted.css">\n`;
  const main = `<p class="status">Sallyport</p>
${body}
<footer><span>Proxy ${escapeHtml(page.proxyName)}</span></footer>`;
  return htmlDocument({ title, style: ONBOARDING_STYLE, kind: 'info', main, head, end });
}

function asHtml(page: Page): string {
  const intro = `<h1>${page.title}</h1>\n<p class="message">${escapeHtml(page.message)}</p>`;
  const { certificate, steps } = page;
  if (certificate === null || steps === null)
    return document(page, page.title, `${intro}\n<p class="soft state untried">${NO_CERTIFICATE}</p>`);
  return document(
    page,
    page.title,
    `${intro}
${stateOf(page)}
<p class="care"><b>${WARNING_TITLE}</b>${WARNING}</p>
<h2>For ${steps.title}</h2>
<p>If that is not what you use, choose:</p>
<nav aria-label="Platforms">${platformLinks(page.platform)}</nav>
<h2>1. Get the certificate</h2>
<p><a class="download" href="${steps.path}">Download the certificate</a></p>
<p class="soft">${escapeHtml(certificate.name)}, valid until ${dayOf(certificate.validUntilMs)}. As <a href="/certificate.pem">PEM</a>, as <a href="/certificate.cer">DER</a>.</p>
<h2>2. Compare its fingerprint</h2>
<p>Where the proxy runs, <code>sallyport ca show</code> prints the SHA-256 fingerprint. If it is not this one, do not go on:</p>
<code class="fingerprint">${fingerprintParts(certificate.fingerprint, 8)
      .map((part) => `<span>${part}</span>`)
      .join(' ')}</code>
<h2>3. Trust it</h2>
${list(steps.trust)}${steps.note === null ? '' : `\n<p class="soft">${escapeHtml(steps.note)}</p>`}
<h2>4. Check it</h2>
<p><a href="/check">Look whether this browser trusts it</a>, once you have done the steps.</p>
<h2>To stop trusting it</h2>
${list(steps.remove)}`,
  );
}

/** Whether the certificate is trusted, as far as we know now; and, hidden until the style sheet comes, that it is. */
function stateOf({ reached, trustedAtMs, clientAddress }: Page): string {
  if (reached === 'opened') return `<p class="state trusted"><b>Trusted</b>${OPENED}</p>`;
  if (trustedAtMs !== null) {
    const who = `a program at your address${clientAddress === '' ? '' : `, ${escapeHtml(clientAddress)},`}`;
    return `<p class="state trusted"><b>Trusted</b>At ${timeOf(trustedAtMs)} ${who} got an answer through an opened tunnel.</p>`;
  }
  const later = '<p class="state trusted later"><b>Trusted</b>This browser has fetched a part of this page through an opened tunnel.</p>';
  return `<p class="state untried"><b>Not trusted yet</b>${NOT_YET}</p>\n${later}`;
}

function list(steps: readonly Step[]): string {
  const items: string[] = [];
  for (const { text, command } of steps) {
    const typed = command === null ? '' : `<pre>${escapeHtml(command)}</pre>`;
    // A command without words belongs to the step before it.
    if (text === '' && items.length > 0) items.push(`${items.pop()}${typed}`);
    else items.push(`${escapeHtml(text)}${typed}`);
  }
  const kind = items.length === 1 ? '<ul class="bare">' : '<ol>';
  return `${kind}${items.map((item) => `<li>${item}</li>`).join('')}${items.length === 1 ? '</ul>' : '</ol>'}`;
}

function platformLinks(chosen: Platform): string {
  const links = (Object.keys(PLATFORMS) as Platform[]).map((platform) =>
    platform === chosen ? `<b aria-current="page">${PLATFORMS[platform]}</b>` : `<a href="/?for=${platform}">${PLATFORMS[platform]}</a>`,
  );
  return links.join('');
}

/**
 * Programs may rely on these members: `proxy` (our name in Via), `address`, `pac` (a URL, or `null`), `certificate` (`null` while no tunnel is opened;
 * `name`, `sha256`, `valid_until`, and the URLs `pem` and `der`), `trusted_at` (RFC 3339, or `null`), `platform`, `trust` and `remove` (steps).
 */
function asJson(page: Page): string {
  const { certificate, steps, base, trustedAtMs } = page;
  const answer = {
    title: page.title,
    proxy: page.proxyName,
    address: base,
    pac: page.hasPac ? `${base}/proxy.pac` : null,
    certificate: certificate && {
      name: certificate.name,
      sha256: certificate.fingerprint,
      valid_until: new Date(certificate.validUntilMs).toISOString(),
      pem: `${base}/certificate.pem`,
      der: `${base}/certificate.cer`,
    },
    trusted_at: trustedAtMs === null ? null : new Date(trustedAtMs).toISOString(),
    platform: page.platform,
    trust: steps?.trust ?? [],
    remove: steps?.remove ?? [],
  };
  return `${JSON.stringify(answer, null, 2)}\n`;
}

function asText(page: Page): string {
  const { certificate, steps, base, trustedAtMs } = page;
  const lines = [page.title, ...wrapped(page.message), ''];
  if (certificate === null || steps === null) return `${[...lines, ...wrapped(NO_CERTIFICATE)].join('\n')}\n`;
  lines.push(
    ...wrapped(`It opens tunnels. For those, trust its certificate: ${certificate.name}, valid until ${dayOf(certificate.validUntilMs)}.`),
    ...wrapped(`${WARNING_TITLE}. ${WARNING}`),
    '',
    `  ${base}/certificate.pem   (DER: ${base}/certificate.cer)`,
    ...fingerprintParts(certificate.fingerprint, 16).map((line, at) => `${at === 0 ? '  SHA-256 ' : '          '}${line}`),
    '',
    ...wrapped('Where the proxy runs, sallyport ca show prints the fingerprint. If it is not this one, do not go on.'),
    ...wrapped(
      trustedAtMs === null
        ? 'Nobody at your address has shown that it is trusted yet.'
        : `Trusted by a program at your address at ${timeOf(trustedAtMs)}.`,
    ),
    '',
    `${steps.title}:`,
    ...steps.trust.flatMap(stepLines),
    '',
    'To stop trusting it:',
    ...steps.remove.flatMap(stepLines),
    '',
    ...wrapped(`Other platforms: ${base}/?for= ${Object.keys(PLATFORMS).join(', ')}`),
  );
  return `${lines.join('\n')}\n`;
}

function stepLines({ text, command }: Step): string[] {
  return [...(text === '' ? [] : wrapped(text)), ...(command === null ? [] : [`  ${command}`])];
}

/** So many octets each, as they are compared. */
function fingerprintParts(fingerprint: string, octets: number): string[] {
  const all = fingerprint.split(':');
  return Array.from({ length: Math.ceil(all.length / octets) }, (_, at) => all.slice(at * octets, (at + 1) * octets).join(':'));
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

function timeOf(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(11, 19)} UTC`;
}

const NO_CERTIFICATE =
  'This proxy opens no tunnels: what you exchange with sites over https it cannot read, and there is no certificate to trust.';
const WARNING_TITLE = 'Know what this means';
const WARNING =
  'Whoever has the key of this certificate can read and change what you exchange with any site. The key stays on the machine of the proxy. Trust the certificate only if you know who runs that machine, and only while you need to.';
const NOT_YET = 'No program at your address has shown that it trusts the certificate.';
const OPENED =
  'This page has come to you through an opened tunnel. If your browser warned you before it showed this, it does not trust the certificate: go through the steps below.';
const MOST_ATTEMPTS = 40;
const ATTEMPT_SECONDS = 3;
