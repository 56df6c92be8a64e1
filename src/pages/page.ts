// Owns the answer that a person or a program reads when the proxy itself answers: one set of facts, written as HTML, as problem details
// (RFC 9457) or as text for a terminal. Which form is negotiate.ts; the words for each error are error-page.ts and block-page.ts.
// Refuses to reflect anything as it came: every fact is cut, freed of control and bidirectional characters, and escaped for its form.
// Facts hold no query, no credentials and no request fields: a page that echoed those would hand them to whoever sees the screen.
import { hash } from 'node:crypto';
import type { Blame, ProxyErrorCode } from '../errors/proxy-error.ts';
import type { Fields } from '../http/message.ts';
import { titleFor } from './error-page.ts';
import { negotiate } from './negotiate.ts';
import { PAGE_STYLE } from './page-style.ts';

export interface PageFacts {
  readonly status: number;
  readonly reason: string;
  /** `info` is the page that greets a browser which opened the proxy's own port. */
  readonly kind: 'denied' | 'failed' | 'request-error' | 'info';
  readonly code: ProxyErrorCode | null;
  /** What happened, exactly; may contain what a client chose, such as a host name. */
  readonly message: string;
  readonly blame: Blame;
  readonly method: string;
  /** Canonical `scheme://host[:port]`, or empty when the request named none: never a path, a query or credentials. */
  readonly target: string;
  /** One sentence, with or without its capital and full stop: which rule, in which file and line. */
  readonly decision: string | null;
  /** The operator's own words, from the rule. */
  readonly ruleMessage: string | null;
  readonly nextStep: string;
  /** To quote when asking the operator. */
  readonly flowId: string;
  /** This proxy's pseudonym, as in Via. */
  readonly proxyName: string;
}

/** The fields of every answer with a page, besides Content-Type and Content-Length. No form of a page runs, loads, frames or sends anything. */
export const PAGE_FIELDS: Fields = Object.freeze([
  {
    name: 'Content-Security-Policy',
    value: `default-src 'none'; style-src 'sha256-${hash('sha256', PAGE_STYLE, 'base64')}'; base-uri 'none'; form-action 'none'`,
  },
  { name: 'X-Content-Type-Options', value: 'nosniff' },
  { name: 'Cache-Control', value: 'no-store' },
  { name: 'Referrer-Policy', value: 'no-referrer' },
]);

/**
 * The page for these facts in the form that Accept asks for.
 *
 * @param accept  the request's Accept field, or `undefined`
 * @returns UTF-8, less than 24 KiB whatever the facts are
 * @throws never
 */
export function renderPage(facts: PageFacts, accept: string | undefined): { contentType: string; bytes: Buffer } {
  const page = harmless(facts);
  switch (negotiate(accept)) {
    case 'html':
      return { contentType: 'text/html;charset=utf-8', bytes: Buffer.from(asHtml(page)) };
    case 'json':
      // A greeting is no problem, so it does not claim to be one.
      return { contentType: page.kind === 'info' ? 'application/json' : 'application/problem+json', bytes: Buffer.from(asJson(page)) };
    case 'text':
      return { contentType: 'text/plain;charset=utf-8', bytes: Buffer.from(asText(page)) };
  }
}

/** The facts as they may be shown, and the words that follow from them. */
interface Page extends PageFacts {
  readonly title: string;
  /** `GET https://example.com`; empty when no target is known. */
  readonly request: string;
  /** Who decided or who is at fault, as a term and its answer; `null` on a greeting. */
  readonly verdict: Verdict | null;
}

interface Verdict {
  readonly term: string;
  readonly answer: string;
}

function harmless(facts: PageFacts): Page {
  const reason = plain(facts.reason, 60);
  const method = plain(facts.method, 32);
  const target = plain(facts.target, 300);
  return {
    status: facts.status,
    reason,
    kind: facts.kind,
    code: facts.code,
    message: plain(facts.message, 400),
    blame: facts.blame,
    method,
    target,
    decision: facts.decision === null ? null : asSentence(plain(facts.decision, 400)),
    ruleMessage: facts.ruleMessage === null ? null : plain(facts.ruleMessage, 600),
    nextStep: plain(facts.nextStep, 400),
    flowId: plain(facts.flowId, 64),
    proxyName: plain(facts.proxyName, 100),
    title: facts.kind === 'info' ? 'This is a proxy, and it is running' : titleFor(facts.code, facts.status),
    request: target === '' ? '' : `${method} ${target}`,
    verdict: verdictOn(facts),
  };
}

function verdictOn(facts: PageFacts): Verdict | null {
  switch (facts.kind) {
    case 'denied':
      return { term: 'Who decided', answer: 'This proxy. The site did not receive the request.' };
    case 'info':
      return null;
    case 'failed':
    case 'request-error':
      return { term: 'At fault', answer: FAULTS[facts.blame] };
  }
}

