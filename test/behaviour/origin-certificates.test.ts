// What an origin has to show before it is sent a single octet: every way in which a certificate can be wrong, seen from the client, beside what is right.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CA_EXTENSIONS, CertificateMaker, type CertificateWish, type Made, serverExtensions } from '../support/bad-certificates.ts';
import { startBadOrigin } from '../support/bad-origin.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { failure } from '../support/tunnels.ts';

const maker = new CertificateMaker(temporaryFolder(afterAll));
const root = maker.make({ issuer: null, subject: '/CN=Known Root', extensions: CA_EXTENSIONS });
const stranger = authority({ issuer: null, subject: '/CN=Strange Root' });
const between = authority({ subject: '/CN=Between' });
const GOOD = serverExtensions('DNS:localhost');
const good = maker.make({ issuer: root, subject: '/CN=localhost', extensions: GOOD });
let proxy: TestProxy;

beforeAll(async () => {
  proxy = await startTestProxy({ rootCertificates: root.certFile });
  return () => proxy.close();
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('in %s', (version) => {
  const versions = { minVersion: version, maxVersion: version };

  test.each<[string, () => readonly Made[], RegExp]>([
    ['that has expired', () => [server({ from: -10, to: -1 })], /expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC\./],
    ['that is yet to begin', () => [server({ from: 1, to: 10 })], /is not valid before \d{4}-\d\d-\d\d \d\d:\d\d UTC\./],
    [
      'for other hosts (RFC 9110 §4.3.4)',
      () => [server({ extensions: serverExtensions('DNS:a.example', 'DNS:*.b.example') })],
      /is for a\.example and \*\.b\.example, but not for localhost\./,
    ],
    [
      'for many other hosts',
      () => [server({ extensions: serverExtensions(...[1, 2, 3, 4, 5].map((n) => `DNS:${n}.example`), 'IP:192.0.2.1') })],
      /is for 1\.example, 2\.example, 3\.example, 4\.example and 2 more, but not for localhost\./,
    ],
    [
      'whose name stands in its common name alone (RFC 9525 §2)',
      () => [server({ extensions: serverExtensions() })],
      /has no subjectAltName, so it is for no host \(its common name, "localhost", does not count\)\./,
    ],
    ['that is self-signed', () => [server({ issuer: null })], /is self-signed\./],
    ['of an unknown authority', () => [server({ issuer: stranger })], /is issued by "Strange Root", which nobody here knows/],
    [
      'of an unknown authority that vouches for itself',
      () => [server({ issuer: stranger }), stranger],
      /is issued by "Strange Root", which nobody here knows \(localhost → Strange Root\)\./,
    ],
    [
      'whose intermediate one is missing',
      () => [server({ issuer: between })],
      /is issued by "Between", which nobody here knows \(localhost → Between\); the server may have to send an intermediate certificate/,
    ],
    ['with a weak key', () => [server({ key: 'rsa:1024' })], /has a key that is too weak \(RSA 1024\)\./],
    ['signed with SHA-1', () => [server({ digest: 'sha1' })], /is signed with SHA-1, which can be forged\./],
    [
      'whose intermediate one is signed with SHA-1',
      () => below(authority({ subject: '/CN=Old', digest: 'sha1' })),
      /is issued by "Old", whose own certificate is signed with SHA-1, which can be forged\./,
    ],
    [
      'for a name that its issuer may not vouch for (RFC 5280 §4.2.1.10)',
      () => below(authority({ subject: '/CN=Narrow' }, 'nameConstraints = critical,permitted;DNS:only.example')),
      /is for localhost, which the name constraints of "Narrow" forbid\./,
    ],
    [
      'that is for clients alone (RFC 5280 §4.2.1.12)',
      () => [server({ extensions: GOOD.map((line) => line.replace('serverAuth', 'clientAuth')) })],
      /is not for servers: its extended key usage leaves serverAuth out\./,
    ],
    [
      'issued by what is no authority (RFC 5280 §4.2.1.9)',
      () => below(server({ subject: '/CN=Mere Server' })),
      /is issued by "Mere Server", which is no certification authority/,
    ],
    [
      'issued below an authority that allows none below itself (RFC 5280 §4.2.1.9)',
      () => {
        const last = maker.make({ issuer: root, subject: '/CN=Last', extensions: ['basicConstraints = critical,CA:TRUE,pathlen:0'] });
        const tooLow = authority({ issuer: last, subject: '/CN=Too Low' });
        return [...below(tooLow), last];
      },
      /is issued below "Last", which allows fewer authorities below itself\./,
    ],
    [
      'whose intermediate one has expired',
      () => below(authority({ subject: '/CN=Past', from: -10, to: -1 })),
      /is issued by "Past", whose own certificate expired on/,
    ],
    [
      'that demands a stapled OCSP response, without one (RFC 7633)',
      () => [server({ extensions: [...GOOD, 'tlsfeature = status_request'] })],
      /has to come with a stapled OCSP response, and came without\./,
    ],
    [
      'that is wrong in two ways',
      () => [server({ issuer: stranger, from: -10, to: -1 })],
      /expired on .*, and is issued by "Strange Root", which nobody here knows/,
    ],
  ])('a certificate %s is refused, and nothing is sent', async (_, chain, words) => {
    await using origin = await startBadOrigin(chain(), versions);
    const response = await ask(origin.url);
    expect(failure(response)).toEqual({ status: 502, error: 'tls_certificate_error' });
    expect(oneLine(response)).toMatch(new RegExp(`The certificate of localhost ${words.source}`));
    expect(origin.received).toBe(0);
  });

  test.each<[string, () => readonly Made[]]>([
    ['of a known authority', () => [good]],
    ['with its intermediate one', () => below(between)],
    ['with RSA 2048', () => [server({ key: 'rsa:2048' })]],
    [
      'for a name that its issuer may vouch for',
      () => below(authority({ subject: '/CN=Wide' }, 'nameConstraints = critical,permitted;DNS:localhost')),
    ],
    ['without any purpose said', () => [server({ extensions: GOOD.filter((line) => !line.startsWith('extendedKeyUsage')) })]],
    ['with the root behind it', () => [good, root]],
    ['among others that do not belong to it', () => [good, stranger, between]],
  ])('a certificate %s is believed', async (_, chain) => {
    await using origin = await startBadOrigin(chain(), versions);
    expect((await ask(origin.url)).status).toBe(200);
  });
});

describe('a stapled OCSP response (RFC 6960)', () => {
  test('that says revoked is believed', async () => {
    const revoked = server();
    await using origin = await startBadOrigin([revoked], {}, maker.ocspResponse(revoked, root, root, 'revoked'));
    const response = await ask(origin.url);
    expect(failure(response)).toEqual({ status: 502, error: 'tls_certificate_error' });
    expect(oneLine(response)).toMatch(/The certificate of localhost was revoked on \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
    expect(origin.received).toBe(0);
  });

  test('that says good satisfies a certificate which demands one (RFC 7633)', async () => {
    const demanding = server({ extensions: [...GOOD, 'tlsfeature = status_request'] });
    await using origin = await startBadOrigin([demanding], {}, maker.ocspResponse(demanding, root, root, 'good'));
    expect((await ask(origin.url)).status).toBe(200);
  });

  test('may be signed by a delegate of the issuer', async () => {
    const [revoked, delegate] = [server(), responder(root)];
    await using origin = await startBadOrigin([revoked], {}, maker.ocspResponse(revoked, root, delegate, 'revoked'));
    expect(oneLine(await ask(origin.url))).toMatch(/was revoked on/);
  });

  test.each<[string, (leaf: Made) => Buffer]>([
    ['is signed by a stranger', (leaf) => maker.ocspResponse(leaf, root, responder(stranger), 'revoked')],
    ['is signed by somebody to whom nothing is delegated', (leaf) => maker.ocspResponse(leaf, root, server(), 'revoked')],
    ['is about another certificate', () => maker.ocspResponse(good, root, root, 'revoked')],
    ['is cut short', (leaf) => maker.ocspResponse(leaf, root, root, 'revoked').subarray(0, -20)],
    ['is no such thing', () => Buffer.from('revoked')],
  ])('that %s proves nothing: it neither revokes, nor satisfies a certificate which demands one', async (_, staple) => {
    const [plain, demanding] = [server(), server({ extensions: [...GOOD, 'tlsfeature = status_request'] })];
    await using origin = await startBadOrigin([plain], {}, staple(plain));
    await using strict = await startBadOrigin([demanding], {}, staple(demanding));
    expect((await ask(origin.url)).status).toBe(200);
    expect(failure(await ask(strict.url))).toEqual({ status: 502, error: 'tls_certificate_error' });
    expect(strict.received).toBe(0);
  });
});

describe('an origin', () => {
  test.each(['TLSv1', 'TLSv1.1'] as const)('that offers nothing newer than %s is refused (RFC 8996)', async (version) => {
    await using origin = await startBadOrigin([server({ key: 'rsa:2048' })], { minVersion: 'TLSv1', maxVersion: version });
    const response = await ask(origin.url);
    expect(failure(response)).toEqual({ status: 502, error: 'tls_protocol_error' });
    expect(oneLine(response)).toMatch(/localhost offers nothing newer than TLS 1\.1/i);
    expect(origin.received).toBe(0);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('that wants a client certificate in %s is told of as one', async (version) => {
    const options = { requestCert: true, rejectUnauthorized: true, ca: root.cert, minVersion: version, maxVersion: version };
    await using origin = await startBadOrigin([good], options);
    const response = await ask(origin.url);
    expect(failure(response)).toEqual({ status: 502, error: 'tls_alert_received' });
    expect(oneLine(response)).toMatch(/want(?:s)? a client certificate/);
  });

  test('that speaks no HTTP which it is offered is told of as one', async () => {
    await using origin = await startBadOrigin([good], { ALPNProtocols: ['nothing-known'] });
    const response = await ask(origin.url);
    expect(failure(response)).toEqual({ status: 502, error: 'tls_alert_received' });
    expect(oneLine(response)).toContain('the alert no_application_protocol');
  });
});

test('no variable of the environment turns the verification off', async () => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    await using origin = await startBadOrigin([server({ issuer: null })]);
    expect(failure(await ask(origin.url))).toEqual({ status: 502, error: 'tls_certificate_error' });
    expect(origin.received).toBe(0);
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  }
});

test('the record says what the origin has shown, on a kept connection too', async () => {
  await using origin = await startBadOrigin(below(between));
  for (let round = 0; round < 2; round += 1) await ask(origin.url);
  const flows = proxy.flows.slice(-2);
  expect(flows.map(({ reusedConnection }) => reusedConnection)).toEqual([false, true]);
  for (const { originTls } of flows) {
    expect(originTls).toMatchObject({ version: 'TLSv1.3', isResumed: false, acceptedFaults: [] });
    expect(originTls?.certificate).toMatchObject({ subject: 'CN=localhost', issuer: 'CN=Between', names: 'DNS:localhost' });
    expect(originTls?.certificate.chain).toEqual([{ subject: 'CN=Between', issuer: 'CN=Known Root', fingerprint256: expect.any(String) }]);
  }
});

function authority(wish: Partial<CertificateWish>, ...extensions: readonly string[]): Made {
  return maker.make({ issuer: root, subject: '/CN=Authority', extensions: [...CA_EXTENSIONS, ...extensions], ...wish });
}

function server(wish: Partial<CertificateWish> = {}): Made {
  return maker.make({ issuer: root, subject: '/CN=localhost', extensions: GOOD, ...wish });
}

function responder(issuer: Made): Made {
  return maker.make({ issuer, subject: '/CN=Responder', extensions: ['extendedKeyUsage = OCSPSigning'] });
}

/** A good certificate below this one, and this one. */
function below(issuer: Made): readonly Made[] {
  return [server({ issuer }), issuer];
}

async function ask(url: string): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
  return await client.readResponse();
}

/** The page for a terminal, whose lines are broken. */
function oneLine(response: FinalResponse): string {
  return response.body.toString().replaceAll(/\s+/g, ' ');
}
