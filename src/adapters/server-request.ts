// Owns the request to the origin as programs see it: the options it will be made with, and then the ClientRequest that carries its content. Where it goes is
// read out of the options when it is made, and no sooner; what cannot be done as the options say is refused.
import { ProxyError } from '../errors/proxy-error.ts';
import type { OutgoingRequest } from '../exchange/hooks.ts';
import { type Authority, formatAuthority, parseAuthority } from '../http/authority.ts';
import { announcedLength } from '../http/framing.ts';
import type { Body, BodySink, Fields } from '../http/message.ts';
import { DEFAULT_PORTS, type Scheme } from '../http/target.ts';
import { isToken } from '../http/token.ts';
import { changedFields, type HeaderObject, headersOf } from './header-object.ts';
import { WrittenMessage } from './written-message.ts';

/** What a handler may change before the request is made. */
export interface RequestOptions {
  method: string;
  /** Path and query. */
  path: string;
  host: string;
  port: string | number | null | undefined;
  headers: HeaderObject;
  /** Always `undefined`: connections are the proxy's own. */
  agent: unknown;
}

/** Without what is for a proxy alone. */
export function optionsOf(method: string, path: string, authority: Authority, fields: Fields): RequestOptions {
  const headers: HeaderObject = headersOf(forOrigin(fields));
  return { method, path, host: authority.host, port: authority.port, headers, agent: undefined };
}

/** Where the options lead, and with which fields. @throws ProxyError when they cannot be followed */
export function followed(
  { method, path, host, port, headers, agent }: RequestOptions,
  scheme: Scheme,
  before: { readonly authority: Authority; readonly fields: Fields },
): Omit<OutgoingRequest, 'body'> {
  if (agent !== undefined && agent !== null)
    throw cannot('an agent of its own: connections are made by this proxy (see the option parent)');
  if (!isToken(method)) throw cannot('a method that is none');
  if (!TARGET.test(path)) throw cannot('a path that has to be escaped');
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const authority = parseAuthority(`${bracketed}:${port ?? DEFAULT_PORTS[scheme]}`, null);
  const isSame = formatAuthority(authority) === formatAuthority(before.authority);
  return {
    method,
    scheme,
    authority: isSame ? before.authority : authority,
    pathAndQuery: path,
    fields: sameOr(before.fields, changedFields(forOrigin(before.fields), headers)),
  };
}

export class ProxyToServerRequest extends WrittenMessage {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly protocol: string;
  readonly #send: (setLater: HeaderObject, content: Body | null) => void;
  readonly #announced: number | null;
  readonly #hasContent: boolean;
  #passed: Body | null = null;

  /**
   * @param hasContent whether the client has sent content with it
   * @param send called once, with what was set here beside the options, and the content
   */
  constructor(
    { method, path, host, headers }: RequestOptions,
    scheme: Scheme,
    hasContent: boolean,
    send: (setLater: HeaderObject, content: Body | null) => void,
  ) {
    super();
    this.method = method;
    this.path = path;
    this.host = host;
    this.protocol = `${scheme}:`;
    this.#announced = announcedLength(lengthLines(headers));
    this.#hasContent = hasContent;
    this.#send = send;
  }

  /** Sends the client's content as it comes. */
  passOn(content: Body | null): void {
    this.#passed = content;
    this.isWithoutContent = true;
    this.flushHeaders();
  }

  abort(): void {
    this.destroy();
  }

  protected override begin(length: number | null): void {
    if (this.isWithoutContent) {
      this.#send(this.getHeaders(), this.#passed);
      return;
    }
    this.length = this.#announced ?? (this.#hasContent ? null : length);
    this.isWithoutContent = length === 0 && !this.#hasContent;
    this.#send(this.getHeaders(), this.isWithoutContent ? null : this);
  }
}

/** The same content, whose length is not told: it is sent in chunks. */
export class UntoldLength implements Body {
  readonly length = null;
  readonly #body: Body;

  constructor(body: Body) {
    this.#body = body;
  }

  start(sink: BodySink): void {
    this.#body.start(sink);
  }

  resume(): void {
    this.#body.resume();
  }

  cancel(): void {
    this.#body.cancel();
  }
}

/** Whether the content is to be sent with the length that the client announced. */
export function keepsLength({ headers }: RequestOptions, body: Body): boolean {
  return announcedLength(lengthLines(headers)) === body.length;
}

function lengthLines(headers: HeaderObject): Fields {
  return Object.entries(headers).map(([name, value]) => ({ name, value: String(value ?? '') }));
}

function forOrigin(fields: Fields): Fields {
  return fields.some(isForProxy) ? fields.filter((field) => !isForProxy(field)) : fields;
}

function isForProxy({ name }: Fields[number]): boolean {
  return /^proxy-/i.test(name);
}

/** What is for a proxy is dropped on the way anyway: leaving it out is no change that would have to be judged. */
function sameOr(before: Fields, after: Fields): Fields {
  const left = before.filter((field) => !isForProxy(field));
  return left.length === after.length && left.every((field, at) => field === after[at]) ? before : after;
}

function cannot(what: string): ProxyError {
  return new ProxyError('proxy_internal_error', `A hook has asked for ${what}.`);
}

/** Octets that need no escape in a request target (RFC 3986 §3.3, §3.4), in origin-form or asterisk-form. */
const TARGET = /^(?:\/[!-~]*|\*)$/;
