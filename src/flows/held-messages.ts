// Owns which messages of a WebSocket came and have not gone on, while somebody may hold them: the gate that lets one go knows only that it is the next one
// of its direction. It is told of a message and of its going in either order: what nobody holds goes on before it is recorded.
import type { WebSocketDirection } from '../tunnel/websocket-observer.ts';

/** Of one direction. */
export class MessagesOnHold {
  readonly #numbers: number[] = [];
  #came = 0;
  #gone = 0;

  /** @param number  in its exchange */
  came(number: number): void {
    this.#came += 1;
    if (this.#came > this.#gone) this.#numbers.push(number);
  }

  /** The next one goes on, or nowhere. @returns its number; `null` where it has not been told of */
  goes(): number | null {
    this.#gone += 1;
    return this.#numbers.shift() ?? null;
  }
}

export type OnHold = Record<WebSocketDirection, MessagesOnHold | null>;
