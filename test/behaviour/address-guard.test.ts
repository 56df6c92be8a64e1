// The address guard on the wire: what is judged is the address that would be dialled, whatever it was called in the request, in a hosts file or
// in DNS, and whoever asked before.
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw, type Destination, type FinalResponse } from '../support/raw-client.ts';
import { startTestProxy, type TestConfig, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFile } from '../support/temp-files.ts';

/** An address of this machine that is not loopback: a client that uses it is a client on another machine to the proxy. */
const OUTSIDE = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  // A link-local address means nothing without its interface.
  .filter(({ address, internal }) => !internal && !address.startsWith('fe80:'))
  .sort((one, other) => one.family.localeCompare(other.family))
  .map(({ address }) => address)[0];
const EVERYWHERE: TestConfig = { listen: [{ kind: 'tcp', host: OUTSIDE?.includes(':') ? '::' : '0.0.0.0', port: 0 }] };

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function start(config: TestConfig = {}): Promise<TestProxy> {
  const proxy = await startTestProxy({ viaName: 'sally', ...config });
  open.push(proxy);
  return proxy;
}

async function startTarget(host?: string): Promise<Origin> {
  const origin = await startOrigin((_, reply) => reply.response({ body: 'reached' }), host === undefined ? {} : { host });
  open.push(origin);
  return origin;
}

function hosts(text: string): NonNullable<TestConfig['resolver']> {
  return { hostsFile: temporaryFile(onTestFinished, 'hosts', text) };
}

function policy(text: string): string {
  return temporaryFile(onTestFinished, 'policy.yaml', `version: 1\n${text}`);
}

