// What a rule's limits do to octets on their way, with real sockets on both sides and the proxy's own parts between them.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Incoming } from '../../src/exchange/exchange.ts';
import { exhaustionOf, throttleBody } from '../../src/exchange/throttle.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { Http1Connection } from '../../src/listeners/http1-connection.ts';
import { LISTENER_DEFAULTS, type ListenerOptions } from '../../src/listeners/listener.ts';
import { ByteRate } from '../../src/net/byte-rate.ts';
import { Deadlines } from '../../src/net/deadlines.ts';
import { DailyBytes } from '../../src/policy/limits/daily-bytes.ts';
import { type Lease, Limits } from '../../src/policy/limits/limits.ts';
import type { RuleLimits } from '../../src/policy/policy.ts';
import { Relay, type RelayEnd } from '../../src/tunnel/relay.ts';
import { UpstreamConnection } from '../../src/upstream/connection.ts';
import { Http1Client } from '../../src/upstream/http1-client.ts';
import { UPSTREAM_DEFAULTS, type UpstreamOptions } from '../../src/upstream/options.ts';
import { ReadBuffers } from '../../src/upstream/read-buffers.ts';
import { startOrigin, startRawServer } from '../support/origin.ts';
import { ask, policyOf } from '../support/policies.ts';
import { connectRaw, type FinalResponse, type RawClient } from '../support/raw-client.ts';
import { type RawConnection, ResetError } from '../support/raw-connection.ts';
import { startTestProxy, type TestProxy, testConfig } from '../support/start-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { blocks, digest, expectedContent } from '../support/tunnel-servers.ts';
import { closedPort, openTunnel, refusedConnect } from '../support/tunnels.ts';
import { startUndisturbedTime } from '../support/undisturbed-time.ts';

const RATE = 256 * 1024;
/** A burst, and two seconds' worth. */
const LONG = 3 * RATE;

test('an answer is held to the limits of the rule that decided on it, though another let its request pass', async () => {
  await using origin = await startOrigin(({ target }, reply) =>
    reply.response({ fields: [['Content-Type', target === '/text' ? 'text/plain' : 'image/png']], body: 'ok' }),
  );
  const rules = [
    '- { name: Pictures, allow: { response_type: image/* } }',
    '- { name: Texts, allow: { response_type: text/* }, limits: { per_day: 2B, per: client } }',
  ];
  const policyFile = policyOf(`default: deny\nrules:\n  ${rules.join('\n  ')}\n`);
  await using proxy = await startTestProxy({ policyFile });
  const statuses = [];
  for (const path of ['/image', '/text', '/text', '/image'])
    statuses.push((await ask(proxy, `GET http://127.0.0.1:${origin.port}${path}`)).status);
  expect(statuses).toEqual([200, 200, 429, 200]);
  expect(await proxy.flow(2)).toMatchObject({ outcome: 'denied', decision: { action: 'allow', rule: { name: 'Texts' } } });
});

