// Owns a form of a stored response's head that takes few octets and no object: one text of everything it says, and notes that tell its parts: lengths,
// numbers and times. What memory keeps is made of it (kept-response.ts), small responses lie in it until somebody asks for them
// (packed-responses.ts), and so does everything on the disk (stored-record.ts). Who stores a response in memory and on the disk packs it once.
// Numbers are as the machine has them, the lowest octet first everywhere that Node runs: folders do not move to other machines.
import { isNamed } from '../../http/fields.ts';
import { keptResponseFields } from '../../http/forwarding.ts';
import type { Fields } from '../../http/message.ts';
import type { StoredResponse } from '../stored-response.ts';

/** There is one, of one head at a time: who asks for it uses it at once, each part in the order of `#take`. */
export class PackedHead {
  text = '';
  /** Where in the text the next part begins. */
  position = 0;
  #notes = new Uint8Array(LEAST_NOTES);
  #words = new Uint32Array(this.#notes.buffer);
  #times = new Float64Array(this.#notes.buffer);
  #end = NOTES_START;
  #next = NOTES_START;
  /** Some characters are more than an octet: then each takes two. */
  #isWide = false;
  /** What it is of, where it was not read. */
  #taken: StoredResponse | null = null;

  static of(stored: StoredResponse): PackedHead {
    if (ONLY.#taken === stored) ONLY.#rewind();
    else ONLY.#take(stored);
    return ONLY;
  }

  /** One that was written. */
  static at(memory: Buffer, start: number): PackedHead {
    ONLY.#read(memory, start);
    return ONLY;
  }

  /** Octets that `write` writes. */
  get length(): number {
    return this.#end + (this.#isWide ? 2 : 1) * this.text.length;
  }

  get requestTimeMs(): number {
    return this.#times[0]!;
  }

  get responseTimeMs(): number {
    return this.#times[1]!;
  }

  /** Those of the fields that go to every client as they are, where `position` is at the fields. */
  get sentLines(): string {
    return this.text.slice(this.position, this.position + this.#words[SENT_LENGTH]!);
  }

  #take(stored: StoredResponse): void {
    const { id, key, reason, selectedBy, tags, fields, extent, origin } = stored;
    this.#reserve(NOTES_START + MOST_OCTETS_A_NOTE * (FIXED_NOTES + 2 * selectedBy.length + tags.length + 3 * fields.length));
    this.#times[0] = stored.requestTimeMs;
    this.#times[1] = stored.responseTimeMs;
    this.#end = NOTES_START;
    this.#note(id.length);
    this.#note(key.length);
    this.#note(reason.length);
    this.#note(stored.status);
    this.#note(flagsOf(stored));
    this.#note(extent.first);
    this.#note(extent.length);
    this.#noteMaybe(extent.completeLength);
    let text = id + key + reason;
    this.#note(selectedBy.length);
    for (let i = 0; i < selectedBy.length; i += 1) {
      const { name, value } = selectedBy[i]!;
      this.#note(name.length);
      this.#noteMaybe(value === null ? null : value.length);
      text += value === null ? name : name + value;
    }
    this.#note(tags.length);
    for (let i = 0; i < tags.length; i += 1) {
      this.#note(tags[i]!.length);
      text += tags[i]!;
    }
    text += this.#takeFields(fields);
    this.#noteMaybe(origin === null ? null : origin.port);
    if (origin !== null) {
      this.#note(origin.address.length);
      text += origin.address;
    }
    this.#isWide = WIDE.test(text);
    this.#words[NOTES_END] = this.#end;
    this.#words[TEXT_LENGTH] = text.length + (this.#isWide ? IS_WIDE : 0);
    this.#taken = stored;
    this.text = text;
    this.#rewind();
  }

  /** What goes to every client as it is lies in one piece, and the other lines behind it. */
  #takeFields(fields: Fields): string {
    const kept = keptResponseFields(fields);
    let next = 0;
    let sent = '';
    let others = '';
    this.#note(fields.length);
    for (let i = 0; i < fields.length; i += 1) {
      const field = fields[i]!;
      const { name, value, line = `${name}: ${value}\r\n` } = field;
      const isKept = field === kept[next];
      if (isKept) next += 1;
      const isSent = isKept && !isNamed(name, 'age');
      if (isSent) sent += line;
      else others += line;
      this.#note(isSent ? 1 : 0);
      this.#note(name.length);
      this.#note(value.length);
    }
    this.#words[SENT_LENGTH] = sent.length;
    return sent + others;
  }

