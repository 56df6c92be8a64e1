// STAGE deliver: an answer, a refusal or a ProxyError → the client, once. Adds what says where it came from: Via on what others said,
// Proxy-Status (RFC 9209) on what we say ourselves, with a page that a person can act on. Refusals are deliver-refusal.ts.
import { cacheStatus } from '../cache/cache-status.ts';
import type { ProxyError } from '../errors/proxy-error.ts';
import { fieldValue } from '../http/fields.ts';
import { forwardBehindPrepared, forwardResponseFields } from '../http/forwarding.ts';
import { announcedLength } from '../http/framing.ts';
import { BytesBody, type Fields, NO_FIELDS } from '../http/message.ts';
import { token } from '../http/structured-fields.ts';
import { kindFor, nextStepFor, titleFor } from '../pages/error-page.ts';
import { letGo } from '../upstream/http1-client.ts';
import { answerForItself, type OwnAnswersContext } from './answer-for-itself.ts';
import { answerWithPage } from './answer-with-page.ts';
import { deliverRefusal } from './deliver-refusal.ts';
import type { Answer, Incoming, Received, ReceivedConnect } from './exchange.ts';
import { SentToProxyItself } from './receive.ts';
import { startRelay, type TunnelContext } from './start-relay.ts';

export interface DeliverContext extends TunnelContext, OwnAnswersContext {}

export function deliver(received: Received, answer: Answer, context: DeliverContext): void {
  const { incoming } = received;
  const { flow, responder } = incoming;
  if (incoming.cancellation.isCancelled) {
    // The client has left, and its record is closed; it was finished for others, who waited for the same.
    if (answer.kind === 'response') letGo(answer.response);
    return;
  }
  switch (answer.kind) {
    case 'own':
      flow.outcome = 'answered';
      responder.respond(
        answer.head.status,
        answer.head.reason,
        [...answer.head.fields, { name: 'Date', value: context.date() }],
        new BytesBody(answer.content),
        null,
      );
      return;
    case 'response': {
      const { response, lease, gate = null } = answer;
      const { head, body, upgraded } = response;
      flow.outcome = flow.cache === null || (flow.cache.outcome === 'forwarded' && !flow.cache.isCollapsed) ? 'forwarded' : 'reused';
      const { prepared } = head;
      flow.contentType = prepared === undefined ? (fieldValue(head.fields, 'content-type') ?? null) : prepared.shared.contentType;
      const fields =
        prepared === undefined
          ? forwardResponseFields(head.fields, head.version, context.via, context.date)
          : forwardBehindPrepared(prepared.shared, prepared.own, head.version, context.via, context.date);
      if (upgraded !== null) {
        startRelay(incoming, upgraded, 101, head.reason, [...fields, ...UPGRADED_FIELDS], context, lease, gate);
        return;
      }
      if (flow.cache !== null) fields.push({ name: 'Cache-Status', value: cacheStatus(context.via, flow.cache, false) });
      const announced = incoming.head.method === 'HEAD' ? announcedLength(head.fields) : null;
      responder.respond(head.status, head.reason, fields, body, announced, prepared?.shared.lines);
      return;
    }
    default:
      deliverRefusal(received, answer, context);
  }
}

/** @param received null when the request did not get that far */
export function deliverError(
  incoming: Incoming,
  error: ProxyError,
  received: Received | ReceivedConnect | null,
  context: DeliverContext,
): void {
  const { flow } = incoming;
  flow.error = error;
  if (error instanceof SentToProxyItself && answerForItself(incoming, context)) return;
  flow.outcome = 'failed';
  const { code, status, message, blame } = error;
  const facts = {
    status,
    kind: kindFor(code),
    code,
    title: titleFor(code, status),
    message,
    blame,
    decision: null,
    nextStep: nextStepFor(code, status),
    retryAfterSeconds: status === 503 ? RETRY_SECONDS : null,
  };
  const proxyStatus = { error: token(code), ...error.parameters, details: message.slice(0, 300) };
  const fields = flow.cache === null ? NO_FIELDS : [{ name: 'Cache-Status', value: cacheStatus(context.via, flow.cache, false) }];
  answerWithPage(incoming, received, { facts, proxyStatus, fields }, context);
}

const RETRY_SECONDS = 5;
const UPGRADED_FIELDS: Fields = [
  { name: 'Connection', value: 'Upgrade' },
  { name: 'Upgrade', value: 'websocket' },
];
