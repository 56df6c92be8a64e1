// The way through a parent proxy: a second Sallyport, and parents made by hand that say what a test needs them to say.
import { test as base, describe, expect } from 'vitest';
import { parseParentUrl } from '../../src/upstream/route.ts';
import { lines } from '../support/conversation.ts';
import { type Origin, type RawServer, startOrigin, startRawServer } from '../support/origin.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { startTestProxy, type TestConfig, type TestProxy, testConfig } from '../support/start-proxy.ts';
import { type RawRequest, readRequestHead, valuesOf } from '../support/strict-message.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { closedPort, failure, openTunnel, refusedConnect } from '../support/tunnels.ts';

const test = base.extend<{ origin: Origin }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads what a fixture needs off its first parameter
  origin: async ({}, use) => {
    await using origin = await startOrigin((request, reply) => reply.response({ body: `${request.method} ${request.target}` }));
    await use(origin);
  },
});

describe('through a second Sallyport', () => {
  test('a request goes in absolute-form, and each proxy adds itself to Via (RFC 9110 §7.6.3)', async ({ origin }) => {
    await using parent = await startTestProxy({ viaName: 'outer' });
    await using proxy = await startTestProxy({ viaName: 'inner', ...through(parent.url) });
    const response = await ask(proxy, `${origin.url}/path?query`);
    expect(response.body.toString()).toBe('GET /path?query');
    expect(valuesOf(origin.requests[0]!.fields, 'via').join(', ')).toBe('1.1 inner, 1.1 outer');
    expect(valuesOf(response.fields, 'via').join(', ')).toBe('1.1 outer, 1.1 inner');
    expect(parent.flows[0]).toMatchObject({ target: `${origin.url}/path?query`, route: 'direct' });
    expect(proxy.flows[0]).toMatchObject({ route: `127.0.0.1:${parent.port}`, upstreamPort: parent.port });
  });

  test('a tunnel goes through both, octets that come early included', async () => {
    await using echo = await startEcho();
    await using parent = await startTestProxy();
    await using proxy = await startTestProxy(through(parent.url));
    using client = await openTunnel(proxy, echo.authority, 'early ');
    await client.send('late');
    expect((await client.readExactly(10)).toString()).toBe('early late');
    client.end();
    expect((await client.readToEnd()).length).toBe(0);
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'tunnelled', route: `127.0.0.1:${parent.port}` });
    expect(await parent.flow(0)).toMatchObject({ outcome: 'tunnelled', method: 'CONNECT', target: echo.authority });
  });

  test('connections to the parent are kept and shared by all destinations', async ({ origin }) => {
    await using other = await startOrigin((_, reply) => reply.response({ body: 'other' }));
    await using parent = await startTestProxy();
    await using proxy = await startTestProxy(through(parent.url));
    await ask(proxy, `${origin.url}/`);
    expect((await ask(proxy, `${other.url}/`)).body.toString()).toBe('other');
    expect(proxy.flows.map(({ reusedConnection }) => reusedConnection)).toEqual([false, true]);
    expect(new Set(parent.flows.map(({ connectionId }) => connectionId)).size).toBe(1);
  });
});

describe('the address guard', () => {
  test('judges a name that it knows without DNS, although the parent would resolve it', async () => {
    await using parent = await startOrigin((_, reply) => reply.response({ body: 'reached' }));
    await using proxy = await startTestProxy(through(parent.url));
    for (const host of ['localhost', 'sub.localhost', '127.0.0.1']) {
      const response = await ask(proxy, `http://${host}:${proxy.port}/`);
      expect(response.status).toBe(502);
      expect(valuesOf(response.fields, 'proxy-status').join()).toContain('destination_ip_prohibited');
    }
    expect(parent.requests).toHaveLength(0);
    expect((await ask(proxy, 'http://elsewhere.test/')).body.toString()).toBe('reached');
  });
});

