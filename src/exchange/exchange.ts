// Owns what an exchange knows at each stage of the line. Each type holds the one before and adds one fact, so a wrong order does not compile.
import type { Duplex } from 'node:stream';
import type { Fetch } from '../cache/fetch.ts';
import type { StoredResponse } from '../cache/stored-response.ts';
import type { ProxyError } from '../errors/proxy-error.ts';
import type { Flow } from '../flows/flow.ts';
import type { Authority } from '../http/authority.ts';
import type { Body, Fields, RequestHead, ResponseHead } from '../http/message.ts';
import type { Scheme } from '../http/target.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { AuthorizeRequest, ContentLimit } from '../policy/authorize.ts';
import type { Lease } from '../policy/limits/limits.ts';
import type { Decision } from '../policy/policy.ts';
import type { TunnelSocket } from '../tunnel/relay.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import type { MessageGate } from './message-gate.ts';

/** Who sent a request. */
export interface Client {
  readonly address: string;
  /** Its connection came over a loopback address or a Unix socket: it is on this machine. */
  readonly isLocal: boolean;
  /** What its listener says about credentials; `null` when it says nothing of its own. */
  readonly authentication: 'always' | 'by-policy' | 'never' | null;
}

/** Content of a request, which may turn out broken while it comes. */
export interface RequestBody extends Body {
  readonly failure: ProxyError | null;
}

/** One request as a listener read it. The listener writes what `responder` is told, finishes `flow` and emits it. */
export interface Incoming {
  readonly head: RequestHead;
  readonly body: RequestBody | null;
  readonly client: Client;
  readonly flow: Flow;
  readonly cancellation: Cancellation;
  readonly responder: Responder;
  /** The tunnel that it came out of, when the proxy has opened one. */
  readonly tunnel: OpenedTunnel | null;
  /** Nobody waits for it: it is made to validate a stored response behind an answer that was given from it (RFC 5861 §3). */
  readonly isBackground: boolean;
}

/** A tunnel that was opened, as the requests inside it need to know it: what was found out about its CONNECT holds for them. */
export interface OpenedTunnel {
  /** `Flow.id` of the CONNECT. */
  readonly connectId: number;
  /** Where the CONNECT wanted to go: every request inside has to want the same. */
  readonly authority: Authority;
  /** `http` where the client spoke plain HTTP in it. */
  readonly scheme: Scheme;
  /** What the client called the server when TLS began (RFC 6066 §3), in canonical form. */
  readonly serverName: string | null;
  /** By which it was opened; `null` for that to our own page. */
  readonly decision: Decision | null;
  /** Proven at the CONNECT: nobody is asked inside, where only the origin's credentials are. */
  readonly identity: Identity;
}

/** The client's side of an exchange: one final response, or one take-over. */
export interface Responder {
  /** An interim response; goes nowhere when the client speaks HTTP/1.0 (RFC 9110 §15.2). */
  interim(status: number, reason: string, fields: Fields): void;
  /**
   * The final response.
   *
   * @param fields without framing fields and Connection, which the connection chooses
   * @param announcedLength of the answer to a HEAD: what its Content-Length says
   * @param lines prepared ones, which come before `fields`
   */
  respond(status: number, reason: string, fields: Fields, body: Body | null, announcedLength: number | null, lines?: string): void;
  /** Breaks the connection off: nothing that could still be said would be true. @param isInOrder  as one that ends without a word, not with a reset */
  abort(isInOrder?: boolean): void;
  /** Writes a head and gives the connection away: to a tunnel, or to the protocol upgraded to. `early` came behind the request. */
  takeOver(status: number, reason: string, fields: Fields): { readonly socket: ClientSocket; readonly early: Buffer };
}

/** The client's connection, or its stream of one. */
export type ClientSocket = TunnelSocket & Duplex;

/** The request is well formed, and where it wants to go is known in the one form that is judged and dialled. */
export interface Received {
  readonly incoming: Incoming;
  readonly scheme: Scheme;
  readonly authority: Authority;
  readonly pathAndQuery: string;
  readonly upgrade: 'websocket' | null;
}

/** CONNECT: an authority and nothing else. */
export interface ReceivedConnect {
  readonly incoming: Incoming;
  readonly authority: Authority;
}

/** Who asks, and whether that was proven. */
export type Identity = AuthorizeRequest['identity'];

/** It is known who asks, as far as it ever will be. */
export interface Identified<R extends Received | ReceivedConnect = Received> {
  readonly received: R;
  readonly identity: Identity;
}

/** Policy has let it pass. */
export interface Authorized {
  readonly received: Received;
  /** May still await the response. */
  readonly decision: Decision;
  /** The one that was judged. */
  readonly pathAndQuery: string;
  /** The only addresses that may be dialled; `null` when no rule asked for them. */
  readonly addresses: readonly string[] | null;
  /** Of content whose length nobody announced. */
  readonly contentLimit: ContentLimit | null;
  /** Its share of the rule's limits; `null` when it has none. */
  readonly lease: Lease | null;
}

/** No stored response answers it: the origin is asked. */
export interface Unsatisfied extends Authorized {
  /** What of it is the cache's, and why it could not answer; `null` where there is no cache, or nothing that one could do. */
  readonly fetch: Fetch | null;
}

/** What came of asking the origin. */
export type Forwarded =
  | { readonly kind: 'response'; readonly response: ClientResponse; readonly requestTimeMs: number; readonly responseTimeMs: number }
  | { readonly kind: 'failure'; readonly thrown: unknown };

/** A response on its way to the client, as the origin sent it now or once. */
export interface Served {
  readonly response: ClientResponse;
  /** Where a stored one came from. */
  readonly storedFrom: StoredResponse['origin'];
}

/** The same of a CONNECT. */
export interface AuthorizedConnect {
  readonly received: ReceivedConnect;
  readonly identity: Identity;
  readonly decision: Decision;
  readonly addresses: readonly string[] | null;
  readonly lease: Lease | null;
}

/** What is answered. */
export type Answer =
  /** `gate`: who may hold messages of the WebSocket that it begins. */
  | { readonly kind: 'response'; readonly response: ClientResponse; readonly lease: Lease | null; readonly gate?: MessageGate }
  /** In the origin's place: TRACE and OPTIONS that end here, a rewriting rule, a person at a breakpoint. */
  | { readonly kind: 'own'; readonly head: ResponseHead; readonly content: Buffer }
  | Refusal;

/** Why a request goes no further; nothing has failed. */
export type Refusal =
  | { readonly kind: 'denial'; readonly decision: Decision }
  /** 407: nobody has said who asks, or nobody believes it. */
  | { readonly kind: 'challenge'; readonly challenges: readonly string[]; readonly reason: string | null }
  /** Who asks cannot be found out at the moment. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterSeconds: number }
  /** A limit of the rule that allows it has been reached. */
  | { readonly kind: 'limited'; readonly decision: Decision; readonly reason: string; readonly retryAfterSeconds: number }
  /** Whether one has cannot be found out at the moment. */
  | { readonly kind: 'uncounted'; readonly decision: Decision; readonly reason: string; readonly retryAfterSeconds: number };

/** A stage goes on with one more fact, or answers. */
export type Step<Next, Early = Refusal> = { readonly next: Next } | { readonly respond: Early };
/** The common case is known at once and needs no promise. */
export type Soon<T> = T | Promise<T>;
