// Owns one place for a child, such as that of worker 2: there is one child in it, started again when it ends unasked, or put another in its place.
import { StartError } from '../errors/start-error.ts';
import { describeDefect } from '../proxy/defects.ts';
import { BackOff } from './back-off.ts';
import { type Birth, Child } from './child.ts';

export interface PositionContext {
  /** As the operator knows it. */
  readonly name: string;
  /** What one that starts now is started with. @throws when it can't be */
  birth(): Birth;
  /** How one leaves whose place another has taken. */
  leave(old: Child): Promise<void>;
  onLine(name: string, line: string): void;
  report(line: string): void;
  onFilled(): void;
  /** It will be away for long. */
  onAway(): void;
  /** It could not be started again, for the n-th time in a row. */
  onFailed(timesInARow: number, problems: readonly string[]): void;
}

export class Position {
  readonly #context: PositionContext;
  readonly #backOff = new BackOff();
  /** Every process that has not ended: that in place, those that start, those that leave. */
  readonly #alive = new Set<Child>();
  readonly #leaving = new Set<Promise<void>>();
  #child: Child | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** The last start that nobody has asked for. */
  #startedAgain: Promise<void> = Promise.resolve();
  /** Starts that somebody has asked for and that are under way; until they are over no other is tried. */
  #fillings = 0;
  #isClosing = false;
  /** To start again, one after the other. */
  #failures = 0;
  #cutOff = 0;

  constructor(context: PositionContext) {
    this.#context = context;
  }

  /** The one in place; `null` while there is none. */
  get child(): Child | null {
    return this.#child;
  }

  /** How many exchanges and tunnels deadlines have cut off here. */
  get cutOff(): number {
    return this.#cutOff;
  }

  /** Those that have clients: the one in place, and those that leave. */
  get serving(): readonly Child[] {
    return [...this.#alive].filter(({ facts }) => facts !== null);
  }

  /** How many have left their place, and have not ended. */
  get leaving(): number {
    return this.#leaving.size;
  }

  /**
   * Puts a child in place; the one that is there leaves, which `left` waits for.
   *
   * @param unjoined told where it waits for another keeper
   * @throws StartError, and nothing has changed
   */
  async fill(unjoined: () => void = () => {}): Promise<void> {
    this.#fillings += 1;
    try {
      await this.#noOtherStart();
      await this.#put(unjoined);
    } finally {
      this.#fillings -= 1;
      if (this.#child === null && !this.#isClosing) this.#startLater(LEAST_MS);
    }
  }

  /** One start at a time: one that fails takes the sockets away that another is born with. */
  async #noOtherStart(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#startedAgain;
  }

  async #put(unjoined: (child: Child) => void): Promise<void> {
    const child = await this.#startChild(unjoined);
    const old = this.#child;
    this.#child = child;
    this.#failures = 0;
    if (old !== null) this.#letLeave(this.#context.leave(old));
    if (child.howItEnded === null) this.#context.onFilled();
    else this.#onEnd(child);
  }

  /** For what there cannot be two of: the one in place ends before another starts. One that cannot start is tried again and again. */
  async refill(): Promise<void> {
    this.#fillings += 1;
    await this.#noOtherStart();
    this.#fillings -= 1;
    const old = this.#child;
    this.#child = null;
    await old?.stop();
    this.#startedAgain = this.#startAgain();
    await this.#startedAgain;
  }

  /** Once those have ended that left their place. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving);
  }

  /** Nothing is started any more, and what is in place leaves within the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const old = this.#child;
    this.#child = null;
    if (old !== null) this.#letLeave(old.drain(deadlineMs, 0));
    for (const child of this.#alive) if (child.facts === null) void child.stop();
    await Promise.all([...this.#alive].map(({ ended }) => ended));
  }

  /** Ends all there is, now. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#child = null;
    await Promise.all([...this.#alive].map((child) => child.stop()));
  }

  async #startChild(unjoined: (child: Child) => void): Promise<Child> {
    const birth = this.#context.birth();
    const child = new Child(birth, this.#context.onLine);
    child.onUnjoined = () => unjoined(child);
    this.#alive.add(child);
    void child.ended.then(() => {
      this.#alive.delete(child);
      this.#cutOff += child.cutOff;
      if (this.#child === child) this.#onEnd(child);
    });
    await child.start();
    // What has been reloaded meanwhile holds for it, too.
    const { config } = this.#context.birth();
    if (config !== birth.config) await child.reload(config);
    return child;
  }

  #letLeave(leaving: Promise<void>): void {
    const left = leaving.finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  #onEnd(child: Child): void {
    this.#child = null;
    if (this.#isClosing) return;
    const delayMs = this.#backOff.after(child.ageMs);
    this.#context.report(`${this.#context.name} ended (${child.howItEnded}) and is started again${inWords(delayMs)}`);
    this.#startLater(delayMs);
  }

  #startLater(delayMs: number): void {
    if (this.#fillings > 0) return;
    if (delayMs > 0) this.#context.onAway();
    this.#timer = setTimeout(() => {
      this.#startedAgain = this.#startAgain();
    }, delayMs);
  }

  async #startAgain(): Promise<void> {
    // A new start of all may have been quicker.
    if (this.#isClosing || this.#child !== null) return;
    try {
      // With its socket, so that nobody waits there; the keeper that it needs is not coming by itself.
      await this.#put((child) => child.giveUp(OTHER_VERSION));
    } catch (error) {
      if (this.#isClosing) return;
      const problems = error instanceof StartError ? error.problems : [describeDefect(error)];
      const delayMs = this.#backOff.after(0);
      this.#failures += 1;
      this.#context.onFailed(this.#failures, problems);
      this.#startLater(Math.max(delayMs, LEAST_MS));
    }
  }
}

function inWords(delayMs: number): string {
  return delayMs === 0 ? '' : ` in ${delayMs / 1_000} s`;
}

const OTHER_VERSION =
  'the program that is installed now is of another version than the keeper. Start all anew: sallyport reload --restart.';
/** Between two starts that fail. */
const LEAST_MS = 250;
