// Owns exchanges that are held where a person wants to look at them before they go on: where that is, and the queue of those that are held. Whoever holds
// one waits for the person, as long as the client does: a client that leaves takes its exchange along.
import type { Fields } from '../http/message.ts';
import type { Match, Side } from './rule.ts';

/** Where it holds. */
export const BREAKPOINT_STAGES = ['request', 'response', 'message'] as const;
export type BreakpointStage = (typeof BREAKPOINT_STAGES)[number];

/** @typeParam Subject what its filter looks at */
export interface Breakpoint<Subject> extends Match<Subject> {
  readonly filter: string;
  readonly at: BreakpointStage;
  readonly isOn: boolean;
}

/** Texts are ISO-8859-1. `content` is without codings; `null` where it is more than is held, or still comes: then it cannot be edited. */
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

export type MessageDirection = 'from-client' | 'to-client';

/** Of a WebSocket. */
export interface HeldMessage {
  readonly direction: MessageDirection;
  readonly isText: boolean;
  /** `null` where it is more than is held. */
  readonly content: Buffer | null;
}

export interface Held {
  /** Counts from 1, since the start. */
  readonly number: number;
  /** `Flow.id`. */
  readonly flowId: number;
  readonly at: BreakpointStage;
  readonly sinceMs: number;
  /** At a response, as it was asked for; at a message, the handshake. */
  readonly request: HeldRequest;
  /** At a response alone. */
  readonly response: HeldResponse | null;
  /** At a message alone. */
  readonly message: HeldMessage | null;
}

/** What the person wants. `null` leaves the message as it is; content of `null` leaves that. */
export type Release =
  | {
      readonly action: 'continue';
      readonly request: HeldRequest | null;
      readonly response: HeldResponse | null;
      readonly message: Buffer | null;
    }
  | { readonly action: 'drop' }
  | { readonly action: 'answer'; readonly response: HeldResponse };

/** `content` of `null` leaves it. */
export type MessageRelease = { readonly action: 'continue'; readonly content: Buffer | null } | { readonly action: 'drop' };

export class Breakpoints<Subject> {
  #all: readonly Breakpoint<Subject>[] = [];
  readonly #held = new Map<number, { readonly held: Held; readonly release: (release: Release) => void }>();
  #lastNumber = 0;
  /** Hears of each change of the breakpoints, and of the queue. */
  onChange: () => void = () => {};

  get all(): readonly Breakpoint<Subject>[] {
    return this.#all;
  }

  /** In place of those before; what is held stays held. */
  set(all: readonly Breakpoint<Subject>[]): void {
    this.#all = all;
    this.onChange();
  }

  get held(): readonly Held[] {
    return Array.from(this.#held.values(), ({ held }) => held);
  }

  /** Whether there are any at all: then somebody has to ask. */
  get areAny(): boolean {
    return this.#all.length > 0;
  }

  /** Nothing does, where nobody has set one; and beyond a number of exchanges that nobody can look at. */
  mayHold(at: BreakpointStage): boolean {
    return this.areAny && this.#held.size < MOST_HELD && this.#all.some((each) => each.isOn && each.at === at);
  }

  wants(at: BreakpointStage, subject: Subject): boolean {
    return this.mayHold(at) && this.#all.some((each) => each.isOn && each.at === at && each.fits(subject));
  }

  /** Whether any of them holds what the subject stands for, or will once there is content; however many are held now. */
  areAbout(at: BreakpointStage, subject: Subject): boolean {
    const isOne = ({ isOn, at: place, fits, awaits }: Breakpoint<Subject>): boolean =>
      isOn && place === at && (fits(subject) || awaits?.(subject, 'request') || awaits?.(subject, 'response') || false);
    return this.#all.some(isOne);
  }

  /** Whether content that the subject has not would decide what `wants` says. */
  awaits(at: BreakpointStage, subject: Subject, content: Side): boolean {
    return this.mayHold(at) && this.#all.some((each) => each.isOn && each.at === at && each.awaits?.(subject, content));
  }

  /** @returns what the person wants, once they have said so, and a function for whoever gives up before */
  hold(what: Omit<Held, 'number' | 'sinceMs'>, nowMs: number): { readonly released: Promise<Release>; readonly giveUp: () => void } {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<Release>();
    const release = (wanted: Release): void => {
      if (!this.#held.delete(number)) return;
      this.onChange();
      resolve(wanted);
    };
    this.#held.set(number, { held: { ...what, number, sinceMs: nowMs }, release });
    this.onChange();
    return { released: promise, giveUp: () => release({ action: 'drop' }) };
  }

  find(number: number): Held | null {
    return this.#held.get(number)?.held ?? null;
  }

  /** @returns whether there is such a one */
  release(number: number, release: Release): boolean {
    const found = this.#held.get(number);
    found?.release(release);
    return found !== undefined;
  }
}

/** Breakpoints as whoever sets them has them, of one process or of several. */
export interface BreakpointQueue<Subject> extends Pick<Breakpoints<Subject>, 'all' | 'held' | 'find' | 'release' | 'onChange'> {
  /** As of one process; ends when they hold. */
  set(all: readonly Breakpoint<Subject>[]): void | Promise<void>;
}

/** Beyond that, exchanges pass: a page that is forgotten must not stop a browser for good. */
const MOST_HELD = 100;
