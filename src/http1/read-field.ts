// Owns a field as it was read (RFC 9112 §5): what its line says, and where that line stands, so that it can be written again without being made.
import type { Field, Fields } from '../http/message.ts';

export class ReadField implements Field {
  readonly name: string;
  readonly value: string;
  /** All lines that it came with, and its place among them; `#end` is 0 where it was spelled otherwise than we would. */
  readonly #lines: string;
  readonly #start: number;
  readonly #end: number;
  #line: string | undefined = undefined;

  constructor(name: string, value: string, lines: string, start: number, end: number) {
    this.name = name;
    this.value = value;
    this.#lines = lines;
    this.#start = start;
    this.#end = end;
  }

  get line(): string | undefined {
    if (this.#end === 0) return undefined;
    this.#line ??= this.#lines.slice(this.#start, this.#end);
    return this.#line;
  }

  /** The lines of fields, each with its CRLF. Those that stood together when they were read are taken together. */
  static linesOf(fields: Fields): string {
    let text = '';
    let lines: string | null = null;
    let start = 0;
    let end = 0;
    for (let i = 0; i < fields.length; i += 1) {
      const field = fields[i]!;
      const isRead = field instanceof ReadField && field.#end > 0;
      if (isRead && field.#start === end && field.#lines === lines) {
        end = field.#end;
        continue;
      }
      if (lines !== null) text += lines.slice(start, end);
      lines = isRead ? field.#lines : null;
      if (isRead) {
        start = field.#start;
        end = field.#end;
      } else text += field.line ?? `${field.name}: ${field.value}\r\n`;
    }
    return lines === null ? text : text + lines.slice(start, end);
  }
}
