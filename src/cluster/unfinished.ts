// Owns which exchanges of one worker the list shows as under way. A worker that is killed tells of no end; without one they would be under way until the
// session is opened again.
import { readSummary } from '../flows/read-summary.ts';
import type { Summary } from '../flows/recorded.ts';
import { BatchReader, writeBatchFrame } from '../flows/store/batch-frames.ts';
import { readExchange } from '../flows/store/read-exchange.ts';

export class Unfinished {
  /** What was told of each when it began. */
  readonly #begun = new Map<number, { readonly summary: string; messages: number }>();

  /** A batch of the worker passes. */
  note(octets: ArrayBuffer): void {
    for (const reader = new BatchReader(octets, octets.byteLength); reader.next(); ) {
      const { id, kind } = reader;
      if (kind === 'begun')
        this.#begun.set(id, { summary: reader.octets.toString('latin1', reader.summaryAt, reader.detailAt), messages: 0 });
      else if (this.#begun.size > 0) this.#passed(id, kind);
    }
  }

  /** The worker is gone. @returns a batch that ends them; `null` where there are none */
  end(): ArrayBuffer | null {
    if (this.#begun.size === 0) return null;
    const frames = Array.from(this.#begun, ([id, { summary, messages }]) => endOf(id, { ...readSummary(summary), messages }));
    this.#begun.clear();
    const octets = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const frame of frames) {
      octets.set(frame, at);
      at += frame.length;
    }
    return octets.buffer;
  }

  #passed(id: number, kind: 'finished' | 'message'): void {
    if (kind === 'finished') {
      this.#begun.delete(id);
      return;
    }
    const begun = this.#begun.get(id);
    if (begun !== undefined) begun.messages += 1;
  }
}

/** As the store ends what a session that is opened again has under way, and why. */
function endOf(id: number, begun: Summary): Buffer {
  const { summary, ...known } = readExchange({ ...begun, state: 'done', outcome: 'aborted' }, null);
  const detail = { ...known, facts: { ...known.facts, errorMessage: WHY } };
  return writeBatchFrame({
    kind: 'finished',
    id,
    summary: Buffer.from(JSON.stringify(summary).replace(WIDE, escaped), 'latin1'),
    detail: Buffer.from(JSON.stringify(detail)),
    requestContent: NOTHING,
    responseContent: NOTHING,
  });
}

/** One character is one octet there. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const WIDE = /[\u0100-\uffff]/g;
const WHY = 'The process that served it has ended.';
const NOTHING = Buffer.alloc(0);
