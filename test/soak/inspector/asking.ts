// Owns somebody who scrolls and searches, and how long they waited for it.
import { setTimeout as pause } from 'node:timers/promises';
import { OPENED_HOST } from '../opened-tunnel.ts';
import { Random } from '../random.ts';
import type { LivePage } from './live-page.ts';
import { Timings } from './timings.ts';

export class Asking {
  readonly #page: LivePage;
  readonly #windows = new Timings();
  readonly #firstRows = new Timings();
  readonly #filters = new Timings();
  readonly #random = new Random(1);

  constructor(page: LivePage) {
    this.#page = page;
  }

  /** Now and then, as long as this lasts. */
  async until(ended: Promise<unknown>): Promise<void> {
    let isOver = false;
    void ended.finally(() => (isOver = true)).catch(() => {});
    for (let round = 0; !isOver; round += 1) {
      await this.once(round);
      await pause(ASK_MS);
    }
    await ended;
  }

  /** Scrolls to anywhere, and each fifth time writes a filter. */
  async once(round: number): Promise<void> {
    const offset = this.#random.between(0, Math.max(0, this.#page.newest.total - 100));
    this.#windows.add((await this.#page.scrollTo(offset, 100)).tookMs);
    if (round % FILTER_EVERY !== 0) return;
    const { firstMs, tookMs } = await this.#page.search(this.#random.pick(FILTERS));
    this.#firstRows.add(firstMs);
    this.#filters.add(tookMs);
  }

  /** What was asked for, how long the answers took, and how long nearly all of them may take. */
  get timings(): readonly (readonly [name: string, took: Timings, mostMs: number])[] {
    return [
      ['windows', this.#windows, LONGEST_WINDOW_MS],
      ['first rows of a filter', this.#firstRows, LONGEST_WINDOW_MS],
      ['filters', this.#filters, LONGEST_FILTER_MS],
    ];
  }
}

const FILTERS = [`host:${OPENED_HOST}`, 'host:127.0.0.1 status:404', 'is:denied', `host:${OPENED_HOST} size:>20KB`];
const FILTER_EVERY = 5;
const ASK_MS = 200;
const LONGEST_WINDOW_MS = 300;
/** Of all exchanges, each of which is looked at. */
const LONGEST_FILTER_MS = 2_000;
