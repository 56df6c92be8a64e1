// Rules about what a name resolves to, on the wire: each address is judged on its own, and only those that pass are dialled, whatever else is there.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { parseParentUrl } from '../../src/upstream/route.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { ask, policyOf } from '../support/policies.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy, testConfig } from '../support/start-proxy.ts';
import { refusedConnect } from '../support/tunnels.ts';

/** An address of this machine that is not loopback: a client that uses it is a client on another machine to the proxy. */
const OUTSIDE = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test('only addresses that pass are dialled, for a request and for a tunnel, and each asks DNS once', async () => {
  const { port, dialled } = await startEverywhere();
  const { proxy, dns } = await start('default: allow\nconnect_ports: any\nrules:\n  - deny: { address: [127.0.0.2, 127.0.1.0/24] }\n');
  resolve(dns, ['127.0.0.2', '127.0.1.9', '127.0.0.3']);
  expect((await ask(proxy, `GET http://shop.example:${port}/`)).body.toString()).toBe('127.0.0.3');
  using tunnel = await connectRaw(proxy);
  await tunnel.send(`CONNECT shop.example:${port} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect((await tunnel.readResponse('CONNECT')).status).toBe(200);
  expect((await tunnel.readResponse()).body.toString()).toBe('127.0.0.3');
  expect(dialled).toEqual(['127.0.0.3', '127.0.0.3']);
  expect(dns.questions.filter((question) => question.includes(' A '))).toEqual(Array(2).fill('udp A shop.example'));
});

test('when the one address that passes does not answer, no other is tried in its place', async () => {
  const { port } = await startEverywhere('127.0.0.2');
  const { proxy, dns } = await start('default: allow\nrules:\n  - deny: { address: 127.0.0.2 }\n');
  resolve(dns, ['127.0.0.2', '127.0.0.3']);
  expect(await ask(proxy, `GET http://shop.example:${port}/`)).toMatchObject({ status: 502 });
  expect(await proxy.flow(0)).toMatchObject({ error: { code: 'connection_refused' } });
});

test('when none passes, the denial names its rule, and nobody is dialled', async () => {
  const { port, dialled } = await startEverywhere();
  const { proxy, dns } = await start(
    'default: allow\nconnect_ports: any\nrules:\n  - { name: Not there, deny: { address: 127.0.0.0/8 } }\n',
  );
  resolve(dns, ['127.0.0.2', '127.0.0.3']);
  for (const response of [
    await ask(proxy, `GET http://shop.example:${port}/`),
    await ask(proxy, `GET http://127.0.0.2:${port}/`),
    await ask(proxy, `GET http://[::ffff:127.0.0.2]:${port}/`),
    await refusedConnect(proxy, `shop.example:${port}`),
  ]) {
    expect([response.status, response.reason]).toEqual([403, "Denied by rule 'Not there' (policy.yaml:5)"]);
  }
  expect(dialled).toEqual([]);
});

test('a name that cannot be resolved is no permission', async () => {
  const { proxy } = await start('default: deny\nrules:\n  - allow: { not: { address: 127.0.0.2 } }\n');
  expect(await ask(proxy, 'GET http://unknown.example/')).toMatchObject({ status: 502 });
  expect(await proxy.flow(0)).toMatchObject({ error: { code: 'dns_error' }, upstreamAddress: null });
});

test('behind a parent proxy, which resolves by itself, rules about addresses do not match, and DNS is not asked here', async () => {
  const { port } = await startEverywhere();
  const { proxy: parent, dns: parentDns } = await start('default: allow\n');
  resolve(parentDns, ['127.0.0.3']);
  const { proxy, dns } = await start('default: deny\n');
  const through = (policy: string): Promise<void> =>
    proxy.running.reload(
      testConfig({
        policyFile: policyOf(policy),
        resolver: resolverOf(dns),
        route: { parents: [parseParentUrl(parent.url)], noProxy: [] },
      }),
    );
  await through('default: deny\nrules:\n  - deny: { address: 127.0.0.3 }\n  - allow: { host: shop.example }\n');
  expect((await ask(proxy, `GET http://shop.example:${port}/`)).body.toString()).toBe('127.0.0.3');
  await through('default: deny\nrules:\n  - allow: { address: 127.0.0.3 }\n');
  expect(await ask(proxy, `GET http://shop.example:${port}/`)).toMatchObject({ status: 403 });
  expect(dns.questions).toEqual([]);
});

test('a kept connection to an address that this request may not use is not used', async () => {
  const { port, dialled } = await startEverywhere();
  const { proxy, dns } = await start('default: allow\nrules:\n  - deny: { address: 127.0.0.2, path: /inside/* }\n');
  resolve(dns, ['127.0.0.2', '127.0.0.3']);
  using client = await connectRaw(proxy);
  expect(await get(client, port, '/outside')).toBe('127.0.0.2');
  expect(await get(client, port, '/inside/x')).toBe('127.0.0.3');
  expect(await get(client, port, '/outside')).toMatch(/^127\.0\.0\.[23]$/);
  expect(dialled).toEqual(['127.0.0.2', '127.0.0.3']);
});

test('a name that has moved to an address that is denied is denied, whatever connection is kept', async () => {
  const { port, dialled } = await startEverywhere();
  const { proxy, dns } = await start('default: allow\nrules:\n  - deny: { address: 127.0.0.3 }\n');
  resolve(dns, ['127.0.0.2']);
  using client = await connectRaw(proxy);
  expect(await get(client, port, '/')).toBe('127.0.0.2');
  resolve(dns, ['127.0.0.3']);
  await client.send(`GET http://shop.example:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect((await client.readResponse()).status).toBe(403);
  expect(dialled).toEqual(['127.0.0.2']);
});

test('a new policy that denies the address holds for a connection that the old one has kept', async () => {
  const { port, dialled } = await startEverywhere();
  const { proxy, dns } = await start('default: allow\n');
  resolve(dns, ['127.0.0.2']);
  using client = await connectRaw(proxy);
  expect(await get(client, port, '/')).toBe('127.0.0.2');
  const policyFile = policyOf('default: allow\nrules:\n  - deny: { address: 127.0.0.2 }\n');
  await proxy.running.reload(testConfig({ policyFile, resolver: resolverOf(dns) }));
  await client.send(`GET http://shop.example:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect((await client.readResponse()).status).toBe(403);
  expect(dialled).toEqual(['127.0.0.2']);
});

test.skipIf(OUTSIDE === undefined)(
  'allow_private opens for its hosts what the guard shuts, and a rule about addresses still takes out its own',
  async () => {
    const { port, dialled } = await startEverywhere();
    const { proxy, dns } = await start(
      `default: allow
rules:
  - { name: Never, deny: { address: 127.0.0.3 } }
  - allow: { host: shop.example }
    allow_private: [127.0.0.0/28]
`,
      '0.0.0.0',
    );
    const stranger = { port: proxy.port, host: OUTSIDE! };
    resolve(dns, ['127.0.0.3', '127.0.0.4']);
    resolve(dns, ['127.0.0.4'], 'other.example');
    resolve(dns, ['127.0.0.200'], 'sub.shop.example');
    expect((await ask(stranger, `GET http://shop.example:${port}/`)).body.toString()).toBe('127.0.0.4');
    expect((await ask(stranger, `GET http://other.example:${port}/`)).status).toBe(502);
    expect((await ask(stranger, `GET http://127.0.0.4:${port}/`)).status).toBe(502);
    resolve(dns, ['127.0.0.200']);
    expect((await ask(stranger, `GET http://shop.example:${port}/`)).status).toBe(502);
    resolve(dns, ['127.0.0.3']);
    expect((await ask(stranger, `GET http://shop.example:${port}/`)).reason).toContain("rule 'Never'");
    expect(dialled).toEqual(['127.0.0.4']);
  },
);

test.skipIf(OUTSIDE === undefined)('the exception of one rule is not for an answer that another one lets pass', async () => {
  const { port } = await startEverywhere();
  const { proxy, dns } = await start(
    `default: deny
rules:
  - allow: { host: shop.example, response_type: image/* }
    allow_private: true
  - allow: { host: shop.example }
`,
    '0.0.0.0',
  );
  resolve(dns, ['127.0.0.4']);
  // The second rule excepts nothing, and the answer is no image.
  expect((await ask({ port: proxy.port, host: OUTSIDE! }, `GET http://shop.example:${port}/`)).status).toBe(502);
  expect(await proxy.flow(0)).toMatchObject({ error: { code: 'destination_ip_prohibited' } });
});

/** A server on every address of this machine, or on one, that answers with the address it was dialled at; and those of its connections. */
async function startEverywhere(host = '0.0.0.0'): Promise<{ readonly port: number; readonly dialled: readonly string[] }> {
  const dialled: string[] = [];
  const server = createServer((request, response) => response.end(request.socket.localAddress));
  server.on('connection', ({ localAddress }) => dialled.push(localAddress!));
  await new Promise<void>((listening) => server.listen({ host, port: 0 }, listening));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((closed) => server.close(() => closed()));
  });
  return { port: (server.address() as AddressInfo).port, dialled };
}

async function start(policy: string, host = '127.0.0.1'): Promise<{ readonly proxy: TestProxy; readonly dns: DnsServer }> {
  const dns = await startDnsServer();
  const proxy = await startTestProxy({
    policyFile: policyOf(policy),
    resolver: resolverOf(dns),
    listen: [{ kind: 'tcp', host, port: 0 }],
  });
  onTestFinished(async () => {
    await proxy.close();
    await dns.close();
  });
  return { proxy, dns };
}

/** Every question goes to the server: nothing is remembered. */
function resolverOf(dns: DnsServer) {
  return { servers: [dns.address], hostsFile: '', minTtlMs: 0, maxTtlMs: 0 };
}

function resolve(dns: DnsServer, addresses: readonly string[], name = 'shop.example'): void {
  dns.answer('A', name, { addresses, ttlSeconds: 0 });
}

async function get(client: RawClient, port: number, path: string): Promise<string> {
  await client.send(`GET http://shop.example:${port}${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return (await client.readResponse()).body.toString();
}
