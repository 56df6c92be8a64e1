// A client that says exactly what a test tells it to, over TCP, a unix socket or TLS, and reads answers with the strict reader.
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { RawConnection } from './raw-connection.ts';
import { MalformedError, type RawResponse, readMessage } from './strict-message.ts';

export type Destination = ({ readonly port: number; readonly host?: string } | { readonly path: string }) & {
  /** Of every single wait, in milliseconds. */
  readonly timeoutMs?: number;
  /** TLS to the destination itself, at once. */
  readonly tls?: ConnectionOptions;
};

export interface FinalResponse extends RawResponse {
  /** The interim responses (1xx) that came before it. */
  readonly interim: readonly RawResponse[];
}

/** Resolves when connected. @throws Node's error when the connection (or the TLS handshake) fails */
export async function connectRaw(destination: Destination): Promise<RawClient> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, tls, ...where } = destination;
  // Half-open, so that a FIN goes out when the test says so and not as an echo of the other side's.
  const socket = connectTcp({ host: '127.0.0.1', allowHalfOpen: true, ...where });
  await once(socket, 'connect');
  const client = new RawClient(socket, timeoutMs);
  return tls ? client.startTls(tls) : client;
}

export class RawClient extends RawConnection {
  readonly #timeoutMs: number;

  constructor(socket: Socket, timeoutMs: number) {
    super(socket, timeoutMs);
    this.#timeoutMs = timeoutMs;
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  /**
   * The next final response, and the interim ones before it. What follows it (pipelined answers, tunnelled octets) stays unread.
   * @param method  of the request that it answers
   * @throws MalformedError, BrokenOffError, or on the deadline
   */
  async readResponse(method = 'GET'): Promise<FinalResponse> {
    const interim: RawResponse[] = [];
    for (;;) {
      const response = await readMessage(this, method);
      if (response.status >= 200 || response.status === 101) return { ...response, interim };
      interim.push(response);
    }
  }

  /** One response whatever its status: for a client that waits for `100 Continue`. */
  readAnyResponse(method = 'GET'): Promise<RawResponse> {
    return readMessage(this, method);
  }

  /** The final response and the end of the connection right after it. @throws MalformedError for a single octet more */
  async readLastResponse(method = 'GET'): Promise<FinalResponse> {
    const response = await this.readResponse(method);
    const surplus = await this.readToEnd();
    if (surplus.length > 0) throw new MalformedError('octets after the last response', surplus);
    return response;
  }

  /** TLS from here on, inside whatever this connection is by now (a tunnel, after its 200). This client must not be used afterwards. */
  async startTls(options: ConnectionOptions): Promise<RawClient> {
    const secured = connectTls({ ...options, socket: this.release() });
    await once(secured, 'secureConnect');
    return new RawClient(secured, this.#timeoutMs);
  }
}

function once(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once(event, () => {
      socket.removeListener('error', reject);
      resolve();
    });
  });
}

/** Somebody else may have the machine for a while. */
const DEFAULT_TIMEOUT_MS = 20_000;
