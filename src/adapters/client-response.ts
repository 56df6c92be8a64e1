// Owns the answer to a client as the ServerResponse that programs written for Node expect. Whoever writes to it first answers: the origin through the
// proxy, or a hook on its own.
import { STATUS_CODES } from 'node:http';
import { ProxyError } from '../errors/proxy-error.ts';
import { fieldValue } from '../http/fields.ts';
import { announcedLength } from '../http/framing.ts';
import { type Body, type Fields, NO_FIELDS, type ResponseHead } from '../http/message.ts';
import { isFieldText } from '../http1/syntax.ts';
import type { ClientResponse } from '../upstream/http1-client.ts';
import { changedFields, type HeaderObject } from './header-object.ts';
import { WrittenMessage } from './written-message.ts';

export class ProxyToClientResponse extends WrittenMessage {
  statusCode = 200;
  /** Empty is the status's own phrase. */
  statusMessage = '';
  /** Told when it is over; a listener would count as somebody who wants to hear of it. */
  onClosed: (() => void) | null = null;
  readonly #isHead: boolean;
  readonly #answer: (response: ClientResponse) => void;
  /** Of the origin's response, which what was set here goes before. */
  #fields: Fields = NO_FIELDS;
  #headersSent = false;
  #isPassedOn = false;
  #isOrigins = false;

  /** @param answer called once, with what the client is to be answered */
  constructor(method: string, answer: (response: ClientResponse) => void) {
    super();
    this.#isHead = method === 'HEAD';
    this.#answer = answer;
  }

  get headersSent(): boolean {
    return this.#headersSent;
  }

  /** What it says, or is about to say, is what the origin has said. */
  get isOrigins(): boolean {
    return this.#isOrigins;
  }

  /** Somebody wants to hear when it is done, so that it has to be written here. */
  get isWatched(): boolean {
    return WATCHING.some((event) => this.listenerCount(event) > 0);
  }

  get finished(): boolean {
    return this.writableEnded || this.#isPassedOn;
  }

  /** @param headers an object, or names and values in turn */
  writeHead(status: number, reason?: string | HeaderObject | readonly string[], headers?: HeaderObject | readonly string[]): this {
    if (this.#headersSent) throw new Error('Cannot write headers after they are sent to the client');
    this.statusCode = status;
    if (typeof reason === 'string') this.statusMessage = reason;
    const set = typeof reason === 'string' || reason === undefined ? headers : reason;
    for (const [name, value] of pairsOf(set ?? {})) if (value !== undefined) this.setHeader(name, value);
    this.#headersSent = true;
    return this;
  }

  writeContinue(): void {
    // What the client expects is the origin's to say (RFC 9110 §10.1.1).
  }

  /**
   * Will begin as the origin's response does, whose content will be written here: with the first of it, or when the head is flushed.
   *
   * @param length octets that will be written, where that is known
   */
  beginAs(head: ResponseHead, length: number | null): void {
    this.#take(head);
    this.length = length;
    this.#headersSent = true;
    this.#isOrigins = true;
  }

  /** Answers with the origin's response as it comes. */
  passOn(head: ResponseHead, body: Body | null): void {
    this.#take(head);
    this.#headersSent = true;
    this.isWithoutContent = true;
    this.#isPassedOn = true;
    this.#answer({ head: this.#head(), body: this.#isWithoutContent() ? null : body, upgraded: null });
  }

  override setHeader(name: string, value: Exclude<HeaderObject[string], undefined>): this {
    if (this.#headersSent) throw new Error('Cannot set headers after they are sent to the client');
    return super.setHeader(name, value);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    super._destroy(error, done);
    this.onClosed?.();
  }

  protected override begin(length: number | null): void {
    // It was passed on, and has nothing to begin with.
    if (this.isWithoutContent) return;
    this.#headersSent = true;
    const head = this.#head();
    this.length ??= fieldValue(head.fields, 'transfer-encoding') === undefined ? (announcedLength(head.fields) ?? length) : length;
    this.isWithoutContent = this.#isWithoutContent();
    this.#answer({ head, body: this.isWithoutContent ? null : this, upgraded: null });
  }

  #take({ status, reason, fields }: ResponseHead): void {
    this.statusCode = status;
    this.statusMessage = reason;
    this.#fields = fields;
  }

  #head(): ResponseHead {
    const { statusCode: status } = this;
    if (!Number.isInteger(status) || status < 200 || status > 999) {
      throw new ProxyError('proxy_internal_error', `A hook has answered with the status ${status}, which is none of a final response.`);
    }
    const reason = this.statusMessage === '' ? (STATUS_CODES[status] ?? '') : this.statusMessage;
    const own = this.fieldLines();
    const replaced = new Set(own.map(({ name }) => name.toLowerCase()));
    const kept = own.length === 0 ? this.#fields : this.#fields.filter(({ name }) => !replaced.has(name.toLowerCase()));
    return { status, reason: isFieldText(reason) ? reason : '', version: '1.1', fields: own.length === 0 ? kept : [...kept, ...own] };
  }

  /** RFC 9110 §6.4.1. */
  #isWithoutContent(): boolean {
    return this.#isHead || this.statusCode === 204 || this.statusCode === 304;
  }
}

/** The origin's head after a program has had it in its hands. @throws ProxyError as `changedFields` */
export function changedHead(head: ResponseHead, status: number, reason: string, headers: HeaderObject): ResponseHead {
  return { version: head.version, status, reason, fields: changedFields(head.fields, headers) };
}

function pairsOf(headers: HeaderObject | readonly string[]): (readonly [string, HeaderObject[string]])[] {
  if (!isList(headers)) return Object.entries(headers);
  return headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]] as const] : []));
}

function isList(headers: HeaderObject | readonly string[]): headers is readonly string[] {
  return Array.isArray(headers);
}

const WATCHING = ['finish', 'close'] as const;
