// Owns the field lines of one exchange while it is encoded (encode-frame.ts): they stand behind what says how many octets they are, and so they wait until
// that is written. Lines that came one behind the other are one text. What must not be kept is masked here (redact-fields.ts).
import type { Field, Fields } from '../http/message.ts';
import { ReadField } from '../http1/read-field.ts';
import type { OctetWriter } from './octet-writer.ts';
import { isOfTheProxy, keptValue, type Unwritten } from './redact-fields.ts';

export class FieldLines {
  readonly #unwritten: Unwritten | null;
  /** One character an octet; as many as count, and what was there before. */
  readonly #texts: string[] = [];
  #count = 0;

  /** @param unwritten `null` where all secrets but those of the proxy itself are kept */
  constructor(unwritten: Unwritten | null) {
    this.#unwritten = unwritten;
  }

  /** Puts those of `fields` from `from` on behind what waits. @returns how many octets they are */
  add(fields: Fields, from = 0): number {
    if (from === 0 && fields.length > 0 && this.#keepsAll(fields)) return this.#put(ReadField.linesOf(fields));
    let octets = 0;
    for (let i = from; i < fields.length; i += 1) octets += this.#addOne(fields[i]!);
    return octets;
  }

  /** The same, of lines that were made ready before. */
  addReady(lines: string): number {
    return this.#unwritten === null ? this.#put(lines) : this.add(fieldsOf(lines));
  }

  clear(): void {
    this.#count = 0;
  }

  writeTo(out: OctetWriter): void {
    for (let i = 0; i < this.#count; i += 1) out.anyText(this.#texts[i]!);
  }

  #keepsAll(fields: Fields): boolean {
    if (this.#unwritten !== null) return false;
    for (let i = 0; i < fields.length; i += 1) if (isOfTheProxy(fields[i]!.name)) return false;
    return true;
  }

  #addOne({ name, value, line }: Field): number {
    const kept = keptValue(name, value, this.#unwritten);
    if (kept === value && line !== undefined) return this.#put(line);
    return this.#put(name) + this.#put(': ') + this.#put(kept) + this.#put('\r\n');
  }

  #put(text: string): number {
    this.#texts[this.#count] = text;
    this.#count += 1;
    return text.length;
  }
}

function fieldsOf(lines: string): Field[] {
  return lines
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => ({ name: line.slice(0, line.indexOf(':')), value: line.slice(line.indexOf(':') + 2) }));
}
