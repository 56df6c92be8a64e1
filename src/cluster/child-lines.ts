// Owns lines for the operator that children say: with the name of whoever said it, and once where several say the same.

export class ChildLines {
  readonly #report: (line: string) => void;
  /** Lines that are waited with, and who said them. */
  readonly #waiting = new Map<string, Set<string>>();
  /** Lines that were told as everybody's a short time ago, and who said them. What one has told of itself does not hold for another. */
  readonly #told = new Map<string, Set<string>>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #speaker: string | null = null;

  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  /** One child does first what all will do: until the next call its lines are told at once, as everybody's. @param name `null` ends it */
  speaksForAll(name: string | null): void {
    this.#speaker = name;
  }

  say(name: string, line: string): void {
    const others = this.#told.get(line) ?? this.#waiting.get(line);
    if (others !== undefined && !others.has(name)) {
      others.add(name);
      return;
    }
    if (name === this.#speaker) this.#tellForAll(line, name);
    else this.#waitWith(line, name);
  }

  /** Tells what was waited with. */
  flush(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const line of [...this.#waiting.keys()]) this.#tellWaiting(line);
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #waitWith(line: string, name: string): void {
    // Twice from one child is twice.
    this.#tellWaiting(line);
    this.#waiting.set(line, new Set([name]));
    this.#after(GATHER_MS, () => this.#tellWaiting(line));
  }

  #tellWaiting(line: string): void {
    const names = this.#waiting.get(line);
    if (names === undefined) return;
    this.#waiting.delete(line);
    this.#report(`${[...names].join(', ')}: ${line}`);
  }

  #tellForAll(line: string, name: string): void {
    const names = new Set([name]);
    this.#told.set(line, names);
    this.#after(REMEMBER_MS, () => {
      if (this.#told.get(line) === names) this.#told.delete(line);
    });
    this.#report(line);
  }

  #after(delayMs: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, delayMs);
    this.#timers.add(timer.unref());
  }
}

const GATHER_MS = 200;
const REMEMBER_MS = 10_000;
