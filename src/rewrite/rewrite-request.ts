// Owns what rules do to a request before anybody looks for an answer to it: where it goes, its fields, its content. All rules that fit are applied in
// order, each to what the one before has made; one that ends the exchange is the last. Content is changed by who has it (content.ts).
import { type Authority, formatAuthority } from '../http/authority.ts';
import { isNamed } from '../http/fields.ts';
import type { Field, Fields } from '../http/message.ts';
import { DEFAULT_PORTS, parseTarget, type Scheme } from '../http/target.ts';
import type { Change, ContentChange, Ending, Replacement, RewriteRule, Throttle } from './rule.ts';

/** A request, as far as rules change it. */
export interface RewritableRequest {
  readonly method: string;
  readonly scheme: Scheme;
  readonly authority: Authority;
  readonly pathAndQuery: string;
  readonly fields: Fields;
}

export interface RewrittenRequest {
  readonly request: RewritableRequest;
  /** Of its content. */
  readonly content: readonly ContentChange[];
  /** What it ends with, in the name of which rule. */
  readonly ending: { readonly rule: string; readonly ending: Ending } | null;
  readonly delayMs: number;
  readonly throttle: Throttle | null;
  readonly changes: readonly Change[];
}

/**
 * @param subject  what a match looks at: the request as its client sent it, so that no rule takes a request away from another one
 * @param missed  told of a rule that content would decide which the subject has not; `null` where that may still come
 * @returns `null` when no rule fits; `awaits content` when one has to be asked again, once there is content
 */
export function rewriteRequest<Subject>(
  rules: readonly RewriteRule<Subject>[],
  request: RewritableRequest,
  subject: Subject,
  missed: ((rule: string) => void) | null,
): RewrittenRequest | 'awaits content' | null {
  const changes: Change[] = [];
  const content: ContentChange[] = [];
  let current = request;
  let delayMs = 0;
  let throttle: Throttle | null = null;
  let hasFitted = false;
  for (const rule of rules) {
    if (!rule.isOn || !concernsRequests(rule)) continue;
    if (!rule.fits(subject)) {
      if (!rule.awaits?.(subject, 'request')) continue;
      if (missed === null) return 'awaits content';
      missed(rule.name);
      continue;
    }
    hasFitted = true;
    const note = (what: string) => changes.push({ stage: 'request', rule: rule.name, what });
    current = changed(rule, current, note);
    for (const replacement of rule.request?.content ?? []) content.push({ rule: rule.name, replacement });
    if (rule.delayMs > 0) note(`held for ${rule.delayMs} ms`);
    delayMs += rule.delayMs + (rule.throttle?.latencyMs ?? 0);
    if (rule.throttle !== null) {
      throttle = rule.throttle;
      note('slowed down');
    }
    if (rule.ending === null) continue;
    note(endingWords(rule.ending));
    return { request: current, content: [], ending: { rule: rule.name, ending: rule.ending }, delayMs, throttle, changes };
  }
  return hasFitted ? { request: current, content, ending: null, delayMs, throttle, changes } : null;
}

/** The list with these fields in the place of those of their names, behind all that stay. */
export function withFields(fields: Fields, set: Fields, remove: readonly string[]): Fields {
  const gone = new Set([...remove, ...set.map(({ name }) => name.toLowerCase())]);
  const kept: Field[] = fields.filter(({ name }) => ![...gone].some((lower) => isNamed(name, lower)));
  return [...kept, ...set];
}

function concernsRequests({ request, ending, delayMs, throttle }: RewriteRule<never>): boolean {
  return request !== null || ending !== null || delayMs > 0 || throttle !== null;
}

function changed<Subject>(rule: RewriteRule<Subject>, request: RewritableRequest, note: (what: string) => void): RewritableRequest {
  const changes = rule.request;
  if (changes === null) return request;
  const { remote, urls, set, remove } = changes;
  let result = request;
  for (const replacement of urls) result = withUrl(result, replacement, note);
  if (remote !== null) {
    const { scheme, authority, basePath } = remote;
    const isPath = result.pathAndQuery.startsWith('/');
    result = { ...result, scheme, authority, pathAndQuery: isPath ? `${basePath}${result.pathAndQuery}` : result.pathAndQuery };
    note(`sent to ${scheme}://${formatAuthority(authority, DEFAULT_PORTS[scheme])}${basePath}`);
  }
  for (const { name } of set) note(`set the field ${name}`);
  for (const name of remove) if (result.fields.some((field) => isNamed(field.name, name))) note(`removed the field ${name}`);
  return set.length + remove.length === 0 ? result : { ...result, fields: withFields(result.fields, set, remove) };
}

/** A URL that is none any more leaves the request as it was, and the record says so. */
function withUrl(request: RewritableRequest, replacement: Replacement, note: (what: string) => void): RewritableRequest {
  const { scheme, authority, pathAndQuery } = request;
  // OPTIONS of a whole server, whose path is "*".
  if (!pathAndQuery.startsWith('/')) return request;
  const before = `${scheme}://${formatAuthority(authority, DEFAULT_PORTS[scheme])}${pathAndQuery}`;
  const after = replacement.replaceIn(before);
  if (after === before) return request;
  try {
    const target = parseTarget(request.method, after);
    if (target.form === 'absolute-form') {
      note(`sent to ${after}`);
      return { ...request, scheme: target.scheme, authority: target.authority, pathAndQuery: target.pathAndQuery };
    }
  } catch {
    // Told below.
  }
  note(`left the URL alone, since what it would become is no URL: ${after.slice(0, 200)}`);
  return request;
}

function endingWords(ending: Ending): string {
  switch (ending.kind) {
    case 'answer':
      return `answered with ${ending.status}`;
    case 'local':
      return `answered from ${ending.path}`;
    case 'fail':
      return FAILURES[ending.how];
    default:
      return ending satisfies never;
  }
}

const FAILURES = {
  reset: 'broke the connection off',
  empty: 'closed the connection without an answer',
  timeout: 'never answered',
  offline: 'let nobody be reached',
} as const;
