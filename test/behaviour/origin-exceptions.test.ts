// What a policy forgives a host's certificate: the fault that it names, there and nowhere else, and what is resumed or kept goes by the same.
import { X509Certificate } from 'node:crypto';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { CA_EXTENSIONS, CertificateMaker, type CertificateWish, type Made, serverExtensions } from '../support/bad-certificates.ts';
import { type BadOrigin, startBadOrigin } from '../support/bad-origin.ts';
import { policyOf } from '../support/policies.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { failure } from '../support/tunnels.ts';

const maker = new CertificateMaker(temporaryFolder(afterAll));
const root = maker.make({ issuer: null, subject: '/CN=Known Root', extensions: CA_EXTENSIONS });
const stranger = maker.make({ issuer: null, subject: '/CN=Strange Root', extensions: CA_EXTENSIONS });
const GOOD = serverExtensions('DNS:localhost');
const PAST = { from: -10, to: -1 };
const ELSEWHERE = { extensions: serverExtensions('DNS:elsewhere.example') };

test.each<[string, string, Partial<CertificateWish>, readonly string[]]>([
  ['that has expired', 'expired', PAST, ['expired']],
  ['for other names', 'wrong_name', ELSEWHERE, ['wrong_name']],
  ['without names', 'wrong_name', { extensions: serverExtensions() }, ['wrong_name']],
  ['that is self-signed', 'untrusted', { issuer: null }, ['untrusted']],
  ['of an unknown authority', 'untrusted', { issuer: stranger }, ['untrusted']],
  ['that has expired, and is of an unknown authority', '[expired, untrusted]', { ...PAST, issuer: stranger }, ['expired', 'untrusted']],
  ['that is good', '[expired, wrong_name, untrusted]', {}, []],
])('a certificate %s is let pass by %s, and the record says so', async (_, accept, wish, forgiven) => {
  await using origin = await startBadOrigin([made(wish)]);
  await using proxy = await startForgiving(accept);
  expect((await ask(proxy, origin)).status).toBe(200);
  expect((await proxy.flow(0)).originTls?.acceptedFaults).toEqual(forgiven);
});

test.each<[string, string, Partial<CertificateWish>, RegExp]>([
  // OpenSSL's own verdict is that it has expired, and no more.
  ['of an unknown authority that has expired', 'expired', { ...PAST, issuer: stranger }, /localhost is issued by "Strange Root"/],
  ['of an unknown authority that has expired', 'untrusted', { ...PAST, issuer: stranger }, /localhost expired on/],
  ['for other names that has expired', 'expired', { ...PAST, ...ELSEWHERE }, /localhost is for elsewhere\.example, but not for localhost/],
  ['for other names that is self-signed', 'untrusted', { ...ELSEWHERE, issuer: null }, /localhost is for elsewhere\.example/],
  ['that is yet to begin', 'expired', { from: 1, to: 5 }, /localhost is not valid before/],
  ['with a weak key', '[expired, wrong_name, untrusted]', { key: 'rsa:1024' }, /localhost has a key that is too weak/],
  ['with a weak key that is self-signed', 'untrusted', { key: 'rsa:1024', issuer: null }, /localhost has a key that is too weak/],
  ['signed with SHA-1 that has expired', 'expired', { ...PAST, digest: 'sha1' }, /localhost is signed with SHA-1/],
  [
    'for clients alone that is self-signed',
    'untrusted',
    { issuer: null, extensions: GOOD.map((line) => line.replace('serverAuth', 'clientAuth')) },
    /localhost is not for servers/,
  ],
])('a certificate %s is not let pass by %s alone', async (_, accept, wish, words) => {
  await using origin = await startBadOrigin([made(wish)]);
  await using proxy = await startForgiving(accept);
  const response = await ask(proxy, origin);
  expect(failure(response)).toEqual({ status: 502, error: 'tls_certificate_error' });
  expect(response.body.toString().replaceAll(/\s+/g, ' ')).toMatch(words);
  expect(origin.received).toBe(0);
});

test('expired forgives no authority what the authority above it has forbidden it', async () => {
  const extensions = [...CA_EXTENSIONS, 'nameConstraints = critical,permitted;DNS:only.example'];
  const narrow = maker.make({ issuer: root, subject: '/CN=Narrow', extensions });
  await using origin = await startBadOrigin([made({ ...PAST, issuer: narrow }), narrow]);
  await using proxy = await startForgiving('expired');
  expect(failure(await ask(proxy, origin))).toEqual({ status: 502, error: 'tls_certificate_error' });
});

