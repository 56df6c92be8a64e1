// Owns the two stages in which an operator changes exchanges: by rules (rewrite/), and after them by hand (at-breakpoint.ts). A request that was changed is
// judged again, as if it had come so: policy has the last word on where it goes, and its limits are those of the rule that lets it pass in the end. Where
// there are neither rules nor breakpoints both stages pass what they are given. Requests are changed before the cache is asked, so that what is stored is
// stored under what was fetched; responses behind it.
// Filters that look into content are judged once it is there (seen-content.ts); nobody waits where none does.
import type { PassingSubject } from '../flows/filter/verdict.ts';
import type { Flow } from '../flows/flow.ts';
import { isNamed } from '../http/fields.ts';
import { ByteRate } from '../net/byte-rate.ts';
import type { Deadlines } from '../net/deadlines.ts';
import type { Breakpoints } from '../rewrite/breakpoints.ts';
import { type RewritableRequest, type RewrittenRequest, rewriteRequest } from '../rewrite/rewrite-request.ts';
import { type RewritableResponse, type RewrittenResponse, rewriteResponse } from '../rewrite/rewrite-response.ts';
import type { Change, RewriteRule, Side, Throttle } from '../rewrite/rule.ts';
import { holdRequest, holdResponse, messageHolder } from './at-breakpoint.ts';
import { BrokenOffBody } from './broken-off-body.ts';
import {
  asRequestBody,
  type ChangingRequest,
  changedRequest,
  type ResponseAnswer,
  rewritable,
  withBody,
  withHead,
} from './changed-message.ts';
import { delayed, endedByRule } from './ended-by-rule.ts';
import type { Answer, Authorized, Identified, Incoming, Received, RequestBody, Soon, Step } from './exchange.ts';
import { MessageGate } from './message-gate.ts';
import { replacedInRequest, replacedInResponse } from './replaced-content.ts';
import { type ContentText, messageSubject, NO_TEXT, requestSubject, responseSubject, unanswered } from './rewriting-subject.ts';
import type { Stages } from './run-exchange.ts';
import { seeRequest, seeResponse } from './seen-content.ts';
import { heldToRate } from './throttle.ts';

export interface RewritingParts {
  /** Those of the moment. */
  readonly rules: () => readonly RewriteRule<PassingSubject>[];
  /** Hears, once an exchange, of each rule that touched it. */
  readonly touched: (rule: string) => void;
  readonly breakpoints: Breakpoints<PassingSubject>;
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
      if (answer.response.upgraded !== null) return rewriting.upgraded(received, answer);
      return isIdle() ? answer : rewriting.response(received, answer);
    },
    asItCame: (incoming) => rewriting.asItCame(incoming),
  };
}

/** What is remembered of an exchange that rules or people may change. */
interface Touched {
  readonly asItCame: Incoming;
  /** Content of its request, where somebody had to look into it. */
  requestText: ContentText | null;
  readonly by: Set<string>;
  throttle: Throttle | null;
}

/** What is to be done with a request. */
interface RequestPlan {
  readonly asItCame: RewritableRequest;
  readonly found: RewrittenRequest | null;
  readonly isHeld: boolean;
  /** Of the WebSocket that it asks for. */
  readonly holdsMessages: boolean;
}

/** The same of a response. */
interface ResponsePlan {
  readonly found: RewrittenResponse | null;
  readonly isHeld: boolean;
}

