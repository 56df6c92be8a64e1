// Owns content that a filter of a rule or a breakpoint asks for: it is waited for, up to a bound of octets and time, before the filter is judged, and goes on
// from its beginning then. Nobody waits where no filter asks. What is beyond the bound, or never ends, is not seen, and the reason is kept for the record.
import { searchableText } from '../flows/store/searchable-text.ts';
import { fieldValue } from '../http/fields.ts';
import type { Body, Fields, ResponseHead } from '../http/message.ts';
import { asRequestBody, collectRequest } from './changed-message.ts';
import type { Incoming, RequestBody } from './exchange.ts';
import { type ContentText, pairs } from './rewriting-subject.ts';
import { type Collected, collectContent, WholeContent } from './whole-content.ts';

export interface SeenContent<B extends Body> {
  /** `null` where it was not seen. */
  readonly text: ContentText | null;
  /** Why it was not, as a sentence without a full stop. */
  readonly why: string | null;
  /** All of it, still to be started. */
  readonly body: B;
}

/** @throws ProxyError that broke it off */
export async function seeRequest(incoming: Incoming, body: RequestBody): Promise<SeenContent<RequestBody>> {
  const collected = await collectRequest(incoming, body, MOST_SEEN, LONGEST_WAIT_MS);
  if (collected.kind === 'more') return { text: null, why: whyUnseen(collected), body: asRequestBody(collected.body, body) };
  return whole(collected, incoming.head.fields);
}

/** @throws ProxyError that broke it off */
export async function seeResponse({ cancellation }: Incoming, head: ResponseHead, body: Body): Promise<SeenContent<Body>> {
  if (isEventStream(head)) return { text: null, why: 'a stream of events is not looked into', body };
  const collected = await collectContent(body, MOST_SEEN, LONGEST_WAIT_MS, cancellation);
  return collected.kind === 'more' ? { text: null, why: whyUnseen(collected), body: collected.body } : whole(collected, head.fields);
}

/** Text of content that is there, for filters that look into it; `null` where it is too much. */
export function textOf(content: Buffer, fields: Fields): ContentText | null {
  if (content.length > MOST_SEEN) return null;
  let text: string | null | undefined;
  return () => {
    if (text === undefined) text = searchableText(content, false, pairs(fields));
    return text;
  };
}

export function isEventStream({ fields }: Pick<ResponseHead, 'fields'>): boolean {
  return /^text\/event-stream *(?:;|$)/i.test(fieldValue(fields, 'content-type') ?? '');
}

function whole({ content, trailers }: Extract<Collected, { kind: 'whole' }>, fields: Fields): SeenContent<WholeContent> {
  return { text: textOf(content, fields), why: null, body: new WholeContent(content, trailers) };
}

function whyUnseen({ isSlow }: Extract<Collected, { kind: 'more' }>): string {
  return isSlow ? `the content had not ended after ${LONGEST_WAIT_MS / 1_000} s` : 'the content is more than 1 MiB';
}

/** As much as is recorded of content, where the settings say nothing else: a filter finds here what it finds in the list. */
const MOST_SEEN = 1024 * 1024;
const LONGEST_WAIT_MS = 5_000;
