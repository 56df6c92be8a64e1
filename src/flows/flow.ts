// Owns the record of one exchange: the values its stages decided with, kept as references and numbers. Words are made later, by whoever wants them.
// Stages write their own facts into it and read nobody else's; it cannot answer, delay or change a request.
import type { CacheRecord } from '../cache/cache-record.ts';
import type { ProxyError } from '../errors/proxy-error.ts';
import type { Lease } from '../policy/limits/limits.ts';
import type { Decision } from '../policy/policy.ts';
import type { ClientHello } from '../tls/client-hello.ts';
import type { WebSocketCounts } from '../tunnel/websocket-observer.ts';
import type { JudgedAddress, UpstreamFacts } from '../upstream/facts.ts';
import type { Capture } from './capture.ts';

/**
 * How it ended. `reused`: a stored response answered, or one that was fetched for somebody else. `aborted` means that the client left first; `failed`,
 * that a `ProxyError` was answered or broke the response off. `opened`: a tunnel whose inside the proxy has read.
 */
export type Outcome = 'forwarded' | 'reused' | 'tunnelled' | 'opened' | 'answered' | 'denied' | 'failed' | 'aborted';

/** `firstByteMs` and `totalMs` count from the exchange's beginning, on the monotonic clock; `null` where that was not reached. */
export interface Flow extends UpstreamFacts {
  /** Unique in the process, or in all that share a record; below 0 where nothing of it is recorded (proxy/shared-parts.ts). */
  readonly id: number;
  readonly connectionId: number;
  /** Milliseconds since the epoch, for people. */
  readonly startedAtMs: number;
  /** `performance.now()` at the same moment, for differences. */
  readonly startedMs: number;
  readonly listener: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  user: string | null;

  // receive
  method: string;
  /** As it was sent (never with credentials: a target with user information is refused before it gets here). */
  target: string;
  version: string;
  /** Of the request as the client sent them: `Referer` and `User-Agent`, for the combined log. */
  referer: string | null;
  userAgent: string | null;

  // intercept
  /** `id` of the CONNECT whose tunnel the request came out of. */
  readonly connectId: number | null;
  /** What a client said when it began TLS in a tunnel that was looked into; `null` where none was. */
  hello: ClientHello | null;
  /** What became of a tunnel that was looked into, and why; `null` where none was. */
  interception: InterceptionFacts | null;

  // authorize
  decision: Decision | null;
  /** Its share of what the rule limits, until the record is finished; `null` without limits. */
  lease: Lease | null;

  // reuseStored, storeResponse
  /** `null` where the cache was not asked. */
  cache: CacheRecord | null;

  // forward, deliver
  firstByteMs: number | null;
  totalMs: number | null;
  status: number;
  /** Octets on the client's connection for this exchange, heads and framing included. */
  bytesFromClient: number;
  bytesToClient: number;
  /** Octets of content among them; of a tunnel, none. */
  contentToClient: number;
  contentType: string | null;
  /** What went through the WebSocket that the exchange became; `null` where it became none. */
  websocket: WebSocketCounts | null;
  outcome: Outcome;
  error: ProxyError | null;

  /** What is held of it to be recorded, until it is finished; `null` where nothing is recorded. */
  capture: Capture<Flow> | null;
}

/** `opened`: TLS, or plain HTTP, ended here. `passed`: it went through as it was. `refused`: neither. */
export interface InterceptionFacts {
  readonly outcome: 'opened' | 'passed' | 'refused';
  /** A sentence: of a tunnel that passed or was refused although a rule would have it opened, the evidence. */
  readonly reason: string | null;
}

export type EmitFlow = (flow: Flow) => void;

let lastId = 0;
let nextId: () => number = ownId;

function ownId(): number {
  lastId += 1;
  return lastId;
}

/** Records of this process are numbered so from now on: where it is one of several, by whoever numbers all of theirs. */
export function numberFlowsBy(next: () => number): void {
  nextId = next;
}

/** A record with nothing in it yet but where the request came from. Every property is set here, once, so that all records share one shape. */
export function createFlow(connection: FlowOrigin): Flow {
  return {
    id: nextId(),
    connectionId: connection.id,
    startedAtMs: Date.now(),
    startedMs: performance.now(),
    listener: connection.listener,
    clientAddress: connection.address,
    clientPort: connection.port,
    user: null,
    connectId: connection.connectId,
    hello: null,
    interception: null,
    method: '',
    target: '',
    version: '',
    referer: null,
    userAgent: null,
    decision: null,
    lease: null,
    cache: null,
    route: null,
    judged: NONE,
    resolvedFrom: null,
    upstreamAddress: null,
    upstreamPort: 0,
    reusedConnection: false,
    originTls: null,
    upstreamProtocol: null,
    resolveMs: null,
    connectMs: null,
    tlsMs: null,
    firstByteMs: null,
    totalMs: null,
    status: 0,
    bytesFromClient: 0,
    bytesToClient: 0,
    contentToClient: 0,
    contentType: null,
    websocket: null,
    outcome: 'failed',
    error: null,
    capture: null,
  };
}

export interface FlowOrigin {
  readonly id: number;
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  /** `Flow.id` of the CONNECT whose tunnel the connection is the inside of; `null` outside of one. */
  readonly connectId: number | null;
}

const NONE: readonly JudgedAddress[] = Object.freeze([]);
