// Owns a final response on its way to an HTTP/1 client: which framing its head announces (RFC 9112 §6), and its content until it is written.
import type { ProxyError } from '../errors/proxy-error.ts';
import { CHUNKED, type Framing, UNTIL_CLOSE } from '../http/framing.ts';
import { type Body, type BodySink, FULL, NO_FIELDS, type RequestHead } from '../http/message.ts';
import type { MessageWriter } from '../http1/writer.ts';

/** Passes content on and tells when the client is slow. */
export class ResponseSink implements BodySink {
  readonly #writer: MessageWriter;
  readonly #blocked: () => void;
  constructor(writer: MessageWriter, blocked: () => void) {
    this.#writer = writer;
    this.#blocked = blocked;
  }
  write(bytes: Buffer): ReturnType<BodySink['write']> {
    const taken = this.#writer.write(bytes);
    if (taken === FULL) this.#blocked();
    return taken;
  }
  end(): void {
    // Trailers are dropped: they could carry what a head may not (RFC 9110 §6.5.1).
    this.#writer.end(NO_FIELDS);
  }
  fail(error: ProxyError): void {
    this.#writer.fail(error);
  }
}

/** What the head says of the content: for HEAD, of the content that a GET would bring. */
export function framingOf(
  method: string,
  version: RequestHead['version'],
  status: number,
  body: Body | null,
  announcedLength: number | null,
): Framing | null {
  if (status === 204 || status === 304 || status < 200) return null;
  if (method === 'HEAD') return announcedLength;
  if (body === null) return 0;
  return body.length ?? (version === '1.1' ? CHUNKED : UNTIL_CLOSE);
}
