// Owns which contents need not be kept again: those that were kept or shared lately, by digest. Others are kept twice, which costs room and nothing else.
// Only what lies in the newest third of what may be kept is shared, by octets and by age: so the oldest segments can go, and nothing that is newer than
// the middle loses its content.
import type { Place } from './segments.ts';

/** What has to be known of the segments. */
interface Kept {
  readonly first: number | null;
  readonly end: Place;
  bytesBehind(segment: number): number;
  changedAtMs(segment: number): number;
}

export class RecentContents {
  /** By hexadecimal SHA-256; the latest last. */
  readonly #places = new Map<string, Place>();
  /** What lies in segments before it is not shared. */
  #from = 0;

  find(digest: string): Place | null {
    const place = this.#places.get(digest);
    if (place === undefined) return null;
    this.#places.delete(digest);
    if (place.segment < this.#from) return null;
    this.#places.set(digest, place);
    return place;
  }

  keep(digest: string, place: Place): void {
    if (this.#places.size >= MOST && !this.#places.has(digest)) {
      const [oldest] = this.#places.keys();
      this.#places.delete(oldest!);
    }
    this.#places.set(digest, place);
  }

  forget(digest: string): void {
    this.#places.delete(digest);
  }

  /** Shares nothing any more that lies too far back. */
  narrow(segments: Kept, maxBytes: number, oldestMs: number): void {
    const isTooFar = (segment: number): boolean => segments.bytesBehind(segment) > maxBytes / 3 || segments.changedAtMs(segment) < oldestMs;
    this.#from = Math.max(this.#from, segments.first ?? 0);
    while (this.#from < segments.end.segment && isTooFar(this.#from)) this.#from += 1;
  }

  clear(): void {
    this.#places.clear();
  }
}

/** Some 3 MiB. */
export const MOST = 16_384;
