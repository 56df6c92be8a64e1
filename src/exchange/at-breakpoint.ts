// Owns what happens at a breakpoint: an exchange is held, shown, and goes on as the person wants, who may have edited it. What is shown is without content
// codings, and what was not edited goes on octet by octet as it came. Content that is too much to be shown, or does not end for a while, stays as it is.
import { ProxyError } from '../errors/proxy-error.ts';
import type { PassingSubject } from '../flows/filter/verdict.ts';
import { formatAuthority } from '../http/authority.ts';
import { fieldValue, isNamed } from '../http/fields.ts';
import { type Fields, NO_FIELDS } from '../http/message.ts';
import { DEFAULT_PORTS, parseTarget } from '../http/target.ts';
import type { BreakpointStage, Breakpoints, Held, HeldRequest, MessageDirection, MessageRelease, Release } from '../rewrite/breakpoints.ts';
import { decodeContent } from '../rewrite/content.ts';
import type { RewritableRequest } from '../rewrite/rewrite-request.ts';
import {
  asRequestBody,
  brokenOff,
  type ChangingRequest,
  collectRequest,
  ownAnswer,
  type ResponseAnswer,
  rewritable,
  withBody,
  withHead,
} from './changed-message.ts';
import type { Answer, Incoming, Received, Step } from './exchange.ts';
import type { MessageHolder } from './message-gate.ts';
import { messageSubject, NO_TEXT, requestSubject } from './rewriting-subject.ts';
import { textOf } from './seen-content.ts';
import { type Collected, collectContent, WholeContent } from './whole-content.ts';

/** @throws ProxyError when it is dropped, or its client leaves */
export async function holdRequest<Subject>(
  breakpoints: Breakpoints<Subject>,
  incoming: Incoming,
  { request, body }: ChangingRequest,
): Promise<Step<ChangingRequest, Answer>> {
  const collected = body === null ? null : await collectRequest(incoming, body, MOST_CONTENT, LONGEST_WAIT_MS);
  const rest =
    collected === null || body === null
      ? null
      : collected.kind === 'whole'
        ? new WholeContent(collected.content, collected.trailers)
        : asRequestBody(collected.body, body);
  const shown = shownMessage(request.fields, collected);
  const release = await held(breakpoints, incoming, {
    at: 'request',
    request: { ...asked(request), ...shown },
    response: null,
    message: null,
  });
  if (release.action === 'answer') {
    const { status, fields, content } = release.response;
    note(incoming, 'request', `answered with ${status}`);
    return { respond: ownAnswer(incoming, status, fields, content ?? NO_CONTENT) };
  }
  if (release.action === 'drop') {
    rest?.cancel();
    throw await dropped(incoming, 'request');
  }
  const edited = release.request;
  if (edited === null) return { next: { request, body: rest } };
  note(incoming, 'request', 'edited');
  const isSame = edited.content === null || shown.content?.equals(edited.content) === true;
  // With its content, its coding stays too, which was not shown.
  const fields = isSame ? withCoding(edited.fields, request.fields) : edited.fields;
  const content = isSame ? rest : edited.content?.length === 0 ? null : new WholeContent(edited.content!);
  return { next: { request: { ...targetOf(edited), method: edited.method, fields }, body: content } };
}

/** @throws ProxyError as above */
export async function holdResponse<Subject>(
  breakpoints: Breakpoints<Subject>,
  received: Received,
  answer: ResponseAnswer,
): Promise<ResponseAnswer> {
  const { incoming } = received;
  const { head, body } = answer.response;
  const collected = body === null ? null : await collectContent(body, MOST_CONTENT, LONGEST_WAIT_MS, incoming.cancellation);
  const rest =
    collected === null ? null : collected.kind === 'whole' ? new WholeContent(collected.content, collected.trailers) : collected.body;
  const shown = shownMessage(head.fields, collected);
  const response = { status: head.status, reason: head.reason, ...shown };
  const release = await held(breakpoints, incoming, {
    at: 'response',
    request: { ...asked(rewritable(received)), content: null },
    response,
    message: null,
  });
  if (release.action === 'drop') {
    rest?.cancel();
    throw await dropped(incoming, 'response');
  }
  const edited = release.response;
  if (edited === null) return withBody(answer, rest);
  note(incoming, 'response', 'edited');
  const isSame = edited.content === null || shown.content?.equals(edited.content) === true;
  if (isSame) return withHead(withBody(answer, rest), { ...edited, fields: withCoding(edited.fields, head.fields) });
  rest?.cancel();
  return withHead(withBody(answer, new WholeContent(edited.content!)), edited);
}

/** Holds messages of a WebSocket that filters fit, whenever they were set. @param received  its handshake, as it came */
export function messageHolder(breakpoints: Breakpoints<PassingSubject>, received: Received): MessageHolder {
  return new BreakpointMessages(breakpoints, received);
}

class BreakpointMessages implements MessageHolder {
  readonly #breakpoints: Breakpoints<PassingSubject>;
  readonly #received: Received;
  readonly #waiting = new Set<() => void>();
  /** What filters look at, once there is one. */
  #handshake: PassingSubject | null = null;
  #isGone = false;
  /** For which breakpoints it is known whether any of them is about this WebSocket. */
  #askedOf: unknown = null;
  #areWanted = false;

  constructor(breakpoints: Breakpoints<PassingSubject>, received: Received) {
    this.#breakpoints = breakpoints;
    this.#received = received;
  }

  areWanted(): boolean {
    const { all, areAny } = this.#breakpoints;
    if (!areAny) return false;
    if (this.#askedOf !== all) {
      this.#askedOf = all;
      this.#areWanted = this.#breakpoints.areAbout('message', messageSubject(this.#subject(), null));
    }
    return this.#areWanted;
  }

