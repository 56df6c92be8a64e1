// A programmable origin: reads requests with the strict reader, keeps their octets, and answers with whatever octets a test wants.
// What a proxy must never send is kept in `refused`, answered 400, and makes `close()` throw, so that no test passes over it.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BrokenOffError, type Ending, RawConnection } from './raw-connection.ts';
import { MalformedError, type RawRequest, readRequestHead, type WireField } from './strict-message.ts';

export interface RawServer {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly authority: string;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** How many connections were ever accepted. */
  readonly accepted: number;
  /** Breaks what is still open, and frees the port. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Origin extends RawServer {
  /** Complete requests, in the order in which they were complete. */
  readonly requests: readonly RawRequest[];
  /** What the strict reader refused, and what a handler threw. A test that wants such a thing takes it out: `origin.refused.splice(0)`. */
  readonly refused: Error[];
  /** How many requests broke off before their end: a proxy that gave them up. */
  readonly brokenOff: number;
  /** @throws the first of `refused`, after closing */
  close(): Promise<void>;
}

export interface RawServerOptions {
  readonly host?: string;
  /** Of every single wait of a connection, in milliseconds. None by default: the client's end has deadlines, and an origin may be left waiting. */
  readonly timeoutMs?: number;
}

export interface OriginOptions extends RawServerOptions {
  /**
   * Sees a request before its content is read. Without it `Expect: 100-continue` is answered `100 Continue`.
   * A final answer given here is not followed by the handler's.
   */
  readonly onHead?: (head: RequestSoFar, reply: Reply) => unknown;
}

export type RequestSoFar = Omit<RawRequest, 'body' | 'trailers' | 'raw'>;

/** Answers one request. Nothing is sent unless it says so: returning without an answer leaves the peer waiting. */
export type RequestHandler = (request: RawRequest, reply: Reply) => unknown;

export interface ResponseToSend {
  readonly status?: number;
  readonly reason?: string;
  /** `Content-Length` is added, unless these fields frame the content themselves or `chunked` is asked for. */
  readonly fields?: readonly WireField[];
  readonly body?: string | Uint8Array;
  readonly chunked?: boolean;
  /** Sent with `chunked` only. */
  readonly trailers?: readonly WireField[];
}

/** Starts an origin on a free port of 127.0.0.1 that speaks keep-alive HTTP/1.1 and takes pipelined requests one after another. */
export async function startOrigin(handler: RequestHandler, options: OriginOptions = {}): Promise<Origin> {
  const requests: RawRequest[] = [];
  const refused: Error[] = [];
  let brokenOff = 0;
  const serve = async (connection: RawConnection): Promise<void> => {
    try {
      while (await connection.hasMore()) {
        const { head, complete } = await readRequestHead(connection);
        const reply = new Reply(connection, head.method);
        await (options.onHead ?? continueWhenExpected)(head, reply);
        const request = await complete();
        requests.push(request);
        if (!reply.isFinal) await handler(request, reply);
      }
      connection.end();
    } catch (error) {
      if (error instanceof BrokenOffError) {
        brokenOff += 1;
        connection.destroy();
        return;
      }
      refused.push(error instanceof Error ? error : new Error(String(error)));
      const status = error instanceof MalformedError ? '400 Bad Request' : '500 Internal Server Error';
      await connection.send(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      connection.end();
    }
  };
  const server = await startRawServer(serve, options);
  const close = async (): Promise<void> => {
    await server.close();
    if (refused[0]) throw refused[0];
  };
  // biome-ignore format: one property a line reads as the interface does
  return {
    port: server.port, authority: server.authority, url: server.url, requests, refused,
    get accepted() { return server.accepted; },
    get brokenOff() { return brokenOff; },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A server that only accepts: for origins that break every rule, and for tunnels. */
export async function startRawServer(
  onConnection: (connection: RawConnection) => unknown,
  { host = '127.0.0.1', timeoutMs = Number.POSITIVE_INFINITY }: RawServerOptions = {},
): Promise<RawServer> {
  const open = new Set<Socket>();
  let accepted = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    onConnection(new RawConnection(socket, timeoutMs));
  });
  const port = await listen(server, host);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  // biome-ignore format: one property a line reads as the interface does
  return {
    port, authority, url: `http://${authority}`,
    get accepted() { return accepted; },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What an origin can say to one request. */
export class Reply {
  readonly #connection: RawConnection;
  readonly #method: string;
  #isFinal = false;

  constructor(connection: RawConnection, method: string) {
    this.#connection = connection;
    this.#method = method;
  }

  /** Whether a final answer was given, or the connection given up. */
  get isFinal(): boolean {
    return this.#isFinal;
  }
  /** Settles when the peer has ended its direction or the connection broke. */
  get closed(): Promise<Ending> {
    return this.#connection.closed;
  }

  /** One interim response (1xx). */
  interim(status: number, fields: readonly WireField[] = []): Promise<void> {
    return this.#connection.send(`HTTP/1.1 ${status} Interim\r\n${fieldLines(fields)}\r\n`);
  }

  /** One well-formed final response; without content where the request or the status allows none (RFC 9110 §6.4.1). */
  response({ status = 200, reason = 'OK', fields = [], body = '', chunked = false, trailers = [] }: ResponseToSend): Promise<void> {
    this.#isFinal = true;
    const content = typeof body === 'string' ? Buffer.from(body) : body;
    const framedByTest = fields.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
    const unframed = framedByTest || status === 204 || status === 304;
    const framing: WireField[] = unframed ? [] : [chunked ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(content.length)]];
    const head = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${fieldLines([...fields, ...framing])}\r\n`, 'latin1');
    if (this.#method === 'HEAD' || status === 204 || status === 304) return this.#connection.send(head);
    return this.#connection.send(Buffer.concat([head, chunked ? inChunks(content, trailers) : content]));
  }

  /** Octets as they are. */
  raw(bytes: string | Uint8Array): Promise<void> {
    this.#isFinal = true;
    return this.#connection.send(bytes);
  }
  /** Octets one by one, a pause between them. */
  trickle(bytes: string | Uint8Array, everyMs: number): Promise<void> {
    this.#isFinal = true;
    return this.#connection.sendSlowly(bytes, 1, everyMs);
  }
  /** FIN after what was said. */
  end(): void {
    this.#isFinal = true;
    this.#connection.end();
  }
  /** RST. */
  reset(): void {
    this.#isFinal = true;
    this.#connection.reset();
  }
  /** Says nothing more, and settles when the peer gives up. */
  hang(): Promise<Ending> {
    this.#isFinal = true;
    return this.#connection.closed;
  }
}

/** What an origin without `onHead` does. */
export function continueWhenExpected(head: RequestSoFar, reply: Reply): unknown {
  const expects = head.fields.some(([name, value]) => name.toLowerCase() === 'expect' && value.toLowerCase() === '100-continue');
  return expects ? reply.interim(100) : undefined;
}

/** The content in two chunks where it can be cut, so that a reader meets a boundary. */
function inChunks(content: Uint8Array, trailers: readonly WireField[]): Buffer {
  const middle = content.length >> 1;
  const chunks = [content.subarray(0, middle), content.subarray(middle)].filter((chunk) => chunk.length > 0);
  const framed = chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]);
  return Buffer.concat([...framed, Buffer.from(`0\r\n${fieldLines(trailers)}\r\n`, 'latin1')]);
}

function fieldLines(fields: readonly WireField[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

function listen(server: Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: 0 }, () => resolve((server.address() as AddressInfo).port));
  });
}
