// Owns telling the operator of a server that fails: once when it begins, once when it is over, however many requests ask it.

export class Outage {
  readonly #report: (line: string) => void;
  #isOn = false;

  /** @param report a line for the operator */
  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  begin(line: string): void {
    if (!this.#isOn) this.#report(line);
    this.#isOn = true;
  }

  end(line: string): void {
    if (this.#isOn) this.#report(line);
    this.#isOn = false;
  }
}
