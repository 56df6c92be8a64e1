// Owns our own reader's opinion on a kept message, in the same form as Node's (test/support/node-parser.ts), so that the two can be compared.
import { isPersistent } from '../../src/http/forwarding.ts';
import type { Fields } from '../../src/http/message.ts';
import { Http1Reader } from '../../src/http1/reader.ts';
import type { NodeMessage, NodeReading } from '../support/node-parser.ts';
import { LIMITS, octets } from '../support/transcript.ts';
import type { KeptMessage } from './corpus/messages.ts';

/** Reads as the listener does: what follows a message that ends the connection is not looked at (RFC 9112 §9.6). */
export function ourOpinion({ role, bytes, answers }: Pick<KeptMessage, 'role' | 'bytes' | 'answers'>): NodeReading {
  const reader = new Http1Reader(role, LIMITS);
  if (role === 'response') reader.expectResponseTo(answers?.[0] ?? 'GET');
  reader.feed(octets(bytes));
  const messages: NodeMessage[] = [];
  let current: { start: string; fields: string[]; content: string } | null = null;
  let mayGoOn = true;
  try {
    for (let isClosed = false; ; ) {
      const event = reader.next();
      if (event === null) {
        if (isClosed || reader.finish() !== 'complete') break;
        isClosed = true;
      } else if (event.kind === 'content') {
        current!.content += event.bytes.toString('latin1');
      } else if (event.kind === 'end') {
        messages.push({ ...current!, trailers: lines(event.trailers) });
        current = null;
        if (!mayGoOn) return { messages, error: null };
      } else {
        const { head } = event;
        const start = 'method' in head ? `${head.method} ${head.target}` : `${head.status} ${head.reason}`;
        current = { start: `${start} ${head.version}`, fields: lines(head.fields), content: '' };
        if (event.kind === 'interim') messages.push({ ...current, trailers: [] });
        const isOther =
          'method' in head ? head.method === 'CONNECT' : head.status === 101 || (answers?.[0] === 'CONNECT' && head.status < 300);
        if (isOther && event.kind !== 'interim') {
          messages.push({ ...current, content: reader.takeRest().toString('latin1'), trailers: [] });
          return { messages, error: null };
        }
        mayGoOn = role === 'request' && isPersistent(head.version, head.fields);
      }
    }
  } catch (error) {
    return { messages, error: (error as Error).message };
  }
  return { messages, error: reader.finish() === 'broken' ? 'broken' : null };
}

function lines(fields: Fields): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}
