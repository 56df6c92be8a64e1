// Owns the client's side of an exchange that no client waits for: what is answered is read as far as it is of use to anybody, and the record is finished.
import type { EmitFlow, Flow } from '../flows/flow.ts';
import { type Body, type Fields, TAKEN } from '../http/message.ts';
import type { Cancellation } from '../net/cancellation.ts';
import type { Responder } from './exchange.ts';

export class NobodyWaits implements Responder {
  readonly #flow: Flow;
  readonly #cancellation: Cancellation;
  readonly #emit: EmitFlow;
  readonly #reads: 'everything' | 'what is its own';
  #isDone = false;

  /** @param reads  `what is its own` leaves content alone that is stored already, or is being stored for somebody else */
  constructor(flow: Flow, cancellation: Cancellation, emit: EmitFlow, reads: 'everything' | 'what is its own') {
    this.#flow = flow;
    this.#cancellation = cancellation;
    this.#emit = emit;
    this.#reads = reads;
  }

  interim(): void {}

  respond(status: number, _reason: string, _fields: Fields, body: Body | null): void {
    this.#flow.status = status;
    const { cache } = this.#flow;
    const isRead = this.#reads === 'everything' || (cache?.outcome === 'forwarded' && !cache.isCollapsed);
    if (!isRead) body?.cancel();
    if (body === null || !isRead) {
      this.#done();
      return;
    }
    body.start({
      write: () => TAKEN,
      end: () => this.#done(),
      fail: (error) => {
        this.#flow.error = error;
        this.#flow.outcome = 'failed';
        this.#done();
      },
    });
  }

  abort(): void {
    this.#flow.outcome = 'failed';
    this.#done();
    this.#cancellation.cancel();
  }

  takeOver(): never {
    throw new Error('what asks on behalf of nobody does not upgrade');
  }

  #done(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#flow.totalMs = performance.now() - this.#flow.startedMs;
    this.#emit(this.#flow);
  }
}
