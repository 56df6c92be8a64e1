// Owns which clients have shown that they trust our certificate: something came from their address through a tunnel that was opened.
// For the page that tells people so, and for nothing else. Many programs may share an address, so it says nothing of any one of them.
import { LRUCache } from 'lru-cache';

export class TrustingClients {
  readonly #lastMs = new LRUCache<string, number>({ max: MOST_CLIENTS });

  /** @param nowMs milliseconds since the epoch */
  note(clientAddress: string, nowMs: number): void {
    this.#lastMs.set(clientAddress, nowMs);
  }

  /** When that was last, in milliseconds since the epoch; `null` if it never was, or so long ago that others took its place. */
  lastMs(clientAddress: string): number | null {
    return this.#lastMs.get(clientAddress) ?? null;
  }
}

const MOST_CLIENTS = 4096;
