// Owns what an exchange knows at each stage of the line. Each type holds the one before and adds one fact, so a wrong order does not compile.

import type { ProxyError } from '../errors/proxy-error.ts';
import type { Flow } from '../flows/flow.ts';
import type { Authority } from '../http/authority.ts';
import type { Body, Fields, RequestHead, ResponseHead } from '../http/message.ts';
import type { Scheme } from '../http/target.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Decision } from '../policy/policy.ts';
import type { TunnelSocket } from '../tunnel/relay.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';

/** Who sent a request. */
export interface Client {
  readonly address: string;
  /** Its connection came over a loopback address or a Unix socket: it is on this machine. */
  readonly isLocal: boolean;
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
   */
  respond(status: number, reason: string, fields: Fields, body: Body | null, announcedLength: number | null): void;
  /** Breaks the connection off: nothing that could still be said would be true. */
  abort(): void;
  /** Writes a head and gives the connection away: to a tunnel, or to the protocol upgraded to. `early` came behind the request. */
  takeOver(status: number, reason: string, fields: Fields): { readonly socket: TunnelSocket; readonly early: Buffer };
}

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

/** Policy has let it pass; `pathAndQuery` is the one that was judged. */
export interface Authorized {
  readonly received: Received;
  readonly decision: Decision;
  readonly pathAndQuery: string;
}

/** What is answered. */
export type Answer =
  | { readonly kind: 'response'; readonly response: ClientResponse }
  | { readonly kind: 'denial'; readonly decision: Decision }
  /** By us, on nobody's behalf: TRACE and OPTIONS that end here. */
  | { readonly kind: 'own'; readonly head: ResponseHead; readonly content: Buffer };

/** A stage goes on with one more fact, or answers. */
export type Step<Next> = { readonly next: Next } | { readonly respond: Answer };
