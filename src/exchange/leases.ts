// Owns who still holds a share of a rule's limits: from admission to the moment when the record of the exchange is finished, whichever way that comes.
import type { Flow } from '../flows/flow.ts';
import type { Lease } from '../policy/limits/limits.ts';

export class Leases {
  readonly #held = new Map<Flow, Lease>();

  /** @param flow of a client that may have left while it was found out who asks: its record is finished, and will not be again */
  hold(flow: Flow, lease: Lease): void {
    if (flow.totalMs !== null) lease.release();
    else this.#held.set(flow, lease);
  }

  /** Does nothing for an exchange without limits, of which there are many more. */
  release(flow: Flow): void {
    if (this.#held.size === 0) return;
    const lease = this.#held.get(flow);
    if (lease === undefined) return;
    this.#held.delete(flow);
    lease.release();
  }
}
