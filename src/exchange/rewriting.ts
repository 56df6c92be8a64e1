// Owns the two stages in which an operator changes exchanges: by rules (rewrite/), and after them by hand (at-breakpoint.ts). A request that was changed is
// judged again, as if it had come so: policy has the last word on where it goes, and its limits are those of the rule that lets it pass in the end. Where
// there are neither rules nor breakpoints both stages pass what they are given. Requests are changed before the cache is asked, so that what is stored is
// stored under what was fetched; responses behind it.
// Left alone: part of a representation (206), and streams of events, whose end nobody can wait for.
import { ProxyError } from '../errors/proxy-error.ts';
import type { FilterSubject } from '../flows/filter/subject.ts';
import type { Flow } from '../flows/flow.ts';
import { fieldValue, hasField, isNamed } from '../http/fields.ts';
import { type Fields, type ResponseHead, TAKEN } from '../http/message.ts';
import { ByteRate } from '../net/byte-rate.ts';
import type { Deadlines } from '../net/deadlines.ts';
import type { Breakpoints } from '../rewrite/breakpoints.ts';
import { rewriteContent, withoutOldContent } from '../rewrite/content.ts';
import { readLocal } from '../rewrite/local-file.ts';
import { type RewrittenRequest, rewriteRequest } from '../rewrite/rewrite-request.ts';
import { type RewrittenResponse, rewriteResponse } from '../rewrite/rewrite-response.ts';
import type { Change, ContentChange, Ending, RewriteRule, Throttle } from '../rewrite/rule.ts';
import { UpstreamConnection } from '../upstream/connection.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import { holdRequest, holdResponse, messageHolder } from './at-breakpoint.ts';
import {
  asRequestBody,
  brokenOff,
  type ChangingRequest,
  changedRequest,
  collectRequest,
  ownAnswer,
  type ResponseAnswer,
  rewritable,
  withBody,
  withHead,
} from './changed-message.ts';
import type { Answer, Authorized, Identified, Incoming, Received, Soon, Step } from './exchange.ts';
import { gateMessages } from './message-gate.ts';
import { requestSubject, responseSubject } from './rewriting-subject.ts';
import type { Stages } from './run-exchange.ts';
import { heldToRate } from './throttle.ts';
import { collectContent, WholeContent } from './whole-content.ts';

export interface RewritingParts {
  /** Those of the moment. */
  readonly rules: () => readonly RewriteRule<FilterSubject>[];
  /** Hears, once an exchange, of each rule that touched it. */
  readonly touched: (rule: string) => void;
  readonly breakpoints: Breakpoints<FilterSubject>;
  readonly deadlines: Deadlines;
}

export interface RewritingStages extends Pick<Stages, 'rewriteRequest' | 'rewriteResponse'> {
  /** The request that a changed one was made of. */
  asItCame(incoming: Incoming): Incoming;
}

/** Judges a request that has changed since it was let pass, as if it had come so. */
export type Rejudge = (identified: Identified, before: Authorized) => Soon<Step<Authorized>>;

export function createRewriting(parts: RewritingParts, rejudge: Rejudge): RewritingStages {
  const { rules, breakpoints } = parts;
  const rewriting = new Rewriting(parts, rejudge);
  const isIdle = (): boolean => rules().length === 0 && !breakpoints.areAny;
  return {
    rewriteRequest: (identified, authorized) => (isIdle() ? { next: authorized } : rewriting.request(identified, authorized)),
    rewriteResponse(received, answer) {
      if (answer.kind !== 'response') return answer;
      if (answer.response.upgraded !== null) return rewriting.upgraded(received, answer, answer.response.upgraded);
      return isIdle() ? answer : rewriting.response(received, answer);
    },
    asItCame: (incoming) => rewriting.asItCame(incoming),
  };
}

/** What is remembered of an exchange that rules or people may change. */
interface Touched {
  readonly asItCame: Incoming;
  readonly by: Set<string>;
  readonly throttle: Throttle | null;
  /** What breakpoints look at, for each message of a WebSocket; `null` where none is held. */
  readonly messagesOf: FilterSubject | null;
}

/** What is to be done with a request. */
interface ToDo extends Pick<Touched, 'messagesOf'> {
  readonly found: RewrittenRequest | null;
  readonly isHeld: boolean;
}

interface Rates {
  readonly down: ByteRate | null;
  readonly up: ByteRate | null;
}

class Rewriting {
  readonly #parts: RewritingParts;
  readonly #rejudge: Rejudge;
  readonly #touched = new WeakMap<Flow, Touched>();
  /** What a rule's exchanges share, for as long as there is the rule. */
  readonly #rates = new WeakMap<Throttle, Rates>();

  constructor(parts: RewritingParts, rejudge: Rejudge) {
    this.#parts = parts;
    this.#rejudge = rejudge;
  }

