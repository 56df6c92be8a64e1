// Owns which contents need not be kept again: those that were kept or shared lately, by digest. Others are kept twice, which costs room and nothing else.
import type { Place } from './segments.ts';

export class RecentContents {
  /** By hexadecimal SHA-256; the latest last. */
  readonly #places = new Map<string, Place>();

  find(digest: string): Place | null {
    const place = this.#places.get(digest);
    if (place === undefined) return null;
    this.#places.delete(digest);
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

  clear(): void {
    this.#places.clear();
  }
}

/** Some 3 MiB. */
export const MOST = 16_384;
