// Owns the exchange that validates a stored response behind the answer that was just given from it (RFC 5861 §3): a new one, from the first stage on,
// with a record of its own, on behalf of whoever was answered. Its answer goes to nobody; what matters of it has happened when it has come.
import { isComplete } from '../cache/stored-response.ts';
import { createFlow, type EmitFlow } from '../flows/flow.ts';
import { isNamed } from '../http/fields.ts';
import { Cancellation } from '../net/cancellation.ts';
import type { Incoming } from './exchange.ts';
import { NobodyWaits } from './nobody-waits.ts';

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
  const cancellation = new Cancellation();
  return {
    head: { ...head, method: 'GET', fields: head.fields.filter(({ name }) => !dropped.some((lower) => isNamed(name, lower))) },
    body: null,
    client,
    flow: again,
    cancellation,
    responder: new NobodyWaits(again, cancellation, emit, 'what is its own'),
    tunnel,
    isBackground: true,
  };
}

const CONDITIONS: readonly string[] = ['if-none-match', 'if-modified-since'];
const PARTIAL: readonly string[] = [...CONDITIONS, 'range', 'if-range'];
