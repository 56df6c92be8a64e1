// Every wait ends (RFC 9209 §2.3 names how): each timer, set short, with the answer or the end it leads to.
import { afterAll, describe, expect, it } from 'vitest';
import { startFullServer } from '../support/full-server.ts';
import { startRawServer } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestConfig, type TestProxy } from '../support/start-proxy.ts';
import { blocks } from '../support/tunnel-servers.ts';

/** Short, and a coarse timer may be one tick late. */
const SHORT_MS = 200;
/** Where it is not to end, although it would without what is tested: as long as a busy machine may take for one step. */
const GRACE_MS = 1_000;
/** None of these tests waits for the timers that it is not about. */
const LONG_MS = 600_000;
const started: TestProxy[] = [];
afterAll(async () => {
  for (const proxy of started) await proxy.close();
});

/** A proxy with these timers short and all others long. */
async function startWith(listener: TestConfig['listener'], upstream: TestConfig['upstream'] = {}): Promise<TestProxy> {
  const proxy = await startTestProxy({
    viaName: 'sally',
    listener: { headTimeoutMs: LONG_MS, idleTimeoutMs: LONG_MS, contentGraceMs: LONG_MS, writeTimeoutMs: LONG_MS, ...listener },
    upstream: { connectTimeoutMs: LONG_MS, responseTimeoutMs: LONG_MS, gapTimeoutMs: LONG_MS, writeTimeoutMs: LONG_MS, ...upstream },
  });
  started.push(proxy);
  return proxy;
}