  begin(direction: MessageDirection): void {
    this.#received.incoming.flow.capture?.noteHolding(direction);
  }

  goes(direction: MessageDirection, isText: boolean, content: Buffer, release: MessageRelease | null): void {
    const isDropped = release?.action === 'drop';
    const edited = release?.action === 'continue' && release.content !== null && !release.content.equals(content) ? release.content : null;
    const became = isDropped || edited !== null ? { isText, content: edited ?? content, isDropped } : null;
    this.#received.incoming.flow.capture?.noteGone(direction, became);
  }

  hold(direction: MessageDirection, isText: boolean, content: Buffer): Promise<MessageRelease> | null {
    return this.#isToHold(direction, content) ? this.#wait(direction, isText, content) : null;
  }

  cannotHold(why: string): void {
    noteMiss(this.#received.incoming, `did not hold its messages, since ${why}`);
  }

  giveUp(): void {
    this.#isGone = true;
    for (const each of [...this.#waiting]) each();
  }

  #isToHold(direction: MessageDirection, content: Buffer): boolean {
    if (this.#isGone || !this.#breakpoints.mayHold('message')) return false;
    const by = direction === 'from-client' ? 'request' : 'response';
    const subject = messageSubject(this.#subject(), { by, text: textOf(content, NO_FIELDS) });
    if (this.#breakpoints.wants('message', subject)) return true;
    if (this.#breakpoints.awaits('message', subject, by))
      noteMiss(this.#received.incoming, 'did not hold a message, since it is more than 1 MiB');
    return false;
  }

  async #wait(direction: MessageDirection, isText: boolean, content: Buffer): Promise<MessageRelease> {
    const { incoming } = this.#received;
    const message = { direction, isText, content: content.length > MOST_CONTENT ? null : content };
    const request = { ...asked(rewritable(this.#received)), content: null };
    const what = { at: 'message', flowId: incoming.flow.id, request, response: null, message } as const;
    const { released, giveUp } = this.#breakpoints.hold(what, Date.now());
    this.#waiting.add(giveUp);
    const release = await released;
    this.#waiting.delete(giveUp);
    if (release.action !== 'continue') {
      if (!this.#isGone) note(incoming, 'message', 'dropped a message');
      return { action: 'drop' };
    }
    const isEdited = release.message !== null && !release.message.equals(content);
    if (isEdited) note(incoming, 'message', 'edited a message');
    return { action: 'continue', content: release.message };
  }

  #subject(): PassingSubject {
    return (this.#handshake ??= requestSubject(this.#received, NO_TEXT));
  }
}

/** What the person wants, who is waited for as long as the client waits. */
async function held<Subject>(
  breakpoints: Breakpoints<Subject>,
  incoming: Incoming,
  what: Omit<Held, 'number' | 'flowId' | 'sinceMs'>,
): Promise<Release> {
  const { flow, cancellation } = incoming;
  const { released, giveUp } = breakpoints.hold({ ...what, flowId: flow.id }, Date.now());
  note(incoming, what.at, 'held');
  cancellation.listen({ cancel: giveUp });
  const release = await released;
  cancellation.listen(null);
  return release;
}

async function dropped(incoming: Incoming, at: 'request' | 'response'): Promise<ProxyError> {
  if (incoming.cancellation.isCancelled) return new ProxyError('connection_terminated', 'The client has left.');
  note(incoming, at, 'dropped');
  return brokenOff(incoming, 'It was dropped at a breakpoint.');
}

/** Fields and content in the form in which a person can read them. */
function shownMessage(fields: Fields, collected: Collected | null): { readonly fields: Fields; readonly content: Buffer | null } {
  if (collected === null) return { fields, content: NO_CONTENT };
  if (collected.kind === 'more') return { fields, content: null };
  const decoded = decodeContent(collected.content, fields, MOST_DECODED);
  if (typeof decoded === 'string') return { fields, content: collected.content };
  return { fields: fields.filter(({ name }) => !isNamed(name, 'content-encoding')), content: decoded };
}

function withCoding(edited: Fields, before: Fields): Fields {
  const coding = fieldValue(before, 'content-encoding');
  const hasOne = coding === undefined || fieldValue(edited, 'content-encoding') !== undefined;
  return hasOne ? edited : [...edited, { name: 'Content-Encoding', value: coding }];
}

function asked({ method, scheme, authority, pathAndQuery, fields }: RewritableRequest): Omit<HeldRequest, 'content'> {
  // OPTIONS of the whole server has no path (RFC 9112 §3.2.4).
  const path = pathAndQuery === '*' ? '' : pathAndQuery;
  return { method, url: `${scheme}://${formatAuthority(authority, DEFAULT_PORTS[scheme])}${path}`, fields };
}

/** @throws ProxyError where the URL is none: whoever edits is told so before */
function targetOf({ method, url }: HeldRequest): Pick<RewritableRequest, 'scheme' | 'authority' | 'pathAndQuery'> {
  const target = parseTarget(method, url);
  if (target.form !== 'absolute-form') throw new ProxyError('http_request_error', 'The edited request has no absolute URL.');
  return target;
}

function note({ flow }: Incoming, stage: BreakpointStage, what: string): void {
  flow.capture?.noteChanges([{ stage, rule: 'breakpoint', what }]);
}

function noteMiss({ flow }: Incoming, what: string): void {
  flow.capture?.noteChanges([{ stage: 'message', rule: 'breakpoint', what, isMiss: true }]);
}

/** Octets of content that a person is shown, and of it once it is decoded. */
const MOST_CONTENT = 256 * 1024;
const MOST_DECODED = 1024 * 1024;
/** How long its end is waited for. */
const LONGEST_WAIT_MS = 5_000;
const NO_CONTENT = Buffer.alloc(0);
