// Owns the two stages in which an operator changes exchanges: rules (rewrite/), and after them the person at a breakpoint. A request that was changed is
// judged again, as if it had come so: policy has the last word on where it goes. Where there are neither rules nor breakpoints both stages pass what they
// are given. Requests are changed before the cache is asked, so that what is stored is stored under what was fetched; responses behind it.
import { ProxyError } from '../errors/proxy-error.ts';
import type { FilterSubject } from '../flows/filter/subject.ts';
import type { RecordedChange } from '../flows/recorded.ts';
import { formatAuthority } from '../http/authority.ts';
import { fieldValue } from '../http/fields.ts';
import { type Body, BytesBody, type Fields, type ResponseHead } from '../http/message.ts';
import { DEFAULT_PORTS, parseTarget } from '../http/target.ts';
import { ByteRate } from '../net/byte-rate.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { rewriteContent } from '../rewrite/content.ts';
import { readLocal } from '../rewrite/local-file.ts';
import { type RewritableRequest, rewriteRequest } from '../rewrite/rewrite-request.ts';
import { rewriteResponse } from '../rewrite/rewrite-response.ts';
import type { Ending, Replacement, RewriteRule, Throttle } from '../rewrite/rule.ts';
import type { Breakpoints, HeldRequest, HeldResponse, Release } from './breakpoints.ts';
import type { Answer, Authorized, Identified, Incoming, Received, RequestBody, Step } from './exchange.ts';
import { requestSubject, responseSubject } from './rewriting-subject.ts';
import type { Stages } from './run-exchange.ts';
import { heldToRate } from './throttle.ts';
import { collectContent, WholeContent } from './whole-content.ts';

export interface RewritingParts {
  /** Those of the moment. */
  readonly rules: () => readonly RewriteRule<FilterSubject>[];
  readonly breakpoints: Breakpoints<FilterSubject>;
  readonly authorize: Stages['authorize'];
  readonly deadlines: Deadlines;
}

export type RewritingStages = Pick<Stages, 'rewriteRequest' | 'rewriteResponse'>;

type ResponseAnswer = Extract<Answer, { kind: 'response' }>;

export function createRewriting(parts: RewritingParts): RewritingStages {
  const { rules, breakpoints } = parts;
  const rewriting = new Rewriting(parts);
  return {
    rewriteRequest: (identified, authorized) =>
      rules().length === 0 && !breakpoints.mayHold('request') ? { next: authorized } : rewriting.request(identified, authorized),
    rewriteResponse: (request, answer) =>
      answer.kind !== 'response' || answer.response.upgraded !== null || (rules().length === 0 && !breakpoints.mayHold('response'))
        ? answer
        : rewriting.response(request, answer),
  };
}

class Rewriting {
  readonly #parts: RewritingParts;
  /** What slows the rest of an exchange down. */
  readonly #throttles = new WeakMap<Incoming['flow'], Throttle>();

  constructor(parts: RewritingParts) {
    this.#parts = parts;
  }

