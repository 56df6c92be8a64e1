// Connections to origins are used again in a proven clean state and in no other (RFC 9112 §9.3); what breaks on a kept one is repeated only
// where that cannot do harm (RFC 9110 §9.2.2).
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FULL } from '../../src/http/message.ts';
import { Deadlines } from '../../src/net/deadlines.ts';
import { UpstreamConnection } from '../../src/upstream/connection.ts';
import { Http1Client } from '../../src/upstream/http1-client.ts';
import { UPSTREAM_DEFAULTS } from '../../src/upstream/options.ts';
import { ReadBuffers } from '../../src/upstream/read-buffers.ts';
import { startOrigin, startRawServer } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(() => proxy.close());

async function ask(client: RawClient, url: string, method = 'GET'): Promise<number> {
  await client.send(`${method} ${url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  return (await client.readResponse(method)).status;
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Answers each request head on a connection with the next of these texts; after the last one it answers nothing. */
function inTurn(...answers: readonly string[]): (connection: RawConnection) => Promise<void> {
  let next = 0;
  return async (connection) => {
    while (await connection.hasMore()) {
      await connection.readUntil('\r\n\r\n');
      const answer = answers[next];
      next += 1;
      if (answer === undefined) return;
      if (answer === 'reset') return connection.reset();
      await connection.send(answer);
    }
  };
}

describe('a connection is used again', () => {
  it('by another client', async () => {
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'x' }));
    using first = await connectRaw(proxy);
    using second = await connectRaw(proxy);
    const start = proxy.flows.length;
    await ask(first, origin.url);
    await ask(second, origin.url);
    await ask(first, origin.url, 'POST');
    expect(origin.accepted).toBe(1);
    expect(proxy.flows.slice(start).map(({ reusedConnection }) => reusedConnection)).toEqual([false, true, true]);
  });

  it('after an answer whose last octets had to wait for a slow client', async () => {
    await using origin = await startRawServer(inTurn(OK, OK));
    const deadlines = new Deadlines();
    const connection = UpstreamConnection.dial('127.0.0.1', origin.port, new ReadBuffers('lossy'));
    const client = new Http1Client(
      connection,
      'the origin',
      UPSTREAM_DEFAULTS,
      deadlines,
      () => {},
      () => {},
    );
    const request = { method: 'GET', target: '/', host: 'x', fields: [], body: null, onInterim: () => {} };
    for (let round = 0; round < 2; round += 1) {
      const { body } = await client.exchange(request);
      const ended = new Promise<unknown>((end, fail) => body?.start({ write: () => FULL, end, fail }));
      body?.resume();
      await ended;
      expect(client.isIdle).toBe(true);
    }
    client.abort();
    deadlines.close();
  });
});

describe('a connection is not used again after', () => {
  it.each([
    ['surplus octets behind content by length', `${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`],
    [
      'surplus octets behind chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    ],
    ['content with 204', 'HTTP/1.1 204 No Content\r\n\r\nevil'],
    ['content with 304', 'HTTP/1.1 304 Not Modified\r\n\r\nevil'],
    ['Connection: close', OK.replace('OK\r\n', 'OK\r\nConnection: close\r\n')],
  ])('%s', async (_, answer) => {
    await using origin = await startRawServer(inTurn(answer, OK));
    using client = await connectRaw(proxy);
    await ask(client, origin.url);
    using other = await connectRaw(proxy);
    await other.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect((await other.readResponse()).body.toString()).toBe('ok');
    expect(origin.accepted).toBe(2);
  });

  it('content with the answer to HEAD', async () => {
    await using origin = await startRawServer(inTurn(OK, OK));
    using client = await connectRaw(proxy);
    expect(await ask(client, origin.url, 'HEAD')).toBe(200);
    expect(await ask(client, origin.url)).toBe(200);
    expect(origin.accepted).toBe(2);
  });

  it('an answer that came before the request was sent whole', async () => {
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await connection.send(OK);
    });
    using client = await connectRaw(proxy);
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\nbeginning`);
    const response = await client.readLastResponse();
    expect(response.body.toString()).toBe('ok');
    expect(response.head).toContain('Connection: close');
    using next = await connectRaw(proxy);
    expect(await ask(next, origin.url)).toBe(200);
    expect(origin.accepted).toBe(2);
  });

  it('octets that nobody asked for', async () => {
    const connections: RawConnection[] = [];
    await using origin = await startRawServer((connection) => {
      connections.push(connection);
      return inTurn(OK, OK)(connection);
    });
    using client = await connectRaw(proxy);
    await ask(client, origin.url);
    await connections[0]!.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await connections[0]!.closed;
    expect(await ask(client, origin.url)).toBe(200);
    expect(origin.accepted).toBe(2);
  });

  it('a FIN of the origin', async () => {
    await using origin = await startRawServer(async (connection) => {
      await connection.readUntil('\r\n\r\n');
      await connection.send(OK);
      connection.end();
      await connection.closed;
      over.resolve();
    });
    let over = Promise.withResolvers<void>();
    using client = await connectRaw(proxy);
    for (const method of ['GET', 'POST', 'GET']) {
      over = Promise.withResolvers<void>();
      expect(await ask(client, origin.url, method)).toBe(200);
      await over.promise;
    }
    expect(origin.accepted).toBe(3);
  });

  it('the idle time', async () => {
    await using impatient = await startTestProxy({ upstream: { idleTimeoutMs: 100 } });
    const ended = Promise.withResolvers<unknown>();
    await using origin = await startRawServer((connection) => {
      ended.resolve(connection.closed);
      return inTurn(OK)(connection);
    });
    using client = await connectRaw(impatient);
    await ask(client, origin.url);
    await ended.promise;
  });
});

