// Owns stored responses that nobody has asked for since they were stored, as most never are: each is a record of octets (packed-records.ts), head and
// content, and takes a third of what its objects would. What is asked for is unpacked, and stays so as long as it is kept.
import type { StoredResponse } from '../stored-response.ts';
import { KeptResponse } from './kept-response.ts';
import { PackedHead } from './packed-head.ts';
import { MOST_OCTETS, PackedRecords } from './packed-records.ts';
import type { Slabs } from './slabs.ts';

export class PackedResponses {
  readonly #records = new PackedRecords();

  /**
   * @param content `null` when it lies elsewhere
   * @returns the number of its record; `null` when it is too large for one
   */
  pack(stored: StoredResponse, content: Slabs | null): number | null {
    const head = HEAD;
    if (content !== null && content.length > MOST_OCTETS) return null;
    head.take(stored);
    const length = head.length + (content?.length ?? 0) + 1;
    if (length > MOST_OCTETS || !head.isOctets) return null;
    const record = this.#records.add(length);
    const memory = this.#records.memoryOf(record);
    const start = this.#records.startOf(record);
    head.write(memory, start);
    memory[start + head.length] = content === null ? 0 : 1;
    content?.copyTo(memory, start + head.length + 1);
    return record;
  }

  /** A response of its own, as often as it is called. */
  unpack(record: number): KeptResponse {
    const head = HEAD;
    const memory = this.#records.memoryOf(record);
    const start = this.#records.startOf(record);
    head.read(memory, start);
    const contentStart = start + head.length + 1;
    return new KeptResponse(
      head,
      memory[contentStart - 1] === 0 ? null : ownCopy(memory, contentStart, start + this.#records.lengthOf(record)),
    );
  }

  /** The response alone, for who wants to look at it. */
  unpackHead(record: number): KeptResponse {
    HEAD.read(this.#records.memoryOf(record), this.#records.startOf(record));
    return new KeptResponse(HEAD, null);
  }

  keyOf(record: number): string {
    HEAD.read(this.#records.memoryOf(record), this.#records.startOf(record));
    const idLength = HEAD.nextNumber();
    const keyLength = HEAD.nextNumber();
    HEAD.nextText(idLength);
    return HEAD.nextText(keyLength);
  }

  bytesOf(record: number): number {
    return this.#records.bytesOf(record);
  }

  remove(record: number): void {
    this.#records.remove(record);
  }
}

function ownCopy(memory: Buffer, start: number, end: number): Buffer {
  if (start === end) return NOTHING;
  const copy = Buffer.allocUnsafeSlow(end - start);
  memory.copy(copy, 0, start, end);
  return copy;
}

const NOTHING = Buffer.alloc(0);
// There is one at a time.
const HEAD = new PackedHead();
