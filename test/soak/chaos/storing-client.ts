// Owns one honest client of the cache: it asks for some of the same things again and again, and compares every octet of what it is given.
import { setTimeout as pause } from 'node:timers/promises';
import { type BusySurroundings, isHit, judge } from '../busy-client.ts';
import { Comparison } from '../content.ts';
import { type Head, MessageReader } from '../message-reader.ts';
import { type Asked, contentOf, pathOf } from '../names.ts';
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
    const seen = new Comparison(contentOf(asked));
    const found: { head: Head | null } = { head: null };
    const reader = new MessageReader(
      'response',
      (head) => {
        found.head = head;
      },
      (bytes) => seen.add(bytes),
    );
    const target = pathOf(asked);
    countStorable();
    connection.send(
      `GET http://127.0.0.1:${origins.good}${target} HTTP/1.1\r\nHost: 127.0.0.1:${origins.good}\r\nSoak-Name: ${target}\r\n\r\n`,
    );
    const broken = await connection.read(reader).then(
      () => null,
      (error: Error) => error,
    );
    const { outcome, words } = judge(asked, found.head, seen, broken);
    tally.count('storable', outcome, ['right'], () => words);
    if (isHit(found.head)) countHit();
    return broken === null && found.head?.fields.get('connection') !== 'close';
  }
}

const MOST_THOUGHT_MS = 60;
const NEW_EVERY_MS = 50;
const MOST_DIFFERENT = 200;
const MOST_LENGTH = 60_000;
