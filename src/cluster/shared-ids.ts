// Owns ids of exchanges and connections where several processes make them: the keeper gives them out in blocks, so that none is used twice, and takes care
// that those of all workers go up with time. A worker whose ids have fallen behind what another has used gets new ones, and forgets the rest of its own.
import type { IdBlock } from './link-messages.ts';

/** A worker's side. */
export class GivenIds {
  readonly #want: () => void;
  #first = 0;
  #next = 0;
  #end = 0;
  #wantAt = 0;
  /** Of blocks before. */
  #usedBefore = 0;
  /** Behind the block of the moment. */
  #more: IdBlock | null = null;
  #greatest = 0;
  #withoutId = 0;

  /** @param want asks for more */
  constructor(want: () => void) {
    this.#want = want;
  }

  /** The greatest that was given. */
  get greatest(): number {
    return this.#greatest;
  }

  /** The greatest that was used. */
  get used(): number {
    return this.#next > this.#first ? this.#next - 1 : this.#usedBefore;
  }

  /** Ascending; below 0 where none is left. */
  readonly next = (): number => {
    if (this.#next === this.#end && !this.#turnTo(this.#more)) {
      this.#withoutId -= 1;
      return this.#withoutId;
    }
    if (this.#next === this.#wantAt) this.#want();
    const id = this.#next;
    this.#next = id + 1;
    return id;
  };

  /** Instead of those of before. */
  replace(block: IdBlock): void {
    this.#more = null;
    this.#noteGreatest(block);
    this.#turnTo(block);
  }

  /** When those of before are used. */
  add(block: IdBlock): void {
    this.#noteGreatest(block);
    if (this.#next === this.#end) this.#turnTo(block);
    else this.#more = block;
  }

  /** The keeper is gone: another may give the same ones. */
  forget(): void {
    this.#more = null;
    this.#end = this.#next;
  }

  #turnTo(block: IdBlock | null): boolean {
    if (block === null) return false;
    this.#more = null;
    this.#usedBefore = this.used;
    this.#first = block.first;
    this.#next = block.first;
    this.#end = block.end;
    this.#wantAt = Math.floor((block.first + block.end) / 2);
    return true;
  }

  #noteGreatest({ end }: IdBlock): void {
    this.#greatest = Math.max(this.#greatest, end - 1);
  }
}

/** What the keeper knows of one worker's ids. */
export interface IdTaker {
  /** The first of the newest block. */
  first: number;
  /** The greatest that it is known to have used. */
  used: number;
  /** Of its next block. */
  size: number;
}

/** The keeper's side. */
export class IdGiver {
  #next: number;
  /** The greatest that the keeper has used itself. */
  #ownUsed = 0;

  /** @param last the greatest that the session has */
  constructor(last: number) {
    this.#next = last + 1;
  }

  /** One for the keeper's own use. */
  readonly one = (): number => {
    this.#ownUsed = this.#next;
    this.#next += 1;
    return this.#ownUsed;
  };

  /**
   * A worker has joined that was given ids before: by this keeper, or by one whose memory of that is gone. In that case others may have been given a few
   * more, and nothing that is under way there must be met again.
   */
  taker(greatestBefore: number): IdTaker {
    if (greatestBefore >= this.#next) this.#next = greatestBefore + GAP;
    return { first: 0, used: 0, size: FEWEST };
  }

  /** @param isMore it has used up what it had, before it fell behind */
  block(taker: IdTaker, isMore: boolean): IdBlock {
    taker.size = Math.min(MOST, Math.max(FEWEST, isMore ? taker.size * 2 : taker.size / 2));
    const first = this.#next;
    this.#next = first + taker.size;
    taker.first = first;
    return { first, end: this.#next };
  }

  /** Those whose next ids would be lower than what another has used. */
  behind<T extends IdTaker>(takers: Iterable<T>): readonly T[] {
    const all = [...takers];
    const greatest = Math.max(this.#ownUsed, ...all.map(({ used }) => used));
    return all.filter(({ first, used }) => Math.max(first - 1, used) < greatest);
  }
}

/** More than what begins in one turn of the event loop of a worker that had nothing to do. */
const FEWEST = 1_024;
const MOST = 65_536;
/** More than all workers together are given between two times that each is given some. */
const GAP = 2 ** 20;
