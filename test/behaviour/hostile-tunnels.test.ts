// Clients that would like their tunnel to pass unseen, or to cost more than it may: what they begin with, and how they leave.
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { parseParentUrl } from '../../src/upstream/route.ts';
import { connectThrough, type OpeningProxy, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { startRawServer } from '../support/origin.ts';
import type { RawConnection } from '../support/raw-connection.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { clientHello, record, serverName } from '../support/tls-hello.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';
import { startEcho } from '../support/tunnel-servers.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);

describe('TLS that cannot be read does not pass for something else', () => {
  /** RFC 5246 §E.2, which OpenSSL answers to this day. */
  const ssl2 = Buffer.from([0x80, 46, 1, 3, 3, 0, 3, 0, 0, 0, 32, 0, 0, 0x2f, ...Buffer.alloc(32, 5)]);

  test.each([
    ['a name that is an address', clientHello({ extensions: [serverName('192.0.2.1')] }), true],
    ['an empty record before it', Buffer.concat([record(Buffer.alloc(0)), clientHello()]), true],
    ['the framing of SSL 2.0', ssl2, true],
    ['only its beginning in time', clientHello().subarray(0, 60), true],
    ['only the beginning of a request in time', Buffer.from('GET / HT'), false],
  ])('%s', async (_, beginning, isToldSo) => {
    await using echo = await startEcho();
    await using proxy = await startOpeningProxy(folder, ca, {
      rules: '  - deny: { sni: secret.example }\n  - tunnel: { tunnel_protocol: other }\n  - intercept: { scheme: tunnel }\n',
      config: { listener: { tunnelGreetingTimeoutMs: 300 } },
    });
    using client = await connectThrough(proxy, echo.authority);
    await client.send(beginning);
    const alert = [...(await client.readToEnd().catch(() => []))];
    expect(alert).toEqual(isToldSo ? [21, 3, 3, 0, 2, 2, 49] : []);
    expect(await proxy.flow(0)).toMatchObject({
      outcome: 'failed',
      interception: { outcome: 'refused' },
      error: { code: 'http_request_denied' },
      upstreamAddress: null,
    });
  });
});

test('a certificate is made for no name that policy would not open', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end());
  await using proxy = await startOpeningProxy(folder, ca);
  await expect(openTunnel(proxy, `localhost:${origin.port}`, { servername: 'bank.example' })).rejects.toMatchObject({
    code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  });
  await expect(openTunnel(proxy, 'sallyport.invalid:443', { servername: 'bank.example' })).rejects.toMatchObject({
    code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  });
  expect(await proxy.flow(0)).toMatchObject({ interception: { outcome: 'refused', reason: expect.stringContaining('bank.example') } });
});

test('a client that leaves while its other end is dialled is gone, and the other end is let go of', async () => {
  let parentHasConnect: (connection: RawConnection) => void;
  const connecting = new Promise<RawConnection>((resolve) => {
    parentHasConnect = resolve;
  });
  await using parent = await startRawServer(async (connection) => {
    await connection.readUntil('\r\n\r\n');
    parentHasConnect(connection);
  });
  await using proxy = await startOpeningProxy(folder, ca, {
    rules: '  - tunnel: { sni: localhost }\n  - intercept: { host: other.example }\n',
    config: { route: { parents: [parseParentUrl(parent.url)], noProxy: [] } },
  });
  const client = await connectThrough(proxy, 'localhost:443');
  await client.send(clientHello({ extensions: [serverName('localhost')] }));
  const atParent = await connecting;
  client.reset();
  expect(await proxy.flow(0)).toMatchObject({ outcome: 'aborted' });
  await atParent.closed;
});

describe('a policy that changes while a client has yet to speak', () => {
  const hello = clientHello({ extensions: [serverName('localhost')] });

  test('holds for the tunnel that would pass', async () => {
    await using echo = await startEcho();
    const { port } = new URL(`http://${echo.authority}`);
    await using proxy = await startOpeningProxy(folder, ca, {
      rules: '  - tunnel: { sni: localhost }\n  - intercept: { host: other.example }\n',
    });
    using client = await connectThrough(proxy, `localhost:${port}`);
    await replacePolicy(proxy, '  - deny: { host: localhost }\n');
    await client.send(hello);
    await client.closed;
    expect(await proxy.flow(0)).toMatchObject({ error: { code: 'http_request_denied' }, decision: { action: 'deny' } });
  });

  test('holds for the tunnel that would be opened', async () => {
    await using proxy = await startOpeningProxy(folder, ca, { config: { listener: { headTimeoutMs: 60_000 } } });
    const client = await connectThrough(proxy, 'localhost:443');
    await replacePolicy(proxy, '  - tunnel: { host: localhost }\n');
    using inside = await client.startTls({ ca: proxy.authority, servername: 'localhost' });
    await inside.closed;
    expect(await proxy.flow(0)).toMatchObject({ method: 'CONNECT', outcome: 'opened' });
  });
});

async function replacePolicy(proxy: OpeningProxy, rules: string): Promise<void> {
  writeFileSync(proxy.config.policyFile, `version: 1\ndefault: deny\nconnect_ports: any\nrules:\n${rules}`);
  await proxy.running.reload(proxy.config);
}
