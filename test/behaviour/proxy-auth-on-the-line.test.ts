// What a client sees of a proxy that asks who it is: 407, 200 and 503, for requests and for tunnels (RFC 9110 §11.7, §15.5.8), and what nobody else sees.
import { chmodSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AUTH_DEFAULTS, type AuthOptions } from '../../src/auth/options.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { temporaryFile } from '../support/temp-files.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { closedPort } from '../support/tunnels.ts';

const RIGHT = `Proxy-Authorization: ${basic('alice', 's3cret')}\r\n`;
const WRONG = `Proxy-Authorization: ${basic('alice', 'gu3ss')}\r\n`;

describe('a request', () => {
  test('without credentials is answered with 407 and the challenges; the connection stays, and one with them passes on it', async () => {
    await using origin = await startHello();
    await using proxy = await startAsking();
    using client = await connectRaw(proxy);
    await client.send(get(origin));
    const asked = await client.readResponse();
    expect(asked.status).toBe(407);
    expect(valuesOf(asked.fields, 'proxy-authenticate')).toEqual(['Basic realm="Sallyport", charset="UTF-8"']);
    await client.send(get(origin, RIGHT));
    expect((await client.readResponse()).body.toString()).toBe('hello');
    await client.send(get(origin));
    expect((await client.readResponse()).status).toBe(407);
    await proxy.flow(2);
    expect(proxy.flows.map(({ user }) => user)).toEqual([null, 'alice', null]);
    expect(origin.requests).toHaveLength(1);
  });

  test('with wrong ones is answered with 407, and nothing that was sent stands in the answer or the record', async () => {
    await using origin = await startHello();
    await using proxy = await startAsking();
    using client = await connectRaw(proxy);
    await client.send(get(origin, WRONG));
    const response = await client.readResponse();
    expect(response.status).toBe(407);
    expect(origin.requests).toHaveLength(0);
    const told = JSON.stringify([response.fields, response.body.toString(), await proxy.flow(0), proxy.reports]);
    for (const secret of ['gu3ss', basic('alice', 'gu3ss').slice(6)]) expect(told).not.toContain(secret);
  });

  test('takes no credentials for the proxy to the origin (§11.7.2)', async () => {
    await using origin = await startHello();
    await using proxy = await startAsking();
    using client = await connectRaw(proxy);
    await client.send(get(origin, RIGHT));
    expect((await client.readResponse()).status).toBe(200);
    expect(valuesOf(origin.requests[0]!.fields, 'proxy-authorization')).toEqual([]);
  });

  test('is answered with 503 and a time to come again when nobody can tell', async () => {
    await using origin = await startHello();
    const port = await closedPort();
    await using proxy = await startAsking({
      htpasswdFile: null,
      ldap: {
        url: `ldap://127.0.0.1:${port}`,
        startTls: false,
        caFile: null,
        users: { kind: 'bind', template: 'uid={user},dc=example' },
        userAttribute: 'uid',
        groups: null,
        timeoutMs: 1_000,
      },
    });
    using client = await connectRaw(proxy);
    await client.send(get(origin, RIGHT));
    const response = await client.readResponse();
    expect(response.status).toBe(503);
    expect(valuesOf(response.fields, 'retry-after')).toEqual(['5']);
    expect(origin.requests).toHaveLength(0);
  });
});

test('CONNECT is asked too: 407 without credentials, a tunnel with them', async () => {
  await using echo = await startEcho();
  await using proxy = await startAsking();
  using client = await connectRaw(proxy);
  await client.send(connect(echo.authority));
  expect((await client.readResponse()).status).toBe(407);
  using second = await connectRaw(proxy);
  await second.send(connect(echo.authority, RIGHT));
  expect((await second.readResponse('CONNECT')).status).toBe(200);
  await second.send('over the tunnel');
  expect((await second.readExactly(15)).toString()).toBe('over the tunnel');
});

test('by-policy lets a request without credentials pass where no rule asks, and refuses wrong ones', async () => {
  await using origin = await startHello();
  await using proxy = await startAsking({ require: 'by-policy' });
  using client = await connectRaw(proxy);
  await client.send(get(origin));
  expect((await client.readResponse()).status).toBe(200);
  await client.send(get(origin, WRONG));
  expect((await client.readResponse()).status).toBe(407);
});

function startHello(): Promise<Origin> {
  return startOrigin((_, reply) => reply.response({ body: 'hello' }));
}

function startAsking(options: Partial<AuthOptions> = {}): Promise<TestProxy> {
  const htpasswdFile = temporaryFile(onTestFinished, 'users', 'alice:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n');
  chmodSync(htpasswdFile, 0o600);
  return startTestProxy({ auth: { ...AUTH_DEFAULTS, htpasswdFile, ...options } });
}

function get(origin: Origin, credentials = ''): string {
  return `GET ${origin.url}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n${credentials}\r\n`;
}

function connect(authority: string, credentials = ''): string {
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`;
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