  async request(identified: Identified, authorized: Authorized): Promise<Step<Authorized, Answer>> {
    const { received } = authorized;
    const { incoming } = received;
    const before: RewritableRequest = { ...received, method: incoming.head.method, fields: incoming.head.fields };
    let body = incoming.body;
    let request = before;
    const found = rewriteRequest(this.#parts.rules(), before, (each) => requestSubject(received, each));
    if (found !== null) {
      note(incoming, found.changes);
      if (found.delayMs > 0) await delayed(incoming, found.delayMs);
      if (found.ending !== null) return await this.#end(found.ending, received);
      request = found.request;
      if (found.content.length > 0 && body !== null) body = await this.#requestContent(received, request, body, found.content);
      if (found.throttle !== null) {
        this.#throttles.set(incoming.flow, found.throttle);
        body = this.#slowedUpload(body, found.throttle);
      }
    }
    if (this.#parts.breakpoints.wants('request', requestSubject(received, request))) {
      const held = await this.#holdRequest(received, request, body);
      if ('respond' in held) return held;
      ({ request, body } = held.next);
    }
    return request === before && body === incoming.body ? { next: authorized } : await this.#judged(identified, received, request, body);
  }

  async response(request: Authorized, answer: ResponseAnswer): Promise<Answer> {
    const { received } = request;
    const { incoming } = received;
    let current = answer;
    const found = rewriteResponse(this.#parts.rules(), answer.response.head, (head) => responseSubject(received, head));
    if (found !== null) {
      note(incoming, found.changes);
      current = withHead(current, found.response);
      if (found.content.length > 0) current = await replaced(incoming, current, found.content);
    }
    if (this.#parts.breakpoints.wants('response', responseSubject(received, current.response.head))) {
      const held = await this.#holdResponse(received, current);
      if (held.kind !== 'response') return held;
      current = held;
    }
    const rate = this.#throttles.get(incoming.flow)?.downBytesPerSecond ?? null;
    const { body } = current.response;
    if (rate === null || body === null) return current;
    return { ...current, response: { ...current.response, body: heldToRate(body, new ByteRate(rate, this.#parts.deadlines)) } };
  }

  /** The request as it is now, where policy lets it pass so, and under the limits of the rule that does. */
  async #judged(
    identified: Identified,
    before: Received,
    request: RewritableRequest,
    body: RequestBody | null,
  ): Promise<Step<Authorized, Answer>> {
    const { scheme, authority, pathAndQuery, method, fields } = request;
    const { incoming } = before;
    const head = { ...incoming.head, method, fields };
    const received: Received = { ...before, incoming: { ...incoming, head, body }, scheme, authority, pathAndQuery };
    incoming.flow.lease?.release();
    incoming.flow.lease = null;
    const judged = this.#parts.authorize({ ...identified, received });
    return judged instanceof Promise ? await judged : judged;
  }

  async #end(ending: Ending, { incoming, pathAndQuery }: Received): Promise<Step<Authorized, Answer>> {
    switch (ending.kind) {
      case 'answer':
        return { respond: ownAnswer(incoming, ending.status, ending.fields, ending.content) };
      case 'local': {
        const file = await readLocal(ending.path, pathAndQuery.split('?', 1)[0]!);
        if (file === null) return { respond: ownAnswer(incoming, 404, TEXT, Buffer.from(`There is no such file in ${ending.path}.\n`)) };
        const type: Fields = file.type === null ? [] : [{ name: 'Content-Type', value: file.type }];
        return { respond: ownAnswer(incoming, 200, [...type, { name: 'Cache-Control', value: 'no-store' }], file.content) };
      }
      case 'fail':
        if (ending.how === 'reset') incoming.responder.abort();
        await cancelled(incoming);
        throw new ProxyError('connection_terminated', 'A rewriting rule ended the exchange.');
      default:
        return ending satisfies never;
    }
  }

  async #requestContent(
    received: Received,
    request: RewritableRequest,
    body: RequestBody,
    content: readonly Replacement[],
  ): Promise<RequestBody> {
    const collected = await collectContent(body, MOST_CONTENT);
    if (collected.kind === 'more') {
      noteOne(received.incoming, 'request', 'left the content alone, since there is too much of it');
      return asRequestBody(collected.body, body);
    }
    const rewritten = rewriteContent(collected.content, request.fields, content, MOST_CONTENT);
    if (rewritten.kind === 'changed') return new WholeContent(rewritten.content);
    if (rewritten.why !== null) noteOne(received.incoming, 'request', `left the content alone: ${rewritten.why}`);
    return new WholeContent(collected.content);
  }

  async #holdRequest(
    received: Received,
    request: RewritableRequest,
    body: RequestBody | null,
  ): Promise<Step<{ readonly request: RewritableRequest; readonly body: RequestBody | null }, Answer>> {
    const { incoming } = received;
    const collected = body === null ? null : await collectContent(body, MOST_HELD_CONTENT);
    const content = collected === null ? NO_CONTENT : collected.kind === 'whole' ? collected.content : null;
    const release = await this.#released(incoming, { at: 'request', request: { ...shownRequest(request), content }, response: null });
    if (release.action === 'answer') return { respond: answerOf(incoming, release.response) };
    if (release.action === 'drop') throw await dropped(incoming);
    const rest =
      collected === null ? null : collected.kind === 'whole' ? new WholeContent(collected.content) : asRequestBody(collected.body, body!);
    const edited = release.request;
    if (edited === null) return { next: { request, body: rest } };
    noteOne(incoming, 'request', 'edited by hand', 'breakpoint');
    const replacement = edited.content === null ? rest : edited.content.length === 0 ? null : new WholeContent(edited.content);
    return { next: { request: editedRequest(edited), body: replacement } };
  }

  async #holdResponse(received: Received, answer: ResponseAnswer): Promise<Answer> {
    const { incoming } = received;
    const { head, body } = answer.response;
    const collected = body === null ? null : await collectContent(body, MOST_HELD_CONTENT);
    const content = collected === null ? NO_CONTENT : collected.kind === 'whole' ? collected.content : null;
    const request = { ...shownRequest({ ...received, method: incoming.head.method, fields: incoming.head.fields }), content: null };
    const { status, reason, fields } = head;
    const release = await this.#released(incoming, { at: 'response', request, response: { status, reason, fields, content } });
    if (release.action === 'drop') throw await dropped(incoming);
    const rest = collected === null ? null : collected.kind === 'whole' ? new BytesBody(collected.content) : collected.body;
    const edited = release.response;
    if (edited === null) return { ...answer, response: { ...answer.response, body: rest } };
    noteOne(incoming, 'response', 'edited by hand', 'breakpoint');
    const replacement = edited.content === null ? rest : new BytesBody(edited.content);
    return { ...withHead(answer, edited), response: { ...withHead(answer, edited).response, body: replacement } };
  }

  async #released(
    incoming: Incoming,
    what: { at: 'request' | 'response'; request: HeldRequest; response: HeldResponse | null },
  ): Promise<Release> {
    const { released, forget } = this.#parts.breakpoints.hold({ ...what, flowId: incoming.flow.id }, Date.now());
    incoming.cancellation.listen({ cancel: forget });
    noteOne(incoming, what.at, 'held', 'breakpoint');
    const release = await released;
    incoming.cancellation.listen(null);
    return release;
  }

