// Owns clients that are there to be in the way, or to be cut off. They come from an address of their own, by which their lines in the log are known.
import type { Socket } from 'node:net';
import { hearsItself, openTunnel } from '../idle-tunnels.ts';
import { readAnswer, requestHead, unanswered, type Verdict } from '../judged-answer.ts';
import type { Asked } from '../names.ts';
import { ProxyConnection } from '../proxy-connection.ts';

export const CROWD_ADDRESS = '127.0.0.2';

/** An open tunnel that waits for what happens to it. */
export class HeldTunnel {
  readonly clientPort: number;
  readonly #socket: Socket;
  readonly #closed: Promise<void>;

  static async open(proxyPort: number, echoPort: number): Promise<HeldTunnel> {
    return new HeldTunnel(await openTunnel(proxyPort, echoPort, CROWD_ADDRESS));
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.clientPort = socket.localPort ?? 0;
    this.#closed = new Promise((resolve) => {
      socket.once('end', resolve).once('close', resolve);
    });
  }

  /** Whether what is said in it comes back. */
  isAlive(name: string): Promise<boolean> {
    return this.#socket.readableEnded || this.#socket.destroyed ? Promise.resolve(false) : hearsItself(this.#socket, name);
  }

  /** Once the other side has ended it. */
  get closed(): Promise<void> {
    this.#socket.resume();
    return this.#closed;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** One GET on a connection of its own. @returns what became of it, and the milliseconds that it took */
export async function askOnce(proxyPort: number, originPort: number, id: number) {
  const startedMs = performance.now();
  const asked: Asked = { way: 'length', length: 1_000, id };
  const seen = await answerTo(asked, proxyPort, originPort).catch((error: Error) => unanswered(asked, error));
  return { outcome: seen.outcome, words: seen.words, ms: performance.now() - startedMs };
}

async function answerTo(asked: Asked, proxyPort: number, originPort: number): Promise<Verdict> {
  const connection = await ProxyConnection.open(proxyPort, CROWD_ADDRESS);
  connection.send(requestHead('GET', asked, originPort));
  return await readAnswer(connection, asked).finally(() => connection.leave(false));
}

/** Connections that say nothing, or as little as keeps them open. Whoever is closed comes again, as long as the crowd is wanted. */
export class Crowd {
  readonly #open = new Set<ProxyConnection>();
  readonly #begin: (connection: ProxyConnection) => void;
  readonly #proxyPort: number;
  #isWanted = true;
  #timer: NodeJS.Timeout | null = null;
  /** How often one came again. */
  returns = 0;

  /** @param begin what each does at first */
  constructor(proxyPort: number, count: number, begin: (connection: ProxyConnection) => void) {
    this.#proxyPort = proxyPort;
    this.#begin = begin;
    for (let index = 0; index < count; index += 1) this.#come();
  }

  get size(): number {
    return this.#open.size;
  }

  /** All of them say this, over and over. */
  repeat(octets: string, everyMs: number): void {
    this.#timer = setInterval(() => {
      for (const connection of this.#open) connection.send(octets);
    }, everyMs);
  }

  leave(): void {
    this.#isWanted = false;
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const connection of this.#open) connection.leave(true);
  }

  #come(): void {
    void ProxyConnection.open(this.#proxyPort, CROWD_ADDRESS).then(
      (connection) => {
        if (!this.#isWanted) return connection.leave(true);
        this.#open.add(connection);
        connection.socket.once('close', () => {
          this.#open.delete(connection);
          this.#comeAgain();
        });
        connection.socket.once('end', () => connection.leave(false));
        this.#begin(connection);
      },
      () => this.#comeAgain(),
    );
  }

  /** Not at once: a crowd is in the way, it does not storm. */
  #comeAgain(): void {
    if (!this.#isWanted) return;
    this.returns += 1;
    setTimeout(() => this.#isWanted && this.#come(), AGAIN_MS).unref();
  }
}

const AGAIN_MS = 250;
