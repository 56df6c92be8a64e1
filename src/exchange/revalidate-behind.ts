// Owns the exchange that validates a stored response behind the answer that was just given from it (RFC 5861 §3): a new one, from the first stage on,
// with a record of its own, on behalf of whoever was answered. Its answer goes to nobody; what matters of it has happened when it has come.
import { isComplete } from '../cache/stored-response.ts';
import { createFlow, type EmitFlow } from '../flows/flow.ts';
import { isNamed } from '../http/fields.ts';
import { type Body, type Fields, TAKEN } from '../http/message.ts';
import { Cancellation } from '../net/cancellation.ts';
import type { Incoming, Responder } from './exchange.ts';

/**
 * The request again, to be run as any other: without conditions, and without its range where all of the representation is stored. Where only a part is,
 * the range stays: the whole may be a thousand times as much as anybody has asked for.
 */
export function behind({ head, client, flow, tunnel }: Incoming, emit: EmitFlow): Incoming {
  const reuse = flow.cache?.reuse ?? null;
  const isPart = reuse !== null && 'stored' in reuse && !isComplete(reuse.stored.extent);
  const dropped = isPart ? CONDITIONS : PARTIAL;
  const { connectionId, listener, clientAddress, clientPort, connectId } = flow;
  const again = createFlow({ id: connectionId, listener, address: clientAddress, port: clientPort, connectId });
  return {
    head: { ...head, method: 'GET', fields: head.fields.filter(({ name }) => !dropped.some((lower) => isNamed(name, lower))) },
    body: null,
    client,
    flow: again,
    cancellation: new Cancellation(),
    responder: new NobodyWaits(again, emit),
    tunnel,
    isBackground: true,
  };
}

class NobodyWaits implements Responder {
  readonly #flow: Incoming['flow'];
  readonly #emit: EmitFlow;

  constructor(flow: Incoming['flow'], emit: EmitFlow) {
    this.#flow = flow;
    this.#emit = emit;
  }

  interim(): void {}

  respond(status: number, _reason: string, _fields: Fields, body: Body | null): void {
    this.#flow.status = status;
    const { cache } = this.#flow;
    const isItsOwn = cache?.outcome === 'forwarded' && !cache.isCollapsed;
    // What is stored already, or is being stored for somebody else, does not have to be read to its end.
    if (!isItsOwn) body?.cancel();
    if (body === null || !isItsOwn) {
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
  }

  takeOver(): never {
    throw new Error('what asks on behalf of nobody does not upgrade');
  }

  #done(): void {
    this.#flow.totalMs = performance.now() - this.#flow.startedMs;
    this.#emit(this.#flow);
  }
}

const CONDITIONS: readonly string[] = ['if-none-match', 'if-modified-since'];
const PARTIAL: readonly string[] = [...CONDITIONS, 'range', 'if-range'];
