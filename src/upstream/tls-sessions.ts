// Owns TLS sessions with origins, for resumption (RFC 8446 §2.2, RFC 5077): bounded in octets, each for one destination and one set of faults that may be
// forgiven; the client certificate follows from the destination. A ticket of TLS 1.3 is used once (RFC 8446 §C.4): whoever listens could tell by it that
// two connections are one client's.
// A resumed session shows no certificate and no OCSP response, so it counts for an hour at most, and never longer than the certificate did.
import { LRUCache } from 'lru-cache';
import type { OriginCertificate } from './facts.ts';
import type { AcceptedFaults } from './verify-origin.ts';

/** What a full handshake proved, which is what a resumed one stands on. */
export interface Proven {
  readonly certificate: OriginCertificate;
  readonly forgiven: AcceptedFaults;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
}

export interface KeptSession {
  readonly session: Buffer;
  readonly proven: Proven;
}

export class TlsSessions {
  readonly #kept = new LRUCache<string, readonly KeptSession[]>({
    maxSize: MOST_OCTETS,
    sizeCalculation: (sessions, key) => sessions.reduce((sum, { session }) => sum + session.length, key.length),
  });

  /** @param proven  by the full handshake that the session goes back to */
  keep(key: string, session: Buffer, proven: Proven): void {
    const others = this.#kept.get(key) ?? [];
    this.#kept.set(key, [...others.slice(1 - MOST_PER_KEY), { session, proven }]);
  }

  /** The newest; it is not given out again. */
  take(key: string, nowMs: number): KeptSession | null {
    const sessions = this.#kept.get(key);
    const newest = sessions?.at(-1);
    if (sessions === undefined || newest === undefined) return null;
    if (sessions.length === 1) this.#kept.delete(key);
    else this.#kept.set(key, sessions.slice(0, -1));
    return nowMs < newest.proven.untilMs ? newest : null;
  }

  /** Octets of what is kept. */
  get size(): number {
    return this.#kept.calculatedSize;
  }
}

/** Of 1 to 3 KiB each, so that several thousand fit. */
const MOST_OCTETS = 8 * 1024 * 1024;
/** Servers give two at once. */
const MOST_PER_KEY = 4;