describe('a tunnel', () => {
  test('brings octets down and up at the rate of each, all of them and in order, with their ends', async () => {
    spoilWhatIsGivenBack();
    const { client, origin, ended, limits } = await tunnel({ downloadBytesPerSecond: RATE, uploadBytesPerSecond: RATE });
    const startedMs = performance.now();
    using undisturbed = startUndisturbedTime();
    const [near, far] = [client.release(), origin.release()];
    const [down, up] = await Promise.all([digest(near), digest(far), pour(near, LONG), pour(far, LONG)]);
    expect([down, up]).toEqual([expectedContent(LONG), expectedContent(LONG)]);
    expectAbout(2_000, performance.now() - startedMs, undisturbed.elapsedMs());
    expect(await ended).toEqual({ reason: 'ended', bytesFromClient: LONG, bytesToClient: LONG });
    expect(limits.download?.isAtRest(performance.now() + 2_000)).toBe(true);
  });

  test('an end that comes behind what is held waits for it, and the other way stays open', async () => {
    const { client, origin, ended } = await tunnel({ uploadBytesPerSecond: 10_000 });
    await client.send('x'.repeat(15_000));
    client.end();
    expect((await origin.readToEnd()).length).toBe(15_000);
    await origin.send('and still this');
    origin.end();
    expect((await client.readToEnd()).toString()).toBe('and still this');
    expect((await ended).reason).toBe('ended');
  });

  test('is not taken for silent while we hold its octets; when it is silent then, it is cut off', async () => {
    const { client, origin, ended } = await tunnel({ downloadBytesPerSecond: 100 }, 300);
    await origin.send('x'.repeat(150));
    expect((await client.readExactly(150)).length).toBe(150);
    await expect(client.readToEnd()).rejects.toThrow(ResetError);
    expect((await ended).reason).toBe('idle');
  });

  test("a client that reads nothing is the tunnel's silence, not ours", async () => {
    const { client, origin, ended } = await tunnel({ downloadBytesPerSecond: 50_000_000 }, 300);
    client.pause();
    void pour(origin.release(), 50_000_000);
    expect((await ended).reason).toBe('idle');
  });

  test.each(['client', 'origin'] as const)(
    'the %s breaks off while octets are held: the other hears a reset, and nobody is left in line',
    async (who) => {
      const given = spoilWhatIsGivenBack();
      const { client, origin, ended, limits } = await tunnel({ downloadBytesPerSecond: 1_000, uploadBytesPerSecond: 1_000 });
      await Promise.all([client.send('x'.repeat(50_000)), origin.send('y'.repeat(50_000))]);
      await Promise.all([client.readExactly(1_000), origin.readExactly(1_000)]);
      const [first, second] = who === 'client' ? [client, origin] : [origin, client];
      first.reset();
      await expect(second.readToEnd()).rejects.toThrow(ResetError);
      expect((await ended).reason).toBe(who === 'client' ? 'client-failed' : 'upstream-failed');
      expect(limits.download!.isAtRest(performance.now() + 2_000)).toBe(true);
      expect(limits.upload!.isAtRest(performance.now() + 2_000)).toBe(true);
      await expect.poll(() => given.taken - given.back).toBe(0);
    },
  );

  test("is broken off when the day's octets have run out", async () => {
    const { client, origin, ended, limits } = await tunnel({ bytesPerDay: 1_000 });
    await client.send('x'.repeat(600));
    expect((await origin.readExactly(600)).length).toBe(600);
    await origin.send('y'.repeat(600));
    await expect(client.readToEnd()).rejects.toThrow(ResetError);
    await expect(origin.readToEnd()).rejects.toThrow(ResetError);
    expect(await ended).toEqual({ reason: 'exhausted', bytesFromClient: 600, bytesToClient: 0 });
    expect(exhaustionOf(limits)?.message).toContain('allows 1 kB a day');
  });
});