describe('when a kept connection turns out dead', () => {
  it('GET is sent again on a new one, once', async () => {
    await using origin = await startRawServer(inTurn(OK, 'reset', OK));
    using client = await connectRaw(proxy);
    const start = proxy.flows.length;
    await ask(client, origin.url);
    expect(await ask(client, origin.url)).toBe(200);
    expect(origin.accepted).toBe(2);
    expect(proxy.flows[start + 1]).toMatchObject({ outcome: 'forwarded', reusedConnection: false });
  });

  it('GET is not sent a third time', async () => {
    await using origin = await startRawServer(inTurn(OK, 'reset', 'reset', OK));
    using client = await connectRaw(proxy);
    await ask(client, origin.url);
    expect(await ask(client, origin.url)).toBe(502);
    expect(origin.accepted).toBe(2);
  });

  it.each(['POST', 'DELETE'])('%s is not sent again', async (method) => {
    await using origin = await startRawServer(inTurn(OK, 'reset', OK));
    using client = await connectRaw(proxy);
    await ask(client, origin.url);
    expect(await ask(client, origin.url, method)).toBe(502);
    expect(origin.accepted).toBe(1);
  });

  it('GET is not sent again once any of the answer came', async () => {
    let asked = 0;
    await using origin = await startRawServer(async (connection) => {
      while (await connection.hasMore()) {
        await connection.readUntil('\r\n\r\n');
        asked += 1;
        await connection.send(asked === 1 ? OK : 'HTTP/1.1 2');
        if (asked > 1) return connection.end();
      }
    });
    using client = await connectRaw(proxy);
    await ask(client, origin.url);
    expect(await ask(client, origin.url)).toBe(502);
    expect(asked).toBe(2);
  });
});

it('a POST takes no connection that has been idle for a second or more', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'x' }));
  using client = await connectRaw(proxy);
  await ask(client, origin.url);
  await delay(1_050); // the time itself is what is tested
  await ask(client, origin.url, 'POST');
  expect(origin.accepted).toBe(2);
});
