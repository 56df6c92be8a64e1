// Owns what the connections of both protocols have in common: what a listener gives them, and what it may ask of them.
import type { ProxyError } from '../errors/proxy-error.ts';
import type { Incoming } from '../exchange/exchange.ts';
import type { EmitFlow } from '../flows/flow.ts';
import type { Deadlines } from '../net/deadlines.ts';
import type { ListenerOptions } from './listener.ts';

/** What a connection is given by its listener. */
export interface ConnectionContext {
  readonly options: ListenerOptions;
  readonly deadlines: Deadlines;
  readonly startExchange: (incoming: Incoming) => void;
  readonly answerUnreadable: (incoming: Incoming, error: ProxyError) => void;
  readonly emit: EmitFlow;
}

/** Told when the connection has given its socket away, so that nothing keeps what the socket no longer needs. */
export interface SocketOwner {
  takenOver(): void;
}

/** What both protocols do with a connection from outside. */
export interface ClientConnection {
  /**
   * No further request after those under way; at once when there is none.
   *
   * @param patienceMs that it may wait for a last one, which a client could have sent already; with 0, the client has to know a stop when it sees one
   */
  drain(patienceMs: number): void;
  /** Closes it if it waits for a request, and did not begin to a moment ago. @returns whether it did */
  letGoIfIdle(): boolean;
  /** Ends it at once; records of what was under way say that it was we who did it. */
  stop(): void;
}