describe('credentials', () => {
  test('those for the parent go to the parent alone; those of the client go nowhere', async () => {
    await using parent = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    await using proxy = await startTestProxy(through(`http://us:s3cret%21@${parent.authority}`));
    using client = await connectRaw(proxy);
    const theirs = `Basic ${Buffer.from('client:private').toString('base64')}`;
    await client.send(`GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\nProxy-Authorization: ${theirs}\r\n\r\n`);
    const response = await client.readResponse();
    expect(response.status).toBe(200);
    const [request] = parent.requests;
    expect(request!.target).toBe('http://shop.example/');
    expect(valuesOf(request!.fields, 'host')).toEqual(['shop.example']);
    expect(valuesOf(request!.fields, 'proxy-authorization')).toEqual([`Basic ${Buffer.from('us:s3cret!').toString('base64')}`]);
    expect(JSON.stringify(proxy.flows)).not.toMatch(/s3cret|private/);
    expect(response.raw.toString()).not.toContain('s3cret');
  });

  test('a CONNECT to the parent holds the parent’s credentials, and nothing that the client said besides Via', async () => {
    await using parent = await startParent((connection) => connection.send('HTTP/1.1 200 OK\r\n\r\n'));
    await using proxy = await startTestProxy({ viaName: 'inner', ...through(`http://us:pw@${parent.authority}`) });
    using client = await connectRaw(proxy);
    await client.send(lines`
      CONNECT shop.example:443 HTTP/1.1
      Host: shop.example:443
      Proxy-Authorization: Basic Y2xpZW50OnByaXZhdGU=
      Via: 1.1 somebody
      Cookie: a=b

      `);
    expect((await client.readResponse('CONNECT')).status).toBe(200);
    expect(parent.requests[0]!.raw.toString()).toBe(lines`
      CONNECT shop.example:443 HTTP/1.1
      Host: shop.example:443
      Via: 1.1 somebody
      Via: 1.1 inner
      Proxy-Authorization: Basic ${Buffer.from('us:pw').toString('base64')}

      `);
  });

  test('a parent that wants others is a mistake of the operator, and its challenge stays here', async () => {
    const challenge = 'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n';
    await using parent = await startParent((connection) => connection.send(challenge));
    await using proxy = await startTestProxy(through(`http://us:s3cret@${parent.authority}`));
    const responses = [await ask(proxy, 'http://shop.example/'), await refusedConnect(proxy, 'shop.example:443')];
    for (const response of responses) {
      expect(failure(response)).toEqual({ status: 500, error: 'proxy_configuration_error' });
      expect(valuesOf(response.fields, 'proxy-authenticate')).toEqual([]);
      expect(response.raw.toString()).not.toContain('s3cret');
    }
  });
});

describe('a parent that opens no tunnel', () => {
  test.for([
    ['HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!', 403, 'http_request_denied'],
    ['HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n', 503, 'destination_unavailable'],
    ['HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n', 503, 'destination_unavailable'],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 503, 'destination_unavailable'],
    ['SSH-2.0-OpenSSH_9\r\n\r\n', 502, 'http_protocol_error'],
    ['\x16\x03\x01', 502, 'http_protocol_error'],
  ] as const)('%j', async ([answer, status, error]) => {
    await using parent = await startParent((connection) => connection.send(answer));
    await using proxy = await startTestProxy(through(parent.url));
    expect(failure(await refusedConnect(proxy, 'shop.example:443'))).toEqual({ status, error });
    expect(parent.ended).toBe(1);
  });

  test('because it says nothing', async () => {
    await using parent = await startParent(() => {});
    await using proxy = await startTestProxy({ ...through(parent.url), upstream: { responseTimeoutMs: 200 } });
    expect(failure(await refusedConnect(proxy, 'shop.example:443'))).toEqual({ status: 504, error: 'http_response_timeout' });
  });

  test('because it closes or resets', async () => {
    await using closing = await startParent((connection) => connection.end());
    await using resetting = await startParent((connection) => connection.reset());
    for (const parent of [closing, resetting]) {
      await using proxy = await startTestProxy(through(parent.url));
      expect(failure(await refusedConnect(proxy, 'shop.example:443'))).toEqual({ status: 502, error: 'connection_terminated' });
    }
  });

  test('because it is not there', async () => {
    await using proxy = await startTestProxy(through(`http://127.0.0.1:${await closedPort()}`));
    const response = await refusedConnect(proxy, 'shop.example:443');
    expect(failure(response)).toEqual({ status: 502, error: 'connection_refused' });
    expect(response.body.toString()).toMatch(/parent proxy/);
  });
});

test('octets that come with the parent’s 200 reach the client first', async () => {
  await using parent = await startParent(async (connection) => {
    await connection.send('HTTP/1.1 200 OK\r\n\r\n220 first');
    await connection.send(' and second');
  });
  await using proxy = await startTestProxy(through(parent.url));
  using client = await openTunnel(proxy, 'mail.example:25');
  expect((await client.readExactly(20)).toString()).toBe('220 first and second');
});