const FAULTS: Record<Blame, string> = {
  client: 'The request itself: its address, or the program that sent it.',
  origin: 'The site, its name, or the network on the way to it.',
  proxy: 'This proxy. Neither you nor the site did anything wrong.',
};

function asHtml(page: Page): string {
  const request = page.request === '' ? '' : `\n<p class="request">${escapeHtml(page.request)}</p>`;
  const code = page.code === null ? '' : `<span>${page.code}</span>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(page.title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main class="${page.kind}">
<p class="status">${page.status} ${escapeHtml(page.reason)}</p>
<h1>${escapeHtml(page.title)}</h1>
<p class="message" dir="auto">${escapeHtml(page.message)}</p>${request}
<dl>
${verdictRow(page)}${ruleRow(page)}<div class="next"><dt>What to do</dt><dd>${escapeHtml(page.nextStep)}</dd></div>
</dl>
<footer>${code} <span>Exchange ${escapeHtml(page.flowId)}</span> <span>Proxy ${escapeHtml(page.proxyName)}</span></footer>
</main>
</body>
</html>
`;
}

function verdictRow(page: Page): string {
  if (page.verdict === null) return '';
  return `<div><dt>${page.verdict.term}</dt><dd>${page.verdict.answer}</dd></div>\n`;
}

function ruleRow(page: Page): string {
  if (page.decision === null && page.ruleMessage === null) return '';
  const words = page.ruleMessage === null ? '' : `<blockquote dir="auto">${escapeHtml(page.ruleMessage)}</blockquote>`;
  return `<div><dt>Which rule</dt><dd>${escapeHtml(page.decision ?? '')}${words}</dd></div>\n`;
}

/**
 * Problem details (RFC 9457 §3). The type is `about:blank`: we own no name to publish types under, and `code` carries the registered
 * name of RFC 9209. With that type the title is the status phrase (§4.2.1), so what happened is in `detail`.
 */
function asJson(page: Page): string {
  const problem = {
    type: 'about:blank',
    title: page.reason,
    status: page.status,
    detail: `${page.title}. ${page.message}`,
    instance: `urn:sallyport:exchange:${encodeURIComponent(page.flowId)}`,
    code: page.code,
    blame: page.kind === 'info' ? null : page.blame,
    request: page.request,
    rule: page.decision,
    rule_message: page.ruleMessage,
    next_step: page.nextStep,
    proxy: page.proxyName,
  };
  return `${JSON.stringify(problem, null, 2)}\n`;
}

/** At most ten lines; the longest paragraphs give way first. */
function asText(page: Page): string {
  const smallPrint = [page.code, `exchange ${page.flowId}`, `proxy ${page.proxyName}`].filter((part) => part !== null).join(', ');
  const verdict = page.verdict === null ? '' : `${page.verdict.term}: ${page.verdict.answer}`;
  const rule = [page.decision, page.ruleMessage === null ? null : `"${page.ruleMessage}"`].filter((part) => part !== null).join(' ');
  const paragraphs = [
    `${page.status} ${page.reason}: ${page.title}`,
    page.request,
    page.message,
    verdict ?? '',
    rule,
    page.nextStep,
    smallPrint,
  ]
    .filter((paragraph) => paragraph !== '')
    .map(wrap);
  let surplus = paragraphs.reduce((lines, paragraph) => lines + paragraph.length, -MAX_LINES);
  for (; surplus > 0; surplus -= 1) {
    const longest = paragraphs.reduce((a, b) => (b.length > a.length ? b : a));
    longest.pop();
    if (!longest.at(-1)!.endsWith(' ...')) longest.push(`${longest.pop()} ...`);
  }
  return `${paragraphs.flat().join('\n')}\n`;
}

/** Lines of at most `WIDTH` characters, broken at blanks; a longer word keeps a line to itself, so that it can be copied. */
function wrap(paragraph: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

/** One line of visible text: cut, blanks collapsed, and nothing left that could steer a terminal or reorder what is read. */
function plain(text: string, maxCharacters: number): string {
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters).trimEnd()}…` : text;
  return cut.toWellFormed().replace(BLANKS, ' ').replace(STEERING, '\ufffd').trim();
}

function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? '' : '.'}`;
}

function escapeHtml(text: string): string {
  return text.replace(SPECIAL_IN_HTML, (character) => HTML_ESCAPES[character]!);
}

const MAX_LINES = 10;
const WIDTH = 76;
const BLANKS = /\s+/g;
/** C0, DEL and C1 controls; the marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX #9 §2). */
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SPECIAL_IN_HTML = /[&<>"']/g;
const HTML_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
