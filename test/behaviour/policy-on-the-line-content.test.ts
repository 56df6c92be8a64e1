// Rules about content, on the wire: what a response says of itself, how much of it comes, and how much a request brings. What is denied is denied
// before any of it passes; where only its end would tell, it is broken off, and never shown as complete.
import { describe, expect, onTestFinished, test } from 'vitest';
import { continueWhenExpected, type Origin, type Reply, type RequestHandler, type ResponseToSend, startOrigin } from '../support/origin.ts';
import { ask, policyOf } from '../support/policies.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { BrokenOffError } from '../support/raw-connection.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';

const SECRET = 'none of this may pass';

describe('response_type', () => {
  const POLICY =
    'default: allow\nrules:\n  - { name: Programs, deny: { response_type: [application/*, image/svg+xml] }, message: Ask first. }\n';

  test.each<[string, string[], number]>([
    ['that is denied', ['application/x-msdownload'], 403],
    ['in other letters and with parameters', ['Application/Octet-Stream; name="a.txt"'], 403],
    ['that is not', ['text/html'], 200],
    ['given twice', ['text/html', 'application/zip'], 403],
    ['nobody can read', ['text/html, application/zip'], 403],
    ['that is missing', [], 200],
  ])('%s', async (_, types, status) => {
    const { proxy, origin } = await start(POLICY, { fields: types.map((type) => ['Content-Type', type]), body: SECRET });
    const response = await ask(proxy, `GET ${origin.url}/`);
    expect(response.status).toBe(status);
    expect(response.raw.includes(SECRET)).toBe(status === 200);
    if (status === 403) expect(await proxy.flow(0)).toMatchObject({ outcome: 'denied', decision: { action: 'deny' } });
  });

  test('holds for HEAD, and not for 204 and 304, which have no content (RFC 9110 §15.3.5, §15.4.5)', async () => {
    const zip = { fields: [['Content-Type', 'application/zip']] as const };
    const { proxy, origin, answers } = await start(POLICY, { ...zip, body: SECRET });
    answers.set('/304', { ...zip, status: 304 }).set('/204', { ...zip, status: 204 });
    expect((await ask(proxy, `HEAD ${origin.url}/`)).status).toBe(403);
    for (const status of [204, 304]) expect((await ask(proxy, `GET ${origin.url}/${status}`)).status).toBe(status);
  });

  test('of nothing is what a WebSocket has, so a rule that allows a type allows none, and the origin is let go', async () => {
    const { proxy, origin, answers } = await start('default: deny\nrules:\n  - allow: { response_type: text/* }\n');
    const closed = Promise.withResolvers<unknown>();
    answers.set('/', (reply) => {
      closed.resolve(reply.closed);
      return reply.raw('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Type: text/html\r\n\r\n');
    });
    const handshake =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
    expect((await ask(proxy, `GET ${origin.url}/`, handshake)).status).toBe(403);
    await closed.promise;
  });

  test('denied, the origin is let go, and both connections serve the next request', async () => {
    const { proxy, origin, answers } = await start(POLICY, { fields: [['Content-Type', 'application/zip']], body: 'x'.repeat(1_000_000) });
    answers.set('/page', { fields: [['Content-Type', 'text/html']], body: 'a page' });
    using client = await connectRaw(proxy);
    for (const [path, status] of [
      ['/', 403],
      ['/page', 200],
      ['/', 403],
      ['/page', 200],
    ] as const) {
      expect((await get(client, origin, path)).status).toBe(status);
    }
    expect(new Set(proxy.flows.map(({ connectionId }) => connectionId)).size).toBe(1);
  });
});

describe('response_size', () => {
  const POLICY = 'default: allow\nrules:\n  - { name: Small things, deny: { response_size: over 1KiB } }\n';

  test.each<[number, number]>([
    [1024, 200],
    [1025, 403],
  ])('of %d announced octets comes to %d', async (length, status) => {
    const { proxy, origin } = await start(POLICY, { body: SECRET.padEnd(length, '.') });
    const response = await ask(proxy, `GET ${origin.url}/`);
    expect([response.status, response.raw.includes(SECRET)]).toEqual([status, status === 200]);
  });

  test.each<[string, Answer]>([
    ['in chunks', { body: '.'.repeat(5_000), chunked: true }],
    ['until the connection closes', (reply) => reply.raw(`HTTP/1.1 200 OK\r\n\r\n${'.'.repeat(5_000)}`).then(() => reply.end())],
  ])('beyond the bound %s is broken off, with the denial in the record', async (_, answer) => {
    const { proxy, origin } = await start(POLICY, answer);
    await expect(ask(proxy, `GET ${origin.url}/`)).rejects.toThrow(BrokenOffError);
    const flow = await proxy.flow(0);
    expect(flow).toMatchObject({ outcome: 'failed', error: { code: 'http_request_denied' }, bytesToClient: expect.any(Number) });
    expect(flow.error?.message).toContain("More than 1024 octets of content: denied by rule 'Small things' (policy.yaml:4)");
  });

  test('in chunks within the bound passes whole', async () => {
    const { proxy, origin } = await start(POLICY, { body: '.'.repeat(1_024), chunked: true });
    expect((await ask(proxy, `GET ${origin.url}/`)).body.length).toBe(1_024);
  });

  test('is what HEAD would have brought, and nothing in a 304', async () => {
    const { proxy, origin, answers } = await start(POLICY, { fields: [['Content-Length', '5000']] });
    answers.set('/304', { status: 304, fields: [['Content-Length', '5000']] });
    expect((await ask(proxy, `HEAD ${origin.url}/`)).status).toBe(403);
    expect((await ask(proxy, `GET ${origin.url}/304`)).status).toBe(304);
  });

  test.each([{}, { chunked: true }])('under a bound denies what is shorter, and what may be (%j)', async (framing) => {
    const { proxy, origin } = await start('default: allow\nrules:\n  - { deny: { response_size: under 100 } }\n', {
      body: 'short',
      ...framing,
    });
    expect((await ask(proxy, `GET ${origin.url}/`)).status).toBe(403);
  });
});