  request(identified: Identified, authorized: Authorized): Soon<Step<Authorized, Answer>> {
    const { rules, breakpoints } = this.#parts;
    const { received } = authorized;
    const subject = requestSubject(received);
    const asItCame: ChangingRequest = { request: rewritable(received), body: received.incoming.body };
    const found = rewriteRequest(rules(), asItCame.request, subject);
    const isHeld = !received.incoming.isBackground && breakpoints.wants('request', subject);
    const holdsMessages = received.upgrade !== null && breakpoints.wants('message', subject);
    if (found === null && !isHeld && !holdsMessages) return { next: authorized };
    return this.#changeRequest(identified, authorized, asItCame, { found, isHeld, messagesOf: holdsMessages ? subject : null });
  }

  /** @param received  as it came */
  response(received: Received, answer: ResponseAnswer): Soon<Answer> {
    const { rules, breakpoints } = this.#parts;
    const { head } = answer.response;
    if (received.incoming.isBackground) return answer;
    const found = rewriteResponse(rules(), head, (response) => responseSubject(received, response));
    const isHeld = breakpoints.mayHold('response') && breakpoints.wants('response', responseSubject(received, found?.response ?? head));
    const throttle = this.#touched.get(received.incoming.flow)?.throttle ?? null;
    return found === null && !isHeld && throttle === null ? answer : this.#changeResponse(received, answer, found, isHeld);
  }

  /** It has become a WebSocket: people may hold its messages, where they had said so before. */
  upgraded(received: Received, answer: ResponseAnswer, { connection, early }: NonNullable<ClientResponse['upgraded']>): Answer {
    const { breakpoints } = this.#parts;
    const messagesOf = this.#touched.get(received.incoming.flow)?.messagesOf ?? null;
    // An extension that was not asked for is for the client to refuse (RFC 6455 §4.1).
    if (messagesOf === null || hasField(answer.response.head.fields, 'sec-websocket-extensions')) return answer;
    const { hold, giveUp } = messageHolder(breakpoints, received, () => breakpoints.wants('message', messagesOf));
    const stream = gateMessages(connection, early, hold).once('close', giveUp);
    const gate = UpstreamConnection.ofStream(stream, connection.address, connection.port);
    return { ...answer, response: { ...answer.response, upgraded: { connection: gate, early: Buffer.alloc(0) } } };
  }

  asItCame(incoming: Incoming): Incoming {
    return this.#touched.get(incoming.flow)?.asItCame ?? incoming;
  }