async function get(proxy: Destination, authority: string): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`GET http://${authority}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  return await client.readResponse();
}

function expectProhibited(response: FinalResponse): void {
  expect([response.status, /;error=(\w+)/.exec(response.head)?.[1]]).toEqual([502, 'destination_ip_prohibited']);
}

describe('the proxy is never its own destination', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '0',
    '[::]',
    '[::127.0.0.1]',
  ])('as %s', async (host) => {
    const proxy = await start();
    const response = await get(proxy, `${host}:${proxy.port}`);
    // A spelling that is refused outright is as good as one that is understood.
    if (response.status !== 400) expectProhibited(response);
    await proxy.flow(0);
    expect(proxy.flows).toHaveLength(1);
  });

  it.each(['localhost', 'LOCALHOST.', 'proxy.localhost'])('as %s, of whose addresses the others remain', async (host) => {
    const proxy = await start();
    expect((await get(proxy, `${host}:${proxy.port}`)).status).toBe(502);
    expect((await proxy.flow(0)).judged).toContainEqual(expect.objectContaining({ address: '127.0.0.1', allowed: false }));
    expect(proxy.flows).toHaveLength(1);
  });

  it('by a name in the hosts file', async () => {
    const proxy = await start({ resolver: hosts('127.0.0.1 innocent.example\n') });
    const response = await get(proxy, `innocent.example:${proxy.port}`);
    expectProhibited(response);
    expect(response.body.toString()).toContain('is this proxy itself');
  });

  it('by a rule that allows loopback', async () => {
    const rule = 'default: deny\nrules:\n  - allow: { host: 127.0.0.1 }\n    allow_private: [127.0.0.0/8]\n';
    const proxy = await start({ policyFile: policy(rule) });
    expectProhibited(await get(proxy, `127.0.0.1:${proxy.port}`));
  });

  it('by any address of the machine, when it listens on all of them', async () => {
    const proxy = await start(EVERYWHERE);
    for (const host of [
      '127.0.0.1',
      '127.0.0.2',
      'localhost',
      ...(OUTSIDE === undefined ? [] : [OUTSIDE.includes(':') ? `[${OUTSIDE}]` : OUTSIDE]),
    ]) {
      expectProhibited(await get(proxy, `${host}:${proxy.port}`));
    }
  });
});

describe('nobody reaches', () => {
  it.each([
    ['cloud metadata', '169.254.169.254'],
    ['cloud metadata over IPv6', '[fd00:ec2::254]'],
    ['link-local addresses', '169.254.1.1'],
    ['link-local addresses of IPv6', '[fe80::1]'],
    ['metadata written as a number', '2852039166'],
    ['metadata written in octal', '0251.0376.0251.0376'],
    ['metadata mapped into IPv6', '[::ffff:169.254.169.254]'],
    ['metadata through NAT64', '[64:ff9b::a9fe:a9fe]'],
    ['metadata through 6to4', '[2002:a9fe:a9fe::1]'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['the unspecified address', '0.0.0.0'],
    ['reserved addresses', '240.0.0.1'],
  ])('%s', async (_, host) => {
    expectProhibited(await get(await start(), host));
  });

  it('metadata by a name', async () => {
    expectProhibited(await get(await start({ resolver: hosts('169.254.169.254 innocent.example\n') }), 'innocent.example'));
  });

  it('metadata, unless a rule names its block', async () => {
    const rule =
      'default: allow\nrules:\n  - allow: { host: 127.0.0.1 }\n    allow_private: true\n  - allow: { host: 169.254.169.254 }\n    allow_private: true\n';
    expectProhibited(await get(await start({ policyFile: policy(rule) }), '169.254.169.254'));
  });
});

describe('a client on this machine', () => {
  it.each(['127.0.0.1', '127.1', '2130706433', '0x7f000001', 'localhost', '[::ffff:127.0.0.1]'])(
    'reaches this machine as %s',
    async (host) => {
      const origin = await startTarget();
      const response = await get(await start(), `${host}:${origin.port}`);
      // An IPv4-mapped address may be refused, but never misunderstood.
      if (host.startsWith('[') && response.status !== 200) expectProhibited(response);
      else expect(response.body.toString()).toBe('reached');
    },
  );
});

describe.skipIf(OUTSIDE === undefined)('a client on another machine', () => {
  it('does not reach loopback, by address or by name', async () => {
    const origin = await startTarget();
    const proxy = await start({ ...EVERYWHERE, resolver: hosts('127.0.0.1 innocent.example\n') });
    const outside = { port: proxy.port, host: OUTSIDE! };
    for (const host of ['127.0.0.1', '127.1', 'localhost', 'innocent.example', '[::ffff:127.0.0.1]']) {
      expectProhibited(await get(outside, `${host}:${origin.port}`));
    }
    expect(origin.accepted).toBe(0);
  });

  it.each(['10.0.0.1', '172.16.0.1', '192.168.0.1', '100.64.0.1', '[fd12::1]', '[::1]', '198.18.0.1'])(
    'does not reach %s',
    async (host) => {
      const proxy = await start({ ...EVERYWHERE, upstream: { connectTimeoutMs: 200 } });
      expectProhibited(await get({ port: proxy.port, host: OUTSIDE! }, host));
    },
  );

  it('does where a rule makes an exception, and only for the hosts it names', async () => {
    const origin = await startTarget();
    const proxy = await start({
      ...EVERYWHERE,
      resolver: hosts('127.0.0.1 wiki.example other.example\n'),
      policyFile: policy('default: allow\nrules:\n  - allow: { host: wiki.example }\n    allow_private: [127.0.0.0/8]\n'),
    });
    const outside = { port: proxy.port, host: OUTSIDE! };
    expect((await get(outside, `wiki.example:${origin.port}`)).body.toString()).toBe('reached');
    expectProhibited(await get(outside, `other.example:${origin.port}`));
  });

  it('does not get the connection that a client on this machine has opened', async () => {
    const origin = await startTarget();
    const proxy = await start({ ...EVERYWHERE, resolver: hosts('127.0.0.1 innocent.example\n') });
    expect((await get(proxy, `innocent.example:${origin.port}`)).status).toBe(200);
    expectProhibited(await get({ port: proxy.port, host: OUTSIDE! }, `innocent.example:${origin.port}`));
    expect(origin.requests).toHaveLength(1);
  });

  it('does not profit from an answer of DNS that was remembered for another', async () => {
    const origin = await startTarget();
    const dns = await startDns();
    dns.answer('A', 'innocent.example', { addresses: ['127.0.0.1'], ttlSeconds: 60 });
    const proxy = await start({ ...EVERYWHERE, resolver: { servers: [dns.address], hostsFile: '' } });
    const close = `innocent.example:${origin.port}`;
    expect((await get(proxy, close)).status).toBe(200);
    expectProhibited(await get({ port: proxy.port, host: OUTSIDE! }, close));
    expect((await proxy.flow(1)).resolvedFrom).toBe('cache');
  });
});

describe('of several addresses', () => {
  it('only those are dialled that may be', async () => {
    const origin = await startTarget();
    const dns = await startDns();
    dns.answer('A', 'mixed.example', { addresses: ['169.254.169.254', '127.0.0.1', '224.0.0.1'], ttlSeconds: 60 });
    const proxy = await start({ resolver: { servers: [dns.address], hostsFile: '' } });
    expect((await get(proxy, `mixed.example:${origin.port}`)).status).toBe(200);
    const flow = await proxy.flow(0);
    expect(flow.upstreamAddress).toBe('127.0.0.1');
    expect(flow.judged.map(({ address, allowed }) => [address, allowed])).toEqual([
      ['169.254.169.254', false],
      ['127.0.0.1', true],
      ['224.0.0.1', false],
    ]);
  });

  it('a dead one is not replaced by one that may not be dialled', async () => {
    const origin = await startTarget();
    const dns = await startDns();
    dns.answer('A', 'mixed.example', { addresses: ['127.0.0.2', '169.254.169.254'], ttlSeconds: 60 });
    const proxy = await start({ resolver: { servers: [dns.address], hostsFile: '' } });
    const response = await get(proxy, `mixed.example:${origin.port}`);
    expect([response.status, /;error=(\w+)/.exec(response.head)?.[1]]).toEqual([502, 'connection_refused']);
    expect(origin.accepted).toBe(0);
  });

  it('a name that is pointed elsewhere between two requests is judged by where it points now', async () => {
    const origin = await startTarget();
    const dns = await startDns();
    dns.answer('A', 'rebound.example', { addresses: ['127.0.0.1'], ttlSeconds: 0 });
    const proxy = await start({ resolver: { servers: [dns.address], hostsFile: '', minTtlMs: 0 } });
    expect((await get(proxy, `rebound.example:${origin.port}`)).status).toBe(200);
    dns.answer('A', 'rebound.example', { addresses: ['169.254.169.254'], ttlSeconds: 0 });
    using client = await connectRaw(proxy);
    await client.send(`POST http://rebound.example:${origin.port + 1}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    expectProhibited(await client.readResponse());
  });
});

async function startDns(): Promise<DnsServer> {
  const dns = await startDnsServer();
  open.push(dns);
  return dns;
}
