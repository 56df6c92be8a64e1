// Owns what a question to the admin API is, and what an answer to one. Neither knows of sockets.
import type { Readable } from 'node:stream';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Content as UTF-8. @throws TooMuchContent */
  text(maxBytes?: number): Promise<string>;
  /** Content as it came, as a new file of this user alone, however large it is. @throws TooMuchContent */
  toFile(file: string, maxBytes: number): Promise<void>;
}

export type AdminAnswer =
  /** As JSON. */
  | { readonly kind: 'value'; readonly status: number; readonly value: unknown; readonly allow?: string; readonly fields?: AnswerFields }
  /** Values one after the other, a line of JSON each. */
  | { readonly kind: 'lines'; readonly lines: AsyncIterable<unknown> }
  | { readonly kind: 'octets'; readonly type: string; readonly content: Buffer | Readable; readonly fields: AnswerFields };

export type AnswerFields = Readonly<Record<string, string>>;

export class TooMuchContent extends Error {
  constructor(maxBytes: number) {
    super(`A question has ${maxBytes} octets at most here.`);
  }
}

/** The question makes no sense, or not at the moment; its message says why to whoever asked. */
export class BadQuestion extends Error {
  readonly status: 400 | 404 | 409;
  constructor(message: string, status: 400 | 404 | 409 = 400) {
    super(message);
    this.status = status;
  }
}

export const USUAL_CONTENT_BYTES = 65_536;

export function valueAnswer(value: unknown, status = 200): AdminAnswer {
  return { kind: 'value', status, value };
}

export function problemAnswer(status: number, message: string): Extract<AdminAnswer, { kind: 'value' }> {
  return { kind: 'value', status, value: { error: message } };
}
