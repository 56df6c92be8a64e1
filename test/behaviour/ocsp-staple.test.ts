// What OpenSSL's own responder says of a certificate, read by us: as it is, at other times, and with every octet of it changed.
import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { stapledStatus } from '../../src/upstream/ocsp-staple.ts';
import { type ReadCertificate, readCertificate } from '../../src/upstream/roots.ts';
import { CA_EXTENSIONS, CertificateMaker, type Made, serverExtensions } from '../support/bad-certificates.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const A_DAY_MS = 86_400_000;
const maker = new CertificateMaker(temporaryFolder(afterAll));

describe.each(['ec', 'rsa:2048'] as const)('of an authority with %s', (key) => {
  const root = maker.make({ issuer: null, subject: '/CN=Root', extensions: CA_EXTENSIONS, key });
  const leaf = maker.make({ issuer: root, subject: '/CN=localhost', extensions: serverExtensions('DNS:localhost') });
  const [about, issuer] = [read(leaf), read(root)];
  const good = maker.ocspResponse(leaf, root, root, 'good');
  const revoked = maker.ocspResponse(leaf, root, root, 'revoked');

  test('good is good, revoked is revoked, since when is told', () => {
    const nowMs = Date.now();
    expect(stapledStatus(good, about, issuer, nowMs)).toEqual({ kind: 'good' });
    expect(stapledStatus(revoked, about, issuer, nowMs)).toEqual({ kind: 'revoked', sinceMs: expect.closeTo(nowMs - A_DAY_MS, -5) });
  });

  test('it counts from its time to that of the next one, five minutes for clocks aside', () => {
    const at = (ms: number): string => stapledStatus(good, about, issuer, Date.now() + ms).kind;
    expect([-600_000, -240_000, A_DAY_MS + 240_000, A_DAY_MS + 600_000].map(at)).toEqual(['unusable', 'good', 'good', 'unusable']);
  });

  test('with any octet changed it proves the same or nothing', () => {
    for (const [response, kind] of [
      [good, 'good'],
      [revoked, 'revoked'],
    ] as const) {
      for (let offset = 0; offset < response.length; offset += 1) {
        const changed = Buffer.from(response);
        changed[offset]! ^= 1 << (offset & 7);
        expect([kind, 'unusable'], `octet ${offset}`).toContain(stapledStatus(changed, about, issuer, Date.now()).kind);
      }
    }
  });

  test('cut short anywhere it proves nothing', () => {
    for (let length = 0; length < good.length; length += 1) {
      expect(stapledStatus(good.subarray(0, length), about, issuer, Date.now()).kind).toBe('unusable');
    }
  });
});

test('a delegate counts only while its own certificate does (RFC 6960 §4.2.2.2)', () => {
  const root = maker.make({ issuer: null, subject: '/CN=Root', extensions: CA_EXTENSIONS });
  const leaf = maker.make({ issuer: root, subject: '/CN=localhost', extensions: serverExtensions('DNS:localhost') });
  const delegate = maker.make({ issuer: root, subject: '/CN=Delegate', extensions: ['extendedKeyUsage = OCSPSigning'], from: -1, to: 3 });
  const response = maker.ocspResponse(leaf, root, delegate, 'good', ['-ndays', '9']);
  const at = (days: number): string => stapledStatus(response, read(leaf), read(root), Date.now() + days * A_DAY_MS).kind;
  expect([at(0), at(2), at(4)]).toEqual(['good', 'good', 'unusable']);
});

test.each([
  ['is signed with SHA-1', { digest: 'sha1' }],
  ['has a key that is too weak', { key: 'rsa:1024' }],
] as const)('a delegate whose certificate %s is none', (_, weakness) => {
  const root = maker.make({ issuer: null, subject: '/CN=Root', extensions: CA_EXTENSIONS });
  const leaf = maker.make({ issuer: root, subject: '/CN=localhost', extensions: serverExtensions('DNS:localhost') });
  const delegate = maker.make({ issuer: root, subject: '/CN=Delegate', extensions: ['extendedKeyUsage = OCSPSigning'], ...weakness });
  const response = maker.ocspResponse(leaf, root, delegate, 'good');
  expect(stapledStatus(response, read(leaf), read(root), Date.now())).toMatchObject({ kind: 'unusable' });
});

function read({ cert }: Made): ReadCertificate {
  return readCertificate(new X509Certificate(cert));
}
