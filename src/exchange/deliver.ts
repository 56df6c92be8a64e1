// STAGE deliver: an answer, a denial or a ProxyError → the client, once. Adds what says where it came from: Via on what others said,
// Proxy-Status (RFC 9209) on what we say ourselves, with a page that a person can act on.
import type { ProxyError } from '../errors/proxy-error.ts';
import { formatAuthority } from '../http/authority.ts';
import { fieldValue, fieldValues } from '../http/fields.ts';
import { forwardResponseFields } from '../http/forwarding.ts';
import { BytesBody, type Field, type Fields, type ResponseHead } from '../http/message.ts';
import { serializeMember, token } from '../http/structured-fields.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { nextStepForDenial } from '../pages/block-page.ts';
import { kindFor, nextStepFor } from '../pages/error-page.ts';
import { PAGE_FIELDS, type PageFacts, renderPage } from '../pages/page.ts';
import { explainShort } from '../policy/explain.ts';
import type { Decision } from '../policy/policy.ts';
import type { Answer, Incoming, Received, ReceivedConnect } from './exchange.ts';
import { SentToProxyItself } from './receive.ts';
import { startRelay, type TunnelContext } from './start-relay.ts';

export interface DeliverContext extends TunnelContext {
  /** Our name in Via. */
  readonly via: string;
  /** The time as an HTTP date (RFC 9110 §5.6.7). */
  readonly date: () => string;
}

export function deliver(received: Received, answer: Answer, context: DeliverContext): void {
  const { incoming } = received;
  const { flow, responder } = incoming;
  switch (answer.kind) {
    case 'denial':
      deliverDenial(received, answer.decision, context);
      return;
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
      const { head, body, upgraded } = answer.response;
      flow.outcome = 'forwarded';
      flow.contentType = fieldValue(head.fields, 'content-type') ?? null;
      const fields = forwardResponseFields(head.fields, head.version, context.via, context.date);
      if (upgraded !== null) {
        startRelay(incoming, upgraded, 101, head.reason, [...fields, ...UPGRADED_FIELDS], context);
        return;
      }
      const announced = incoming.head.method === 'HEAD' ? announcedLength(head) : null;
      responder.respond(head.status, head.reason, fields, body, announced);
      return;
    }
    default:
      answer satisfies never;
  }
}

/** 403, with the rule and whom to ask. */
export function deliverDenial(received: Received | ReceivedConnect, decision: Decision, context: DeliverContext): void {
  const { incoming } = received;
  incoming.flow.outcome = 'denied';
  const why = explainShort(decision);
  answerWithPage(incoming, context, { error: token('http_request_denied'), details: why }, [], {
    ...pageBasis(incoming, received, context),
    status: 403,
    reason: 'Forbidden',
    kind: 'denied',
    code: 'http_request_denied',
    message: "This proxy's policy does not allow it.",
    blame: 'client',
    decision: why,
    ruleMessage: decision.rule?.message ?? null,
    nextStep: nextStepForDenial(decision.decidedBy),
  });
}

/** @param received null when the request did not get that far */
export function deliverError(
  incoming: Incoming,
  error: ProxyError,
  received: Received | ReceivedConnect | null,
  context: DeliverContext,
): void {
  incoming.flow.error = error;
  if (error instanceof SentToProxyItself && isGreeting(incoming)) {
    greet(incoming, context);
    return;
  }
  incoming.flow.outcome = 'failed';
  answerWithPage(
    incoming,
    context,
    { error: token(error.code), ...error.parameters, details: error.message.slice(0, 300) },
    retryFields(error),
    {
      ...pageBasis(incoming, received, context),
      status: error.status,
      reason: REASONS[error.status] ?? 'Error',
      kind: kindFor(error.code),
      code: error.code,
      message: error.message,
      blame: error.blame,
      decision: null,
      ruleMessage: null,
      nextStep: nextStepFor(error.code, error.status),
    },
  );
}

/** Somebody opened the proxy's own address in a browser, to see whether it runs. */
function isGreeting(incoming: Incoming): boolean {
  const { method, target } = incoming.head;
  return (method === 'GET' || method === 'HEAD') && target === '/';
}

function greet(incoming: Incoming, context: DeliverContext): void {
  incoming.flow.error = null;
  incoming.flow.outcome = 'answered';
  const basis = pageBasis(incoming, null, context);
  answerWithPage(incoming, context, null, [], {
    ...basis,
    status: 200,
    reason: 'OK',
    kind: 'info',
    code: null,
    message: 'Programs that use this address as their HTTP proxy reach the web through it.',
    blame: 'client',
    decision: null,
    ruleMessage: null,
    nextStep: 'Set this address as the HTTP and HTTPS proxy of your browser or system.',
  });
}

function pageBasis(
  incoming: Incoming,
  received: Received | ReceivedConnect | null,
  context: DeliverContext,
): Pick<PageFacts, 'method' | 'target' | 'flowId' | 'proxyName'> {
  const target = received === null ? '' : shownTarget(received);
  return { method: incoming.head.method, target, flowId: String(incoming.flow.id), proxyName: context.via };
}

/** What pages may show of a target: no path, no query. */
function shownTarget(received: Received | ReceivedConnect): string {
  if (!('scheme' in received)) return formatAuthority(received.authority);
  return `${received.scheme}://${formatAuthority(received.authority, DEFAULT_PORTS[received.scheme])}`;
}

function answerWithPage(
  incoming: Incoming,
  context: DeliverContext,
  status: Parameters<typeof serializeMember>[1] | null,
  extra: Fields,
  facts: PageFacts,
): void {
  const page = renderPage(facts, fieldValues(incoming.head.fields, 'accept').join(',') || undefined);
  const fields: Field[] = [
    { name: 'Date', value: context.date() },
    { name: 'Content-Type', value: page.contentType },
    ...PAGE_FIELDS,
    ...extra,
    { name: 'Vary', value: 'Accept' },
  ];
  if (status !== null) fields.push({ name: 'Proxy-Status', value: serializeMember(context.via, status) });
  incoming.flow.contentType = page.contentType;
  incoming.responder.respond(facts.status, facts.reason, fields, new BytesBody(page.bytes), page.bytes.length);
}

function retryFields(error: ProxyError): Fields {
  return error.status === 503 ? [{ name: 'Retry-After', value: '5' }] : [];
}

/** What the answer to a HEAD says its content's length would be; null when it does not, or not plainly. */
function announcedLength(head: ResponseHead): number | null {
  const value = fieldValue(head.fields, 'content-length');
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : null;
}

const UPGRADED_FIELDS: Fields = [
  { name: 'Connection', value: 'Upgrade' },
  { name: 'Upgrade', value: 'websocket' },
];

/** Reason phrases of the statuses that we answer with ourselves (RFC 9110 §15). */
const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  426: 'Upgrade Required',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};
