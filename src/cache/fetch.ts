// Owns a request to the origin on the cache's account, between the stage that asks for it (reuse-stored.ts) and the one that takes the answer
// (store-response.ts): why it is made, what is held for its answer, and who may end it.
import type { Body, Fields } from '../http/message.ts';
import { type Cancellable, Cancellation } from '../net/cancellation.ts';
import type { Opened } from './answer-from-store.ts';
import type { PendingFetch } from './collapse.ts';
import type { Lookup } from './lookup.ts';
import type { Reuse } from './rules/reuse.ts';
import { outgoingFields } from './rules/validation.ts';
import type { StoredResponse } from './stored-response.ts';

/** What the origin is asked for, and all that its answer will be judged by. Whoever asked may leave while others wait for the same. */
export class Fetch implements Cancellable {
  readonly lookup: Lookup;
  readonly reuse: ForwardedReuse;
  /** Everything stored under the key, as it was found. */
  readonly all: readonly StoredResponse[];
  /** Where it is to be validated, what it answers then, opened ahead: nobody promises that it is still there later. */
  readonly opened: Opened | null;
  /** Where it is to be completed, the content of the part that is stored. */
  readonly part: Body | null;
  /** What others may wait for; whoever has it settles it. */
  readonly pending: PendingFetch | null;
  /** What is invalidated after it outdates the answer (invalidations.ts): before the request goes out, or once the answer has invalidated. */
  moment: number;
  /** Stops the request to the origin. */
  readonly cancellation = new Cancellation();

  constructor(basis: FetchBasis, pending: PendingFetch | null, moment: number) {
    const { lookup, reuse, all, held } = basis;
    this.lookup = lookup;
    this.reuse = reuse;
    this.all = all;
    this.opened = held.opened;
    this.part = held.part;
    this.pending = pending;
    this.moment = moment;
    lookup.cancellation.listen(this);
  }

  /** The client has left. */
  cancel(): void {
    if (this.pending === null) this.cancellation.cancel();
    else this.pending.leaderLeft(this.cancellation);
  }

  /** Fields of the request to the origin: the client's, but for conditions and ranges that we ask on our own account. */
  fieldsToForward(fields: Fields): Fields {
    return this.reuse.kind === 'miss' ? fields : outgoingFields(fields, this.reuse);
  }
}

/** What is stored, opened before the origin is asked. */
export interface Held {
  readonly opened: Opened | null;
  readonly part: Body | null;
}

/** Why the origin is asked. */
export interface FetchBasis {
  readonly lookup: Lookup;
  readonly reuse: ForwardedReuse;
  readonly all: readonly StoredResponse[];
  readonly held: Held;
}

export type ForwardedReuse = Exclude<Reuse, { kind: 'hit' }>;
