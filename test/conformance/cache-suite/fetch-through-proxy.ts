// Owns the client of the public suite: a `fetch` that sends absolute-form requests (RFC 9112 §3.2.2) to a proxy, each on a connection of its own.
// Node's own fetch takes no proxy without further packages, has a mind about caching (it adds `Cache-Control: no-cache` by its cache mode) and decodes
// content. This one sends what the suite asks for, Host and the length of the content, nothing else; it follows no redirect.
import { type IncomingMessage, request as startRequest } from 'node:http';
import type { SuiteRequest, SuiteResponse } from 'http-cache-tests/client/runner.mjs';

export interface ProxyAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * @returns a fetch whose response has come in whole
 * @throws (the fetch, not this) when the proxy breaks off before the end of the response, or has not finished it in 20 seconds
 */
export function fetchThrough(proxy: ProxyAddress): (url: string, init?: SuiteRequest) => Promise<SuiteResponse> {
  return async (url, { method = 'GET', headers = [], body } = {}) => {
    // Lines of one name become one, joined by a comma, as with any fetch.
    const fields = [['host', new URL(url).host], ...new Headers(headers.map(([name, value]): [string, string] => [name, value]))];
    if (body !== undefined) fields.push(['content-length', String(Buffer.byteLength(body))]);
    const signal = AbortSignal.timeout(RESPONSE_TIMEOUT_MS);
    const { promise, resolve, reject } = Promise.withResolvers<SuiteResponse>();
    startRequest({ ...proxy, method, path: url, headers: fields.flat(), agent: false, signal })
      .on('response', (message) => readResponse(message).then(resolve, reject))
      // Octets after a complete response raise an error here too; by then the promise is settled.
      .on('error', reject)
      .end(body);
    return promise;
  };
}

async function readResponse(message: IncomingMessage): Promise<SuiteResponse> {
  const content = Buffer.concat(await message.toArray());
  const headers = new Headers();
  // The raw list: `message.headers` drops the second Age, ETag or Expires.
  for (let index = 0; index < message.rawHeaders.length; index += 2)
    headers.append(message.rawHeaders[index]!, message.rawHeaders[index + 1]!);
  return { status: message.statusCode!, statusText: message.statusMessage!, headers, text: async () => content.toString() };
}

/** An unknown transfer coding runs to the end of its connection, which the suite's origin closes after five idle seconds. */
const RESPONSE_TIMEOUT_MS = 20_000;
