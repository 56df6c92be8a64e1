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
    if (content !== null && content.length > MOST_OCTETS) return null;
    const head = PackedHead.of(stored);
    const length = head.length + (content?.length ?? 0) + 1;
    if (length > MOST_OCTETS) return null;
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
    const memory = this.#records.memoryOf(record);
    const start = this.#records.startOf(record);
    const head = PackedHead.at(memory, start);
    const contentStart = start + head.length + 1;
    return new KeptResponse(
      head,
      memory[contentStart - 1] === 0 ? null : ownCopy(memory, contentStart, start + this.#records.lengthOf(record)),
    );
  }

  /** The response alone, for who wants to look at it. */
  unpackHead(record: number): KeptResponse {
    return new KeptResponse(this.#headOf(record), null);
  }

  keyOf(record: number): string {
    const head = this.#headOf(record);
    const idLength = head.nextNumber();
    const keyLength = head.nextNumber();
    head.nextText(idLength);
    return head.nextText(keyLength);
  }

  bytesOf(record: number): number {
    return this.#records.bytesOf(record);
  }

  remove(record: number): void {
    this.#records.remove(record);
  }

  #headOf(record: number): PackedHead {
    return PackedHead.at(this.#records.memoryOf(record), this.#records.startOf(record));
  }
}

function ownCopy(memory: Buffer, start: number, end: number): Buffer {
  if (start === end) return NOTHING;
  const copy = Buffer.allocUnsafeSlow(end - start);
  memory.copy(copy, 0, start, end);
  return copy;
}

const NOTHING = Buffer.alloc(0);
