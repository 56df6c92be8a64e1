// Owns how a page of ours is sent: which of the exchange's facts it shows, the fields around it, and Proxy-Status (RFC 9209).
import { formatAuthority } from '../http/authority.ts';
import { fieldValues } from '../http/fields.ts';
import { BytesBody, type Field, type Fields, NO_FIELDS } from '../http/message.ts';
import { type Parameters, serializeMember } from '../http/structured-fields.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { PAGE_FIELDS, type PageFacts, renderPage } from '../pages/page.ts';
import { reasonPhrase, standardReason } from '../pages/reason-phrase.ts';
import type { Incoming, Received, ReceivedConnect } from './exchange.ts';

export interface PageContext {
  /** Our name in Via. */
  readonly via: string;
  /** The time as an HTTP date (RFC 9110 §5.6.7). */
  readonly date: () => string;
}

/** What the stage that answers knows; the rest is the exchange's. */
export type AnswerFacts = Omit<PageFacts, 'reason' | 'method' | 'target' | 'flowId' | 'proxyName'>;

export interface PageAnswer {
  readonly facts: AnswerFacts;
  /** Parameters of our member of Proxy-Status; `null` sends none. */
  readonly proxyStatus: Parameters | null;
  /** Texts for the status line, the best first, in place of the status's own phrase. */
  readonly phrases?: readonly string[];
  readonly fields?: Fields;
}

/** @param received null when the request did not get that far, and for one to the proxy itself */
export function answerWithPage(
  incoming: Incoming,
  received: Received | ReceivedConnect | null,
  answer: PageAnswer,
  context: PageContext,
): void {
  const { facts, proxyStatus, phrases = [], fields: extra = NO_FIELDS } = answer;
  const { status, retryAfterSeconds } = facts;
  const shown: PageFacts = {
    ...facts,
    reason: standardReason(status),
    method: incoming.head.method,
    target: received === null ? '' : shownTarget(received),
    flowId: String(incoming.flow.id),
    proxyName: context.via,
  };
  const page = renderPage(shown, fieldValues(incoming.head.fields, 'accept').join(',') || undefined);
  const fields: Field[] = [
    { name: 'Date', value: context.date() },
    { name: 'Content-Type', value: page.contentType },
    ...PAGE_FIELDS,
    ...extra,
    { name: 'Vary', value: 'Accept' },
  ];
  if (retryAfterSeconds !== null) fields.push({ name: 'Retry-After', value: String(retryAfterSeconds) });
  if (proxyStatus !== null) fields.push({ name: 'Proxy-Status', value: serializeMember(context.via, proxyStatus) });
  incoming.flow.contentType = page.contentType;
  incoming.responder.respond(status, reasonPhrase(status, phrases), fields, new BytesBody(page.bytes), page.bytes.length);
}

/** What pages may show of a target: no path, no query. */
function shownTarget(received: Received | ReceivedConnect): string {
  if (!('scheme' in received)) return formatAuthority(received.authority);
  return `${received.scheme}://${formatAuthority(received.authority, DEFAULT_PORTS[received.scheme])}`;
}