/** Content that a filter asks for, which may still come. */
const AWAITS = 'awaits content';

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
    const { received } = authorized;
    const { body } = received.incoming;
    const plan = this.#requestPlan(received, body === null ? NO_TEXT : null, null);
    if (plan === AWAITS) return this.#seeRequest(identified, authorized, body!);
    return plan === null ? { next: authorized } : this.#changeRequest(identified, authorized, body, plan);
  }

  /** @param received  as it came */
  response(received: Received, answer: ResponseAnswer): Soon<Answer> {
    const { incoming } = received;
    if (incoming.isBackground) return answer;
    const touched = this.#touched.get(incoming.flow);
    const requestText = incoming.body === null ? NO_TEXT : (touched?.requestText ?? null);
    const { body } = answer.response;
    const plan = this.#responsePlan(received, answer, { request: requestText, response: body === null ? NO_TEXT : null }, null);
    if (plan === AWAITS) return this.#seeResponse(received, answer, requestText);
    const isToChange = plan !== null || (touched !== undefined && touched.throttle !== null);
    return isToChange ? this.#changeResponse(received, answer, plan) : answer;
  }

  /** It has become a WebSocket: people may hold its messages, now or as long as it is open. */
  upgraded(received: Received, answer: ResponseAnswer): Answer {
    return { ...answer, gate: new MessageGate(messageHolder(this.#parts.breakpoints, received)) };
  }

  asItCame(incoming: Incoming): Incoming {
    return this.#touched.get(incoming.flow)?.asItCame ?? incoming;
  }

  /** @param unseen  why content that was waited for was not seen; `null` where it may still come, or was */
  #requestPlan(received: Received, text: ContentText | null, unseen: string | null): RequestPlan | typeof AWAITS | null {
    const { rules, breakpoints } = this.#parts;
    const { isBackground } = received.incoming;
    const subject = requestSubject(received, text);
    const missed = unseen === null ? null : this.#missed(received.incoming, 'request', unseen);
    const asItCame = rewritable(received);
    const found = rewriteRequest(rules(), asItCame, subject, missed);
    if (found === AWAITS) return AWAITS;
    if (found !== null && found.ending !== null) return { asItCame, found, isHeld: false, holdsMessages: false };
    const mayHold = !isBackground && breakpoints.areAny;
    const asking = text === null ? this.#asking(subject, mayHold) : NOBODY;
    if (asking.length > 0 && missed === null) return AWAITS;
    for (const rule of asking) missed!(rule);
    const isHeld = mayHold && breakpoints.wants('request', subject);
    const holdsMessages = received.upgrade !== null && breakpoints.areAbout('message', messageSubject(subject, null));
    if (found === null && !isHeld && !holdsMessages) return null;
    return { asItCame, found, isHeld, holdsMessages };
  }

  /** Breakpoints, and rules about the response, that ask for content of the request, which passes before there is one. */
  #asking(subject: PassingSubject, mayHold: boolean): readonly string[] {
    const { rules, breakpoints } = this.#parts;
    const later = unanswered(subject);
    const asking = rules().filter(({ isOn, response, awaits }) => isOn && response !== null && awaits?.(later, 'request'));
    const isAskedToHold =
      mayHold && (breakpoints.awaits('request', subject, 'request') || breakpoints.awaits('response', later, 'request'));
    if (asking.length === 0 && !isAskedToHold) return NOBODY;
    return [...asking.map(({ name }) => name), ...(isAskedToHold ? [BREAKPOINT] : [])];
  }

  #responsePlan(
    received: Received,
    { response: { head, body } }: ResponseAnswer,
    texts: { readonly request: ContentText | null; readonly response: ContentText | null },
    unseen: string | null,
  ): ResponsePlan | typeof AWAITS | null {
    const { rules, breakpoints } = this.#parts;
    const missed = unseen === null ? null : this.#missed(received.incoming, 'response', unseen);
    const length = body === null ? 0 : body.length;
    const subjectOf = (response: RewritableResponse) => responseSubject(received, response, texts, length);
    const found = rewriteResponse(rules(), head, subjectOf, missed);
    if (found === AWAITS) return AWAITS;
    if (!breakpoints.mayHold('response')) return found === null ? null : { found, isHeld: false };
    const subject = subjectOf(found?.response ?? head);
    const isHeld = breakpoints.wants('response', subject);
    if (!isHeld && breakpoints.awaits('response', subject, 'response')) {
      if (missed === null) return AWAITS;
      missed(BREAKPOINT);
    }
    return found === null && !isHeld ? null : { found, isHeld };
  }

  async #seeRequest(identified: Identified, authorized: Authorized, body: RequestBody): Promise<Step<Authorized, Answer>> {
    const { received } = authorized;
    const { incoming } = received;
    const seen = await seeRequest(incoming, body);
    this.#remember(incoming).requestText = seen.text;
    const plan = this.#requestPlan(received, seen.text, seen.why) as RequestPlan | null;
    const toDo = plan ?? { asItCame: rewritable(received), found: null, isHeld: false, holdsMessages: false };
    return await this.#changeRequest(identified, authorized, seen.body, toDo);
  }

  async #seeResponse(received: Received, answer: ResponseAnswer, requestText: ContentText | null): Promise<Answer> {
    const { head, body } = answer.response;
    const seen = await seeResponse(received.incoming, head, body!);
    const plan = this.#responsePlan(received, answer, { request: requestText, response: seen.text }, seen.why) as ResponsePlan | null;
    return await this.#changeResponse(received, withBody(answer, seen.body), plan);
  }

  /** @param body  that of the request as it came, perhaps looked into */
  async #changeRequest(
    identified: Identified,
    authorized: Authorized,
    body: RequestBody | null,
    { asItCame, found, isHeld, holdsMessages }: RequestPlan,
  ): Promise<Step<Authorized, Answer>> {
    const { received } = authorized;
    const { incoming } = received;
    const touched = this.#remember(incoming);
    touched.throttle = found?.throttle ?? null;
    let changing: ChangingRequest = { request: asItCame, body };
    if (found !== null) {
      this.#note(incoming, found.changes);
      if (found.delayMs > 0 && !incoming.isBackground) await delayed(incoming, found.delayMs);
      if (found.ending !== null) return { respond: await endedByRule(found.ending, received, body) };
      changing = { request: found.request, body };
      if (found.content.length > 0)
        changing = await replacedInRequest(incoming, changing, found.content, this.#noting(incoming, 'request'));
    }
    if (holdsMessages) changing = withoutExtensions(changing);
    if (isHeld) {
      const released = await holdRequest(this.#parts.breakpoints, incoming, changing);
      if ('respond' in released) return released;
      changing = released.next;
    }
    if (changing.request === asItCame && changing.body === incoming.body && found?.throttle == null) return { next: authorized };
    const changed = slowed(changedRequest(received, changing), found === null ? null : this.#ratesOf(found.throttle).up);
    return changing.request === asItCame
      ? { next: { ...authorized, received: changed } }
      : await this.#rejudge({ ...identified, received: changed }, authorized);
  }

  async #changeResponse(received: Received, answer: ResponseAnswer, plan: ResponsePlan | null): Promise<Answer> {
    const { incoming } = received;
    const found = plan?.found ?? null;
    let current = answer;
    if (found !== null) {
      this.#note(incoming, found.changes);
      current = withHead(current, found.response);
      if (found.content.length > 0)
        current = await replacedInResponse(incoming, current, found.content, this.#noting(incoming, 'response'));
    }
    if (plan?.isHeld) current = await holdResponse(this.#parts.breakpoints, received, current);
    const { body } = current.response;
    const breaker = found?.brokenOffBy ?? null;
    if (breaker !== null)
      this.#noting(incoming, 'response')(breaker, body === null ? 'left it whole, since it has no content' : 'broke it off in the middle');
    if (body === null) return current;
    const rate = this.#ratesOf(this.#touched.get(incoming.flow)?.throttle ?? null).down;
    const slowedDown = rate === null ? body : heldToRate(body, rate);
    const brokenOff = breaker === null ? slowedDown : new BrokenOffBody(slowedDown, breaker);
    return brokenOff === body ? current : withBody(current, brokenOff);
  }

  #noting(incoming: Incoming, stage: Side): (rule: string, what: string) => void {
    return (rule, what) => this.#note(incoming, [{ stage, rule, what }]);
  }

  /** Notes of rules, and of breakpoints, that content would have decided which was not seen. */
  #missed({ flow }: Incoming, stage: Side, why: string): (rule: string) => void {
    const told = new Set<string>();
    return (rule) => {
      if (told.has(rule)) return;
      told.add(rule);
      const what = `${rule === BREAKPOINT ? 'did not hold it' : 'did not fit'}, since ${why}`;
      flow.capture?.noteChanges([{ stage, rule, what, isMiss: true }]);
    };
  }

  #remember(incoming: Incoming): Touched {
    let touched = this.#touched.get(incoming.flow);
    if (touched === undefined) {
      touched = { asItCame: incoming, requestText: null, by: new Set(), throttle: null };
      this.#touched.set(incoming.flow, touched);
    }
    return touched;
  }

  #note(incoming: Incoming, changes: readonly Change[]): void {
    const { flow, isBackground } = incoming;
    flow.capture?.noteChanges(changes);
    if (isBackground) return;
    const touched = this.#remember(incoming);
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

const NO_RATES: Rates = { down: null, up: null };
const NOBODY: readonly string[] = [];
/** As the record calls them all. */
const BREAKPOINT = 'breakpoint';
