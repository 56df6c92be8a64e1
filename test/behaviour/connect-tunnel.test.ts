// How a tunnel comes to stand, or does not: what a client is told, and what becomes of its connection.
import { describe, expect, onTestFinished } from 'vitest';
import { startDnsServer } from '../support/dns-server.ts';
import { startRawServer } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestConfig } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';
import { test } from '../support/tunnel-test.ts';
import { closedPort, connectText, failure, openTunnel, refusedConnect } from '../support/tunnels.ts';

describe('a tunnel that stands', () => {
  test('is announced only after the name is known and the origin has been reached', async ({ echo }) => {
    const dns = await startDnsServer();
    onTestFinished(() => dns.close());
    const answer = Promise.withResolvers<{ addresses: string[]; ttlSeconds: number }>();
    dns.answer('A', 'slow.example', answer.promise);
    await using proxy = await startTestProxy({ resolver: { servers: [dns.address], hostsFile: '' } });
    using client = await connectRaw(proxy);
    await client.send(connectText(`slow.example:${echo.port}`));
    await expect.poll(() => dns.questions).toContain('udp A slow.example');
    expect({ told: client.unread.length, accepted: echo.accepted }).toEqual({ told: 0, accepted: 0 });
    answer.resolve({ addresses: ['127.0.0.1'], ttlSeconds: 60 });
    expect((await client.readResponse('CONNECT')).status).toBe(200);
    expect(echo.accepted).toBe(1);
  });

  test('carries octets both ways', async ({ proxy, echo }) => {
    using client = await openTunnel(proxy, echo.authority);
    await client.send('to and fro');
    expect((await client.readExactly(10)).toString()).toBe('to and fro');
  });

  test('carries TLS from end to end: the client sees the certificate of the origin', async ({ proxy }) => {
    const ca = createTemporaryCa(temporaryFolder(onTestFinished));
    await using origin = await startTlsOrigin(ca, (_, response) => response.end('secret'));
    const tunnel = await openTunnel(proxy, `localhost:${origin.port}`);
    using client = await tunnel.startTls({ ca: ca.cert, servername: 'localhost' });
    await client.send('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect((await client.readLastResponse()).body.toString()).toBe('secret');
  });

  test('goes to an IPv6 address', async ({ proxy }) => {
    await using origin = await startRawServer((connection) => connection.send('six'), { host: '::1' });
    using client = await openTunnel(proxy, origin.authority);
    expect((await client.readExactly(3)).toString()).toBe('six');
  });

  test('goes where the target says, whatever Host says', async ({ proxy, echo }) => {
    using client = await connectRaw(proxy);
    await client.send(`CONNECT ${echo.authority} HTTP/1.1\r\nHost: elsewhere.example:1\r\n\r\nhere`);
    expect((await client.readResponse('CONNECT')).status).toBe(200);
    expect((await client.readExactly(4)).toString()).toBe('here');
  });

  test('is opened for a client of HTTP/1.0, without Host', async ({ proxy, echo }) => {
    using client = await connectRaw(proxy);
    await client.send(`CONNECT ${echo.authority} HTTP/1.0\r\n\r\nold`);
    expect((await client.readResponse('CONNECT')).status).toBe(200);
    expect((await client.readExactly(3)).toString()).toBe('old');
  });

  test('may follow other requests on its connection', async ({ proxy, echo }) => {
    await using page = await startRawServer((connection) => connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    using client = await connectRaw(proxy);
    await client.send(`GET ${page.url}/ HTTP/1.1\r\nHost: ${page.authority}\r\n\r\n${connectText(echo.authority)}next`);
    expect((await client.readResponse()).body.toString()).toBe('ok');
    expect((await client.readResponse('CONNECT')).status).toBe(200);
    expect((await client.readExactly(4)).toString()).toBe('next');
  });
});

describe('a tunnel that cannot stand', () => {
  test('502 connection_refused when nothing listens there', async ({ proxy }) => {
    const response = await refusedConnect(proxy, `127.0.0.1:${await closedPort()}`);
    expect(failure(response)).toEqual({ status: 502, error: 'connection_refused' });
  });

  test('502 destination_ip_prohibited for an address that the guard forbids', async ({ proxy }) => {
    const response = await refusedConnect(proxy, '169.254.169.254:80');
    expect(failure(response)).toEqual({ status: 502, error: 'destination_ip_prohibited' });
    expect(proxy.flows[0]).toMatchObject({ judged: [{ address: '169.254.169.254', allowed: false }], upstreamAddress: null });
  });

  test('502 destination_ip_prohibited for the proxy itself', async ({ proxy }) => {
    expect(failure(await refusedConnect(proxy, `127.0.0.1:${proxy.port}`))).toEqual({ status: 502, error: 'destination_ip_prohibited' });
  });

  test('502 dns_error for a name that does not exist, 504 dns_timeout for one that nobody answers for', async () => {
    const dns = await startDnsServer();
    onTestFinished(() => dns.close());
    for (const type of ['A', 'AAAA'] as const) dns.answer(type, 'silent.example', 'silence');
    await using proxy = await startTestProxy({ resolver: { servers: [dns.address], hostsFile: '', timeoutMs: 300 } });
    expect(failure(await refusedConnect(proxy, 'none.example:443'))).toEqual({ status: 502, error: 'dns_error' });
    expect(failure(await refusedConnect(proxy, 'silent.example:443'))).toEqual({ status: 504, error: 'dns_timeout' });
  });

  test('403 http_request_denied by a rule, which is named', async () => {
    await using proxy = await startTestProxy(
      withPolicy('version: 1\ndefault: allow\nconnect_ports: any\nrules:\n  - name: No echo\n    deny: { host: 127.0.0.1 }\n'),
    );
    const response = await refusedConnect(proxy, '127.0.0.1:7');
    expect(failure(response)).toEqual({ status: 403, error: 'http_request_denied' });
    expect(response.body.toString()).toContain('No echo');
  });

  test('403 for a port that connect_ports leaves out', async ({ echo }) => {
    await using proxy = await startTestProxy(withPolicy('version: 1\ndefault: allow\nconnect_ports: [443]\n'));
    const response = await refusedConnect(proxy, echo.authority);
    expect(failure(response)).toEqual({ status: 403, error: 'http_request_denied' });
    expect(echo.accepted).toBe(0);
  });

  test('what came behind a refused CONNECT was meant for a tunnel, and is never read as a request (RFC 9931)', async ({ proxy }) => {
    await using other = await startRawServer(() => {});
    using client = await connectRaw(proxy);
    await client.send(
      `${connectText(`127.0.0.1:${await closedPort()}`)}GET http://${other.authority}/ HTTP/1.1\r\nHost: ${other.authority}\r\n\r\n`,
    );
    const response = await client.readLastResponse('CONNECT');
    expect(response.status).toBe(502);
    expect(valuesOf(response.fields, 'connection')).toEqual(['close']);
    expect(other.accepted).toBe(0);
  });

  test('the upstream connection is given up when the client leaves before the tunnel stands', async ({ echo }) => {
    const dns = await startDnsServer();
    onTestFinished(() => dns.close());
    const answer = Promise.withResolvers<{ addresses: string[]; ttlSeconds: number }>();
    dns.answer('A', 'slow.example', answer.promise);
    await using proxy = await startTestProxy({ resolver: { servers: [dns.address], hostsFile: '' } });
    const client = await connectRaw(proxy);
    await client.send(connectText(`slow.example:${echo.port}`));
    await expect.poll(() => dns.questions).toContain('udp A slow.example');
    client.reset();
    expect(await proxy.flow(0)).toMatchObject({ outcome: 'aborted', status: 0 });
    answer.resolve({ addresses: ['127.0.0.1'], ttlSeconds: 60 });
    using next = await openTunnel(proxy, `slow.example:${echo.port}`);
    await next.send('x');
    await next.readExactly(1);
    expect(echo.accepted).toBe(1);
  });
});

function withPolicy(yaml: string): TestConfig {
  return { policyFile: temporaryFile(onTestFinished, 'policy.yaml', yaml) };
}
