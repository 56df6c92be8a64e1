// Owns the sockets of the admin API: a Unix socket for the command line of this user, and, where the settings say so, a loopback address that demands
// a token. It is no part of the proxy: nothing that a client of the proxy sends gets here, since Unix sockets cannot be dialled through it and its TCP
// address counts among the proxy's own sockets. Questions are small and few, so limits are low.
import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CacheAdmin } from '../cache/cache-admin.ts';
import { cannotListen, StartError } from '../errors/start-error.ts';
import type { Fields } from '../http/message.ts';
import { refusalOf, type TcpAccess } from './access.ts';
import { type AdminAnswer, answerQuestion } from './answer-question.ts';
import { prepareSocketFiles, removeSocketFiles, removeToken, runningFolder, type SocketFiles, writeToken } from './socket-files.ts';

export interface AdminParts {
  /** Where what survives a restart is kept, and the notes of running proxies are. */
  readonly stateFolder: string;
  readonly processId: number;
  /** That of the moment: a reload may turn the cache off and on. */
  readonly cache: () => CacheAdmin | null;
  /** A line for the operator. */
  readonly report: (line: string) => void;
}

export interface AdminAddress {
  readonly host: string;
  readonly port: number;
}

interface TcpListener {
  readonly server: Server;
  /** As the settings have it, where a port may be 0. */
  readonly wanted: AdminAddress;
  readonly bound: AdminAddress;
}

export class AdminServer {
  readonly #parts: AdminParts;
  readonly #files: SocketFiles;
  readonly #unix: Server;
  #tcp: TcpListener | null = null;

  private constructor(parts: AdminParts, files: SocketFiles) {
    this.#parts = parts;
    this.#files = files;
    this.#unix = this.#serve(() => null);
  }

  /** @throws the error of the file system when nothing can be kept in the folder */
  static async open(parts: AdminParts): Promise<AdminServer> {
    const files = prepareSocketFiles(runningFolder(parts.stateFolder), parts.processId);
    const admin = new AdminServer(parts, files);
    try {
      await listening(admin.#unix, { path: files.socket });
      chmodSync(files.socket, 0o600);
    } catch (error) {
      removeSocketFiles(files);
      throw error;
    }
    return admin;
  }

  /** Path of its Unix socket. */
  get socket(): string {
    return this.#files.socket;
  }

  /** Where it listens besides, with the port that the system chose for 0; `null` nowhere. A socket of the proxy's own. */
  get bound(): AdminAddress | null {
    return this.#tcp?.bound ?? null;
  }

  /** Moves to another address of this machine, or to none. @throws StartError, and it stays where it was */
  async listenOn(wanted: AdminAddress | null): Promise<void> {
    const old = this.#tcp;
    if (old?.wanted.host === wanted?.host && old?.wanted.port === wanted?.port) return;
    this.#tcp = wanted === null ? null : await this.#openTcp(wanted);
    if (wanted === null) removeToken(this.#files);
    closeNow(old?.server);
  }

  async close(): Promise<void> {
    closeNow(this.#unix);
    closeNow(this.#tcp?.server);
    removeSocketFiles(this.#files);
  }

  async #openTcp(wanted: AdminAddress): Promise<TcpListener> {
    const token = randomBytes(32).toString('base64url');
    let access: TcpAccess = { authorities: [], token };
    const server = this.#serve(() => access);
    try {
      await listening(server, wanted);
    } catch (error) {
      throw cannotListen(`${hostText(wanted.host)}:${wanted.port} (admin)`, error);
    }
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : wanted.port;
    access = { authorities: [wanted.host, 'localhost'].map((host) => `${hostText(host)}:${port}`), token };
    try {
      writeToken(this.#files, token);
    } catch (error) {
      closeNow(server);
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      const problem = `the token of the admin API cannot be written to ${path.dirname(this.#files.token)} (${code}). Let this user write there, or leave admin out.`;
      throw new StartError('permission', [problem], { cause: error });
    }
    this.#parts.report(`the admin API listens on http://${hostText(wanted.host)}:${port}; its token is in ${this.#files.token}`);
    return { server, wanted, bound: { host: wanted.host, port } };
  }

  #serve(access: () => TcpAccess | null): Server {
    const server = createServer(LIMITS, (request, response) => {
      this.#answer(request, response, access()).catch((error: unknown) => {
        // Whoever asked has left, or a stream of lines broke off: then nobody is there to tell.
        if (!response.headersSent) {
          const story = error instanceof Error ? (error.stack ?? error.message) : String(error);
          this.#parts.report(`a defect ended one question to the admin API: ${story}`);
          send(response, { kind: 'value', status: 500, value: { error: 'A defect of Sallyport; its log has the details.' } });
        } else response.destroy();
      });
    });
    server.maxConnections = MOST_CONNECTIONS;
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, tcp: TcpAccess | null): Promise<void> {
    const method = request.method ?? '';
    const refusal = refusalOf(method, fieldsOf(request), tcp);
    if (refusal !== null) return send(response, { kind: 'value', status: refusal.status, value: { error: refusal.message } });
    const content = await contentOf(request);
    if (content === null)
      return send(response, { kind: 'value', status: 413, value: { error: `A question has ${MOST_CONTENT} octets at most.` } });
    const url = URL.parse(request.url ?? '', 'http://admin.invalid');
    const asked = { method, path: url?.pathname ?? '', query: url?.searchParams ?? new URLSearchParams(), content };
    const answer = await answerQuestion(asked, this.#parts.cache());
    if (answer.kind === 'value') return send(response, answer);
    response.writeHead(200, { ...SAFE_FIELDS, 'Content-Type': 'application/x-ndjson' });
    await pipeline(Readable.from(textLines(answer.lines)), response);
  }
}

/** Octets as they are read: a slow reader slows down what makes the lines. */
async function* textLines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

function send(response: ServerResponse, { status, value, allow }: Extract<AdminAnswer, { kind: 'value' }>): void {
  const challenge = status === 401 && { 'WWW-Authenticate': 'Bearer realm="sallyport admin"' };
  // A refused question may have content that nobody reads.
  const end = status >= 400 && { Connection: 'close' };
  response.writeHead(status, {
    ...SAFE_FIELDS,
    ...challenge,
    ...end,
    ...(allow !== undefined && { Allow: allow }),
    'Content-Type': 'application/json',
  });
  response.end(`${JSON.stringify(value)}\n`);
}

function fieldsOf({ rawHeaders }: IncomingMessage): Fields {
  return Array.from({ length: rawHeaders.length / 2 }, (_, i) => ({ name: rawHeaders[2 * i]!, value: rawHeaders[2 * i + 1]! }));
}

/** @returns `null` when it is too much */
async function contentOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Without destroying it at a return: the answer is still to be written.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_CONTENT) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function listening(server: Server, where: { readonly path: string } | AdminAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function closeNow(server: Server | undefined): void {
  server?.close();
  server?.closeAllConnections();
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

const LIMITS = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 } as const;
const MOST_CONNECTIONS = 32;
const MOST_CONTENT = 65_536;
const SAFE_FIELDS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' } as const;
