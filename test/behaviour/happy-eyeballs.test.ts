// A name with several addresses: the next is tried when one is slow or refuses (RFC 8305), and none that was not judged.
import { writeFileSync } from 'node:fs';
import { BoundSocket } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startBlackHole } from '../support/black-hole.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import { startTestProxy, type TestConfig, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { closedPort, failure, openTunnel, refusedConnect } from '../support/tunnels.ts';

test('an address that does not answer is overtaken by the next, a quarter of a second later (RFC 8305 §5)', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'second' }));
  await blackHole('127.0.0.2', origin.port);
  await using proxy = await startTestProxy(named('127.0.0.2', '127.0.0.1'));
  const startedMs = performance.now();
  expect((await ask(proxy, origin.port)).body.toString()).toBe('second');
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(240);
  expect(proxy.flows[0]).toMatchObject({ upstreamAddress: '127.0.0.1', resolvedFrom: 'hosts', outcome: 'forwarded' });
});

test('an address that refuses is followed by the next at once', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'the last' }));
  await using proxy = await startTestProxy(named(...MANY, '127.0.0.1'));
  expect((await ask(proxy, origin.port)).body.toString()).toBe('the last');
  // A quarter of a second after each of them would be more than seven.
  expect(proxy.flows[0]!.connectMs).toBeLessThan(5_000);
});

test('the first that stands is used, and the slower ones are let go of', async () => {
  await using first = await startOrigin((_, reply) => reply.response({ body: 'first' }), { host: '127.0.0.1' });
  await using proxy = await startTestProxy(named('127.0.0.1', '127.0.0.2'));
  expect((await ask(proxy, first.port)).body.toString()).toBe('first');
  expect(first.accepted).toBe(1);
});

test('both families are tried, whichever works', async () => {
  await using origin = await startOnlyOn('::1', '127.0.0.1');
  await using proxy = await startTestProxy(named('127.0.0.1', '::1'));
  expect((await ask(proxy, origin.port)).body.toString()).toBe('six');
  using tunnel = await openTunnel(proxy, `shop.example:${origin.port}`);
  tunnel.destroy();
});

test('none that answers in time is 504 connection_timeout, for requests and tunnels, and no 200 is said before', async () => {
  const hole = await blackHole('127.0.0.2');
  await using proxy = await startTestProxy({ ...named('127.0.0.2'), upstream: { connectTimeoutMs: 300 } });
  expect(failure(await ask(proxy, hole.port))).toEqual({ status: 504, error: 'connection_timeout' });
  expect(failure(await refusedConnect(proxy, `shop.example:${hole.port}`))).toEqual({ status: 504, error: 'connection_timeout' });
  expect(proxy.flows[0]).toMatchObject({ upstreamAddress: null, outcome: 'failed' });
});

test('the deadline holds for all attempts together', async () => {
  const hole = await blackHole('0.0.0.0');
  await using proxy = await startTestProxy({ ...named(...MANY), upstream: { connectTimeoutMs: 500 } });
  const startedMs = performance.now();
  expect(failure(await ask(proxy, hole.port))).toEqual({ status: 504, error: 'connection_timeout' });
  // A quarter of a second after each of them, the last is tried after seven.
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test('a client that leaves while addresses are tried ends the attempts', async () => {
  const hole = await blackHole('127.0.0.2');
  await using proxy = await startTestProxy({ ...named('127.0.0.2'), upstream: { connectTimeoutMs: 60_000 } });
  const client = await connectRaw(proxy);
  await client.send(`CONNECT shop.example:${hole.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
  client.reset();
  expect(await proxy.flow(0)).toMatchObject({ outcome: 'aborted', status: 0, upstreamAddress: null });
  expect(await proxy.running.drain(20_000)).toBe(0);
});

test('all that refuse is 502 connection_refused, and says how many they were', async () => {
  await using proxy = await startTestProxy(named('127.0.0.2', '127.0.0.3'));
  const response = await ask(proxy, await closedPort());
  expect(failure(response)).toEqual({ status: 502, error: 'connection_refused' });
  expect(response.body.toString()).toContain('at each of its 2 addresses');
});

test('an address that the guard forbids is never dialled, although it comes first', async () => {
  await using proxy = await startTestProxy({
    listen: [{ kind: 'tcp', host: '127.0.0.2', port: 0 }],
    ...named('127.0.0.2', '169.254.169.254', '127.0.0.1'),
  });
  // The proxy itself listens at the first address: a connection to it would be seen as one more exchange or open connection.
  const response = await ask({ host: '127.0.0.2', port: proxy.port }, proxy.port);
  expect(failure(response)).toEqual({ status: 502, error: 'connection_refused' });
  await proxy.flow(0);
  expect(proxy.flows).toHaveLength(1);
  expect(proxy.flows[0]).toMatchObject({
    judged: [
      { address: '127.0.0.2', allowed: false },
      { address: '169.254.169.254', allowed: false },
      { address: '127.0.0.1', allowed: true },
    ],
    connectionId: 1,
  });
});

const MANY = Array.from({ length: 30 }, (_, i) => `127.0.0.${i + 2}`);

/** `shop.example` with these addresses, in this order. */
function named(...addresses: readonly string[]): TestConfig {
  const hostsFile = path.join(temporaryFolder(onTestFinished), 'hosts');
  writeFileSync(hostsFile, addresses.map((address) => `${address} shop.example\n`).join(''));
  return { resolver: { hostsFile } };
}

/** Where the other address refuses: somebody else may listen there, at a port that the system chose. */
async function startOnlyOn(host: string, other: string): Promise<Origin> {
  for (;;) {
    const origin = await startOrigin((_, reply) => reply.response({ body: 'six' }), { host });
    try {
      const held = new BoundSocket({ host: other, port: origin.port });
      onTestFinished(() => held.close());
      return origin;
    } catch {
      await origin.close();
    }
  }
}

async function blackHole(host: string, port = 0) {
  const hole = await startBlackHole(host, port);
  onTestFinished(() => hole.close());
  return hole;
}

async function ask(proxy: TestProxy | { host: string; port: number }, port: number): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`GET http://shop.example:${port}/ HTTP/1.1\r\nHost: shop.example\r\n\r\n`);
  return await client.readResponse();
}
