// Owns getting from judged addresses to one open connection, by the staggered race of RFC 8305 §5. TLS on it is start-tls.ts.
// It dials what it is given and nothing else: no name reaches this file.
import { fromSocketError } from '../errors/from-node.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { Cancellable, Cancellation } from '../net/cancellation.ts';
import type { Deadline, Deadlines } from '../net/deadlines.ts';
import { type Consumer, UpstreamConnection } from './connection.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface ConnectContext {
  readonly deadlines: Deadlines;
}

/**
 * Connects to the first address that answers.
 *
 * @param addresses judged, in the order to try, at least one
 * @param name who is being connected to, for messages
 * @param timeoutMs for the whole of it
 * @param buffers what the connection reads into; null when TLS will run on it
 * @throws ProxyError `connection_refused`, `connection_timeout`, `destination_ip_unroutable`, `connection_limit_reached`, ...
 */
export function connectTcp(
  context: ConnectContext,
  addresses: readonly string[],
  port: number,
  name: string,
  timeoutMs: number,
  cancellation: Cancellation,
  buffers: ReadBuffers | null,
): Promise<UpstreamConnection> {
  return new Promise((resolve, reject) => {
    const timedOut = (): void =>
      race.fail(new ProxyError('connection_timeout', `${name} did not accept a connection within ${timeoutMs} ms.`));
    const deadline = context.deadlines.create(timedOut);
    const race = new Race(addresses, port, name, buffers, cancellation, deadline, resolve, reject);
    deadline.set(timeoutMs);
    cancellation.listen(race);
    race.tryNext();
  });
}

class Race implements Cancellable {
  readonly #addresses: readonly string[];
  readonly #port: number;
  readonly #name: string;
  readonly #buffers: ReadBuffers | null;
  readonly #cancellation: Cancellation;
  readonly #deadline: Deadline;
  readonly #resolve: (winner: UpstreamConnection) => void;
  readonly #reject: (error: ProxyError) => void;
  /** Under way; mostly one. */
  #attempts: Attempt[] = [];
  #next = 0;
  #isSettled = false;
  #stagger: ReturnType<typeof setTimeout> | null = null;

  constructor(
    addresses: readonly string[],
    port: number,
    name: string,
    buffers: ReadBuffers | null,
    cancellation: Cancellation,
    deadline: Deadline,
    resolve: (winner: UpstreamConnection) => void,
    reject: (error: ProxyError) => void,
  ) {
    this.#addresses = addresses;
    this.#port = port;
    this.#name = name;
    this.#buffers = buffers;
    this.#cancellation = cancellation;
    this.#deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  tryNext(): void {
    if (this.#isSettled || this.#next === this.#addresses.length) return;
    const connection = UpstreamConnection.dial(this.#addresses[this.#next]!, this.#port, this.#buffers);
    this.#next += 1;
    this.#attempts.push(new Attempt(connection, this));
    if (this.#next === this.#addresses.length) return;
    if (this.#stagger !== null) clearTimeout(this.#stagger);
    this.#stagger = setTimeout(() => this.tryNext(), ATTEMPT_DELAY_MS);
  }

  won({ connection }: Attempt): void {
    if (this.#settle(connection)) this.#resolve(connection);
  }

  lost(attempt: Attempt, error: Error | null): void {
    if (this.#isSettled) return;
    this.#attempts = this.#attempts.filter((other) => other !== attempt);
    const { length } = this.#addresses;
    if (this.#next < length) this.tryNext();
    else if (this.#attempts.length === 0)
      this.fail(fromSocketError(error, length === 1 ? this.#name : `${this.#name} (at each of its ${length} addresses)`));
  }

  fail(error: ProxyError): void {
    if (this.#settle(null)) this.#reject(error);
  }

  cancel(): void {
    this.fail(new ProxyError('connection_terminated', 'The client left before the connection stood.'));
  }

  /** @returns whether it was not settled before */
  #settle(winner: UpstreamConnection | null): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#deadline.clear();
    this.#cancellation.listen(null);
    if (this.#stagger !== null) clearTimeout(this.#stagger);
    for (const { connection } of this.#attempts) if (connection !== winner) connection.destroy();
    return true;
  }
}

/** One address that is dialled: it hears of the connection until somebody uses it. */
class Attempt implements Consumer {
  readonly connection: UpstreamConnection;
  readonly #race: Race;

  constructor(connection: UpstreamConnection, race: Race) {
    this.connection = connection;
    this.#race = race;
    connection.socket.once('connect', () => race.won(this));
    connection.consume(this);
  }

  read(): boolean {
    return true;
  }

  ended(): void {}

  drained(): void {}

  closed(error: Error | null): void {
    this.#race.lost(this, error);
  }
}

/** RFC 8305 §8: Connection Attempt Delay. */
const ATTEMPT_DELAY_MS = 250;
