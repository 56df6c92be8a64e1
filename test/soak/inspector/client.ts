// Owns one client: exchanges one after another, of kinds that its chance chooses, and what it saw of each.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as requestOver } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { MessageReader } from '../message-reader.ts';
import { OPENED_HOST, openTunnel } from '../opened-tunnel.ts';
import { ProxyConnection } from '../proxy-connection.ts';
import type { Random } from '../random.ts';
import { BODY_LIMIT, EVENTS, GREETING, keyOf, type Made, SAID } from './names.ts';
import type { OriginPorts } from './origin-worker.ts';
import type { ReplyKind } from './replies.ts';

export interface Surroundings {
  readonly proxyPort: number;
  readonly origins: OriginPorts;
  /** PEM, of the authority that opens tunnels. */
  readonly authority: string;
  nextNumber(): number;
  made(exchange: Made): void;
}

export class Client {
  readonly #random: Random;
  readonly #around: Surroundings;
  #connection: ProxyConnection | null = null;

  constructor(random: Random, around: Surroundings) {
    this.#random = random;
    this.#around = around;
  }

  /** One exchange, or a tunnel with some in it. @throws Error for an answer that is none, or when the proxy is gone */
  async act(): Promise<void> {
    const kind = this.#random.weighted(KINDS);
    switch (kind) {
      case 'upload':
        return this.#upload();
      case 'denied':
        return this.#get('denied', this.#around.origins.plain);
      case 'refused':
        return this.#get('page', this.#around.origins.closed);
      case 'events':
        return this.#get('events', this.#around.origins.plain, EVENTS);
      case 'style':
        // Of few URLs, so that the cache answers nearly all of them.
        return this.#get(`style/${this.#random.between(1, STYLES)}`, this.#around.origins.plain);
      case 'leave':
        return this.#leave();
      case 'tunnel':
        return this.#tunnel();
      case 'webSocket':
        return this.#webSocket();
      case 'opened1':
        return this.#opened('http/1.1');
      case 'opened2':
        return this.#opened('h2');
      default:
        return this.#get(kind, this.#around.origins.plain);
    }
  }

  close(): void {
    this.#connection?.leave(false);
  }

