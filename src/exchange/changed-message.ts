// Owns what rules and people at breakpoints make messages of: requests and responses with another head or other content, answers in the origin's place, and
// exchanges that end without any.
import { ProxyError } from '../errors/proxy-error.ts';
import { fieldValue, isNamed } from '../http/fields.ts';
import { expectsContinue } from '../http/forwarding.ts';
import { type Body, type Fields, NO_FIELDS, type ResponseHead } from '../http/message.ts';
import type { RewritableRequest } from '../rewrite/rewrite-request.ts';
import type { Answer, Incoming, Received, RequestBody } from './exchange.ts';
import { type Collected, collectContent, WholeContent } from './whole-content.ts';

export type ResponseAnswer = Extract<Answer, { kind: 'response' }>;

/** A request on its way through what changes it. */
export interface ChangingRequest {
  readonly request: RewritableRequest;
  /** May be there as a whole by now. */
  readonly body: RequestBody | null;
}

export function rewritable({ incoming, scheme, authority, pathAndQuery }: Received): RewritableRequest {
  return { method: incoming.head.method, scheme, authority, pathAndQuery, fields: incoming.head.fields };
}

export function changedRequest(before: Received, { request, body }: ChangingRequest): Received {
  const { incoming } = before;
  const { method, scheme, authority, pathAndQuery, fields } = request;
  // Whoever has its content has answered what was expected, and the origin is not asked for it.
  const isExpected = body instanceof WholeContent && fieldValue(fields, 'expect') !== undefined;
  const head = { ...incoming.head, method, fields: isExpected ? fields.filter(({ name }) => !isNamed(name, 'expect')) : fields };
  // What makes a WebSocket of a request (receive.ts) holds for one that was edited, too.
  const upgrade = method === 'GET' && body === null ? before.upgrade : null;
  return { ...before, incoming: { ...incoming, head, body }, scheme, authority, pathAndQuery, upgrade };
}

/**
 * Content of a request as a whole, or as far as the bounds go. The client may hold it back until it hears 100 (RFC 9110 §10.1.1), and nobody else is asked
 * who could say so.
 */
export function collectRequest(incoming: Incoming, body: RequestBody, maxBytes: number, maxMs: number | null): Promise<Collected> {
  const { head, responder, cancellation } = incoming;
  if (body === incoming.body && expectsContinue(head.version, head.fields)) responder.interim(100, 'Continue', NO_FIELDS);
  return collectContent(body, maxBytes, maxMs, cancellation);
}

/** Content in another form, whose failure is still that of the first. */
export function asRequestBody(body: Body, first: RequestBody): RequestBody {
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

/** What was prepared for the head that it had is not of this one. A status without content has none, whoever gave it some (RFC 9110 §6.4.1). */
export function withHead(answer: ResponseAnswer, { status, reason, fields }: Omit<ResponseHead, 'version'>): ResponseAnswer {
  const { response } = answer;
  const { version } = response.head;
  const hasContent = mayHaveContent(status);
  if (!hasContent) response.body?.cancel();
  return { ...answer, response: { ...response, head: { status, reason, version, fields }, body: hasContent ? response.body : null } };
}

export function withBody(answer: ResponseAnswer, body: Body | null): ResponseAnswer {
  return { ...answer, response: { ...answer.response, body } };
}

/** In the origin's place. Date is added by whoever delivers it. */
export function ownAnswer({ flow }: Incoming, status: number, fields: Fields, content: Buffer): Answer {
  flow.contentType = fieldValue(fields, 'content-type') ?? null;
  const head: ResponseHead = { status, reason: '', version: '1.1', fields: fields.filter(({ name }) => !isNamed(name, 'date')) };
  return { kind: 'own', head, content: mayHaveContent(status) ? content : NO_CONTENT };
}

/**
 * Ends it without an answer: the connection of HTTP/1.1, or the stream of HTTP/2.
 *
 * @param isInOrder as one that has said all
 * @returns what to throw then, once its record is closed
 */
export async function brokenOff({ flow, responder, cancellation }: Incoming, why: string, isInOrder = false): Promise<ProxyError> {
  const error = new ProxyError('connection_terminated', why);
  flow.error = error;
  responder.abort(isInOrder);
  if (!cancellation.isCancelled) await new Promise<void>((resolve) => cancellation.listen({ cancel: resolve }));
  return error;
}

function mayHaveContent(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

const NO_CONTENT = Buffer.alloc(0);
