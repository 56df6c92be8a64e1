// Owns reading the short form in which an exchange is kept (encode-frame.ts): a line of JSON, and behind it the field lines as they came, one character an
// octet. JSON, because what reads it need not be taught; lines as they came, because they are most of it, and the same in several messages.
// An exchange that came from elsewhere is kept as plain JSON, which is read, too.
import { DEFAULT_PORTS } from '../http/target.ts';
import type { JudgedAddress, OriginTlsFacts } from '../upstream/facts.ts';
import type {
  RecordedCache,
  RecordedContent,
  RecordedDecision,
  RecordedExchange,
  RecordedFacts,
  RecordedFields,
  RecordedHello,
  RecordedRequest,
  RecordedResponse,
  RecordedStored,
  Summary,
} from './recorded.ts';
import { sentByHttp1, sentByHttp2 } from './sent-request.ts';

/**
 * @param octets as they were written; not kept
 * @param summary of the same exchange
 * @returns everything but the summary; digests are `null`
 * @throws SyntaxError where the octets are something else
 */
export function readDetail(octets: Buffer, summary: Summary): Omit<RecordedExchange, 'summary'> {
  const end = octets.indexOf(LINE_FEED);
  if (octets[0] !== LEFT_BRACKET || end === -1) return JSON.parse(octets.toString());
  const [request, received, sent, response, requestContent, responseContent, facts] = JSON.parse(
    octets.toString('latin1', 0, end),
  ) as ShortExchange;
  const lines = new Lines(octets.toString('latin1', end + 1));
  const [method, shortTarget, version, requestOctets] = request;
  const fields = lines.take(requestOctets);
  const asked = { method, target: targetOf(shortTarget, summary), version, fields };
  const receivedFields = received === 0 ? [] : lines.take(received[3]);
  return {
    request: asked,
    sent: sent === 0 ? null : sentRequest(sent, asked, lines, summary),
    received: received === 0 ? null : { status: received[0], reason: received[1], version: received[2], fields: receivedFields },
    response: response === 0 ? null : deliveredResponse(response, receivedFields, lines),
    requestContent: contentOf(requestContent, lines),
    responseContent: contentOf(responseContent, lines),
    facts: factsOf(facts, summary, asked),
  };
}

type ShortExchange = [
  /** The target is 0 or 1 where it is the path of the summary: in absolute-form, or in origin-form. */
  request: [method: string, target: 0 | 1 | string, version: string, octets: number],
  received: 0 | [status: number, reason: string, version: string, octets: number],
  sent: 0 | ShortSent,
  response: 0 | ShortResponse,
  requestContent: 0 | ShortContent,
  responseContent: 0 | ShortContent,
  facts: ShortFacts,
];
/** Places of fields that do not go on, or 0 where none do; octets of lines that stand behind them. */
type Difference = [left: 0 | readonly number[], octets: number];
/** What the head says of the length: nothing, or that its end tells. */
type Framing = '' | null | number;
/** The target is 0 where it is the path of the summary, and the host where that is the summary's, in its scheme. */
type ShortSent = [method: string, target: 0 | string, version: string, host: 0 | string, framing: Framing, ...Difference];
type ShortResponse = [status: number, reason: string, version: string, framing: Framing, ...Difference];
type ShortContent = [length: number, kept: number, isComplete: 0 | 1, trailerOctets: number];
type ShortFacts = [
  connectionId: number,
  clientPort: number,
  listener: string,
  decision: 0 | ShortDecision,
  hello: 0 | RecordedHello,
  interceptionReason: string | null,
  route: string | null,
  judged: 0 | readonly JudgedAddress[],
  resolvedFrom: string | null,
  upstreamAddress: string | null,
  upstreamPort: number,
  reusedConnection: 0 | 1,
  upstreamProtocol: string | null,
  originTls: 0 | OriginTlsFacts,
  cache: 0 | ShortCache,
  errorMessage: string | null,
  changes: 0 | RecordedFacts['changes'],
];
type ShortDecision = [
  action: RecordedDecision['action'],
  decidedBy: string,
  sentence: string,
  file: string,
  line: number,
  rule: string | null,
  policyDigest: string,
  reported: 0 | readonly string[],
  contentLength: number,
  upgrade: string | null,
  clientAddress: string,
  identity: string | { readonly groups: readonly string[] },
  address: string | null,
  hello: unknown,
  response: unknown,
  nowMs: number,
  target: 0 | [method: string, scheme: string, host: string, port: number, pathAndQuery: string | null],
];
type ShortCache = [
  /** 0: the target of the request. */
  key: 0 | string,
  outcome: RecordedCache['outcome'],
  isCollapsed: 0 | 1,
  reuseWhy: string | null,
  storing: string | null,
  ttlSeconds: number | null,
  forwardStatus: number | null,
  /** Of what was stored, where something was. */
  ...stored: [] | [facts: ShortStored, ageSeconds: number],
];
type ShortStored = [
  lifetimeSeconds: number,
  lifetimeFrom: RecordedStored['lifetimeFrom'],
  controlledBy: string,
  ageValueSeconds: number,
  apparentAgeSeconds: number,
  responseDelayMs: number,
  initialAgeMs: number,
];

/** Field lines in the order in which they were written. */
class Lines {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  take(octets: number): RecordedFields {
    const lines = this.#text.slice(this.#at, this.#at + octets).split('\r\n');
    this.#at += octets;
    lines.pop();
    return lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    });
  }
}

