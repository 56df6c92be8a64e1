// Owns permessage-deflate (RFC 7692) as somebody who watches needs it: what two ends have agreed on, and compressed messages made readable.
// What passes stays as it is, and what cannot be read is a sentence instead.
// A message is decompressed at once and with a bound, given the last 32 KiB before it, which is all that it can refer to. When something of
// those is missing, a reference to it fails and nothing is made up: zlib refuses a distance beyond what it was given.
import { constants, inflateRawSync } from 'node:zlib';
import { splitList } from '../http/fields.ts';

/** Extensions that a 101 has named. */
export interface AgreedExtensions {
  readonly deflate: DeflateAgreement | null;
  /** Others that are not known here; what their frames mean, nobody can tell. */
  readonly unknown: readonly string[];
}

/** Whether each end begins every message anew (RFC 7692 §7.1.1). The sizes of windows need not be known: the largest reads all. */
export interface DeflateAgreement {
  readonly clientForgets: boolean;
  readonly serverForgets: boolean;
}

/**
 * @param value the Sec-WebSocket-Extensions field of a 101 (RFC 6455 §9.1), its lines joined by commas; `undefined` without one
 * @throws never
 */
export function agreedExtensions(value: string | undefined): AgreedExtensions {
  let deflate: DeflateAgreement | null = null;
  const unknown: string[] = [];
  for (const member of splitList(value ?? '')) {
    const [name, ...parameters] = member.split(';').map((part) => part.trim().toLowerCase());
    if (name === 'permessage-deflate' && deflate === null) {
      deflate = {
        clientForgets: parameters.includes('client_no_context_takeover'),
        serverForgets: parameters.includes('server_no_context_takeover'),
      };
    } else unknown.push(name!);
  }
  return { deflate, unknown };
}

export type Inflated = { readonly kind: 'inflated'; readonly bytes: Buffer } | { readonly kind: 'unreadable'; readonly reason: string };

/** One direction's messages, in their order. */
export class MessageInflater {
  readonly #forgets: boolean;
  readonly #maxOctets: number;
  /** The end of what was said, without a gap. */
  #window: Buffer = NOTHING;
  /** Later messages may refer to what is not in the window. */
  #hasGap = false;

  /** @param maxOctets that a message may come to */
  constructor(forgets: boolean, maxOctets: number) {
    this.#forgets = forgets;
    this.#maxOctets = maxOctets;
  }

  /** @param payload of all its frames, as it was sent */
  inflate(payload: Buffer): Inflated {
    try {
      const bytes = inflateRawSync(Buffer.concat([payload, TAIL]), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: this.#maxOctets,
        ...(this.#window.length > 0 && { dictionary: this.#window }),
      });
      if (!this.#forgets) this.#window = windowAfter(this.#window, bytes);
      if (this.#window.length === WINDOW) this.#hasGap = false;
      return { kind: 'inflated', bytes };
    } catch (error) {
      this.skip();
      const isTooLarge = error instanceof RangeError;
      return { kind: 'unreadable', reason: isTooLarge ? `it is more than ${this.#maxOctets} octets once decompressed` : sentenceOf(error) };
    }
  }

  /** A message went by that was not read: what later ones refer to of it is not known. */
  skip(): void {
    this.#window = NOTHING;
    this.#hasGap = !this.#forgets;
  }

  /** For somebody who reads on from here, with a bound of their own; `null` where that could fail for what was missed. */
  fork(maxOctets: number): MessageInflater | null {
    if (this.#hasGap) return null;
    const fork = new MessageInflater(this.#forgets, maxOctets);
    fork.#window = this.#window;
    return fork;
  }
}

function windowAfter(window: Buffer, bytes: Buffer): Buffer {
  // Copied, so that no large message stays for the sake of its end.
  if (bytes.length >= WINDOW) return Buffer.from(bytes.subarray(-WINDOW));
  return Buffer.concat([window.subarray(Math.max(0, window.length + bytes.length - WINDOW)), bytes]);
}

function sentenceOf(error: unknown): string {
  return `it cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`;
}

const WINDOW = 32 * 1024;
/** What a sender leaves out (RFC 7692 §7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const NOTHING = Buffer.alloc(0);
