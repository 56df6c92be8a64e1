// Owns making a response of what is stored: the head that a request asks for (rules/answer.ts), and the octets that belong to it.
import { hasField } from '../http/fields.ts';
import { type Body, BytesBody, type Field } from '../http/message.ts';
import type { ArrivingResponse } from './arriving.ts';
import type { CacheContext, CachedResponse } from './cache.ts';
import { type Answer, shapeAnswer } from './rules/answer.ts';
import type { CacheRequest } from './rules/reuse.ts';
import { Sequence } from './sequence.ts';
import type { StoredResponse } from './stored-response.ts';
import type { Soon } from './stores/cache-store.ts';

/** What a stored response answers, with its content. */
export interface Opened {
  readonly answer: Answer;
  /** `null` when the answer has none. */
  readonly body: Body | null;
}

/** @returns `null` when the content is gone or damaged */
export function openAnswer(context: CacheContext, request: CacheRequest, stored: StoredResponse, ageSeconds: number): Soon<Opened | null> {
  const answer = shapeAnswer(request, stored, ageSeconds, request.receivedAtMs, context.parts.newBoundary);
  const { content, multipart } = answer;
  if (multipart !== null) return openParts(context, stored, answer, multipart);
  if (content === null) return { answer, body: null };
  const body = context.parts.store.open(stored, content.first, content.length);
  return body instanceof Promise ? body.then((found) => opened(answer, found)) : opened(answer, body);
}

/** All that is stored of the content, whoever asks for whatever of it. @returns `null` when it is gone or damaged */
export function openWhole(context: CacheContext, stored: StoredResponse): Soon<Body | null> {
  return context.parts.store.open(stored, 0, stored.extent.length);
}

/** The head and content of a stored response as a request asks for it. */
export function asResponse(request: CacheRequest, stored: StoredResponse, { answer, body }: Opened): CachedResponse {
  if (request.method !== 'HEAD') return { head: answer, body, origin: stored.origin };
  const { status, reason, version, fields } = answer;
  return { head: { status, reason, version, fields: withLength(fields, stored) }, body, origin: stored.origin };
}

/** The same of a response that is still on its way. */
export function joined(context: CacheContext, request: CacheRequest, arriving: ArrivingResponse, ageSeconds: number): CachedResponse {
  const { response } = arriving;
  const answer = shapeAnswer(request, response, ageSeconds, request.receivedAtMs, context.parts.newBoundary);
  return asResponse(request, response, { answer, body: answer.content === null ? null : arriving.read() });
}

function opened(answer: Answer, body: Body | null): Opened | null {
  return body === null ? null : { answer, body };
}

async function openParts(
  { parts: { store } }: CacheContext,
  stored: StoredResponse,
  answer: Answer,
  multipart: NonNullable<Answer['multipart']>,
): Promise<Opened | null> {
  const pieces: Body[] = [];
  for (const { head, first, length } of multipart.parts) {
    const content = await store.open(stored, first, length);
    if (content === null) {
      for (const piece of pieces) piece.cancel();
      return null;
    }
    pieces.push(new BytesBody(Buffer.from(head, 'latin1')), content);
  }
  pieces.push(new BytesBody(Buffer.from(multipart.end, 'latin1')));
  return { answer, body: new Sequence(pieces) };
}

/** What a GET would bring (RFC 9110 §8.6): origins that send their content in chunks do not say. */
function withLength(fields: readonly Field[], { extent }: StoredResponse): readonly Field[] {
  if (extent.completeLength === null || hasField(fields, 'content-length')) return fields;
  return [...fields, { name: 'Content-Length', value: String(extent.completeLength) }];
}
