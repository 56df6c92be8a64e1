// Owns CONNECTs: the requests themselves, for as long as their tunnels are open, and handlers that answer one and stand at the tunnel's other end.
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Incoming, Received, ReceivedConnect } from '../exchange/exchange.ts';
import type { TunnelEnd } from '../exchange/look-into-tunnel.ts';
import type { Flow } from '../flows/flow.ts';
import { formatAuthority } from '../http/authority.ts';
import { hasField } from '../http/fields.ts';
import type { Field, Fields } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { isToken } from '../http/token.ts';
import { isFieldText } from '../http1/syntax.ts';
import { UpstreamConnection } from '../upstream/connection.ts';
import { called, type Done } from './handlers.ts';
import { pairedStreams } from './paired-stream.ts';
import { ReceivedMessage } from './received-message.ts';

/** Calls back, and the tunnel is opened; or answers on the socket, and is the tunnel's other end. */
export type ConnectHandler = (request: IncomingMessage, socket: Duplex, head: Buffer, done: Done) => unknown;

export class Connects {
  readonly #open = new Map<number, ReceivedMessage>();
  readonly #handlers: readonly ConnectHandler[];
  readonly #onFailure: (error: Error) => void;

  /** @param onFailure what a handler called back with, or threw */
  constructor(handlers: readonly ConnectHandler[], onFailure: (error: Error) => void) {
    this.#handlers = handlers;
    this.#onFailure = onFailure;
  }

  /** The CONNECT of the tunnel that a request came out of. */
  of({ tunnel }: Incoming): IncomingMessage | undefined {
    return tunnel === null ? undefined : this.#open.get(tunnel.connectId);
  }

  /** Its record is closed, and so is the tunnel. */
  closed({ id }: Flow): void {
    this.#open.delete(id);
  }

  /**
   * @returns what a handler has answered, and where it stands; `null` when all have called back, and the tunnel is to be opened
   * @throws ProxyError when one of them has refused it
   */
  async handle({ incoming, authority }: ReceivedConnect): Promise<TunnelEnd | null> {
    const request = new ReceivedMessage(incoming.head.version, incoming.head.fields, null, socketOf(incoming));
    request.method = 'CONNECT';
    request.url = incoming.head.target;
    this.#open.set(incoming.flow.id, request);
    if (this.#handlers.length === 0) return null;
    const [ours, theirs] = pairedStreams();
    const answered = readAnswer(ours, authority.host, authority.port);
    const passed = this.#callAll(request, theirs).then(() => null);
    // Whoever has answered may fail later as it likes.
    passed.catch(() => {});
    try {
      return await Promise.race([answered, passed]);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#onFailure(error);
      theirs.destroy();
      throw new ProxyError(
        'http_request_denied',
        `The program that this proxy is part of has refused the tunnel to ${formatAuthority(authority)}.`,
        {
          cause: error,
        },
      );
    }
  }

  async #callAll(request: ReceivedMessage, socket: Duplex): Promise<void> {
    for (const handler of this.#handlers) await called((done) => handler(request, socket, NOTHING, done));
  }
}

/** What programs ask the socket of a message for, the same for all of a connection; the real one is nobody's but the proxy's. */
export function socketOf({ client, tunnel, flow }: Incoming): Socket {
  const connection = tunnel ?? client;
  let socket = sockets.get(connection);
  if (socket === undefined) {
    const facts = { remoteAddress: client.address, remotePort: flow.clientPort, encrypted: tunnel?.scheme === 'https' };
    const made = Object.assign(new EventEmitter(), facts, {
      destroyed: false,
      readable: true,
      writable: true,
      setTimeout: () => made,
      setNoDelay: () => made,
      setKeepAlive: () => made,
    });
    sockets.set(connection, (socket = made as unknown as Socket));
  }
  return socket;
}

const sockets = new WeakMap<object, Socket>();

/** The fields of a request as programs know them: in HTTP/2 it is `:authority` that says the host (RFC 9113 §8.3.1). */
export function withHost({ incoming, authority, scheme }: Received): Fields {
  const { fields } = incoming.head;
  return hasField(fields, 'host') ? fields : [{ name: 'Host', value: formatAuthority(authority, DEFAULT_PORTS[scheme]) }, ...fields];
}

/** Reads the head that a handler writes to what it takes for the client's socket. */
function readAnswer(ours: Duplex, host: string, port: number): Promise<TunnelEnd> {
  return new Promise((resolve, reject) => {
    let text = '';
    const read = (bytes: Buffer): void => {
      text += bytes.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0 && text.length < MAX_HEAD) return;
      ours.off('data', read).off('end', left);
      ours.pause();
      const head = end < 0 ? null : parseHead(text.slice(0, end));
      if (head === null) reject(new Error('what was written to the socket of a CONNECT does not begin with the head of a response'));
      else resolve({ head, connection: UpstreamConnection.ofStream(ours, host, port), early: Buffer.from(text.slice(end + 4), 'latin1') });
    };
    const left = (): void => reject(new Error('the socket of a CONNECT was closed without an answer'));
    ours.on('data', read).on('end', left);
  });
}

function parseHead(text: string): TunnelEnd['head'] | null {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] ([2-5]\d\d)(?: (.*))?$/.exec(statusLine);
  if (status === null) return null;
  const fields: Field[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    const field = { name: line.slice(0, Math.max(colon, 0)), value: line.slice(colon + 1).trim() };
    if (!isToken(field.name) || !isFieldText(field.value)) return null;
    fields.push(field);
  }
  return { status: Number(status[1]), reason: status[2] ?? '', fields };
}

const NOTHING = Buffer.alloc(0);
const MAX_HEAD = 16 * 1024;
