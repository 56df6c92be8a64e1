// Owns the plainest question about a cache: what a client gets when it asks for the same resource again.
import { randomUUID } from 'node:crypto';
import { type Origin, type RequestHandler, type ResponseToSend, startOrigin } from '../support/origin.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import type { TestProxy } from '../support/start-proxy.ts';
import type { WireField } from '../support/strict-message.ts';

export interface Asked {
  readonly responses: readonly FinalResponse[];
  /** What reached the origin. */
  readonly requests: Origin['requests'];
}

/**
 * Requests for one resource, each after the answer to the one before.
 * @param answer  by the origin, to whatever reaches it
 * @param requests  the fields of each; two without any by default
 */
export async function askAgain(
  proxy: TestProxy,
  answer: RequestHandler,
  requests: readonly (readonly WireField[])[] = [[], []],
): Promise<Asked> {
  await using origin = await startOrigin(answer);
  // Ports come back within a run; what one test has stored must not answer another.
  const url = `${origin.url}/${randomUUID()}`;
  const responses: FinalResponse[] = [];
  for (const fields of requests) responses.push(await ask(proxy, url, fields));
  return { responses, requests: origin.requests };
}

/** Whether the second request is answered without the origin, which answers everything with `fields`. */
export async function isReused(proxy: TestProxy, fields: readonly WireField[], requestFields: readonly WireField[] = []): Promise<boolean> {
  const { requests } = await askAgain(proxy, answering({ fields }), [[], requestFields]);
  return requests.length === 1;
}

/** An origin that gives the first answer, then the others; the last again and again. */
export function answering(...responses: readonly ResponseToSend[]): RequestHandler {
  let asked = 0;
  return (_, reply) => reply.response({ body: 'content', ...responses[Math.min(asked++, responses.length - 1)] });
}

/** One GET on a connection of its own. */
export async function ask(proxy: TestProxy, url: string, fields: readonly WireField[] = [], version = '1.1'): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  const lines = [['Host', new URL(url).host], ['Connection', 'close'], ...fields].map(([name, value]) => `${name}: ${value}\r\n`);
  await client.send(`GET ${url} HTTP/${version}\r\n${lines.join('')}\r\n`);
  return await client.readLastResponse();
}