  async #changeRequest(
    identified: Identified,
    authorized: Authorized,
    asItCame: ChangingRequest,
    { found, isHeld, messagesOf }: ToDo,
  ): Promise<Step<Authorized, Answer>> {
    const { received } = authorized;
    const { incoming } = received;
    this.#touched.set(incoming.flow, { asItCame: incoming, by: new Set(), throttle: found?.throttle ?? null, messagesOf });
    let changing = asItCame;
    if (found !== null) {
      this.#note(incoming, found.changes);
      if (found.delayMs > 0 && !incoming.isBackground) await delayed(incoming, found.delayMs);
      if (found.ending !== null) return { respond: await ended(found.ending, received) };
      changing = { ...asItCame, request: found.request };
      if (found.content.length > 0) changing = await this.#withContent(incoming, changing, found.content);
    }
    if (messagesOf !== null) changing = withoutExtensions(changing);
    if (isHeld) {
      const released = await holdRequest(this.#parts.breakpoints, incoming, changing);
      if ('respond' in released) return released;
      changing = released.next;
    }
    if (changing.request === asItCame.request && changing.body === incoming.body && found?.throttle == null) return { next: authorized };
    const changed = slowed(changedRequest(received, changing), found === null ? null : this.#ratesOf(found.throttle).up);
    return changing.request === asItCame.request
      ? { next: { ...authorized, received: changed } }
      : await this.#rejudge({ ...identified, received: changed }, authorized);
  }

  async #changeResponse(received: Received, answer: ResponseAnswer, found: RewrittenResponse | null, isHeld: boolean): Promise<Answer> {
    const { incoming } = received;
    let current = answer;
    if (found !== null) {
      this.#note(incoming, found.changes);
      current = withHead(current, found.response);
      if (found.content.length > 0) current = await this.#withResponseContent(incoming, current, found.content);
    }
    if (isHeld) current = await holdResponse(this.#parts.breakpoints, received, current);
    const rate = this.#ratesOf(this.#touched.get(incoming.flow)?.throttle ?? null).down;
    const { body } = current.response;
    return rate === null || body === null ? current : withBody(current, heldToRate(body, rate));
  }

  async #withContent(incoming: Incoming, { request, body }: ChangingRequest, content: readonly ContentChange[]): Promise<ChangingRequest> {
    if (body === null) return { request, body };
    const collected = await collectRequest(incoming, body, MOST_CONTENT, null);
    const note = (rule: string, what: string) => this.#note(incoming, [{ stage: 'request', rule, what }]);
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

  async #withResponseContent(incoming: Incoming, answer: ResponseAnswer, content: readonly ContentChange[]): Promise<ResponseAnswer> {
    const { body, head } = answer.response;
    const note = (rule: string, what: string) => this.#note(incoming, [{ stage: 'response', rule, what }]);
    const why = whyLeftAlone(head);
    if (why !== null) note(content[0]!.rule, why);
    if (why !== null || head.status === 304) return answer;
    // The answer to a HEAD announces content that would be another one.
    if (body === null) return withHead(answer, { ...head, fields: withoutOldContent(head.fields) });
    const collected = await collectContent(body, MOST_CONTENT, null, incoming.cancellation);
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

  #note(incoming: Incoming, changes: readonly Change[]): void {
    const { flow, isBackground } = incoming;
    flow.capture?.noteChanges(changes);
    if (isBackground) return;
    let touched = this.#touched.get(flow);
    if (touched === undefined) this.#touched.set(flow, (touched = { asItCame: incoming, by: new Set(), throttle: null, messagesOf: null }));
    for (const { rule } of changes) {
      if (touched.by.has(rule)) continue;
      touched.by.add(rule);
      this.#parts.touched(rule);
    }
  }

  #ratesOf(throttle: Throttle | null): Rates {
    if (throttle === null) return NO_RATES;
    let rates = this.#rates.get(throttle);
    if (rates === undefined) {
      const of = (rate: number | null) => (rate === null ? null : new ByteRate(rate, this.#parts.deadlines));
      rates = { down: of(throttle.downBytesPerSecond), up: of(throttle.upBytesPerSecond) };
      this.#rates.set(throttle, rates);
    }
    return rates;
  }
}

/** So that each message can be read, and written anew, by itself. */
function withoutExtensions({ request, body }: ChangingRequest): ChangingRequest {
  const fields = request.fields.filter(({ name }) => !isNamed(name, 'sec-websocket-extensions'));
  return { request: fields.length === request.fields.length ? request : { ...request, fields }, body };
}

function slowed(received: Received, rate: ByteRate | null): Received {
  const { incoming } = received;
  const { body } = incoming;
  if (rate === null || body === null) return received;
  return { ...received, incoming: { ...incoming, body: asRequestBody(heldToRate(body, rate), body) } };
}

async function ended(
  { rule, ending }: { readonly rule: string; readonly ending: Ending },
  { incoming, pathAndQuery }: Received,
): Promise<Answer> {
  switch (ending.kind) {
    case 'answer':
      return ownAnswer(incoming, ending.status, ending.fields, ending.content);
    case 'local': {
      const file = await readLocal(ending.path, pathAndQuery.split('?', 1)[0]!);
      if (file === null) return ownAnswer(incoming, 404, TEXT, Buffer.from(`The rewriting rule '${rule}' has no file for this.\n`, 'utf8'));
      const type: Fields = file.type === null ? [] : [{ name: 'Content-Type', value: file.type }];
      return ownAnswer(incoming, 200, [...type, { name: 'Cache-Control', value: 'no-store' }], file.content);
    }
    case 'fail':
      if (ending.how === 'timeout' && !incoming.isBackground) await neverAnswered(incoming);
      throw await brokenOff(incoming, `The rewriting rule '${rule}' broke it off.`);
    default:
      return ending satisfies never;
  }
}

/** Until the client leaves: it is not kept from saying so by content that nobody takes. */
async function neverAnswered(incoming: Incoming): Promise<void> {
  incoming.body?.start({ write: () => TAKEN, end: () => {}, fail: () => {} });
  await delayed(incoming, LONGEST_SILENCE_MS);
}

/** @throws ProxyError when the client has left by then */
async function delayed({ cancellation }: Incoming, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  cancellation.listen({ cancel: resolve });
  await promise;
  clearTimeout(timer);
  cancellation.listen(null);
  if (cancellation.isCancelled) throw new ProxyError('connection_terminated', 'The client has left.');
}

function whyLeftAlone({ status, fields }: ResponseHead): string | null {
  if (status === 206) return 'left the content alone, since it is a part of something';
  return /^text\/event-stream *(?:;|$)/i.test(fieldValue(fields, 'content-type') ?? '')
    ? 'left the content alone, since it is a stream of events'
    : null;
}

/** Octets of content that rules look into. */
const MOST_CONTENT = 8 * 1024 * 1024;
const TOO_MUCH = 'left the content alone, since there is too much of it';
const NO_RATES: Rates = { down: null, up: null };
const TEXT: Fields = [{ name: 'Content-Type', value: 'text/plain; charset=utf-8' }];
/** A client that waits for longer would wait for good. */
const LONGEST_SILENCE_MS = 10 * 60_000;