  #get(kind: string, port: number, messages: number | null = null): Promise<void> {
    const path = this.#pathFor(kind);
    return this.#exchange('GET', path, port, '', messages);
  }

  #upload(): Promise<void> {
    const content = 'q'.repeat(this.#random.between(100, 32 * KIB));
    return this.#exchange('POST', this.#pathFor('upload'), this.#around.origins.plain, content, null);
  }

  async #exchange(method: string, path: string, port: number, content: string, messages: number | null): Promise<void> {
    const connection = await this.#open();
    const seen = new Seen(this.#random.isLuckier(DIGESTED));
    const reader = new MessageReader(
      'response',
      (head) => seen.head(head.startLine),
      (bytes) => seen.add(bytes),
    );
    const length = content === '' ? '' : `Content-Length: ${content.length}\r\n`;
    connection.send(`${method} http://${HOST}:${port}${path} HTTP/1.1\r\nHost: ${HOST}:${port}\r\n${length}\r\n${content}`);
    await connection.read(reader);
    this.#made({ method, scheme: 'http', host: HOST, port, path }, seen, content.length, messages);
  }

  /** Goes away in the middle of a download. */
  async #leave(): Promise<void> {
    const { plain } = this.#around.origins;
    const path = this.#pathFor('download');
    const connection = await ProxyConnection.open(this.#around.proxyPort);
    const head = Promise.withResolvers<void>();
    const reader = new MessageReader(
      'response',
      () => head.resolve(),
      () => {},
    );
    connection.send(`GET http://${HOST}:${plain}${path} HTTP/1.1\r\nHost: ${HOST}:${plain}\r\n\r\n`);
    connection.read(reader).then(head.resolve, head.reject);
    await head.promise;
    connection.leave(this.#random.isLuckier(0.5));
    this.#unknown({ method: 'GET', scheme: 'http', host: HOST, port: plain, path });
  }

  /** Octets that are nobody's business: a request in plain HTTP, which the proxy passes on as it is. */
  async #tunnel(): Promise<void> {
    const { plain } = this.#around.origins;
    const connection = await ProxyConnection.open(this.#around.proxyPort);
    connection.send(`CONNECT ${HOST}:${plain} HTTP/1.1\r\nHost: ${HOST}:${plain}\r\n\r\n`);
    await connection.read(new MessageReader('response to CONNECT', ignore, ignore));
    connection.send(`GET ${this.#pathFor('image')} HTTP/1.1\r\nHost: ${HOST}:${plain}\r\n\r\n`);
    await connection.read(new MessageReader('response', ignore, ignore));
    connection.leave(false);
    this.#unknown({ method: 'CONNECT', scheme: 'tunnel', host: HOST, port: plain, path: '' });
  }

  async #webSocket(): Promise<void> {
    const { proxyPort, origins } = this.#around;
    const path = this.#pathFor('chat');
    const socket = new WebSocket(`ws://${HOST}:${origins.plain}${path}`, {
      createConnection: () => connect(proxyPort, HOST),
      finishRequest(request) {
        request.path = `http://${HOST}:${origins.plain}${path}`;
        request.end();
      },
    });
    await once(socket, 'open');
    for (let said = 1; said <= SAID; said += 1) {
      socket.send(`${GREETING} ${said}`);
      await once(socket, 'message');
    }
    socket.close(1000);
    await once(socket, 'close');
    // What was said and answered, and a close each way.
    this.#unknown({ method: 'GET', scheme: 'http', host: HOST, port: origins.plain, path }, { status: 101, messages: 2 * SAID + 2 });
  }

  async #opened(protocol: 'http/1.1' | 'h2'): Promise<void> {
    const { proxyPort, origins, authority } = this.#around;
    const tunnel = await openTunnel(proxyPort, origins.secure, authority, protocol);
    const session = protocol === 'h2' ? connectHttp2(`https://${OPENED_HOST}`, { createConnection: () => tunnel }) : null;
    session?.on('error', ignore);
    for (let left = IN_TUNNEL; left > 0; left -= 1) {
      const kind = this.#random.pick(['page', 'data', 'image'] as const satisfies readonly ReplyKind[]);
      const path = this.#pathFor(kind);
      const authorityOf = `${OPENED_HOST}:${origins.secure}`;
      const seen = await (session === null ? this.#overTls(tunnel, authorityOf, path) : this.#overStream(session, authorityOf, path));
      this.#made({ method: 'GET', scheme: 'https', host: OPENED_HOST, port: origins.secure, path }, seen, 0, null);
    }
    if (session !== null) session.close();
    else tunnel.end();
    await once(tunnel, 'close');
    this.#unknown({ method: 'CONNECT', scheme: 'tunnel', host: OPENED_HOST, port: origins.secure, path: '' });
  }

  async #overTls(tunnel: TLSSocket, authority: string, path: string): Promise<Seen> {
    const seen = new Seen(this.#random.isLuckier(DIGESTED));
    const request = requestOver({ createConnection: () => tunnel, path, headers: { host: authority, connection: 'keep-alive' } });
    request.end();
    const [response] = await once(request, 'response');
    seen.status = response.statusCode;
    response.on('data', (bytes: Buffer) => seen.add(bytes));
    await once(response, 'end');
    return seen;
  }

  async #overStream(session: ClientHttp2Session, authority: string, path: string): Promise<Seen> {
    const seen = new Seen(this.#random.isLuckier(DIGESTED));
    const stream = session.request({ ':path': path, ':authority': authority, ':scheme': 'https' });
    stream.on('response', (fields) => (seen.status = Number(fields[':status'])));
    stream.on('data', (bytes: Buffer) => seen.add(bytes));
    await once(stream, 'end');
    return seen;
  }

  async #open(): Promise<ProxyConnection> {
    if (this.#connection?.isFree !== true) this.#connection = await ProxyConnection.open(this.#around.proxyPort);
    return this.#connection;
  }

  #pathFor(kind: string): string {
    return kind.includes('/') ? `/${kind}` : `/${kind}/${this.#around.nextNumber()}`;
  }

  #made(named: Parameters<typeof keyOf>[0], seen: Seen, requestBytes: number, messages: number | null): void {
    const { status, length: responseBytes, digest } = seen;
    this.#around.made({ key: keyOf(named), status, requestBytes, responseBytes, messages, digest, endedAtMs: Date.now() });
  }

  #unknown(named: Parameters<typeof keyOf>[0], known: Partial<Made> = {}): void {
    const unknown = { status: null, requestBytes: null, responseBytes: null, messages: null, digest: null };
    this.#around.made({ key: keyOf(named), ...unknown, ...known, endedAtMs: Date.now() });
  }
}

/** What came of one exchange. */
class Seen {
  status = 0;
  length = 0;
  readonly #hash: ReturnType<typeof createHash> | null;

  constructor(isDigested: boolean) {
    this.#hash = isDigested ? createHash('sha256') : null;
  }

  head(startLine: string): void {
    this.status = Number(startLine.split(' ')[1]);
  }

  add(bytes: Buffer): void {
    const left = BODY_LIMIT - this.length;
    if (this.#hash !== null && left > 0) this.#hash.update(bytes.length > left ? bytes.subarray(0, left) : bytes);
    this.length += bytes.length;
  }

  get digest(): string | null {
    return this.length === 0 ? null : (this.#hash?.digest('hex') ?? null);
  }
}

function ignore(): void {}

const KIB = 1024;
const HOST = '127.0.0.1';
const STYLES = 64;
/** The share of exchanges whose content is digested. */
const DIGESTED = 0.01;
/** Exchanges in an opened tunnel. */
const IN_TUNNEL = 5;
/** Of a thousand, so that a download of 6 MiB in the mean is half of all octets. */
const KINDS = {
  ...{ data: 250, page: 210, image: 230, style: 110, chunked: 80, missing: 20, download: 2 },
  ...{ upload: 30, denied: 30, refused: 8, events: 5, leave: 3, tunnel: 10, webSocket: 4, opened1: 4, opened2: 4 },
} as const satisfies Record<string, number>;
