// Owns who waits for a place with a destination that is busy, in the order in which they came: each for a time, and no longer than its client does.
import { ProxyError } from '../errors/proxy-error.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Deadlines } from '../net/deadlines.ts';

export class WaitingLine {
  readonly #lines = new Map<string, Set<() => void>>();

  /**
   * Until it is woken: there may be a place then, or another has been quicker.
   *
   * @param name the destination, for messages
   * @throws ProxyError `connection_limit_reached` when the time is over, `connection_terminated` when the client leaves
   */
  wait(key: string, name: string, timeoutMs: number, deadlines: Deadlines, cancellation: Cancellation): Promise<void> {
    return new Promise((resolve, reject) => {
      const line = this.#lines.get(key) ?? new Set();
      this.#lines.set(key, line);
      const leave = (): void => {
        deadline.clear();
        cancellation.listen(null);
        line.delete(wake);
        if (line.size === 0 && this.#lines.get(key) === line) this.#lines.delete(key);
      };
      const fail = (error: ProxyError): void => {
        leave();
        reject(error);
      };
      const wake = (): void => {
        leave();
        resolve();
      };
      const deadline = deadlines.create(() =>
        fail(new ProxyError('connection_limit_reached', `${name} was busy with as many requests as it takes for ${timeoutMs} ms.`)),
      );
      line.add(wake);
      deadline.set(timeoutMs);
      cancellation.listen({ cancel: () => fail(new ProxyError('connection_terminated', 'The client left before its turn came.')) });
    });
  }

  /** Wakes those who have waited longest. */
  wake(key: string, count: number): void {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    let left = count;
    for (const wake of line) {
      if (left === 0) return;
      left -= 1;
      wake();
    }
  }
}
