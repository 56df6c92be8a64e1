// Owns content that rules replace something in, on its way: collected as a whole, changed (rewrite/content.ts), and passed on. Left alone, with the reason in
// the record: part of a representation (206), streams of events, whose end nobody can wait for, and content beyond a bound.
import type { ResponseHead } from '../http/message.ts';
import { rewriteContent, withoutOldContent } from '../rewrite/content.ts';
import type { ContentChange } from '../rewrite/rule.ts';
import { asRequestBody, type ChangingRequest, collectRequest, type ResponseAnswer, withBody, withHead } from './changed-message.ts';
import type { Incoming } from './exchange.ts';
import { isEventStream } from './seen-content.ts';
import { collectContent, WholeContent } from './whole-content.ts';

type Note = (rule: string, what: string) => void;

/** @param content  at least one @throws ProxyError that broke it off */
export async function replacedInRequest(
  incoming: Incoming,
  { request, body }: ChangingRequest,
  content: readonly ContentChange[],
  note: Note,
): Promise<ChangingRequest> {
  if (body === null) return { request, body };
  const collected = await collectRequest(incoming, body, MOST_CONTENT, null);
  if (collected.kind === 'more') {
    note(content[0]!.rule, TOO_MUCH);
    return { request, body: asRequestBody(collected.body, body) };
  }
  const rewritten = rewriteContent(collected.content, request.fields, content, MOST_CONTENT);
  if (rewritten.kind === 'unchanged') {
    if (rewritten.why !== null) note(content[0]!.rule, `left the content alone: ${rewritten.why}`);
    return { request, body: new WholeContent(collected.content, collected.trailers) };
  }
  for (const { rule, replacement } of rewritten.done) note(rule, `replaced ${replacement.text} in the content`);
  return { request: { ...request, fields: rewritten.fields }, body: new WholeContent(rewritten.content, collected.trailers) };
}

/** @param content  at least one @throws ProxyError that broke it off */
export async function replacedInResponse(
  { cancellation }: Incoming,
  answer: ResponseAnswer,
  content: readonly ContentChange[],
  note: Note,
): Promise<ResponseAnswer> {
  const { body, head } = answer.response;
  const why = whyLeftAlone(head);
  if (why !== null) note(content[0]!.rule, why);
  if (why !== null || head.status === 304) return answer;
  // The answer to a HEAD announces content that would be another one.
  if (body === null) return withHead(answer, { ...head, fields: withoutOldContent(head.fields) });
  const collected = await collectContent(body, MOST_CONTENT, null, cancellation);
  if (collected.kind === 'more') {
    note(content[0]!.rule, TOO_MUCH);
    return withBody(answer, collected.body);
  }
  const rewritten = rewriteContent(collected.content, head.fields, content, MOST_CONTENT);
  if (rewritten.kind === 'unchanged') {
    if (rewritten.why !== null) note(content[0]!.rule, `left the content alone: ${rewritten.why}`);
    return withBody(answer, new WholeContent(collected.content, collected.trailers));
  }
  for (const { rule, replacement } of rewritten.done) note(rule, `replaced ${replacement.text} in the content`);
  const changed = new WholeContent(rewritten.content, collected.trailers);
  return withBody(withHead(answer, { ...head, fields: rewritten.fields }), changed);
}

function whyLeftAlone(head: ResponseHead): string | null {
  if (head.status === 206) return 'left the content alone, since it is a part of something';
  return isEventStream(head) ? 'left the content alone, since it is a stream of events' : null;
}

/** Octets of content that rules change. */
const MOST_CONTENT = 8 * 1024 * 1024;
const TOO_MUCH = 'left the content alone, since there is too much of it';