describe('content', () => {
  test('comes down and goes up at its rate, all of it, and the connection serves another request', async () => {
    const body = Buffer.concat([...blocks(LONG)]);
    const down = await proxyTo(() => ({ body }), { downloadBytesPerSecond: RATE });
    const up = await proxyTo(() => ({ body: 'thanks' }), { uploadBytesPerSecond: RATE });
    const startedMs = performance.now();
    using undisturbed = startUndisturbedTime();
    await down.client.send('GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await up.client.send(`POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${LONG}\r\n\r\n`);
    void up.client.send(body);
    const timed = async (client: RawClient): Promise<Buffer> => {
      const response = await client.readResponse();
      expectAbout(2_000, performance.now() - startedMs, undisturbed.elapsedMs());
      return response.body;
    };
    const [came, thanks] = await Promise.all([timed(down.client), timed(up.client)]);
    expect(came.equals(body)).toBe(true);
    expect(thanks.toString()).toBe('thanks');
    expect(up.origin.requests[0]!.body.equals(body)).toBe(true);
    await down.client.send('HEAD http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect((await down.client.readResponse('HEAD')).status).toBe(200);
  });

  test('in chunks comes down whole, whatever memory they were read into', async () => {
    spoilWhatIsGivenBack();
    const body = Buffer.concat([...blocks(600_000)]);
    const { client } = await proxyTo(() => ({ body, chunked: true }), { downloadBytesPerSecond: 400_000 });
    await client.send('GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n');
    expect((await client.readResponse('GET')).body.equals(body)).toBe(true);
  });

  test('that we hold is held against nobody: not the client for its rate, not the origin for its gaps', async () => {
    const { client, flows } = await proxyTo(
      ({ body }) => ({ body }),
      { uploadBytesPerSecond: 100, downloadBytesPerSecond: 100 },
      { contentMinBytesPerSecond: 10_000, contentGraceMs: 100, writeTimeoutMs: 300 },
      { gapTimeoutMs: 300, writeTimeoutMs: 300 },
    );
    await client.send(`POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 150\r\n\r\n${'x'.repeat(150)}`);
    expect((await client.readResponse('POST')).body.length).toBe(150);
    await expect.poll(() => flows).toMatchObject([{ status: 200, error: null }]);
  });

  test('a client that leaves while its answer is held leaves nobody in line, and the origin is let go', async () => {
    const { client, origin, lease, flows } = await proxyTo(() => ({ body: 'x'.repeat(100_000) }), {
      downloadBytesPerSecond: 1_000,
      concurrent: 1,
    });
    await client.send('GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await client.readUntil('xxx');
    client.reset();
    await expect.poll(() => flows).toMatchObject([{ outcome: 'aborted' }]);
    await origin.close();
    expect(lease().download!.isAtRest(performance.now() + 2_000)).toBe(true);
  });

  test("an answer is broken off when the day's octets have run out, and the record says why", async () => {
    const { client, flows } = await proxyTo(() => ({ body: 'x'.repeat(500_000) }), { bytesPerDay: 200_000 });
    await client.send('GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await expect(client.readToEnd()).rejects.toThrow(ResetError);
    await expect.poll(() => flows).toMatchObject([{ outcome: 'failed', error: { code: 'http_request_denied' } }]);
    expect(flows[0]!.error!.message).toBe(
      "Broken off: rule 'Artifacts' (ci.yaml:12) allows 200 kB a day for one client address, and today's are used up until midnight UTC.",
    );
  });

  test("a request is answered when the day's octets run out within its content", async () => {
    const { client, flows } = await proxyTo(() => ({ body: 'thanks' }), { bytesPerDay: 1_000 });
    await client.send(`POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 50000\r\n\r\n${'x'.repeat(2_000)}`);
    expect((await client.readResponse('POST')).status).toBe(403);
    await expect.poll(() => flows).toHaveLength(1);
  });
});

describe('the proxy', () => {
  test('answers 429 with the rule, its limit and the time to wait (RFC 6585 §4)', async () => {
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'here' }));
    await using proxy = await startTestProxy({ policyFile: policy('requests: 2/s') });
    for (let i = 0; i < 2; i += 1) expect((await get(proxy, origin)).status).toBe(200);
    const response = await get(proxy, origin);
    expect(response.status).toBe(429);
    expect(fieldOf(response, 'Retry-After')).toBe('1');
    expect(wordsOf(response)).toContain("Rule 'Artifacts' (policy.yaml:5) allows 2 requests a second for one client address");
    expect(await proxy.flow(2)).toMatchObject({ outcome: 'denied', status: 429, decision: { rule: { name: 'Artifacts' } } });
  });

  test('lets the next one in however the one before it has ended', async () => {
    const held = Promise.withResolvers<RawConnection>();
    await using origin = await startOrigin(({ target }, reply) => {
      if (target === '/broken') return reply.raw('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbroken').then(() => reply.end());
      return target === '/held' ? undefined : reply.response({ body: 'here' });
    });
    await using raw = await startRawServer(held.resolve);
    await using proxy = await startTestProxy({ policyFile: policy('concurrent: 1'), upstream: { responseTimeoutMs: 300 } });
    const ends: [string, () => Promise<unknown>][] = [
      ['answered', () => get(proxy, origin)],
      ['broken off by the origin', () => get(proxy, origin, '/broken').catch(() => {})],
      ['not answered by the origin', () => get(proxy, origin, '/held')],
      ['left by the client', () => leave(proxy, origin.authority)],
      ['nobody listens', async () => refusedConnect(proxy, `127.0.0.1:${await closedPort()}`)],
      ['a tunnel that was broken off', () => breakTunnel(proxy, raw.authority, held.promise)],
    ];
    for (const [index, [how, end]] of ends.entries()) {
      await end();
      expect([how, (await proxy.flow(index)).status]).not.toEqual([how, 429]);
    }
  });

  test('counts a tunnel for as long as it is open', async () => {
    await using raw = await startRawServer(
      (connection) =>
        void connection.readToEnd().then(
          () => connection.end(),
          () => {},
        ),
    );
    await using proxy = await startTestProxy({ policyFile: policy('concurrent: 1') });
    using first = await openTunnel(proxy, raw.authority);
    expect((await refusedConnect(proxy, raw.authority)).status).toBe(429);
    first.end();
    await first.readToEnd();
    await proxy.flow(1);
    using second = await openTunnel(proxy, raw.authority);
    second.end();
  });

  test("remembers the day's octets over a restart", async () => {
    const stateFolder = temporaryFolder(onTestFinished);
    const policyFile = policy('per_day: 64KiB');
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'x'.repeat(70_000) }));
    const before = await startTestProxy({ policyFile, stateFolder });
    await expect(get(before, origin)).rejects.toThrow('the connection was reset');
    expect(await before.flow(0)).toMatchObject({ outcome: 'failed', error: { code: 'http_request_denied' } });
    await before.close();
    await using after = await startTestProxy({ policyFile, stateFolder });
    expect(wordsOf(await get(after, origin))).toContain('allows 64 KiB a day for one client address');
  });

  test("counts towards the day's octets what comes together with a 101", async () => {
    const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    await using origin = await startRawServer(async (connection) => {
      await connection.readExactly(1);
      await connection.send(`${upgraded}${'x'.repeat(100)}`);
      connection.end();
    });
    await using proxy = await startTestProxy({ policyFile: policy('per_day: 100B') });
    using client = await connectRaw(proxy);
    const fields =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    await client.send(`GET http://${origin.authority}/ HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
    expect((await client.readToEnd()).toString()).toMatch(/x{100}$/);
    expect((await refusedConnect(proxy, origin.authority)).status).toBe(429);
  });

  test('goes on counting when the policy is read again', async () => {
    await using raw = await startRawServer((connection) => void connection.closed);
    const config = { policyFile: policy('concurrent: 1') };
    await using proxy = await startTestProxy(config);
    using first = await openTunnel(proxy, raw.authority);
    await proxy.running.reload(testConfig({ ...config, listen: proxy.running.listening.map(({ address }) => address) }));
    expect((await refusedConnect(proxy, raw.authority)).status).toBe(429);
    first.end();
  });
});

function policy(limits: string): string {
  const text = `version: 1\nconnect_ports: any\ndefault: deny\nrules:\n  - name: Artifacts\n    allow: any\n    limits: { ${limits}, per: client }\n`;
  return temporaryFile(onTestFinished, 'policy.yaml', text);
}

async function get(proxy: TestProxy, origin: { readonly authority: string }, path = '/'): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`GET http://${origin.authority}${path} HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
  return await client.readResponse();
}

/** Asks and goes, while the origin has not answered. */
async function leave(proxy: TestProxy, authority: string): Promise<void> {
  const client = await connectRaw(proxy);
  await client.send(`GET http://${authority}/held HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  client.reset();
}

async function breakTunnel(proxy: TestProxy, authority: string, far: Promise<RawConnection>): Promise<void> {
  const client = await openTunnel(proxy, authority);
  (await far).reset();
  await client.closed;
}

/** What a person reads, wherever its lines are broken. */
function wordsOf({ body }: FinalResponse): string {
  return body.toString().replace(/\s+/g, ' ');
}

function fieldOf({ fields }: FinalResponse, name: string): string | undefined {
  return fields.find(([field]) => field.toLowerCase() === name.toLowerCase())?.[1];
}

/** Within a fifth. @param undisturbedMs  the same without what others had of the machine */
function expectAbout(expectedMs: number, actualMs: number, undisturbedMs: number): void {
  expect(actualMs).toBeGreaterThan(expectedMs * 0.8);
  expect(undisturbedMs).toBeLessThan(expectedMs * 1.2);
}

async function pour(socket: Socket, length: number): Promise<void> {
  for (const bytes of blocks(length)) if (!socket.write(bytes)) await once(socket, 'drain').catch(() => {});
  socket.end();
}

/** Whatever is given back is spoilt at once, so that a write that still needed it sends other octets. */
function spoilWhatIsGivenBack(): { taken: number; back: number } {
  const counts = { taken: 0, back: 0 };
  const { give, take } = ReadBuffers.prototype;
  const spies = [
    vi.spyOn(ReadBuffers.prototype, 'take').mockImplementation(function (this: ReadBuffers, size) {
      counts.taken += 1;
      return take.call(this, size);
    }),
    vi.spyOn(ReadBuffers.prototype, 'give').mockImplementation(function (this: ReadBuffers, buffer) {
      counts.back += 1;
      buffer.fill(0xdd);
      give.call(this, buffer);
    }),
  ];
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
  return counts;
}

function leaseFor(limits: Partial<RuleLimits>, deadlines: Deadlines): () => Lease {
  const counted = new Limits((bytesPerSecond) => new ByteRate(bytesPerSecond, deadlines), new DailyBytes(Date.now));
  const rule = {
    action: 'allow',
    name: 'Artifacts',
    condition: { kind: 'all', of: [] },
    position: { file: 'ci.yaml', line: 12, column: 5 },
    denial: null,
    allowPrivate: 'none',
    cache: null,
    interception: null,
    acceptCertificate: null,
    limits: {
      per: 'user',
      requestsPerSecond: null,
      concurrent: null,
      downloadBytesPerSecond: null,
      uploadBytesPerSecond: null,
      bytesPerDay: null,
      ...limits,
    },
  } as const;
  return () => {
    const admission = counted.admit(rule, { user: null, clientAddress: '127.0.0.1' }, performance.now());
    if (admission.kind === 'refused') throw new Error(admission.reason);
    return admission.lease;
  };
}

/** A relay between two sockets, under limits. */
async function tunnel(
  limits: Partial<RuleLimits>,
  idleTimeoutMs = 60_000,
): Promise<{ client: RawClient; origin: RawConnection; ended: Promise<RelayEnd>; limits: Lease }> {
  const deadlines = new Deadlines();
  const sides = Promise.withResolvers<Socket>();
  const origins = Promise.withResolvers<RawConnection>();
  const near = await startRawServer((connection) => sides.resolve(connection.release()));
  const far = await startRawServer(origins.resolve, { timeoutMs: 20_000 });
  onTestFinished(async () => {
    deadlines.close();
    await Promise.all([near.close(), far.close()]);
  });
  const client = await connectRaw(near);
  const upstream = UpstreamConnection.dial('127.0.0.1', far.port, new ReadBuffers('lossless'));
  const lease = leaseFor(limits, deadlines)();
  const side = await sides.promise;
  const ended = new Promise<RelayEnd>(
    (onEnd) => new Relay({ client: side, upstream, early: Buffer.alloc(0), idleTimeoutMs, deadlines, onEnd, limits: lease }),
  );
  return { client, origin: await origins.promise, ended, limits: lease };
}

/** A client's connection and an origin's, joined without any stages but the limits. */
async function proxyTo(
  answer: (request: { readonly body: Buffer }) => { readonly body: string | Uint8Array; readonly chunked?: boolean },
  limits: Partial<RuleLimits>,
  listenerOptions: Partial<ListenerOptions> = {},
  upstreamOptions: Partial<UpstreamOptions> = {},
) {
  const deadlines = new Deadlines();
  const flows: Flow[] = [];
  const admit = leaseFor(limits, deadlines);
  let lease: Lease | null = null;
  const origin = await startOrigin((request, reply) => reply.response(answer(request)));
  const exchange = async (incoming: Incoming): Promise<void> => {
    const held = admit();
    lease = held;
    const connection = UpstreamConnection.dial('127.0.0.1', origin.port, new ReadBuffers('lossy'));
    const upstream = new Http1Client(
      connection,
      'origin',
      { ...UPSTREAM_DEFAULTS, ...upstreamOptions },
      deadlines,
      () => {},
      () => {},
    );
    incoming.cancellation.listen(upstream);
    const { method, fields } = incoming.head;
    const body = incoming.body === null ? null : throttleBody(incoming.body, 'upload', held);
    try {
      const response = await upstream.exchange({
        method,
        target: '/',
        host: 'a.example',
        fields: fields.filter(({ name }) => name === 'X'),
        body,
        onInterim: () => {},
      });
      const content = response.body === null ? null : throttleBody(response.body, 'download', held);
      const length = response.head.fields.find(({ name }) => name === 'Content-Length');
      incoming.responder.respond(response.head.status, 'OK', [], content, length === undefined ? null : Number(length.value));
    } catch {
      incoming.responder.respond(exhaustionOf(held)?.status ?? 502, 'Broken', [], null, null);
    }
  };
  const near = await startRawServer((connection) => {
    const socket = connection.release();
    const context = {
      options: { ...LISTENER_DEFAULTS, ...listenerOptions },
      deadlines,
      startExchange: (incoming: Incoming) => void exchange(incoming),
      answerUnreadable: (incoming: Incoming) => incoming.responder.abort(),
      emit: (flow: Flow) => void flows.push(flow),
    };
    new Http1Connection(
      socket,
      { address: '127.0.0.1', isLocal: true, authentication: null },
      { id: 1, listener: 'test', address: '127.0.0.1', port: 1, connectId: null },
      context,
      { takenOver: () => {} },
    );
  });
  onTestFinished(async () => {
    deadlines.close();
    await Promise.all([near.close(), origin.close()]);
  });
  return { client: await connectRaw(near), origin, flows, lease: (): Lease => lease! };
}
