// What a rule that asks how a tunnel begins comes to on the wire: server name, protocol, and who asks while that can still be found out.
import { chmodSync } from 'node:fs';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { AUTH_DEFAULTS } from '../../src/auth/options.ts';
import { connectThrough, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { connectRaw } from '../support/raw-client.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';
import { startEcho } from '../support/tunnel-servers.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);

describe('a rule that asks for the server name', () => {
  const rules = `  - { name: Fronting, deny: { scheme: tunnel, sni_agrees: false } }
  - tunnel: { sni: localhost }
  - intercept: { scheme: tunnel }
  - allow: any
`;

  test('denies with an alert what names another host than its CONNECT (RFC 8446 §6.2), and dials nobody', async () => {
    await using origin = await startTlsOrigin(ca, (_, response) => response.end());
    await using proxy = await startOpeningProxy(folder, ca, { rules });
    await expect(openTunnel(proxy, `localhost:${origin.port}`, { servername: 'front.example' })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
    });
    expect(await proxy.flow(0)).toMatchObject({
      ...{ method: 'CONNECT', outcome: 'denied', decision: { action: 'deny', rule: { name: 'Fronting' } }, upstreamAddress: null },
      hello: { serverName: 'front.example' },
      interception: { outcome: 'refused', reason: 'it was denied once it was known how it begins: TLS with front.example' },
    });
    expect(origin.accepted).toBe(0);
  });

  test('and what is no TLS, which the record says, too', async () => {
    await using proxy = await startOpeningProxy(folder, ca, {
      rules: '  - deny: { tunnel_protocol: [http, other] }\n  - intercept: { scheme: tunnel }\n',
    });
    for (const greeting of ['SSH-2.0-Client\r\n', 'GET / HTTP/1.1\r\n']) {
      using client = await connectThrough(proxy, 'localhost:443');
      await client.send(greeting);
      await client.closed;
    }
    const refused = (why: string): object => ({
      outcome: 'denied',
      interception: { outcome: 'refused', reason: `it was denied once it was known how it begins: ${why}` },
    });
    expect(await proxy.flow(0)).toMatchObject(refused('it is neither TLS nor HTTP'));
    expect(await proxy.flow(1)).toMatchObject(refused('HTTP without TLS'));
  });

  test('lets pass as it is what names its host: the certificate is that of the origin', async () => {
    await using origin = await startTlsOrigin(ca, (_, response) => response.end('from the origin'));
    await using proxy = await startOpeningProxy(folder, ca, { rules });
    using client = await openTunnel(proxy, `localhost:${origin.port}`, { ca: ca.cert });
    await client.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\nConnection: close\r\n\r\n`);
    expect((await client.readResponse()).body.toString()).toBe('from the origin');
    client.destroy();
    expect(await proxy.flow(0)).toMatchObject({
      outcome: 'tunnelled',
      interception: { outcome: 'passed' },
      decision: { awaits: 'nothing' },
    });
  });
});

test('a rule for what is neither TLS nor HTTP lets it pass, with every octet', async () => {
  await using echo = await startEcho();
  await using proxy = await startOpeningProxy(folder, ca, {
    rules: '  - tunnel: { tunnel_protocol: other }\n  - intercept: { scheme: tunnel }\n',
  });
  using client = await connectThrough(proxy, echo.authority);
  await client.send('SSH-2.0-Client\r\n');
  expect((await client.readExactly(16)).toString()).toBe('SSH-2.0-Client\r\n');
  await client.send('more');
  expect((await client.readExactly(4)).toString()).toBe('more');
});

test('who asks is found out at the CONNECT where rules may ask inside (RFC 9110 §11.7.1)', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('for alice'));
  const htpasswdFile = temporaryFile(onTestFinished, 'users', 'alice:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n');
  chmodSync(htpasswdFile, 0o600);
  await using proxy = await startOpeningProxy(folder, ca, {
    rules: `  - intercept: { host: localhost, scheme: tunnel }
  - { name: Hers, allow: { host: localhost, scheme: https, user: alice } }
`,
    config: { auth: { ...AUTH_DEFAULTS, htpasswdFile, require: 'by-policy' } },
  });
  const connect = `CONNECT localhost:${origin.port} HTTP/1.1\r\nHost: localhost:${origin.port}\r\n`;
  using unasked = await connectRaw(proxy);
  await unasked.send(`${connect}\r\n`);
  expect((await unasked.readResponse('CONNECT')).status).toBe(407);
  using client = await connectRaw(proxy);
  const credentials = Buffer.from('alice:s3cret').toString('base64');
  await client.send(`${connect}Proxy-Authorization: Basic ${credentials}\r\n\r\n`);
  expect((await client.readResponse('CONNECT')).status).toBe(200);
  const inside = await client.startTls({ ca: proxy.authority, servername: 'localhost' });
  await inside.send(`GET / HTTP/1.1\r\nHost: localhost:${origin.port}\r\n\r\n`);
  expect((await inside.readResponse()).body.toString()).toBe('for alice');
  expect(await proxy.flow(1)).toMatchObject({ user: 'alice', decision: { rule: { name: 'Hers' } } });
});
