// Owns whether a value out of a file that somebody gave us is a record: every property that the types of `recorded.ts` promise, of the type that they
// promise. What else is in it does no harm.
import type {
  RecordedCache,
  RecordedChange,
  RecordedContent,
  RecordedDecision,
  RecordedExchange,
  RecordedFacts,
  RecordedHello,
  RecordedMessage,
  RecordedRequest,
  RecordedResponse,
  RecordedStored,
  Summary,
} from '../recorded.ts';

type Check = (value: unknown) => boolean;
type Shape<T> = Readonly<Record<keyof T, Check>>;

/** @param id that it has to have */
export function isSummary(value: unknown, id: number): boolean {
  return summary(value) && (value as Summary).id === id;
}

/** @param value a recorded exchange without its summary */
export function isDetail(value: unknown): boolean {
  return detail(value);
}

export function isMessage(value: unknown, exchangeId: number): boolean {
  return message(value) && (value as RecordedMessage).exchangeId === exchangeId;
}

const text: Check = (value) => typeof value === 'string';
const number: Check = (value) => typeof value === 'number';
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const truth: Check = (value) => typeof value === 'boolean';
const anything: Check = () => true;

function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

function list(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function oneOf(...values: readonly unknown[]): Check {
  return (value) => values.includes(value);
}

function shape<T>(checks: Shape<T>): Check {
  const all = Object.entries<Check>(checks);
  return (value) =>
    typeof value === 'object' && value !== null && all.every(([key, check]) => check((value as Record<string, unknown>)[key]));
}

const action = oneOf('allow', 'deny', 'tunnel', 'intercept');
const cacheOutcome = oneOf('hit', 'validated', 'stale', 'forwarded', 'none');

const summary = shape<Summary>({
  id: whole,
  state: oneOf('done'),
  kind: oneOf('exchange', 'tunnel', 'websocket'),
  connectId: orNull(number),
  replayOf: orNull(number),
  startedAtMs: number,
  client: text,
  user: orNull(text),
  method: text,
  scheme: oneOf('http', 'https', 'tunnel', ''),
  host: text,
  port: number,
  path: text,
  version: text,
  status: number,
  outcome: oneOf('forwarded', 'reused', 'tunnelled', 'opened', 'answered', 'denied', 'failed', 'aborted'),
  error: orNull(text),
  decision: orNull(action),
  rule: orNull(text),
  reported: number,
  deniedFor: (value) => value === undefined || text(value),
  reportedBy: (value) => value === undefined || list(text)(value),
  cache: orNull(cacheOutcome),
  interception: orNull(oneOf('opened', 'passed', 'refused')),
  contentType: orNull(text),
  requestBytes: number,
  responseBytes: number,
  resolveMs: orNull(number),
  connectMs: orNull(number),
  tlsMs: orNull(number),
  firstByteMs: orNull(number),
  totalMs: orNull(number),
  messages: number,
  touched: list(text),
});

const fields = list((value) => Array.isArray(value) && value.length === 2 && value.every(text));
const request = shape<RecordedRequest>({ method: text, target: text, version: text, fields });
const response = shape<RecordedResponse>({ status: number, reason: text, version: text, fields });
const content = shape<RecordedContent>({ length: number, kept: number, digest: orNull(text), isComplete: truth, trailers: fields });

const certificate = shape<NonNullable<RecordedFacts['originTls']>['certificate']>({
  subject: text,
  issuer: text,
  names: text,
  validFromMs: number,
  validToMs: number,
  fingerprint256: text,
  chain: list(shape({ subject: text, issuer: text, fingerprint256: text })),
});

const facts = shape<RecordedFacts>({
  connectionId: number,
  clientPort: number,
  listener: text,
  decision: orNull(
    shape<RecordedDecision>({
      action,
      decidedBy: text,
      sentence: text,
      file: text,
      line: number,
      rule: orNull(text),
      reported: list(text),
      groups: list(text),
      policyDigest: text,
      question: anything,
    }),
  ),
  hello: orNull(shape<RecordedHello>({ serverName: orNull(text), alpn: list(text), ja4: text })),
  interceptionReason: orNull(text),
  route: orNull(text),
  judged: list(shape({ address: text, allowed: truth, reason: text })),
  resolvedFrom: orNull(text),
  upstreamAddress: orNull(text),
  upstreamPort: number,
  reusedConnection: truth,
  upstreamProtocol: orNull(text),
  originTls: orNull(
    shape<NonNullable<RecordedFacts['originTls']>>({ version: orNull(text), certificate, isResumed: truth, acceptedFaults: list(text) }),
  ),
  cache: orNull(
    shape<RecordedCache>({
      key: text,
      outcome: orNull(cacheOutcome),
      isCollapsed: truth,
      reuseWhy: orNull(text),
      storing: orNull(text),
      ttlSeconds: orNull(number),
      forwardStatus: orNull(number),
      stored: (value) =>
        value === undefined ||
        value === null ||
        shape<RecordedStored>({
          lifetimeSeconds: number,
          lifetimeFrom: text,
          controlledBy: text,
          ageValueSeconds: number,
          apparentAgeSeconds: number,
          responseDelayMs: number,
          initialAgeMs: number,
          ageSeconds: number,
        })(value),
    }),
  ),
  errorMessage: orNull(text),
  changes: list(
    shape<RecordedChange>({
      stage: oneOf('request', 'response', 'message'),
      rule: text,
      what: text,
      isMiss: (value) => value === undefined || value === true,
    }),
  ),
});

const detail = shape<Omit<RecordedExchange, 'summary'>>({
  request,
  sent: orNull(request),
  received: orNull(response),
  response: orNull(response),
  requestContent: orNull(content),
  responseContent: orNull(content),
  facts,
});

const message = shape<Omit<RecordedMessage, 'preview'>>({
  exchangeId: whole,
  number: whole,
  atMs: number,
  direction: oneOf('from-client', 'to-client'),
  kind: oneOf('text', 'binary', 'close', 'ping', 'pong', 'unknown', 'lost', 'sse'),
  length: number,
  isCompressed: truth,
  contentLength: orNull(number),
  closeCode: orNull(number),
  problem: orNull(text),
  fate: (value) => value === undefined || isFate(value),
});
const isFate = shape<NonNullable<RecordedMessage['fate']>>({ of: whole, how: oneOf('edited', 'dropped') });
