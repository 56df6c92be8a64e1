// A stop: what is under way may finish, what is idle goes, nothing new begins, and a deadline ends it.
import { test as base, describe, expect } from 'vitest';
import { type Origin, type Reply, startOrigin, startRawServer } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { ResetError } from '../support/raw-connection.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { openTunnel } from '../support/tunnels.ts';

interface AskedOrigin extends Origin {
  /** The first request's reply, which the test gives. */
  readonly asked: Promise<Reply>;
}

const test = base.extend<{ proxy: TestProxy; origin: AskedOrigin }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads what a fixture needs off its first parameter
  proxy: async ({}, use) => {
    await using proxy = await startTestProxy();
    await use(proxy);
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above
  origin: async ({}, use) => {
    const { promise, resolve } = Promise.withResolvers<Reply>();
    await using origin = await startOrigin((_, reply) => resolve(reply));
    await use(Object.defineProperties(origin as AskedOrigin, { asked: { value: promise } }));
  },
});

describe('a stop', () => {
  test('waits for an exchange, whose answer says that the connection closes', async ({ proxy, origin }) => {
    using client = await connectRaw(proxy);
    await ask(client, origin);
    const reply = await origin.asked;
    const drained = proxy.running.drain(20_000);
    await reply.response({ body: 'whole' });
    const response = await client.readLastResponse();
    expect(response.body.toString()).toBe('whole');
    expect(valuesOf(response.fields, 'connection')).toEqual(['close']);
    client.end();
    expect(await drained).toBe(0);
  });

  test('waits for a request whose head is still coming', async ({ proxy, origin }) => {
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\n`);
    await expect.poll(() => client.unread.length === 0 && proxy.flows.length === 0).toBe(true);
    using other = await connectRaw(proxy);
    await other.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await other.readResponse(); // by now the first client's octets have been read
    const drained = proxy.running.drain(20_000);
    await client.send(`Host: ${origin.authority}\r\n\r\n`);
    await (await origin.asked).response({ body: 'last one' });
    expect((await client.readLastResponse()).body.toString()).toBe('last one');
    for (const each of [client, other]) each.end();
    expect(await drained).toBe(0);
  });

  test('answers no request that comes behind the last one', async ({ proxy, origin }) => {
    using client = await connectRaw(proxy);
    await ask(client, origin);
    const reply = await origin.asked;
    const drained = proxy.running.drain(20_000);
    await ask(client, origin);
    await reply.response({ body: 'last' });
    expect((await client.readLastResponse()).body.toString()).toBe('last');
    client.end();
    expect(await drained).toBe(0);
    expect(origin.requests).toHaveLength(1);
  });

  test('closes idle connections at once, those that were never used too', async ({ proxy }) => {
    await using page = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    using used = await connectRaw(proxy);
    using unused = await connectRaw(proxy);
    await ask(used, page);
    await used.readResponse();
    const drained = proxy.running.drain(20_000);
    expect((await used.readToEnd()).length).toBe(0);
    expect((await unused.readToEnd()).length).toBe(0);
    for (const client of [used, unused]) client.end();
    expect(await drained).toBe(0);
  });

  test('does not wait for good for a client that keeps its side of a closed connection open', async ({ proxy }) => {
    using client = await connectRaw(proxy);
    const startedMs = performance.now();
    expect(await proxy.running.drain(20_000)).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    client.destroy();
  });

  test('accepts no new connection', async ({ proxy, origin }) => {
    using client = await connectRaw(proxy);
    await ask(client, origin);
    const reply = await origin.asked;
    const drained = proxy.running.drain(20_000);
    await expect(connectRaw(proxy)).rejects.toThrow('ECONNREFUSED');
    await reply.response({ body: 'done' });
    await client.readLastResponse();
    client.end();
    await drained;
  });

  test('waits for a tunnel to end by itself', async ({ proxy }) => {
    await using echo = await startEcho();
    using client = await openTunnel(proxy, echo.authority);
    const drained = proxy.running.drain(20_000);
    await client.send('still open');
    expect((await client.readExactly(10)).toString()).toBe('still open');
    client.end();
    expect((await client.readToEnd()).length).toBe(0);
    expect(await drained).toBe(0);
  });

  test('at its deadline says how many it cuts off, and cuts them so that nobody takes them for whole', async ({ proxy, origin }) => {
    await using source = await startRawServer((connection) => connection.send('part'));
    const tunnel = await openTunnel(proxy, source.authority);
    expect((await tunnel.readExactly(4)).toString()).toBe('part');
    using client = await connectRaw(proxy);
    await ask(client, origin);
    const reply = await origin.asked;
    await reply.raw('HTTP/1.0 200 OK\r\n\r\nhalf');
    await client.readUntil('half');
    expect(await proxy.running.drain(50)).toBe(2);
    await proxy.close();
    await expect(tunnel.readToEnd()).rejects.toThrow(ResetError);
    await expect(client.readToEnd()).rejects.toThrow(ResetError);
    for (const flow of proxy.flows)
      expect(flow).toMatchObject({ outcome: 'failed', status: 200, error: { code: 'connection_terminated' } });
    expect(proxy.flows).toHaveLength(2);
  });

  test('with nothing open takes no time', async ({ proxy }) => {
    const startedMs = performance.now();
    expect(await proxy.running.drain(20_000)).toBe(0);
    await proxy.close();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});

function ask(client: RawClient, origin: Origin): Promise<void> {
  return client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
}
