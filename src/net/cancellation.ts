// Owns the word from a client that has left to whoever works for it at that moment: one listener at a time, since a request is at one
// stage at a time. An AbortSignal says the same at ten times the price, and there would be one for every request.

/** Whoever can be told to stop. */
export interface Cancellable {
  cancel(): void;
}

export class Cancellation implements Cancellable {
  #isCancelled = false;
  #listener: Cancellable | null = null;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Replaces the listener; null when nothing is under way. Called at once when it is cancelled already. */
  listen(listener: Cancellable | null): void {
    this.#listener = listener;
    if (this.#isCancelled) this.#tell();
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#tell();
  }

  #tell(): void {
    const listener = this.#listener;
    this.#listener = null;
    listener?.cancel();
  }
}
