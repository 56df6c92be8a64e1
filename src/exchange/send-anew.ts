// Owns an exchange that the inspector begins: a request that was recorded, or written by hand, sent as a client of this machine would send it. It takes the
// whole line: policy judges it, the cache may answer it, and it leaves a record of its own. It is nobody's: credentials for the proxy that were once proven
// are not kept, and what a rule allows to a user it does not allow to a replay.
import { createFlow, type EmitFlow } from '../flows/flow.ts';
import type { Fields, HttpVersion } from '../http/message.ts';
import { Cancellation } from '../net/cancellation.ts';
import type { Incoming } from './exchange.ts';
import { NobodyWaits } from './nobody-waits.ts';
import { WholeContent } from './whole-content.ts';

/** Texts are ISO-8859-1. */
export interface RequestToSend {
  readonly method: string;
  /** An absolute URI. */
  readonly url: string;
  /** Those of framing are made anew. */
  readonly fields: Fields;
  readonly content: Buffer | null;
}

/** @param connectionId  of the connection that it seems to come over */
export function incomingOf({ method, url, fields, content }: RequestToSend, connectionId: number, emit: EmitFlow): Incoming {
  const flow = createFlow({ id: connectionId, listener: 'inspector', address: '127.0.0.1', port: 0, connectId: null });
  const version: HttpVersion = '1.1';
  const cancellation = new Cancellation();
  return {
    head: { method, target: url, version, fields },
    body: content === null ? null : new WholeContent(content),
    client: { address: '127.0.0.1', isLocal: true, authentication: 'never' },
    flow,
    cancellation,
    responder: new NobodyWaits(flow, cancellation, emit, 'everything'),
    tunnel: null,
    isBackground: false,
  };
}
