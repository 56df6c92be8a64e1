// Owns exchanges that are held where a person wants to look at them before they go on: which are, and the queue of those that are. Whoever holds one waits
// for the person, as long as the client does: a client that leaves takes its exchange along.
import type { Fields } from '../http/message.ts';

/** Where it holds. */
export type BreakpointStage = 'request' | 'response';

/** @typeParam Subject what its filter looks at */
export interface Breakpoint<Subject> {
  readonly filter: string;
  readonly at: BreakpointStage;
  readonly isOn: boolean;
  readonly fits: (subject: Subject) => boolean;
}

/** Texts are ISO-8859-1. `content` is `null` where it is more than is held: then it cannot be edited. */
export interface HeldRequest {
  readonly method: string;
  readonly url: string;
  readonly fields: Fields;
  readonly content: Buffer | null;
}

export interface HeldResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly content: Buffer | null;
}

export interface Held {
  /** Counts from 1, since the start. */
  readonly number: number;
  /** `Flow.id`. */
  readonly flowId: number;
  readonly at: BreakpointStage;
  readonly sinceMs: number;
  readonly request: HeldRequest;
  /** At a request, `null`. */
  readonly response: HeldResponse | null;
}

/** What the person wants. */
export type Release =
  | { readonly action: 'continue'; readonly request: HeldRequest | null; readonly response: HeldResponse | null }
  | { readonly action: 'drop' }
  | { readonly action: 'answer'; readonly response: HeldResponse };

export class Breakpoints<Subject> {
  #all: readonly Breakpoint<Subject>[] = [];
  readonly #held = new Map<number, { readonly held: Held; readonly release: (release: Release) => void }>();
  readonly #onChange: () => void;
  #lastNumber = 0;

  /** @param onChange  hears of each change of the queue */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get all(): readonly Breakpoint<Subject>[] {
    return this.#all;
  }

  /** In place of those before; what is held stays held. */
  set(all: readonly Breakpoint<Subject>[]): void {
    this.#all = all;
    this.#onChange();
  }

  get held(): readonly Held[] {
    return [...this.#held.values()].map(({ held }) => held);
  }

  mayHold(at: BreakpointStage): boolean {
    return this.#all.some((each) => each.isOn && each.at === at) && this.#held.size < MOST_HELD;
  }

  wants(at: BreakpointStage, subject: Subject): boolean {
    return this.mayHold(at) && this.#all.some((each) => each.isOn && each.at === at && each.fits(subject));
  }

  /** @returns what the person wants, once they have said so, and a function for whoever gives up before */
  hold(what: Omit<Held, 'number' | 'sinceMs'>, nowMs: number): { readonly released: Promise<Release>; readonly forget: () => void } {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<Release>();
    const leave = (release: Release): void => {
      if (!this.#held.delete(number)) return;
      this.#onChange();
      resolve(release);
    };
    this.#held.set(number, { held: { ...what, number, sinceMs: nowMs }, release: leave });
    this.#onChange();
    return { released: promise, forget: () => leave({ action: 'drop' }) };
  }

  /** @returns whether there is such a one */
  release(number: number, release: Release): boolean {
    const found = this.#held.get(number);
    found?.release(release);
    return found !== undefined;
  }
}

/** Beyond that, exchanges pass: a page that is forgotten must not stop a browser for good. */
const MOST_HELD = 200;
