// Owns the answer that a person or a program reads when the proxy itself answers: one set of facts, written as HTML, as problem details
// (RFC 9457) or as text for a terminal. Which form is negotiate.ts; the words for each error are error-page.ts and block-page.ts.
// Refuses to reflect anything as it came: every fact is cut, freed of control and bidirectional characters, and escaped for its form. A link is
// the operator's own, and only to the web or to a mailbox.
// Facts hold no query, no credentials and no request fields: a page that echoed those would hand them to whoever sees the screen.
import { hash } from 'node:crypto';
import type { Blame, ProxyErrorCode } from '../errors/proxy-error.ts';
import type { Fields } from '../http/message.ts';
import type { DecidedBy, Refused } from './block-page.ts';
import { escapeHtml, plain, wrapped } from './harmless-text.ts';
import { htmlDocument } from './html-document.ts';
import { negotiate } from './negotiate.ts';
import { PAGE_STYLE } from './page-style.ts';

/** What the proxy says of itself (RFC 9209 §2.3): an error, or that it answers on its own account. */
export type PageCode = ProxyErrorCode | 'proxy_internal_response';

export interface PageFacts {
  readonly status: number;
  /** The status's own phrase. */
  readonly reason: string;
  /** `challenge` is a 407, `limited` a 429. */
  readonly kind: 'denied' | 'limited' | 'challenge' | 'failed' | 'request-error';
  readonly code: PageCode | null;
  /** What happened, in plain words, without a full stop. */
  readonly title: string;
  /** What happened, exactly, with or without its capital and full stop; may contain what a client chose, such as a host name. */
  readonly message: string;
  readonly blame: Blame;
  readonly method: string;
  /** Canonical `scheme://host[:port]`, or empty when the request named none: never a path, a query or credentials. */
  readonly target: string;
  /** `null` where no policy decided. */
  readonly decision: DecisionFacts | null;
  readonly nextStep: string;
  /** Whole seconds; `null` when trying again would change nothing, or nobody knows when. */
  readonly retryAfterSeconds: number | null;
  /** To quote when asking the operator. */
  readonly flowId: string;
  /** This proxy's pseudonym, as in Via. */
  readonly proxyName: string;
}

/** What decided, for people and for programs. */
export interface DecisionFacts {
  /** One sentence, with or without its capital and full stop: which rule, in which file and line. */
  readonly sentence: string;
  readonly decidedBy: DecidedBy;
  readonly refused: Refused;
  /** The rule's name; `null` for one without, and where no rule was in play. */
  readonly rule: string | null;
  /** By its name alone, without its folder. */
  readonly file: string;
  readonly line: number;
  /** The operator's own words, from the rule. */
  readonly ruleMessage: string | null;
  /** Who answers for the rule. */
  readonly owner: string | null;
  /** Where access can be asked for; shown only if it is an http, https or mailto URL. */
  readonly requestAccess: string | null;
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
      return { contentType: 'application/problem+json', bytes: Buffer.from(asJson(page)) };
    case 'text':
      return { contentType: 'text/plain;charset=utf-8', bytes: Buffer.from(asText(page)) };
  }
}

/** The facts as they may be shown, and the words that follow from them. */
interface Page extends PageFacts {
  /** `GET https://example.com`; empty when no target is known. */
  readonly request: string;
  /** Who decided or who is at fault, as a term and its answer. */
  readonly verdict: Verdict;
}

interface Verdict {
  readonly term: string;
  readonly answer: string;
}

function harmless(facts: PageFacts): Page {
  const method = plain(facts.method, 32);
  const target = plain(facts.target, 300);
  return {
    status: facts.status,
    reason: plain(facts.reason, 60),
    kind: facts.kind,
    code: facts.code,
    title: plain(facts.title, 100),
    message: asSentence(plain(facts.message, 400)),
    blame: facts.blame,
    method,
    target,
    decision: facts.decision === null ? null : harmlessDecision(facts.decision),
    nextStep: plain(facts.nextStep, 400),
    retryAfterSeconds: facts.retryAfterSeconds,
    flowId: plain(facts.flowId, 64),
    proxyName: plain(facts.proxyName, 100),
    request: target === '' ? '' : `${method} ${target}`,
    verdict: verdictOn(facts),
  };
}

