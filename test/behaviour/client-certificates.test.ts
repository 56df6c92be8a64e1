// Who the proxy is to an origin that asks: the certificate that is set for this host, and to any other host nobody.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ClientCertificateOptions } from '../../src/upstream/options.ts';
import { ORIGIN_TLS_DEFAULTS } from '../../src/upstream/options.ts';
import { CA_EXTENSIONS, CertificateMaker, serverExtensions } from '../support/bad-certificates.ts';
import { startBadOrigin } from '../support/bad-origin.ts';
import { ask } from '../support/policies.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const maker = new CertificateMaker(folder);
const root = maker.make({ issuer: null, subject: '/CN=Known Root', extensions: CA_EXTENSIONS });
const server = maker.make({ issuer: root, subject: '/CN=localhost', extensions: serverExtensions('DNS:localhost', 'IP:127.0.0.1') });
const client = maker.make({ issuer: root, subject: '/CN=Ada', extensions: ['extendedKeyUsage = clientAuth'] });
const other = maker.make({ issuer: root, subject: '/CN=Bob', extensions: ['extendedKeyUsage = clientAuth'] });
const ADA = { certificateFile: client.certFile, keyFile: client.keyFile, passphraseFile: null };
const BOB = { certificateFile: other.certFile, keyFile: other.keyFile, passphraseFile: null };

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('in %s', (version) => {
  const asking = { requestCert: true, rejectUnauthorized: false, ca: root.cert, minVersion: version, maxVersion: version };

  test('a client certificate is shown to its host alone', async () => {
    await using origin = await startBadOrigin([server], asking);
    await using proxy = await startAs({ host: 'localhost', ...ADA });
    expect((await ask(proxy, `GET https://localhost:${origin.port}/`)).status).toBe(200);
    expect((await ask(proxy, `GET https://127.0.0.1:${origin.port}/`)).status).toBe(200);
    expect([origin.clients, origin.accepted]).toEqual([['Ada'], 2]);
  });

  test('an origin that demands one has it', async () => {
    await using origin = await startBadOrigin([server], { ...asking, rejectUnauthorized: true });
    await using proxy = await startAs({ host: '*', ...ADA });
    expect((await ask(proxy, `GET https://localhost:${origin.port}/`)).status).toBe(200);
  });

  test('sessions of one identity are not offered by another', async () => {
    await using origin = await startBadOrigin([server], asking);
    await using proxy = await startAs({ host: 'localhost', ...ADA }, { host: '127.0.0.1', ...BOB });
    for (const host of ['localhost', '127.0.0.1', 'localhost', '127.0.0.1']) {
      expect((await ask(proxy, `GET https://${host}:${origin.port}/`)).status).toBe(200);
      origin.dropConnections();
    }
    expect(origin.clients).toEqual(['Ada', 'Bob', 'Ada', 'Bob']);
  });
});

test('the first that fits a destination, its port included, is shown', async () => {
  await using origin = await startBadOrigin([server], { requestCert: true, rejectUnauthorized: false, ca: root.cert });
  await using proxy = await startAs({ host: 'localhost:1', ...ADA }, { host: `127.0.0.0/8:${origin.port}`, ...BOB }, { host: '*', ...ADA });
  await ask(proxy, `GET https://127.0.0.1:${origin.port}/`);
  await ask(proxy, `GET https://localhost:${origin.port}/`);
  expect(origin.clients).toEqual(['Bob', 'Ada']);
});

test('a key may be encrypted, its passphrase in a file', async () => {
  const keyFile = path.join(folder, 'encrypted.key');
  execFileSync('openssl', ['pkey', '-in', client.keyFile, '-aes256', '-passout', 'pass:open sesame', '-out', keyFile]);
  const passphraseFile = temporaryFile(onTestFinished, 'passphrase', 'open sesame\n');
  await using origin = await startBadOrigin([server], { requestCert: true, rejectUnauthorized: false, ca: root.cert });
  await using proxy = await startAs({ host: 'localhost', certificateFile: client.certFile, keyFile, passphraseFile });
  await ask(proxy, `GET https://localhost:${origin.port}/`);
  expect(origin.clients).toEqual(['Ada']);
  const without = startAs({ host: 'localhost', certificateFile: client.certFile, keyFile, passphraseFile: null });
  await expect(without).rejects.toMatchObject({ kind: 'data', problems: [expect.stringMatching(/encrypted\.key: the key is encrypted/)] });
});

test.each<[string, () => Partial<ClientCertificateOptions>, RegExp]>([
  [
    'a certificate that is missing',
    () => ({ certificateFile: '/nonexistent/client.pem' }),
    /^\/nonexistent\/client\.pem: the client certificate does not exist/,
  ],
  [
    'a key that is missing',
    () => ({ keyFile: '/nonexistent/client.key' }),
    /^\/nonexistent\/client\.key: the key of a client certificate does not exist/,
  ],
  ['a file without a certificate', () => ({ certificateFile: client.keyFile }), /there is no certificate in PEM form in it/],
  [
    'the key of another',
    () => ({ keyFile: other.keyFile }),
    /key\.pem: the key of .*cert\.pem cannot be used: it belongs to another certificate/,
  ],
])('%s ends the start, by its name and reason', async (_, wrong, problem) => {
  const start = startAs({ host: 'localhost', ...ADA, ...wrong() });
  await expect(start).rejects.toMatchObject({ problems: [expect.stringMatching(problem)] });
});

function startAs(...clientCertificates: readonly ClientCertificateOptions[]): Promise<TestProxy> {
  return startTestProxy({ rootCertificates: root.certFile, originTls: { ...ORIGIN_TLS_DEFAULTS, clientCertificates } });
}
