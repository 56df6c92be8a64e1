// A proxy with a cache in memory, and what tests of it say again and again: a request for a URL, and what the answer says of the cache.
import { onTestFinished } from 'vitest';
import { type Config, configFrom } from '../../src/config/config.ts';
import { DEFAULT_POLICY_FILE } from '../../src/config/load.ts';
import { type Origin, type Reply, type ResponseToSend, startOrigin } from './origin.ts';
import { connectRaw, type Destination, type FinalResponse } from './raw-client.ts';
import { startTestProxy, type TestConfig, type TestProxy } from './start-proxy.ts';
import { valuesOf, type WireField } from './strict-message.ts';

type CacheSettings = NonNullable<Parameters<typeof configFrom>[0]['cache']>;

/** Settings of `cache:`, as a configuration file has them; nothing on disk. */
export function inMemory(settings: CacheSettings = {}): Config['cache'] {
  return configFrom({ cache: { disk: 0, ...settings } }, DEFAULT_POLICY_FILE).cache;
}

export function startCachingProxy(settings: CacheSettings = {}, config: TestConfig = {}): Promise<TestProxy> {
  return startTestProxy({ viaName: 'sally', cache: inMemory(settings), ...config });
}

export interface Asking {
  readonly method?: string;
  readonly fields?: readonly WireField[];
  readonly body?: string;
}

/** The octets of one request. */
export function requestFor(url: string, { method = 'GET', fields = [], body }: Asking = {}): string {
  const all: WireField[] = [['Host', new URL(url).host], ...fields];
  if (body !== undefined) all.push(['Content-Length', String(body.length)]);
  return `${method} ${url} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body ?? ''}`;
}

/** One request on a connection of its own. */
export async function fetchVia(proxy: Destination, url: string, asking: Asking = {}): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(requestFor(url, asking));
  return await client.readResponse(asking.method);
}

/** One answer of an origin: a response, with the content of all where it has no body of its own, or whatever it does. */
export type OriginAnswer = ResponseToSend | ((reply: Reply) => unknown);

/**
 * Makes origins that give their answers one after the other, the last again and again. Each is closed when its test has finished.
 *
 * @param content  of responses that do not name theirs
 */
export function originsOf(content: string): (...answers: readonly OriginAnswer[]) => Promise<Origin> {
  return async (...answers) => {
    let asked = 0;
    const origin = await startOrigin((_, reply) => {
      const answer = answers[Math.min(asked++, answers.length - 1)]!;
      return typeof answer === 'function' ? answer(reply) : reply.response({ body: content, ...answer });
    });
    onTestFinished(() => origin.close());
    return origin;
  };
}

/** The only value of a field. @throws when there are several; `undefined` when there is none */
export function onlyValueOf(response: { readonly fields: readonly WireField[] }, lower: string): string | undefined {
  const values = valuesOf(response.fields, lower);
  if (values.length > 1) throw new Error(`${lower} came ${values.length} times: ${values.join(' | ')}`);
  return values[0];
}

/** Our member of Cache-Status, without our name. */
export function cacheStatusOf(response: { readonly fields: readonly WireField[] }): string | undefined {
  return valuesOf(response.fields, 'cache-status')
    .at(-1)
    ?.replace(/^sally;?/, '');
}
