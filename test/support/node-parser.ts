// Owns the other opinion on what octets mean as HTTP/1.1: Node's own parser (llhttp), reached as anybody reaches it, through `http.createServer`
// and `http.request` over a loopback socket, not in its lenient mode.
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** One message, as ISO-8859-1 text. */
export interface NodeMessage {
  /** `GET /path 1.1` or `200 OK 1.1`. */
  readonly start: string;
  /** `Name: value`, in order. */
  readonly fields: readonly string[];
  readonly content: string;
  readonly trailers: readonly string[];
}

export interface NodeReading {
  /** Messages that came whole; interim responses too. */
  readonly messages: readonly NodeMessage[];
  /** The code of the error that ended the reading, `HPE_…` for the parser's own; null when there was none. */
  readonly error: string | null;
}

/** Reads requests. One server for as many inputs as come, one after another. */
export class NodeRequests {
  readonly #server = http.createServer({ insecureHTTPParser: false, requireHostHeader: false, keepAliveTimeout: 0 });
  #messages: NodeMessage[] = [];
  #error: string | null = null;

  constructor() {
    const take = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      void this.#take(request).then(() => response.end());
    };
    // Each of these would otherwise answer in its own way.
    for (const event of ['request', 'checkContinue', 'checkExpectation']) this.#server.on(event, take);
    this.#server.on('connect', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
      const rest: Buffer[] = [head];
      socket.on('data', (bytes: Buffer) => rest.push(bytes));
      socket.on('error', () => socket.destroy());
      socket.on('end', () => {
        this.#messages.push({ ...startOf(request), content: latin1(rest), trailers: [] });
        socket.end();
      });
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      this.#error ??= error.code ?? error.message;
      socket.destroy();
    });
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  async read(bytes: Buffer): Promise<NodeReading> {
    this.#messages = [];
    this.#error = null;
    const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.end(bytes);
    socket.resume();
    await once(socket, 'close');
    // The server's side may learn of the end a turn later than ours.
    await new Promise((resolve) => this.#server.getConnections((_, count) => (count === 0 ? resolve(null) : setImmediate(resolve))));
    return { messages: this.#messages, error: this.#error };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: http.IncomingMessage): Promise<void> {
    const content: Buffer[] = [];
    request.on('data', (bytes: Buffer) => content.push(bytes));
    try {
      await once(request, 'end');
      this.#messages.push({ ...startOf(request), content: latin1(content), trailers: paired(request.rawTrailers) });
    } catch (error) {
      this.#error ??= (error as NodeJS.ErrnoException).code ?? 'cut off';
    }
  }
}

/** Reads the responses to one request of a method. */
export class NodeResponses {
  readonly #server: Server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.end(this.#bytes));
  });
  #bytes: Buffer = Buffer.alloc(0);

  async listen(): Promise<void> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
  }

  read(bytes: Buffer, method: string): Promise<NodeReading> {
    this.#bytes = bytes;
    const { port } = this.#server.address() as AddressInfo;
    const request = http.request({
      port,
      host: '127.0.0.1',
      method,
      path: method === 'CONNECT' ? 'a:1' : '/',
      agent: false,
      insecureHTTPParser: false,
    });
    const { promise, resolve } = Promise.withResolvers<NodeReading>();
    const messages: NodeMessage[] = [];
    const fail = (error: NodeJS.ErrnoException): void => resolve({ messages, error: error.code ?? error.message });
    const leave = (response: http.IncomingMessage, socket: Duplex, head: Buffer): void => {
      const rest: Buffer[] = [head];
      socket.on('data', (more: Buffer) => rest.push(more));
      socket.on('end', () => {
        messages.push({ ...startOf(response), content: latin1(rest), trailers: [] });
        socket.destroy();
        resolve({ messages, error: null });
      });
    };
    request.on('information', ({ statusCode, statusMessage, httpVersion, rawHeaders }) => {
      messages.push({ start: `${statusCode} ${statusMessage} ${httpVersion}`, fields: paired(rawHeaders), content: '', trailers: [] });
    });
    request.on('response', (response) => {
      const content: Buffer[] = [];
      response.on('data', (more: Buffer) => content.push(more));
      response.on('error', fail);
      response.on('end', () => {
        messages.push({ ...startOf(response), content: latin1(content), trailers: paired(response.rawTrailers) });
        // What follows on the connection is looked at before it is closed.
        if (request.destroyed) resolve({ messages, error: null });
        else request.once('close', () => resolve({ messages, error: null }));
      });
    });
    request.on('connect', leave);
    request.on('upgrade', leave);
    request.on('error', fail);
    request.end();
    return promise;
  }

  close(): void {
    this.#server.close();
  }
}

function startOf(message: http.IncomingMessage): Pick<NodeMessage, 'start' | 'fields'> {
  const { method, url, httpVersion, statusCode, statusMessage } = message;
  // Which of the two it is cannot be told by `method`, which a response may carry as null.
  const start =
    statusCode === null || statusCode === undefined ? `${method} ${url} ${httpVersion}` : `${statusCode} ${statusMessage} ${httpVersion}`;
  return { start, fields: paired(message.rawHeaders) };
}

function paired(raw: readonly string[]): string[] {
  return Array.from({ length: raw.length / 2 }, (_, i) => `${raw[2 * i]}: ${raw[2 * i + 1]}`);
}

function latin1(pieces: readonly Buffer[]): string {
  return Buffer.concat(pieces).toString('latin1');
}
