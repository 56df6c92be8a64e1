// A second ClientHello, which servers ask for that would like another key share (RFC 8446 §4.1.4): what a rule has seen in the first holds for it, too.
import { generateKeyPairSync } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createSecureContext, createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectThrough, type OpeningProxy, startOpeningProxy } from '../support/opened-tunnels.ts';
import { describeWith, succeed } from '../support/programs.ts';
import type { TestProxy } from '../support/start-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { clientHello, keyShare, serverName, signatureAlgorithms, supportedGroups, supportedVersions } from '../support/tls-hello.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
const X25519 = 29;
const HANDSHAKE = 22;
const HELLO_RETRY_REQUEST = Buffer.from('cf21ad74e59a6111be1d8c021e65b891', 'hex');
let origin: Server;
let authority = '';
let proxy: OpeningProxy;
let heard: string[] = [];

beforeAll(async () => {
  const { key, cert } = ca.issue('localhost');
  const context = createSecureContext({ key, cert });
  origin = createServer({
    SNICallback: (name, done) => {
      heard.push(name);
      done(null, context);
    },
    ecdhCurve: 'X25519:P-384',
  });
  origin.on('secureConnection', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'));
  origin.on('tlsClientError', () => {});
  await new Promise<void>((listening) => origin.listen({ host: '127.0.0.1', port: 0 }, listening));
  authority = `localhost:${(origin.address() as AddressInfo).port}`;
  proxy = await startOpeningProxy(folder, ca, {
    rules: '  - tunnel: { host: localhost, sni: localhost }\n  - intercept: { host: other.example }\n',
  });
});
afterAll(async () => {
  await proxy.close();
  // Node counts connections whose handshake broke off as open for ever, so nobody waits for it.
  origin.close();
});

function hello(name: string, share: Parameters<typeof keyShare>[0]): Buffer {
  const extensions = [serverName(name), supportedVersions(0x0304), supportedGroups(X25519), signatureAlgorithms(0x0403, 0x0804, 0x0401)];
  return clientHello({ cipherSuites: [0x1301, 0x1302], extensions: [...extensions, keyShare(share)] });
}

describe('a tunnel that passes for its name', () => {
  const key = generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);

  test('goes on with that name', async () => {
    heard = [];
    const client = await begun(proxy);
    await client.send(hello('localhost', { group: X25519, key }));
    expect([...(await client.readExactly(3))]).toEqual([HANDSHAKE, 3, 3]);
    expect(heard).toEqual(['localhost']);
    client.destroy();
    expect(await proxy.flow(0)).toMatchObject({ interception: { outcome: 'passed' }, error: null });
  });

  test('is broken off when the second hello has another, which no server hears', async () => {
    heard = [];
    using client = await begun(proxy);
    await client.send(hello('secret.example', { group: X25519, key }));
    await client.closed;
    expect(heard).toEqual(['localhost']);
    expect(await proxy.flow(1)).toMatchObject({
      outcome: 'failed',
      interception: { outcome: 'passed' },
      error: {
        code: 'http_request_denied',
        message: 'This tunnel may not go on: TLS was begun with localhost, and secret.example comes in the second ClientHello.',
      },
    });
  });

  test('is broken off when the second hello does not wait to be asked for', async () => {
    using client = await connectThrough(proxy, authority);
    await client.send(Buffer.concat([hello('localhost', null), hello('secret.example', { group: X25519, key })]));
    await client.closed;
  });
});

async function begun(through: TestProxy) {
  const client = await connectThrough(through, authority);
  await client.send(hello('localhost', null));
  // With the change_cipher_spec behind it.
  expect((await client.readExactly(99)).includes(HELLO_RETRY_REQUEST)).toBe(true);
  return client;
}

describeWith(['curl', 'openssl'], 'programs that are asked for a second hello', () => {
  const groups = 'P-256:P-384';

  test('curl', async () => {
    const words = ['-sSf', '--proxy', `http://127.0.0.1:${proxy.port}`, '--cacert', ca.certFile, '--curves', groups];
    expect((await succeed('curl', [...words, `https://${authority}/`])).toString()).toBe('hello');
  });

  test('openssl', async () => {
    const words = ['s_client', '-proxy', `127.0.0.1:${proxy.port}`, '-connect', authority, '-servername', 'localhost', '-groups', groups];
    const said = (await succeed('openssl', [...words, '-msg'])).toString();
    expect(said.match(/>>> TLS 1.3, Handshake \[length \w+\], ClientHello/g)).toHaveLength(2);
    expect(said).toContain('Server Temp Key: ECDH, secp384r1');
  });
});