function harmlessDecision(decision: DecisionFacts): DecisionFacts {
  return {
    sentence: asSentence(plain(decision.sentence, 400)),
    decidedBy: decision.decidedBy,
    refused: decision.refused,
    rule: plainOrNull(decision.rule, 200),
    file: plain(decision.file, 200),
    line: decision.line,
    ruleMessage: plainOrNull(decision.ruleMessage, 600),
    owner: plainOrNull(decision.owner, 200),
    requestAccess: decision.requestAccess === null ? null : safeLink(decision.requestAccess),
  };
}

/** An http, https or mailto URL as a browser reads it, ASCII only; `null` for everything else, such as `javascript:`. */
function safeLink(text: string): string | null {
  if (text.length > MAX_LINK || !URL.canParse(text)) return null;
  const { protocol, href } = new URL(text);
  // A mailto URL keeps the blanks within it; what is percent-encoded may come out longer.
  return LINK_SCHEMES.has(protocol) && href.length <= MAX_LINK && !href.includes(' ') ? href : null;
}

function verdictOn({ kind, code, decision, blame }: PageFacts): Verdict {
  switch (kind) {
    case 'denied':
    case 'limited':
      return { term: 'Who decided', answer: DECIDERS[decision?.refused ?? 'request'] };
    case 'challenge':
      return { term: 'Who asks', answer: DECIDERS.request };
    case 'failed':
    case 'request-error':
      // Offline, or only-if-cached: as somebody wanted it, and so nobody's fault.
      if (code === 'proxy_internal_response') return { term: 'Who answers', answer: 'This proxy, which has not asked the site.' };
      return { term: 'At fault', answer: FAULTS[blame] };
  }
}

const DECIDERS: Record<Refused, string> = {
  request: 'This proxy. The site did not receive the request.',
  content: 'This proxy. The site received the beginning of the request.',
  answer: 'This proxy. The site received the request and answered it.',
};

const FAULTS: Record<Blame, string> = {
  client: 'The request itself: its address, or the program that sent it.',
  origin: 'The site, its name, or the network on the way to it.',
  proxy: 'This proxy. Neither you nor the site did anything wrong.',
};

function asHtml(page: Page): string {
  const request = page.request === '' ? '' : `\n<p class="request">${escapeHtml(page.request)}</p>`;
  const code = page.code === null ? '' : `<span>${page.code}</span>`;
  const main = `<p class="status">${page.status} ${escapeHtml(page.reason)}</p>
<h1>${escapeHtml(page.title)}</h1>
<p class="message" dir="auto">${escapeHtml(page.message)}</p>${request}
<dl>
${verdictRow(page)}${decisionRows(page)}<div class="next"><dt>What to do</dt><dd>${escapeHtml(page.nextStep)}${linkTo(page)}</dd></div>
</dl>
<footer>${code} <span>Exchange ${escapeHtml(page.flowId)}</span> <span>Proxy ${escapeHtml(page.proxyName)}</span></footer>`;
  return htmlDocument({ title: page.title, style: PAGE_STYLE, kind: page.kind, main });
}

function verdictRow(page: Page): string {
  return `<div><dt>${page.verdict.term}</dt><dd>${page.verdict.answer}</dd></div>\n`;
}

function decisionRows({ decision }: Page): string {
  if (decision === null) return '';
  const { sentence, ruleMessage, owner } = decision;
  const words = ruleMessage === null ? '' : `<blockquote dir="auto">${escapeHtml(ruleMessage)}</blockquote>`;
  const ownerRow = owner === null ? '' : `<div><dt>Whose rule</dt><dd dir="auto">${escapeHtml(owner)}</dd></div>\n`;
  return `<div><dt>Which rule</dt><dd>${escapeHtml(sentence)}${words}</dd></div>\n${ownerRow}`;
}

function linkTo({ decision }: Page): string {
  const link = decision?.requestAccess ?? null;
  return link === null ? '' : `<a href="${escapeHtml(link)}" rel="noreferrer">${escapeHtml(link)}</a>`;
}