function targetOf(target: 0 | 1 | string, summary: Summary): string {
  if (typeof target === 'string') return target;
  return target === 1 ? summary.path : `${summary.scheme}://${authorityOf(summary)}${summary.path}`;
}

function sentRequest(
  sent: ShortSent,
  { version: asked, fields: before }: RecordedRequest,
  lines: Lines,
  summary: Summary,
): RecordedRequest {
  const [method, shortTarget, version, host, framing, left, octets] = sent;
  const target = shortTarget === 0 ? summary.path : shortTarget;
  const head = {
    method,
    target,
    authority: host === 0 ? authorityOf(summary) : host,
    fields: fieldsAfter(before, left, lines.take(octets)),
    length: framing === '' ? 0 : framing,
    wantsTrailers: asked === '2' && before.find(([name]) => name === 'te')?.[1] === 'trailers',
  };
  return { method, target, version, fields: version === '2' ? sentByHttp2(head) : sentByHttp1(head) };
}

/** Without the port that the scheme has anyway. */
function authorityOf({ scheme, host, port }: Summary): string {
  const usual = scheme === 'http' || scheme === 'https' ? DEFAULT_PORTS[scheme] : 0;
  return port === usual ? host : `${host}:${port}`;
}

function deliveredResponse(response: ShortResponse, before: RecordedFields, lines: Lines): RecordedResponse {
  const [status, reason, version, framing, left, octets] = response;
  return { status, reason, version, fields: [...fieldsAfter(before, left, lines.take(octets)), ...framingFields(framing, version)] };
}

function fieldsAfter(before: RecordedFields, left: 0 | readonly number[], added: RecordedFields): RecordedFields {
  return left === 0 ? added : [...before.filter((_, place) => !left.includes(place)), ...added];
}

/** As a connection of the version frames it. */
function framingFields(framing: Framing, version: string): RecordedFields {
  if (framing === '') return [];
  if (framing !== null) return [['Content-Length', String(framing)]];
  return version === '2' ? [] : [['Transfer-Encoding', 'chunked']];
}

function contentOf(content: 0 | ShortContent, lines: Lines): RecordedContent | null {
  if (content === 0) return null;
  const [length, kept, isComplete, trailerOctets] = content;
  return { length, kept, digest: null, isComplete: isComplete === 1, trailers: lines.take(trailerOctets) };
}

function factsOf(facts: ShortFacts, summary: Summary, { target, fields }: Pick<RecordedRequest, 'target' | 'fields'>): RecordedFacts {
  const [connectionId, clientPort, listener, decision, hello, interceptionReason, route, judged, resolvedFrom, upstreamAddress] = facts;
  const [, , , , , , , , , , upstreamPort, reusedConnection, upstreamProtocol, originTls, cache, errorMessage, changes] = facts;
  return {
    connectionId,
    clientPort,
    listener,
    decision: decision === 0 ? null : decisionOf(decision, summary, fields, listener),
    hello: hello === 0 ? null : hello,
    interceptionReason,
    route,
    judged: judged === 0 ? [] : judged,
    resolvedFrom,
    upstreamAddress,
    upstreamPort,
    reusedConnection: reusedConnection === 1,
    upstreamProtocol,
    originTls: originTls === 0 ? null : originTls,
    cache: cache === 0 ? null : cacheOf(cache, target),
    errorMessage,
    changes: changes === 0 ? [] : changes,
  };
}

function decisionOf(decision: ShortDecision, summary: Summary, fields: RecordedFields, listener: string): RecordedDecision {
  const [action, decidedBy, sentence, file, line, rule, policyDigest, reported, ...asked] = decision;
  const [contentLength, upgrade, clientAddress, identity, address, hello, response, nowMs, target] = asked;
  const { method, scheme, host, port, path } = summary;
  const wanted = target === 0 ? [method, scheme, host.replace(/^\[|\]$/g, ''), port, scheme === 'tunnel' ? null : path] : target;
  const [askedMethod, askedScheme, askedHost, askedPort, pathAndQuery] = wanted;
  return {
    action,
    decidedBy,
    sentence,
    file,
    line,
    rule,
    reported: reported === 0 ? [] : reported,
    groups: typeof identity === 'object' ? identity.groups : [],
    policyDigest,
    question: {
      method: askedMethod,
      scheme: askedScheme,
      host: askedHost,
      port: askedPort,
      pathAndQuery,
      fields: fields.map(([name, value]) => ({ name, value })),
      contentLength,
      upgrade,
      clientAddress,
      listener,
      identity,
      address,
      hello: hello === 0 ? null : hello,
      response: response === 0 ? null : response,
      nowMs,
    },
  };
}

function cacheOf(short: ShortCache, target: string): RecordedCache {
  const [key, outcome, isCollapsed, reuseWhy, storing, ttlSeconds, forwardStatus, ...stored] = short;
  const cache = { key: key === 0 ? target : key, outcome, isCollapsed: isCollapsed === 1, reuseWhy, storing, ttlSeconds, forwardStatus };
  return { ...cache, stored: stored.length === 0 ? null : storedOf(...stored) };
}

function storedOf(facts: ShortStored, ageSeconds: number): RecordedStored {
  const [lifetimeSeconds, lifetimeFrom, controlledBy, ageValueSeconds, apparentAgeSeconds, responseDelayMs, initialAgeMs] = facts;
  return {
    ...{ lifetimeSeconds, lifetimeFrom, controlledBy, ageValueSeconds, apparentAgeSeconds, responseDelayMs, initialAgeMs },
    ageSeconds,
  };
}

const LINE_FEED = 0x0a;
const LEFT_BRACKET = 0x5b;