  write(memory: Buffer, start: number): void {
    const notes = this.#notes;
    const end = this.#end;
    for (let i = 0; i < end; i += 1) memory[start + i] = notes[i]!;
    memory.write(this.text, start + end, this.#isWide ? 'utf16le' : 'latin1');
  }

  #read(memory: Buffer, start: number): void {
    this.#taken = null;
    for (let i = 0; i < NOTES_START; i += 1) this.#notes[i] = memory[start + i]!;
    const end = this.#words[NOTES_END]!;
    const textLength = this.#words[TEXT_LENGTH]! % IS_WIDE;
    this.#isWide = this.#words[TEXT_LENGTH]! >= IS_WIDE;
    this.#reserve(end);
    const notes = this.#notes;
    for (let i = 0; i < end; i += 1) notes[i] = memory[start + i]!;
    this.#end = end;
    const textStart = start + end;
    this.text = this.#isWide
      ? memory.toString('utf16le', textStart, textStart + 2 * textLength)
      : memory.toString('latin1', textStart, textStart + textLength);
    this.#rewind();
  }

  nextNumber(): number {
    const notes = this.#notes;
    let octet = notes[this.#next++]!;
    let number = octet & LOW;
    for (let unit = MORE; octet >= MORE; unit *= MORE) {
      octet = notes[this.#next++]!;
      number += (octet & LOW) * unit;
    }
    return number;
  }

  /** `null` where nothing was said, which is not zero. */
  nextMaybe(): number | null {
    const number = this.nextNumber();
    return number === 0 ? null : number - 1;
  }

  /** The next `length` characters. */
  nextText(length: number): string {
    this.position += length;
    return this.text.slice(this.position - length, this.position);
  }

  #rewind(): void {
    this.position = 0;
    this.#next = NOTES_START;
  }

  #note(number: number): void {
    let rest = number;
    while (rest >= MORE) {
      this.#notes[this.#end++] = MORE + (rest % MORE);
      rest = Math.floor(rest / MORE);
    }
    this.#notes[this.#end++] = rest;
  }

  #noteMaybe(number: number | null): void {
    this.#note(number === null ? 0 : number + 1);
  }

  #reserve(length: number): void {
    if (length <= this.#notes.length) return;
    const notes = new Uint8Array(Math.ceil(length / LEAST_NOTES) * LEAST_NOTES);
    notes.set(this.#notes);
    this.#notes = notes;
    this.#words = new Uint32Array(notes.buffer);
    this.#times = new Float64Array(notes.buffer);
  }
}

function flagsOf({ version, isFromAuthorized, isInvalidated }: StoredResponse): number {
  return VERSION_FLAGS[version] + (isFromAuthorized ? IS_FROM_AUTHORIZED : 0) + (isInvalidated ? IS_INVALIDATED : 0);
}

export const IS_1_0 = 1;
export const IS_FROM_AUTHORIZED = 2;
export const IS_INVALIDATED = 4;
export const IS_2 = 8;
const VERSION_FLAGS: Readonly<Record<StoredResponse['version'], number>> = { '1.0': IS_1_0, '1.1': 0, '2': IS_2 };
const WIDE = /[^\0-\xff]/;
// Two times, and how much there is of notes, of text and of lines that are sent. Then each number, seven bits an octet, the lowest first.
const NOTES_END = 4;
const TEXT_LENGTH = 5;
const SENT_LENGTH = 6;
/** Added to the length of a text. */
const IS_WIDE = 0x80000000;
const NOTES_START = 28;
const MORE = 0x80;
const LOW = 0x7f;
const MOST_OCTETS_A_NOTE = 8;
const FIXED_NOTES = 14;
const LEAST_NOTES = 4096;
const ONLY = new PackedHead();