/**
 * Problem details (RFC 9457 §3). The type is `about:blank`: we own no name to publish types under, and `code` carries the registered
 * name of RFC 9209. With that type the title is the status phrase (§4.2.1), so what happened is in `detail`.
 *
 * Programs may rely on these members. All are there in every answer, `null` where there is nothing to say:
 * - `code`: the error type of RFC 9209, as in Proxy-Status; `blame`: `client`, `origin` or `proxy`
 * - `exchange`: the `id` of the log's line; `request`: method and destination; `proxy`: the name in Via
 * - `decision`: a sentence; `decided_by`: a word of `DecidedBy`; `refused`: a word of `Refused`
 * - `rule`: the rule's name; `file` and `line`: where it stands; `rule_message`, `owner` and `request_access`: what the rule says for this case
 * - `retry_after`: seconds; `next_step`: what to do, in words
 */
function asJson(page: Page): string {
  const { decision } = page;
  const problem = {
    type: 'about:blank',
    title: page.reason,
    status: page.status,
    detail: `${page.title}. ${page.message}`,
    instance: `urn:sallyport:exchange:${encodeURIComponent(page.flowId)}`,
    code: page.code,
    blame: page.blame,
    exchange: page.flowId,
    request: page.request === '' ? null : page.request,
    proxy: page.proxyName,
    decision: decision?.sentence ?? null,
    decided_by: decision?.decidedBy ?? null,
    refused: decision?.refused ?? null,
    rule: decision?.rule ?? null,
    file: decision?.file ?? null,
    line: decision?.line ?? null,
    rule_message: decision?.ruleMessage ?? null,
    owner: decision?.owner ?? null,
    request_access: decision?.requestAccess ?? null,
    retry_after: page.retryAfterSeconds,
    next_step: page.nextStep,
  };
  return `${JSON.stringify(problem, null, 2)}\n`;
}

/** At most twelve lines; the longest paragraphs give way first, and a link never. */
function asText(page: Page): string {
  const { decision } = page;
  const smallPrint = [page.code, `exchange ${page.flowId}`, `proxy ${page.proxyName}`].filter((part) => part !== null).join(', ');
  const rule = [decision?.sentence, quoted(decision?.ruleMessage)].filter((part) => part !== undefined).join(' ');
  const link = decision?.requestAccess ?? null;
  const paragraphs = [
    `${page.status} ${page.reason}: ${page.title}`,
    page.request,
    page.message,
    `${page.verdict.term}: ${page.verdict.answer}`,
    rule,
    decision === null || decision.owner === null ? '' : `Whose rule: ${decision.owner}`,
    page.nextStep,
    smallPrint,
  ]
    .filter((paragraph) => paragraph !== '')
    .map(wrapped);
  if (link !== null) paragraphs.splice(-1, 0, [link]);
  let surplus = paragraphs.reduce((lines, paragraph) => lines + paragraph.length, -MAX_LINES);
  for (; surplus > 0; surplus -= 1) {
    const longest = paragraphs.reduce((a, b) => (b.length > a.length ? b : a));
    longest.pop();
    if (!longest.at(-1)!.endsWith(' ...')) longest.push(`${longest.pop()} ...`);
  }
  return `${paragraphs.flat().join('\n')}\n`;
}

function plainOrNull(text: string | null, maxCharacters: number): string | null {
  return text === null ? null : plain(text, maxCharacters);
}

function quoted(text: string | null | undefined): string | undefined {
  return text === null || text === undefined ? undefined : `"${text}"`;
}

/** What begins with the name of a host keeps it as it is. */
function asSentence(text: string): string {
  if (text === '') return '';
  const beginning = /^[^ ]*[.:][^ ]/.test(text) ? text.charAt(0) : text.charAt(0).toUpperCase();
  return `${beginning}${text.slice(1)}${/[.!?…]$/.test(text) ? '' : '.'}`;
}

const MAX_LINES = 12;
const MAX_LINK = 500;
const LINK_SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'mailto:']);
