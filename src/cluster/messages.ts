// Owns what the primary and its children say to each other, over the channel that Node gives a forked process. Both ends are of one version but for the
// time of a rolling restart to another: what is not understood is left alone there, but for the first order.
import type { Config } from '../config/config.ts';
import type { StartErrorKind } from '../errors/start-error.ts';
import type { ListenAddress } from '../listeners/listener.ts';
import type { RunningProxy } from '../proxy.ts';

/** Changes with anything in `StartOrder`, all of `Config` included: a limit that a child of another version does not find there would be none. */
export const ORDER_VERSION = 1;

/** A worker serves clients; the keeper has what must be there once. */
export type Role = 'worker' | 'keeper';

/** The first thing that a child is told. */
export interface StartOrder {
  readonly kind: 'start';
  /** `ORDER_VERSION` of the primary. */
  readonly version: number;
  /** Of workers from 1; 0 for the keeper. */
  readonly number: number;
  readonly config: Config;
  /** What a worker listens on, in the order of `config.listen`: descriptors that it was born with. */
  readonly sockets: readonly HandedDescriptor[];
  /** As of `Handed` (proxy.ts). */
  readonly ticketSecret: Uint8Array;
  /** Path of the Unix socket by which workers and the keeper speak. */
  readonly keeperSocket: string;
}

export interface HandedDescriptor {
  readonly address: ListenAddress;
  readonly descriptor: number;
}

export type ToChild =
  | StartOrder
  | { readonly kind: 'reload'; readonly config: Config }
  | { readonly kind: 'reopen-logs' }
  | { readonly kind: 'new-link' }
  /** Answered at once, whatever else is being carried out. */
  | { readonly kind: 'are-you-there' }
  /** To end when nothing is under way any more, or the deadline comes. */
  | { readonly kind: 'drain'; readonly deadlineMs: number; readonly patienceMs: number }
  /** To end now. */
  | { readonly kind: 'stop' };

export type FromChild =
  /** The answers to `start` and `reload`; the facts that hold from now on come with it either way. */
  | { readonly kind: 'done'; readonly facts: ChildFacts }
  | { readonly kind: 'refused'; readonly why: Refusal; readonly facts: ChildFacts | null }
  | { readonly kind: 'link'; readonly url: string | null }
  | { readonly kind: 'here' }
  /** A worker that starts and that the keeper of the moment does not take, since it is of another version. It waits for one that does. */
  | { readonly kind: 'unjoined' }
  /** The last word after `drain`. */
  | { readonly kind: 'drained'; readonly cutOff: number }
  | { readonly kind: 'report'; readonly line: string };

/** A StartError on its way; `null` as its kind says that it was a defect. */
export interface Refusal {
  readonly errorKind: StartErrorKind | null;
  readonly problems: readonly string[];
}

/** What the operator is told of a proxy. */
export type ChildFacts = Pick<
  RunningProxy,
  'listening' | 'policySummary' | 'policyFiles' | 'cacheFacts' | 'asksForCredentials' | 'adminSocket'
>;
