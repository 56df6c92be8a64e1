// Owns one honest client of the cache: it asks for some of the same things again and again, and compares every octet of what it is given.
import { setTimeout as pause } from 'node:timers/promises';
import type { BusySurroundings } from '../busy-client.ts';
import { readAnswer, requestHead } from '../judged-answer.ts';
import type { Asked } from '../names.ts';
import { ProxyConnection } from '../proxy-connection.ts';
import type { Random } from '../random.ts';

export interface StoringSurroundings extends BusySurroundings {
  /** Told of each request, before it is sent: they have no number, so the log is but counted. */
  readonly countStorable: () => void;
  /** Told of an answer that came out of the cache. */
  readonly countHit: () => void;
}

export class StoringClient {
  readonly #random: Random;
  readonly #around: StoringSurroundings;

  constructor(random: Random, around: StoringSurroundings) {
    this.#random = random;
    this.#around = around;
  }

  /** On one connection, if nothing breaks it. @param endMs `performance.now()` after which nothing new is begun */
  async run(endMs: number): Promise<void> {
    const connection = await ProxyConnection.open(this.#around.proxyPort);
    try {
      while (performance.now() < endMs && connection.isFree && (await this.#ask(connection)))
        await pause(this.#random.between(0, MOST_THOUGHT_MS));
    } finally {
      connection.leave(false);
    }
  }

  /** @returns whether the connection can be asked again */
  async #ask(connection: ProxyConnection): Promise<boolean> {
    const { tally, origins, countStorable, countHit } = this.#around;
    // What is asked for moves on slowly, so that there is always something to store and something that is stored.
    const at = Math.floor(performance.timeOrigin + performance.now()) / NEW_EVERY_MS;
    const id = Math.floor(at) + this.#random.between(0, MOST_DIFFERENT);
    const asked: Asked = { way: 'storable', length: (id * 7_919) % MOST_LENGTH, id };
    countStorable();
    connection.send(requestHead('GET', asked, origins.good));
    const { outcome, words, isHit, isLast } = await readAnswer(connection, asked);
    tally.count('storable', outcome, ['right'], () => words);
    if (isHit) countHit();
    return !isLast;
  }
}

const MOST_THOUGHT_MS = 60;
const NEW_EVERY_MS = 50;
const MOST_DIFFERENT = 200;
const MOST_LENGTH = 60_000;