  #slowedUpload(body: RequestBody | null, { upBytesPerSecond }: Throttle): RequestBody | null {
    if (body === null || upBytesPerSecond === null) return body;
    return asRequestBody(heldToRate(body, new ByteRate(upBytesPerSecond, this.#parts.deadlines)), body);
  }
}

/** Content under another form, whose failure is still that of the first. */
function asRequestBody(body: Body, first: RequestBody): RequestBody {
  return {
    length: body.length,
    start: (sink) => body.start(sink),
    resume: () => body.resume(),
    cancel: () => body.cancel(),
    get failure() {
      return first.failure;
    },
  };
}

async function replaced(incoming: Incoming, answer: ResponseAnswer, content: readonly Replacement[]): Promise<ResponseAnswer> {
  const { body, head } = answer.response;
  if (body === null) return answer;
  const collected = await collectContent(body, MOST_CONTENT);
  if (collected.kind === 'more') {
    noteOne(incoming, 'response', 'left the content alone, since there is too much of it');
    return { ...answer, response: { ...answer.response, body: collected.body } };
  }
  const rewritten = rewriteContent(collected.content, head.fields, content, MOST_CONTENT);
  if (rewritten.kind === 'changed') {
    const changed = withHead(answer, { ...head, fields: rewritten.fields });
    return { ...changed, response: { ...changed.response, body: new BytesBody(rewritten.content) } };
  }
  if (rewritten.why !== null) noteOne(incoming, 'response', `left the content alone: ${rewritten.why}`);
  return { ...answer, response: { ...answer.response, body: new BytesBody(collected.content) } };
}

/** What was prepared for the stored head is not of this one. */
function withHead(answer: ResponseAnswer, { status, reason, fields }: Pick<ResponseHead, 'status' | 'reason' | 'fields'>): ResponseAnswer {
  const { version } = answer.response.head;
  return { ...answer, response: { ...answer.response, head: { status, reason, version, fields } } };
}

function ownAnswer({ flow }: Incoming, status: number, fields: Fields, content: Buffer): Answer {
  flow.contentType = fieldValue(fields, 'content-type') ?? null;
  const isEmpty = status === 204 || status === 304;
  return { kind: 'own', head: { status, reason: '', version: '1.1', fields }, content: isEmpty ? NO_CONTENT : content };
}

function answerOf(incoming: Incoming, { status, fields, content }: HeldResponse): Answer {
  noteOne(incoming, 'request', `answered with ${status} by hand`, 'breakpoint');
  return ownAnswer(incoming, status, fields, content ?? NO_CONTENT);
}

async function dropped(incoming: Incoming): Promise<ProxyError> {
  noteOne(incoming, 'request', 'dropped', 'breakpoint');
  incoming.responder.abort();
  await cancelled(incoming);
  return new ProxyError('connection_terminated', 'It was dropped at a breakpoint.');
}

function shownRequest({ method, scheme, authority, pathAndQuery, fields }: RewritableRequest): Omit<HeldRequest, 'content'> {
  return { method, url: `${scheme}://${formatAuthority(authority, DEFAULT_PORTS[scheme])}${pathAndQuery}`, fields };
}

/** @throws ProxyError where the URL is none: whoever edits is told before (inspector/breakpoint-routes.ts) */
function editedRequest({ method, url, fields }: HeldRequest): RewritableRequest {
  const target = parseTarget(method, url);
  if (target.form !== 'absolute-form') throw new ProxyError('http_request_error', 'The edited request has no absolute URL.');
  return { method, scheme: target.scheme, authority: target.authority, pathAndQuery: target.pathAndQuery, fields };
}

async function delayed(incoming: Incoming, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  incoming.cancellation.listen({ cancel: resolve });
  await promise;
  clearTimeout(timer);
  incoming.cancellation.listen(null);
}

/** Once the client has left. */
function cancelled({ cancellation }: Incoming): Promise<void> {
  return new Promise((resolve) => cancellation.listen({ cancel: resolve }));
}

function note({ flow }: Incoming, changes: readonly RecordedChange[]): void {
  flow.capture?.noteChanges(changes);
}

function noteOne(incoming: Incoming, stage: RecordedChange['stage'], what: string, rule = 'rules'): void {
  note(incoming, [{ stage, rule, what }]);
}

/** Octets of content that rules look into. */
const MOST_CONTENT = 8 * 1024 * 1024;
/** And of content that a person is shown. */
const MOST_HELD_CONTENT = 1024 * 1024;
const NO_CONTENT = Buffer.alloc(0);
const TEXT: Fields = [{ name: 'Content-Type', value: 'text/plain; charset=utf-8' }];
