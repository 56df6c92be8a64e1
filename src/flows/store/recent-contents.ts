// Owns which contents need not be kept again: those that were kept or shared lately, by digest. Others are kept twice, which costs room and nothing else.
// Small ones that came a moment ago are known by their octets, which costs a fraction of a digest.
//
// Only what lies in the newest third of what may be kept is shared, by octets and by age: so the oldest segments can go, and nothing that is newer than
// the middle loses its content.
import type { WrittenReference } from './record-frames.ts';
import type { Place } from './segments.ts';

/** What has to be known of the segments. */
interface Kept {
  readonly first: number | null;
  readonly end: Place;
  bytesBehind(segment: number): number;
  changedAtMs(segment: number): number;
}

export class RecentContents {
  /** By digest; the latest last. */
  readonly #kept = new Map<string, WrittenReference>();
  readonly #repeated: (Repeated | null)[] = Array.from({ length: REPEATED }, () => null);
  /** What lies in segments before it is not shared. */
  #from = 0;

  find(digest: string): WrittenReference | null {
    const kept = this.#kept.get(digest);
    if (kept === undefined) return null;
    this.#kept.delete(digest);
    if (kept.segment < this.#from) return null;
    this.#kept.set(digest, kept);
    return kept;
  }

  keep(content: WrittenReference): void {
    const { digest } = content;
    if (this.#kept.size >= MOST && !this.#kept.has(digest)) {
      const [oldest] = this.#kept.keys();
      this.#kept.delete(oldest!);
    }
    this.#kept.set(digest, content);
  }

  /** The same, by its octets from `from` to `to`. */
  findRepeated(octets: Buffer, from: number, to: number): WrittenReference | null {
    if (to - from > MOST_REPEATED_BYTES) return null;
    const repeated = this.#repeated[slotOf(octets, from, to)]!;
    if (repeated === null || repeated.content.length !== to - from || repeated.content.segment < this.#from) return null;
    return repeated.octets.compare(octets, from, to, 0, to - from) === 0 ? repeated.content : null;
  }

  keepRepeated(octets: Buffer, from: number, to: number, content: WrittenReference): void {
    if (to - from > MOST_REPEATED_BYTES) return;
    const slot = slotOf(octets, from, to);
    const own = this.#repeated[slot]?.octets ?? Buffer.allocUnsafeSlow(MOST_REPEATED_BYTES);
    octets.copy(own, 0, from, to);
    this.#repeated[slot] = { octets: own, content };
  }

  /** What was written from a place on never was. */
  forgetFrom({ segment, at }: Place): void {
    this.#repeated.fill(null);
    for (const [digest, kept] of this.#kept) if (kept.segment === segment && kept.at >= at) this.#kept.delete(digest);
  }

  /** Shares nothing any more that lies too far back. */
  narrow(segments: Kept, maxBytes: number, oldestMs: number): void {
    const isTooFar = (segment: number): boolean => segments.bytesBehind(segment) > maxBytes / 3 || segments.changedAtMs(segment) < oldestMs;
    this.#from = Math.max(this.#from, segments.first ?? 0);
    while (this.#from < segments.end.segment && isTooFar(this.#from)) this.#from += 1;
  }

  clear(): void {
    this.#kept.clear();
    this.#repeated.fill(null);
  }
}

interface Repeated {
  /** More than the content is long. */
  readonly octets: Buffer;
  readonly content: WrittenReference;
}

/** Others may have the same. */
function slotOf(octets: Buffer, from: number, to: number): number {
  const middle = (from + to) >>> 1;
  return (to - from + 7 * octets[from]! + 31 * octets[middle]! + 127 * octets[to - 1]!) % REPEATED;
}

const REPEATED = 256;
const MOST_REPEATED_BYTES = 4096;

/** Some 3 MiB. */
export const MOST = 16_384;
