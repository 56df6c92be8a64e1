// What tests of tunnels say again and again: CONNECT and its answer, and what an answer of the proxy's own tells.
import { BoundSocket } from 'node:net';
import { expect } from 'vitest';
import { startRawServer } from './origin.ts';
import { connectRaw, type Destination, type RawClient } from './raw-client.ts';
import { type RawResponse, valuesOf } from './strict-message.ts';

/** A CONNECT as a client of HTTP/1.1 sends it. */
export function connectText(authority: string): string {
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
}

/** A tunnel through the proxy. @param early sent together with the CONNECT @throws unless the answer is 200 */
export async function openTunnel(proxy: Destination, authority: string, early = ''): Promise<RawClient> {
  const client = await connectRaw(proxy);
  await client.send(`${connectText(authority)}${early}`);
  const response = await client.readResponse('CONNECT');
  expect(response.status, response.raw.toString('latin1')).toBe(200);
  return client;
}

/** The answer to a CONNECT that does not become a tunnel; it is the last on its connection. */
export async function refusedConnect(proxy: Destination, authority: string): Promise<RawResponse> {
  using client = await connectRaw(proxy);
  await client.send(connectText(authority));
  return await client.readLastResponse('CONNECT');
}

/** Status, and the error of the last member of Proxy-Status (RFC 9209): the proxy that answered the client. */
export function failure(response: RawResponse): { readonly status: number; readonly error: string | undefined } {
  const members = valuesOf(response.fields, 'proxy-status').join();
  return { status: response.status, error: /.*;\s*error=([a-z_]+)/s.exec(members)?.[1] };
}

/** A port on which nothing listens, for as long as this process runs; who asks for this very one may. */
export async function closedPort(): Promise<number> {
  if (process.platform === 'linux') {
    // Bound and not listened on, it refuses, and the system gives it to nobody who leaves the choice to it.
    const held = new BoundSocket({ host: '0.0.0.0', port: 0 });
    HELD.push(held);
    return held.address().port;
  }
  const server = await startRawServer(() => {});
  await server.close();
  return server.port;
}

const HELD: BoundSocket[] = [];
