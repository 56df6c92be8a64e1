// Owns what the filters of rules and breakpoints look at while an exchange is under way: the same form as that of recorded ones, as far as it is known.
// Content is in it once somebody has waited for it (seen-content.ts).
import { testOf } from '../flows/filter/match.ts';
import { parseFilter } from '../flows/filter/parse.ts';
import { contentsOf, lateWordOf, type Missing, type PassingSubject, verdictOf } from '../flows/filter/verdict.ts';
import type { RecordedFields, Summary } from '../flows/recorded.ts';
import type { Fields, ResponseHead } from '../http/message.ts';
import type { Match, Side } from '../rewrite/rule.ts';
import type { Received } from './exchange.ts';

export type CompiledMatch =
  | { readonly ok: Match<PassingSubject> }
  | { readonly problem: { readonly column: number; readonly message: string } };

/** @throws never */
export function compileMatch(text: string): CompiledMatch {
  const parsed = parseFilter(text);
  if ('problem' in parsed) return parsed;
  const filter = parsed.ok;
  const late = lateWordOf(filter);
  if (late !== null)
    return { problem: { column: 1, message: `${late} is known only once an exchange has ended, and this is asked before` } };
  const looksInto = contentsOf(filter);
  if (!looksInto.request && !looksInto.response) return { ok: { fits: testOf(filter), awaits: null } };
  const awaits: Match<PassingSubject>['awaits'] = (subject, content) =>
    looksInto[content] && subject.missing[content] && verdictOf(filter, subject) === null;
  return { ok: { fits: (subject) => verdictOf(filter, subject) === true, awaits } };
}

/** Content as filters see it: its text, or `null` where it is none. */
export type ContentText = () => string | null;

export const NO_TEXT: ContentText = () => null;

/** The request as its client sent it. @param text  of its content; `null` where nobody has waited for that */
export function requestSubject({ incoming, scheme, authority, pathAndQuery, upgrade }: Received, text: ContentText | null): PassingSubject {
  const { flow, head, body } = incoming;
  const { method, target, version, fields } = head;
  const { decision } = flow;
  const summary: Summary = {
    ...NOTHING,
    id: flow.id,
    kind: upgrade === null ? 'exchange' : 'websocket',
    connectId: flow.connectId,
    startedAtMs: flow.startedAtMs,
    client: flow.clientAddress,
    user: flow.user,
    ...{ method, scheme, host: authority.kind === 'ipv6' ? `[${authority.host}]` : authority.host, port: authority.port },
    ...{ path: pathAndQuery, version },
    decision: decision?.action ?? null,
    rule: decision?.rule?.name ?? null,
    reported: decision?.reported.length ?? 0,
    requestBytes: body?.length ?? 0,
    replayOf: flow.capture?.replayOf ?? null,
  };
  const request = { method, target, version, fields: pairs(fields) };
  return text === null ? { summary, request, missing: MISSING_REQUEST } : { summary, request, missing: NOTHING_MISSING, requestText: text };
}

/** What may come of it: how filters look at the same request before there is an answer. */
export function unanswered(subject: PassingSubject): PassingSubject {
  return { ...subject, missing: { request: subject.missing.request, response: true, answer: true } };
}

/** Of a message of the WebSocket that the request has become: content of whoever sent it. @param sent  `null` of all that may come */
export function messageSubject(
  { summary, request }: PassingSubject,
  sent: { readonly by: Side; readonly text: ContentText | null } | null,
): PassingSubject {
  const isSeen = sent !== null && sent.text !== null;
  const missing = { request: !isSeen && sent?.by !== 'response', response: !isSeen && sent?.by !== 'request', answer: false };
  const handshake = { summary, request: request ?? null, missing };
  if (sent === null || sent.text === null) return handshake;
  return sent.by === 'request' ? { ...handshake, requestText: sent.text } : { ...handshake, responseText: sent.text };
}

/** The same, with what is answered. @param texts  of the contents of both @param length  of that of the response, where it is known */
export function responseSubject(
  received: Received,
  { status, reason, fields }: Omit<ResponseHead, 'version'>,
  texts: { readonly request: ContentText | null; readonly response: ContentText | null },
  length: number | null,
): PassingSubject {
  const asked = requestSubject(received, texts.request);
  const response = { status, reason, version: asked.summary.version, fields: pairs(fields) };
  const contentType = response.fields.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
  const cache = received.incoming.flow.cache?.outcome ?? null;
  const summary = { ...asked.summary, status, contentType, cache, responseBytes: length ?? 0 };
  if (texts.response !== null) return { ...asked, summary, response, responseText: texts.response };
  return { ...asked, summary, response, missing: { ...asked.missing, response: true } };
}

/** What the request says of itself. */
type Asked = Pick<Summary, 'method' | 'scheme' | 'host' | 'port' | 'path' | 'version' | 'decision' | 'rule' | 'reported' | 'requestBytes'>;

/** As they are recorded. */
export function pairs(fields: Fields): RecordedFields {
  return fields.map(({ name, value }) => [name, value]);
}

const NOTHING_MISSING: Missing = { request: false, response: false, answer: false };
const MISSING_REQUEST: Missing = { request: true, response: false, answer: false };
const NOTHING: Omit<Summary, 'id' | 'kind' | 'connectId' | 'replayOf' | 'startedAtMs' | 'client' | 'user' | keyof Asked> = {
  ...{ state: 'pending', status: 0, outcome: null, error: null, cache: null, interception: null, contentType: null },
  ...{ responseBytes: 0, resolveMs: null, connectMs: null, tlsMs: null, firstByteMs: null, totalMs: null, messages: 0, touched: [] },
};
