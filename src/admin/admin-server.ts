// Owns the sockets of the admin API: a Unix socket for the command line of this user, and, where the settings say so, a loopback address that demands
// a token, or of the inspector's page a cookie. It is no part of the proxy: nothing that a client of the proxy sends gets here, since Unix sockets cannot
// be dialled through it and its TCP address counts among the proxy's own sockets. Questions are small and few, so limits are low.
import { randomBytes } from 'node:crypto';
import { chmodSync, createWriteStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { errorCode, shownCode } from '../errors/from-node.ts';
import { cannotListen, StartError } from '../errors/start-error.ts';
import type { Fields } from '../http/message.ts';
import { pageProof, refusalOf, type TcpAccess } from './access.ts';
import { type AdminAnswer, type Asked, BadQuestion, problemAnswer, TooMuchContent, USUAL_CONTENT_BYTES, valueAnswer } from './answers.ts';
import type { PageFiles } from './page-files.ts';
import { SignIns } from './sign-in.ts';
import { prepareSocketFiles, removeSocketFiles, removeToken, runningFolder, type SocketFiles, writeToken } from './socket-files.ts';
import { sendAnswer } from './write-answer.ts';

export interface AdminParts {
  /** Where what survives a restart is kept, and the notes of running proxies are. */
  readonly stateFolder: string;
  readonly processId: number;
  /** Rejects only for a defect, or with a BadQuestion. */
  readonly answer: (asked: Asked) => Promise<AdminAnswer>;
  /** A WebSocket to `/api/live` of somebody who may; `null` has none. */
  readonly live: ((socket: WebSocket) => void) | null;
  /** The inspector's page; `null` has none. */
  readonly page: PageFiles | null;
  /** A line for the operator. */
  readonly report: (line: string) => void;
}

export interface AdminAddress {
  readonly host: string;
  readonly port: number;
  /** Nobody has asked for this port: where it is taken, another will do. */
  readonly isAnyPortFine?: boolean;
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
  readonly #signIns = new SignIns();
  readonly #unix: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: USUAL_CONTENT_BYTES, perMessageDeflate: false });
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

  /** A link to the page that signs in whoever opens it first; `null` while there is no page. What is behind `#` is never sent. */
  newLink(): string | null {
    if (this.#tcp === null || this.#parts.page === null) return null;
    const { host, port } = this.#tcp.bound;
    return `http://${hostText(host)}:${port}/#open=${this.#signIns.newCode()}`;
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
    for (const socket of this.#sockets.clients) socket.terminate();
    closeNow(this.#unix);
    closeNow(this.#tcp?.server);
    removeSocketFiles(this.#files);
  }

  async #openTcp(wanted: AdminAddress): Promise<TcpListener> {
    const token = randomBytes(32).toString('base64url');
    let access: TcpAccess = { authorities: [], token, signIns: this.#signIns, cookieName: '' };
    const server = this.#serve(() => access);
    try {
      await listeningOnFreePort(server, wanted);
    } catch (error) {
      throw cannotListen(`${hostText(wanted.host)}:${wanted.port} (admin)`, error, '--admin');
    }
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : wanted.port;
    const authorities = [wanted.host, 'localhost'].map((host) => `${hostText(host)}:${port}`);
    access = { ...access, authorities, cookieName: `sallyport-${port}` };
    try {
      writeToken(this.#files, token);
    } catch (error) {
      closeNow(server);
      const code = shownCode(error);
      const problem = `the token of the admin API cannot be written to ${path.dirname(this.#files.token)} (${code}). Let this user write there, or set admin: off.`;
      throw new StartError('permission', [problem], { cause: error });
    }
    return { server, wanted, bound: { host: wanted.host, port } };
  }

  #serve(access: () => TcpAccess | null): Server {
    const server = createServer(LIMITS, (request, response) => {
      this.#answer(request, response, access()).catch((error: unknown) => {
        // Whoever asked has left, or a stream of lines broke off: then nobody is there to tell.
        if (response.headersSent || request.errored !== null) return void response.destroy();
        const story = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#parts.report(`a defect ended one question to the admin API: ${story}`);
        void sendAnswer(response, problemAnswer(500, 'A defect of Sallyport; its log has the details.'));
      });
    });
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head, access()));
    server.maxConnections = MOST_CONNECTIONS;
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, tcp: TcpAccess | null): Promise<void> {
    const asked = askedOf(request);
    const { method, path } = asked;
    const fields = fieldsOf(request);
    const file = tcp !== null && (method === 'GET' || method === 'HEAD') ? (this.#parts.page?.answer(path) ?? null) : null;
    const isPublic = file !== null || path === SIGN_IN || path === HEALTH;
    const refusal = refusalOf({ method, fields, isPublic, isWebSocket: false }, tcp);
    if (refusal !== null) return sendAnswer(response, problemAnswer(refusal.status, refusal.message));
    if (file !== null) {
      // Anybody may ask for it, and must not keep others out by never taking it.
      response.setTimeout(FILE_TIMEOUT_MS, () => request.socket.destroy());
      return sendAnswer(response, file);
    }
    return sendAnswer(response, await this.#answerTo(asked, fields, tcp));
  }

  async #answerTo(asked: Asked, fields: Fields, tcp: TcpAccess | null): Promise<AdminAnswer> {
    try {
      if (asked.path === HEALTH) return valueAnswer({ status: 'ok' });
      if (asked.path === SIGN_IN && tcp !== null) return await this.#signIn(asked, tcp);
      if (asked.path === SIGN_OUT && tcp !== null) return this.#signOut(fields, tcp);
      if (asked.path === LINKS && asked.method === 'POST' && tcp === null) return valueAnswer({ link: this.newLink() });
      return await this.#parts.answer(asked);
    } catch (error) {
      if (error instanceof TooMuchContent) return problemAnswer(413, error.message);
      if (error instanceof BadQuestion) return problemAnswer(error.status, error.message);
      throw error;
    }
  }

  async #signIn(asked: Asked, { signIns, cookieName }: TcpAccess): Promise<AdminAnswer> {
    if (asked.method !== 'POST') return { ...problemAnswer(405, `${SIGN_IN} takes POST.`), allow: 'POST' };
    const proof = signIns.trade(codeOf(await asked.text()));
    if (proof === null) return problemAnswer(401, "This link was used already, or is none. 'sallyport inspector' prints a new one.");
    return { ...cookieAnswer(`${cookieName}=${proof.cookie}`), value: { signedIn: true, key: proof.key } };
  }

  #signOut(fields: Fields, { signIns, cookieName }: TcpAccess): AdminAnswer {
    const proof = pageProof(fields, cookieName);
    if (proof !== null) signIns.signOut(proof);
    return cookieAnswer(`${cookieName}=; Max-Age=0`);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, tcp: TcpAccess | null): void {
    const { live } = this.#parts;
    const fields = fieldsOf(request);
    const refusal = refusalOf({ method: request.method ?? '', fields, isPublic: false, isWebSocket: true }, tcp);
    const status =
      refusal?.status ?? (live === null || request.url !== LIVE ? 404 : this.#sockets.clients.size >= MOST_SOCKETS ? 503 : 101);
    // Node's server has let go of the connection: nobody else hears of its failure, or closes what its other end leaves open.
    socket.on('error', () => socket.destroy());
    if (status !== 101 || live === null)
      return void socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
    this.#sockets.handleUpgrade(request, socket, head, live);
  }
}

function askedOf(request: IncomingMessage): Asked {
  const url = URL.parse(request.url ?? '', 'http://admin.invalid');
  return {
    method: request.method ?? '',
    path: url?.pathname ?? '',
    query: url?.searchParams ?? new URLSearchParams(),
    text: (maxBytes = USUAL_CONTENT_BYTES) => textOf(contentOf(request, maxBytes)),
    toFile: (file, maxBytes) => pipeline(contentOf(request, maxBytes), createWriteStream(file, { flags: 'wx', mode: 0o600 })),
  };
}

function codeOf(text: string): string {
  try {
    const given: unknown = JSON.parse(text);
    return typeof given === 'object' && given !== null && 'code' in given && typeof given.code === 'string' ? given.code : '';
  } catch {
    return '';
  }
}

function cookieAnswer(cookie: string): Extract<AdminAnswer, { kind: 'value' }> {
  return { kind: 'value', status: 200, value: {}, fields: { 'Set-Cookie': `${cookie}; Path=/; HttpOnly; SameSite=Strict` } };
}

function fieldsOf({ rawHeaders }: IncomingMessage): Fields {
  return Array.from({ length: rawHeaders.length / 2 }, (_, i) => ({ name: rawHeaders[2 * i]!, value: rawHeaders[2 * i + 1]! }));
}

async function* contentOf(request: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer> {
  let length = 0;
  // Without destroying it at a return: the answer is still to be written.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new TooMuchContent(maxBytes);
    yield chunk;
  }
}

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString('utf8');
}

async function listeningOnFreePort(server: Server, wanted: AdminAddress): Promise<void> {
  try {
    await listening(server, wanted);
  } catch (error) {
    const isTaken = errorCode(error) === 'EADDRINUSE';
    if (!isTaken || wanted.isAnyPortFine !== true) throw error;
    await listening(server, { host: wanted.host, port: 0 });
  }
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

const SIGN_IN = '/api/sign-in';
const SIGN_OUT = '/api/sign-out';
const LINKS = '/api/links';
const LIVE = '/api/live';
const HEALTH = '/healthz';
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
} as const;
const FILE_TIMEOUT_MS = 5_000;
const MOST_CONNECTIONS = 64;
const MOST_SOCKETS = 16;
