// Owns one client that makes requests without a pause, of a mix that a proxy meets: forwarded, out of the cache, to be stored, uploads and tunnels.
// Every octet of every answer is compared. What it asks for is bounded where the proxy keeps it: as many names go on for ever, as many come back.
import { hearsItself, openTunnel } from '../idle-tunnels.ts';
import { readAnswer, requestHead } from '../judged-answer.ts';
import { type Asked, contentOf } from '../names.ts';
import type { OriginPorts } from '../origin-worker.ts';
import { ProxyConnection } from '../proxy-connection.ts';
import type { Random } from '../random.ts';
import type { Tally } from '../tally.ts';

export interface Surroundings {
  readonly proxyPort: number;
  readonly origins: OriginPorts;
  readonly tally: Tally;
  /** Takes one request off those that are still to be made. @returns its number, which no other one of this run has; `null` when there are none */
  readonly nextId: () => number | null;
  /** Told of an answer that came out of the cache. */
  readonly countHit: () => void;
}

export class GrowthClient {
  readonly #random: Random;
  readonly #around: Surroundings;
  #connection: ProxyConnection | null = null;

  constructor(random: Random, around: Surroundings) {
    this.#random = random;
    this.#around = around;
  }

  /** Until all requests are made. What breaks is counted, and goes on with a connection of its own. */
  async run(): Promise<void> {
    for (let id = this.#around.nextId(); id !== null; id = this.#around.nextId()) {
      try {
        await this.#act(id);
      } catch (error) {
        this.#around.tally.count('connect', 'broken', [], () => (error as Error).message);
      }
    }
    this.#leave();
  }

  #act(id: number): Promise<void> {
    const { random, size } = { random: this.#random, size: this.#random.between(0, MOST_LENGTH) };
    const kind = random.weighted(KINDS);
    switch (kind) {
      case 'forward':
        return this.#exchange(kind, { way: random.isLuckier(0.8) ? 'length' : 'chunked', length: size, id });
      case 'hit':
        return this.#exchange(kind, storable(random.between(0, HOT - 1)));
      case 'store':
        return this.#exchange(kind, storable(HOT + random.between(0, COLD - 1)));
      case 'post':
        return this.#exchange(kind, { way: 'echo-whole', length: size, id });
      case 'denied':
        return this.#exchange(kind, { way: 'denied', length: 0, id });
      default:
        return this.#tunnel();
    }
  }

  async #exchange(kind: string, asked: Asked): Promise<void> {
    const { tally, countHit } = this.#around;
    const { good } = this.#around.origins;
    const connection = await this.#kept();
    if (kind === 'post') {
      const head = requestHead('POST', asked, good, `Content-Length: ${asked.length}\r\n`);
      connection.send(Buffer.concat([Buffer.from(head, 'latin1'), contentOf(asked).piece(0)]));
    } else connection.send(requestHead('GET', asked, good));
    const { outcome, words, isHit, isLast } = await readAnswer(connection, asked);
    tally.count(kind, outcome, [kind === 'denied' ? 'error' : 'right'], () => words);
    if (isHit) countHit();
    if (isLast || this.#random.isLuckier(LEAVES)) this.#leave();
  }

  async #tunnel(): Promise<void> {
    const { proxyPort, origins, tally } = this.#around;
    const tunnel = await openTunnel(proxyPort, origins.echo);
    const isRight = await hearsItself(tunnel, `tunnel ${this.#random.next()}`);
    tally.count('tunnel', isRight ? 'right' : 'broken', ['right'], () => 'it did not return what was said in it');
    tunnel.on('end', () => tunnel.end()).resume();
    tunnel.end();
  }

  async #kept(): Promise<ProxyConnection> {
    this.#connection ??= await ProxyConnection.open(this.#around.proxyPort);
    return this.#connection;
  }

  #leave(): void {
    this.#connection?.leave(false);
    this.#connection = null;
  }
}

/** As long as its number says, so that it is the same whenever it is asked for. */
function storable(id: number): Asked {
  return { way: 'storable', length: (id * 7_919) % (2 * MOST_LENGTH), id };
}

/** Of a thousand requests. */
const KINDS = { forward: 440, hit: 300, store: 150, post: 80, denied: 20, tunnel: 10 } as const satisfies Record<string, number>;
const MOST_LENGTH = 4 * 1_024;
const HOT = 64;
/** As many that some twenty MiB of them do not fit where the proxy stores: things have to go so that others can come. */
const COLD = 10_000;
/** The share of exchanges after which a client leaves and comes back. */
const LEAVES = 0.01;
