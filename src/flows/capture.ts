// Owns what is held of one exchange for whoever records it, while it is under way: references to the messages that passed its stages, and its contents
// as far as they are kept. Stages write into it as they write into the flow, and nobody on the line reads it.
// Field lists are held, not copied: nothing changes them once they were made.
import type { Authority } from '../http/authority.ts';
import type { Fields, RequestHead, ResponseHead } from '../http/message.ts';
import type { Scheme } from '../http/target.ts';
import type { Linked } from '../net/linked-set.ts';
import type { WebSocketDirection, WebSocketEvent, WebSocketWatcher } from '../tunnel/websocket-observer.ts';
import type { CapturedContent } from './captured-content.ts';
import { MessagesOnHold, type OnHold } from './held-messages.ts';

/** A message that passed through an exchange: of a WebSocket, or a server-sent event. */
export type CapturedMessage = Omit<WebSocketEvent, 'kind'> & {
  readonly kind: WebSocketEvent['kind'] | 'sse';
  /** It came by nobody, but tells what became of another one at a breakpoint. */
  readonly fate?: MessageFate;
};

/** What became of a message, which is the one with the number `of`: the content of this one went on in its place, or nothing did. */
export interface MessageFate {
  readonly of: number;
  readonly how: 'edited' | 'dropped';
}

/** What was changed about an exchange on its way, and by which rule; `recorded.ts` has the same. */
export interface CapturedChange {
  readonly stage: 'request' | 'response' | 'message';
  readonly rule: string;
  readonly what: string;
  readonly isMiss?: true;
}

/** What keeps captures. It throws nothing. */
export interface CaptureOwner<Exchange> {
  message(capture: Capture<Exchange>, message: CapturedMessage): void;
}

/** @typeParam Exchange the record of the exchange, which has this one in it */
export class Capture<Exchange = unknown> implements Linked<Capture<Exchange>>, WebSocketWatcher {
  previous: Capture<Exchange> | null = null;
  next: Capture<Exchange> | null = null;
  readonly flow: Exchange;
  readonly #owner: CaptureOwner<Exchange>;
  /** It is in the list already, as one that has not ended. */
  isAnnounced = false;
  /** The record is finished, and nothing more is held. */
  isOver = false;
  /** Messages that were told of. */
  messages = 0;
  /** Of a WebSocket whose messages are taken apart, each direction on its own; `null` until somebody may hold some. */
  #onHold: OnHold | null = null;
  /** The exchange that it repeats, by its id in the session. */
  replayOf: number | null = null;
  /** What rules and people have changed about it, in order; `null` while that is nothing. */
  changes: CapturedChange[] | null = null;

  /** As the client sent it. */
  readonly request: RequestHead;
  requestContent: CapturedContent | null = null;
  scheme: Scheme | 'tunnel' | '' = '';
  /** Canonical, IPv6 in brackets. */
  host = '';
  port = 0;
  path = '';

  /** Field lines as they went to the origin, without Host and framing; `null` when none was asked. */
  sentFields: Fields | null = null;
  sentMethod = '';
  sentScheme: Scheme = 'http';
  sentAuthority: Authority | null = null;
  sentPath = '';
  /** Octets of content that was to go with it; `null` where only its end would tell. */
  sentLength: number | null = 0;
  /** As the origin sent it. */
  received: ResponseHead | null = null;

  /** As the client got it, without framing; 0 while there is none. */
  status = 0;
  reason = '';
  responseFields: Fields | null = null;
  /** Lines that come before them. */
  responseLines: string | undefined = undefined;
  /** The length that its head announces; `null` where it says that the end will tell, and `undefined` where it says nothing. */
  responseFraming: number | null | undefined = undefined;
  responseContent: CapturedContent | null = null;

  constructor(flow: Exchange, request: RequestHead, owner: CaptureOwner<Exchange>) {
    this.flow = flow;
    this.request = request;
    this.#owner = owner;
  }

  /** STAGE receive: where it wants to go. */
  noteTarget(scheme: Scheme | 'tunnel', authority: Authority, path: string): void {
    this.scheme = scheme;
    this.host = authority.kind === 'ipv6' ? `[${authority.host}]` : authority.host;
    this.port = authority.port;
    this.path = path;
  }

  /** STAGE forward: what goes to the origin. Of a request that is repeated, the last time counts. */
  noteSent(method: string, scheme: Scheme, authority: Authority, path: string, fields: Fields, length: number | null): void {
    this.sentMethod = method;
    this.sentScheme = scheme;
    this.sentAuthority = authority;
    this.sentPath = path;
    this.sentFields = fields;
    this.sentLength = length;
  }

  /** STAGE forward: what came of it. */
  noteReceived(head: ResponseHead): void {
    this.received = head;
  }

  /** STAGE deliver. */
  noteResponse(status: number, reason: string, fields: Fields, lines: string | undefined, framing: number | null | undefined): void {
    this.status = status;
    this.reason = reason;
    this.responseFields = fields;
    this.responseLines = lines;
    this.responseFraming = framing;
  }

  /** STAGES rewriteRequest, rewriteResponse. */
  noteChanges(changes: readonly CapturedChange[]): void {
    if (changes.length > 0) this.changes = [...(this.changes ?? []), ...changes];
  }

  // WebSocketWatcher: what the WebSocket says that it has become

  nowMs(): number {
    return Date.now();
  }

  event(event: CapturedMessage): void {
    if (this.isOver) return;
    this.#owner.message(this, event);
    if (event.kind === 'text' || event.kind === 'binary') this.#onHold?.[event.direction]?.came(this.messages);
  }

  // What holds messages says

  /** From the next message on, that which goes on is told of. */
  noteHolding(direction: WebSocketDirection): void {
    this.#onHold ??= { 'from-client': null, 'to-client': null };
    this.#onHold[direction] = new MessagesOnHold();
  }

  /** @param became  what the next message of this direction has become; `null`: it goes on as it came */
  noteGone(
    direction: WebSocketDirection,
    became: { readonly isText: boolean; readonly content: Buffer; readonly isDropped: boolean } | null,
  ): void {
    const of = this.#onHold?.[direction]?.goes() ?? null;
    if (became === null || of === null || this.isOver) return;
    const { isText, content, isDropped } = became;
    this.#owner.message(this, {
      ...{ atMs: this.nowMs(), direction, kind: isText ? 'text' : 'binary', length: content.length, isCompressed: false },
      ...{ contentLength: content.length, preview: content.subarray(0, PREVIEW), closeCode: null, problem: null },
      fate: { of, how: isDropped ? 'dropped' : 'edited' },
    });
  }
}

/** Octets that are kept of a message, as of those that come. */
const PREVIEW = 4 * 1024;