describe('request_size', () => {
  const POLICY = 'default: allow\nrules:\n  - { name: Small uploads, deny: { request_size: over 1KiB }, status: 413 }\n';

  test('that is announced is denied before any of it is passed on, and before the client has sent it', async () => {
    const { proxy, origin } = await start(POLICY);
    const response = await ask(proxy, `POST ${origin.url}/`, 'Content-Length: 1025\r\n');
    expect([response.status, response.reason]).toEqual([413, "Denied by rule 'Small uploads' (policy.yaml:4)"]);
    expect(origin.accepted).toBe(0);
  });

  test('that is announced and waits for 100 (Continue) is denied in its place (RFC 9110 §10.1.1)', async () => {
    const { proxy, origin } = await start(POLICY);
    const response = await ask(proxy, `PUT ${origin.url}/`, 'Content-Length: 1025\r\nExpect: 100-continue\r\n');
    expect([response.status, response.interim]).toEqual([413, []]);
    expect(origin.accepted).toBe(0);
  });

  test('in chunks is denied once there is too much, and the origin never sees a complete request', async () => {
    const { proxy, origin, heads } = await start(POLICY);
    using client = await connectRaw(proxy);
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    await client.send(`200\r\n${'.'.repeat(512)}\r\n`);
    // What comes in one turn with too much of it does not even leave.
    await expect.poll(() => heads).toHaveLength(1);
    for (const _ of [2, 3]) await client.send(`200\r\n${'.'.repeat(512)}\r\n`);
    await client.send('0\r\n\r\n');
    const response = await client.readResponse('POST');
    expect([response.status, JSON.stringify(response.body.toString())]).toEqual([413, expect.stringContaining('Small uploads')]);
    await expect.poll(() => origin.brokenOff).toBe(1);
    expect(origin.requests).toEqual([]);
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'denied', decision: { rule: { name: 'Small uploads' } } });
  });

  test('in chunks within the bound passes', async () => {
    const { proxy, origin } = await start(POLICY);
    using client = await connectRaw(proxy);
    await client.send(
      `POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n${'.'.repeat(1_024)}\r\n0\r\n\r\n`,
    );
    expect((await client.readResponse('POST')).status).toBe(200);
    expect(origin.requests.map(({ body }) => body.length)).toEqual([1_024]);
  });

  test('and what stands behind a denied upload is no request', async () => {
    const { proxy, origin } = await start(POLICY);
    using client = await connectRaw(proxy);
    const hidden = `GET ${origin.url}/hidden HTTP/1.1\r\nHost: x\r\n\r\n`;
    await client.send(`POST ${origin.url}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n${hidden.padEnd(2_000, '.')}`);
    expect((await client.readResponse('POST')).status).toBe(413);
    await client.send(`GET ${origin.url}/seen HTTP/1.1\r\nHost: x\r\n\r\n`).catch(() => {});
    await client.readResponse().catch(() => null);
    expect(origin.requests.map(({ target }) => target)).not.toContain('/hidden');
  });
});

test('a rule about an address and about content waits for both', async () => {
  const { proxy, origin } = await start('default: deny\nrules:\n  - allow: { address: 127.0.0.1, response_type: text/* }\n', {
    fields: [['Content-Type', 'application/zip']],
    body: SECRET,
  });
  const response = await ask(proxy, `GET http://localhost:${origin.port}/`);
  expect([response.status, response.raw.includes(SECRET)]).toEqual([403, false]);
  expect(valuesOf(response.fields, 'proxy-status').join()).toContain('denied by the default');
});

type Answer = ResponseToSend | ((reply: Reply) => unknown);

/** @param answer to everything that `answers` has no answer to, by target */
async function start(
  policy: string,
  answer: Answer = { body: 'thanks' },
): Promise<{ readonly proxy: TestProxy; readonly origin: Origin; readonly answers: Map<string, Answer>; readonly heads: string[] }> {
  const answers = new Map<string, Answer>();
  /** Their methods. */
  const heads: string[] = [];
  const handler: RequestHandler = ({ target }, reply) => {
    const given = answers.get(target) ?? answer;
    return typeof given === 'function' ? given(reply) : reply.response(given);
  };
  const origin = await startOrigin(handler, {
    onHead: (head, reply) => {
      heads.push(head.method);
      return continueWhenExpected(head, reply);
    },
  });
  const proxy = await startTestProxy({ policyFile: policyOf(policy) });
  onTestFinished(async () => {
    await proxy.close();
    await origin.close();
  });
  return { proxy, origin, answers, heads };
}

async function get(client: RawClient, origin: Origin, path: string) {
  await client.send(`GET ${origin.url}${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return await client.readResponse();
}