test('interim responses of a parent to CONNECT are read over', async () => {
  await using parent = await startParent((connection) => connection.send('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi'));
  await using proxy = await startTestProxy(through(parent.url));
  using client = await openTunnel(proxy, 'mail.example:25');
  expect((await client.readExactly(2)).toString()).toBe('hi');
});

describe('the choice', () => {
  test('the first parent whose hosts fit, else none', async ({ origin }) => {
    await using parent = await startTestProxy();
    const route = { parents: [{ ...parseParentUrl(parent.url), hosts: ['localhost'] }], noProxy: [] };
    await using proxy = await startTestProxy({ route });
    await ask(proxy, `http://localhost:${origin.port}/`);
    await ask(proxy, `${origin.url}/`);
    expect(proxy.flows.map((flow) => flow.route)).toEqual([`127.0.0.1:${parent.port}`, 'direct']);
    expect(parent.flows).toHaveLength(1);
  });

  test('never one for what no_proxy names', async ({ origin }) => {
    await using proxy = await startTestProxy({
      route: { parents: [parseParentUrl(`127.0.0.1:${await closedPort()}`)], noProxy: ['127.0.0.0/8'] },
    });
    expect((await ask(proxy, `${origin.url}/`)).status).toBe(200);
    await using echo = await startEcho();
    (await openTunnel(proxy, echo.authority)).destroy();
  });

  test('names are left for the parent to resolve; written addresses are judged before it hears of them', async () => {
    await using parent = await startOrigin((_, reply) => reply.response({ body: 'resolved elsewhere' }));
    await using proxy = await startTestProxy(through(parent.url));
    expect((await ask(proxy, 'http://not-in-dns.invalid/')).body.toString()).toBe('resolved elsewhere');
    expect(failure(await ask(proxy, 'http://169.254.169.254/'))).toEqual({ status: 502, error: 'destination_ip_prohibited' });
    expect(failure(await refusedConnect(proxy, '169.254.169.254:80'))).toEqual({ status: 502, error: 'destination_ip_prohibited' });
    expect(parent.requests).toHaveLength(1);
  });
});

describe('a loop', () => {
  test('of a proxy that is its own parent ends at once', async () => {
    await using proxy = await startTestProxy();
    await proxy.running.reload(testConfig(through(proxy.url)));
    await expectLoopEnds(proxy, [proxy]);
  });

  test('of two proxies that are each other’s parent ends at once', async () => {
    await using one = await startTestProxy({ viaName: 'one' });
    await using two = await startTestProxy({ viaName: 'two', ...through(one.url) });
    await one.running.reload(testConfig({ viaName: 'one', ...through(two.url) }));
    await expectLoopEnds(one, [one, two]);
  });
});

async function expectLoopEnds(entrance: TestProxy, all: readonly TestProxy[]): Promise<void> {
  const response = await ask(entrance, 'http://shop.example/');
  expect(response.status).toBe(502);
  expect(valuesOf(response.fields, 'proxy-status').join()).toContain('error=proxy_loop_detected');
  expect((await refusedConnect(entrance, 'shop.example:443')).status).toBe(503);
  const flows = all.flatMap((proxy) => proxy.flows);
  expect(flows.filter(({ error }) => error?.code === 'proxy_loop_detected')).toHaveLength(2);
  expect(flows.length).toBeLessThanOrEqual(6);
}

function through(url: string): TestConfig {
  return { route: { parents: [parseParentUrl(url)], noProxy: [] } };
}

async function ask(proxy: TestProxy, url: string): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
  return await client.readResponse();
}

interface Parent extends RawServer {
  readonly requests: readonly RawRequest[];
  /** How many connections the proxy has ended. */
  readonly ended: number;
}

/** A parent that reads one request and then does as it is told. */
async function startParent(answer: (connection: RawConnection) => unknown): Promise<Parent> {
  const requests: RawRequest[] = [];
  let ended = 0;
  const server = await startRawServer(async (connection) => {
    void connection.closed.then(() => (ended += 1));
    const { complete } = await readRequestHead(connection);
    requests.push(await complete());
    await answer(connection);
  });
  return Object.defineProperties(server as Parent, { requests: { value: requests }, ended: { get: () => ended } });
}