describe.concurrent('a client', () => {
  it('that does not begin is closed', async () => {
    using client = await connectRaw(await startWith({ headTimeoutMs: SHORT_MS }));
    expect(await client.readToEnd()).toHaveLength(0);
  });

  it('that trickles the head of its request is answered 408: the time counts for all of it', async () => {
    using client = await connectRaw(await startWith({ headTimeoutMs: SHORT_MS }));
    void client.sendSlowly(`GET http://a.example/${'a'.repeat(1_000)}`, 1, 20);
    const response = await client.readLastResponse();
    expect(response.status).toBe(408);
    expect(response.head).toContain('Proxy-Status: sally;error=http_request_error');
  });

  it('that waits too long before its next request is closed without a word', async () => {
    await using origin = await startRawServer(answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    using client = await connectRaw(await startWith({ idleTimeoutMs: SHORT_MS }));
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    await client.readLastResponse();
  });

  it('whose content comes too slowly is answered 408, and the origin is told', async () => {
    const proxy = await startWith({ contentGraceMs: SHORT_MS, contentMinBytesPerSecond: 1_000 });
    const ended = Promise.withResolvers<unknown>();
    await using origin = await startRawServer((connection) => ended.resolve(connection.closed));
    using client = await connectRaw(proxy);
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n`);
    void client.sendSlowly('a'.repeat(100), 1, 20);
    const response = await client.readLastResponse();
    expect(response.status).toBe(408);
    await ended.promise;
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'failed', status: 408 });
  });

  it('whose content comes fast enough is not hurried', async () => {
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await connection.readExactly(6_000);
      await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    using client = await connectRaw(await startWith({ contentGraceMs: 3 * SHORT_MS, contentMinBytesPerSecond: 200 }));
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 6000\r\n\r\n`);
    await client.sendSlowly('a'.repeat(6_000), 100, 25);
    expect((await client.readResponse()).status).toBe(200);
  });

  it('that holds its content back until it is told to continue is not called slow (RFC 9110 §10.1.1)', async () => {
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await new Promise((resolve) => setTimeout(resolve, 3 * GRACE_MS));
      await connection.send('HTTP/1.1 100 Continue\r\n\r\n');
      await connection.readExactly(5);
      await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    using client = await connectRaw(await startWith({ contentGraceMs: GRACE_MS, contentMinBytesPerSecond: 1_000 }));
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    expect((await client.readAnyResponse()).status).toBe(100);
    await client.send('hello');
    expect((await client.readResponse()).status).toBe(200);
  });

  it('that was told to continue and does not is answered 408', async () => {
    await using origin = await startRawServer(answering('HTTP/1.1 100 Continue\r\n\r\n'));
    using client = await connectRaw(await startWith({ contentGraceMs: SHORT_MS, contentMinBytesPerSecond: 1_000 }));
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    const response = await client.readResponse();
    expect([response.interim.length, response.status]).toEqual([1, 408]);
  });

  it('that does not read its answer is broken off', async () => {
    const proxy = await startWith({ writeTimeoutMs: SHORT_MS });
    const ended = Promise.withResolvers<unknown>();
    await using origin = await startRawServer(async (connection) => {
      ended.resolve(connection.closed);
      await connection.readUntil('\r\n\r\n');
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 ** 3}\r\n\r\n`);
      for (const block of blocks(64 * 1024 * 1024)) await connection.send(block);
    });
    using client = await connectRaw(proxy);
    client.pause();
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    await ended.promise;
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'aborted', status: 200 });
  });

  it('that sends on and on and reads nothing of the echo is broken off', async () => {
    const proxy = await startWith({ writeTimeoutMs: SHORT_MS });
    await using origin = await startRawServer((connection) => {
      const socket = connection.release();
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(socket);
    });
    using client = await connectRaw(proxy);
    client.pause();
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 ** 3}\r\n\r\n`);
    const block = Buffer.alloc(64 * 1024);
    const sending = (async () => {
      for (let n = 0; n < 1_000; n += 1) await client.send(block);
    })();
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'aborted', status: 200 });
    client.destroy();
    await sending;
  });

  it('that reads the last of its answer late still gets all of it', async () => {
    const length = 6 * 1024 * 1024;
    const proxy = await startWith({});
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      for (const block of [Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`), ...blocks(length)])
        await connection.send(block);
    });
    using client = await connectRaw({ ...proxy, timeoutMs: 20_000 });
    client.pause();
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // longer than a client has for its goodbye
    client.resume();
    expect((await client.readLastResponse()).body).toHaveLength(length);
  });
});

describe.concurrent('an origin', () => {
  it('that does not answer leads to 504 http_response_timeout', async () => {
    await expectTimeout(await startWith({}, { responseTimeoutMs: SHORT_MS }), '', 'http_response_timeout');
  });

  it('that sends interim answers has that time anew after each', async () => {
    const proxy = await startWith({}, { responseTimeoutMs: 2 * GRACE_MS });
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      for (let n = 0; n < 6; n += 1) {
        await new Promise((resolve) => setTimeout(resolve, GRACE_MS / 2));
        await connection.send('HTTP/1.1 102 Processing\r\n\r\n');
      }
      await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const response = await client.readResponse();
    expect([response.status, response.interim.length]).toEqual([200, 6]);
  });

  it('that trickles the head of its answer leads to 504: the time counts for all of it', async () => {
    const proxy = await startWith({}, { responseTimeoutMs: SHORT_MS });
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await connection.sendSlowly(`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(1_000)}`, 1, 20);
    });
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await client.readResponse()).status).toBe(504);
  });

  it('that stops in the middle of its answer breaks the client off', async () => {
    const proxy = await startWith({}, { gapTimeoutMs: SHORT_MS });
    await using origin = await startRawServer(answering('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'));
    using client = await connectRaw(proxy);
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(await client.closed).toEqual({ hadReset: true });
    const flow = await proxy.flow(0);
    expect(flow).toMatchObject({ outcome: 'failed', status: 200 });
    expect(flow.error?.code).toBe('connection_read_timeout');
  });

  it('is not blamed for a client that reads slowly', async () => {
    const length = 24 * 1024 * 1024;
    const proxy = await startWith({}, { gapTimeoutMs: GRACE_MS });
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      for (const block of [Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`), ...blocks(length)])
        await connection.send(block);
    });
    using client = await connectRaw(proxy);
    client.pause();
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 3 * GRACE_MS)); // longer than the gap
    client.resume();
    expect((await client.readResponse()).body).toHaveLength(length);
  });

  it('that does not read the request leads to 504 connection_write_timeout', async () => {
    const proxy = await startWith({}, { writeTimeoutMs: SHORT_MS });
    await using origin = await startRawServer((connection) => connection.pause());
    using client = await connectRaw(proxy);
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 ** 3}\r\n\r\n`);
    const sending = (async () => {
      for (const block of blocks(64 * 1024 * 1024)) await client.send(block);
    })();
    const response = await client.readResponse();
    expect(response.status).toBe(504);
    expect(response.head).toContain(';error=connection_write_timeout;');
    client.destroy();
    await sending;
  });

  it('that does not take the connection leads to 504 connection_timeout', async () => {
    using full = await startFullServer();
    const proxy = await startWith({}, { connectTimeoutMs: SHORT_MS });
    using client = await connectRaw(proxy);
    await client.send(`GET ${full.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const response = await client.readResponse();
    expect(response.status).toBe(504);
    expect(response.head).toContain('Proxy-Status: sally;error=connection_timeout;');
  });

  it('that takes the connection late is waited for, however early the small content came', async () => {
    using full = await startFullServer();
    const proxy = await startWith({ contentGraceMs: SHORT_MS, contentMinBytesPerSecond: 1_000 }, { connectTimeoutMs: 4 * SHORT_MS });
    using client = await connectRaw(proxy);
    await client.send(`POST ${full.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`);
    expect((await client.readResponse()).status).toBe(504); // and not cut off as too slow before that
  });
});

function answering(text: string): Parameters<typeof startRawServer>[0] {
  return async (connection) => {
    await connection.readUntil('\r\n\r\n');
    await connection.send(text);
  };
}

async function expectTimeout(proxy: TestProxy, text: string, code: string): Promise<void> {
  await using origin = await startRawServer(answering(text));
  using client = await connectRaw(proxy);
  await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  const response = await client.readResponse();
  expect(response.status).toBe(504);
  expect(response.head).toContain(`Proxy-Status: sally;error=${code};`);
}