test('expired forgives a host its own certificate, not one that its issuer has let expire', async () => {
  const past = maker.make({ issuer: root, subject: '/CN=Past', extensions: CA_EXTENSIONS, ...PAST });
  await using origin = await startBadOrigin([made({ ...PAST, issuer: past }), past]);
  await using proxy = await startForgiving('expired');
  expect(failure(await ask(proxy, origin))).toEqual({ status: 502, error: 'tls_certificate_error' });
});

test('a certificate that is known by its SHA-256 needs nobody to vouch for it; any other one does', async () => {
  const [pinned, other] = [made({ ...ELSEWHERE, ...PAST, issuer: null }), made({ ...ELSEWHERE, ...PAST, issuer: null })];
  const fingerprint = `sha256:${new X509Certificate(pinned.cert).fingerprint256.replaceAll(':', '').toLowerCase()}`;
  await using origin = await startBadOrigin([pinned]);
  await using impostor = await startBadOrigin([other]);
  await using proxy = await startForgiving(`'${fingerprint}'`);
  expect((await ask(proxy, origin)).status).toBe(200);
  expect((await proxy.flow(0)).originTls?.acceptedFaults).toEqual([fingerprint]);
  expect(failure(await ask(proxy, impostor))).toEqual({ status: 502, error: 'tls_certificate_error' });
  expect(impostor.received).toBe(0);
});

test('a revoked certificate is forgiven by nothing', async () => {
  const revoked = made();
  const fingerprint = `sha256:${new X509Certificate(revoked.cert).fingerprint256.replaceAll(':', '').toLowerCase()}`;
  await using origin = await startBadOrigin([revoked], {}, maker.ocspResponse(revoked, root, root, 'revoked'));
  await using proxy = await startForgiving(`[expired, wrong_name, untrusted, '${fingerprint}']`);
  expect(failure(await ask(proxy, origin))).toEqual({ status: 502, error: 'tls_certificate_error' });
});

test('neither a kept connection nor a session serves a request to which nothing is forgiven', async () => {
  await using origin = await startBadOrigin([made(PAST)]);
  await using proxy = await startForgiving('expired', '/forgiven');
  expect((await ask(proxy, origin, 'forgiven')).status).toBe(200);
  expect(failure(await ask(proxy, origin, 'other'))).toEqual({ status: 502, error: 'tls_certificate_error' });
  origin.dropConnections();
  expect(failure(await ask(proxy, origin, 'other'))).toEqual({ status: 502, error: 'tls_certificate_error' });
  // And those to whom it is forgiven may go on, on whatever there is.
  expect((await ask(proxy, origin, 'forgiven')).status).toBe(200);
  expect((await proxy.flow(3)).originTls?.acceptedFaults).toEqual(['expired']);
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)('a session is resumed in %s, and the record still has the certificate', async (version) => {
  await using origin = await startBadOrigin([made()], { minVersion: version, maxVersion: version });
  await using proxy = await startTestProxy({ rootCertificates: root.certFile });
  for (let round = 0; round < 3; round += 1) {
    expect((await ask(proxy, origin)).status).toBe(200);
    // The proxy has to have seen its end, or it would try the old connection first.
    origin.dropConnections();
  }
  expect(origin.resumed).toEqual([false, true, true]);
  const { originTls } = await proxy.flow(2);
  expect(originTls).toMatchObject({ isResumed: true, version, certificate: { subject: 'CN=localhost' } });
});

function made(wish: Partial<CertificateWish> = {}): Made {
  return maker.make({ issuer: root, subject: '/CN=localhost', extensions: GOOD, ...wish });
}

/** A proxy that lets localhost have these faults, on one path or on all. */
async function startForgiving(accept: string, path?: string): Promise<TestProxy> {
  const criteria = path === undefined ? 'host: localhost' : `host: localhost, path: ${path}`;
  const policyFile = policyOf(`default: deny
rules:
  - allow: { ${criteria} }
    dangerously_accept_certificate: ${accept}
    allow_private: true
  - allow: { host: localhost }
    allow_private: true
`);
  const proxy = await startTestProxy({ rootCertificates: root.certFile, policyFile });
  onTestFinished(() => proxy.close());
  return proxy;
}

async function ask(proxy: TestProxy, origin: BadOrigin, path = ''): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`GET ${origin.url}${path} HTTP/1.1\r\nHost: ${new URL(origin.url).host}\r\n\r\n`);
  return await client.readResponse();
}
