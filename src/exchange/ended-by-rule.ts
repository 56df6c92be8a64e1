// Owns exchanges that a rewriting rule ends before the origin is asked: with an answer of its own, from a file of this machine, or as networks fail.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Fields, TAKEN } from '../http/message.ts';
import { readLocal } from '../rewrite/local-file.ts';
import type { Ending } from '../rewrite/rule.ts';
import { brokenOff, ownAnswer } from './changed-message.ts';
import type { Answer, Incoming, Received, RequestBody } from './exchange.ts';

/** @param body  of the request, still to be started @throws ProxyError for one that fails */
export async function endedByRule(
  { rule, ending }: { readonly rule: string; readonly ending: Ending },
  { incoming, pathAndQuery }: Received,
  body: RequestBody | null,
): Promise<Answer> {
  switch (ending.kind) {
    case 'answer':
      return ownAnswer(incoming, ending.status, ending.fields, ending.content);
    case 'local': {
      const file = await readLocal(ending.path, pathAndQuery.split('?', 1)[0]!);
      if (file === null) return ownAnswer(incoming, 404, TEXT, Buffer.from(`The rewriting rule '${rule}' has no file for this.\n`, 'utf8'));
      const type: Fields = file.type === null ? [] : [{ name: 'Content-Type', value: file.type }];
      return ownAnswer(incoming, 200, [...type, { name: 'Cache-Control', value: 'no-store' }], file.content);
    }
    case 'fail':
      throw await failure(ending.how, incoming, body, `The rewriting rule '${rule}'`);
    default:
      return ending satisfies never;
  }
}

/** @throws ProxyError when the client has left by then */
export async function delayed({ cancellation }: Incoming, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  cancellation.listen({ cancel: resolve });
  await promise;
  clearTimeout(timer);
  cancellation.listen(null);
  if (cancellation.isCancelled) throw new ProxyError('connection_terminated', 'The client has left.');
}

async function failure(
  how: Extract<Ending, { kind: 'fail' }>['how'],
  incoming: Incoming,
  body: RequestBody | null,
  by: string,
): Promise<ProxyError> {
  switch (how) {
    case 'offline':
      return new ProxyError('connection_refused', `${by} says that nobody can be reached there.`);
    case 'empty':
      // A connection with octets in it that nobody has read ends with a reset.
      await readToItsEnd(incoming, body);
      return await brokenOff(incoming, `${by} closed it without an answer.`, true);
    case 'timeout':
      if (!incoming.isBackground) await neverAnswered(incoming, body);
      return await brokenOff(incoming, `${by} broke it off.`);
    case 'reset':
      return await brokenOff(incoming, `${by} broke it off.`);
    default:
      return how satisfies never;
  }
}

/** Until the client leaves: it is not kept from saying so by content that nobody takes. */
async function neverAnswered(incoming: Incoming, body: RequestBody | null): Promise<void> {
  body?.start({ write: () => TAKEN, end: () => {}, fail: () => {} });
  await delayed(incoming, LONGEST_SILENCE_MS);
}

async function readToItsEnd({ cancellation }: Incoming, body: RequestBody | null): Promise<void> {
  if (body === null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  cancellation.listen({ cancel: resolve });
  const timer = setTimeout(resolve, LONGEST_REST_MS);
  body.start({ write: () => TAKEN, end: () => resolve(), fail: () => resolve() });
  await promise;
  clearTimeout(timer);
}

const TEXT: Fields = [{ name: 'Content-Type', value: 'text/plain; charset=utf-8' }];
/** A client that waits for longer would wait for good. */
const LONGEST_SILENCE_MS = 10 * 60_000;
const LONGEST_REST_MS = 5_000;
