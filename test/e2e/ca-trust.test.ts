// What the commands write, in the stores of others: NSS by `ca trust`'s own commands, and the PKCS #12 file in Java, OpenSSL, GnuTLS and NSS.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { main } from '../../src/cli/cli.ts';
import { type StoreAction, trustStores } from '../../src/tls/trust-stores.ts';
import { describeWith, run, succeed } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { recordingTerminal } from '../unit/cli/recording-terminal.ts';

let home = '';
beforeEach(async () => {
  home = temporaryFolder(onTestFinished);
  expect(await say('init')).toBe(0);
});

const say = (...words: string[]) => main(['ca', ...words, '--ca-dir', path.join(home, 'ca')], recordingTerminal(home, { HOME: home }));

describeWith(['certutil'], 'NSS', () => {
  test('holds the CA after the commands of trust, and no more after those of untrust', async () => {
    const certificate = { file: path.join(home, 'ca', 'ca.crt'), name: 'Sallyport CA test', fingerprint: '00', fingerprintSha1: '00' };
    const machine = {
      platform: 'linux' as const,
      home,
      has: (name: string) => name !== 'update-ca-certificates',
      exists: () => false,
      firefoxProfiles: [],
    };
    const perform = async (action: StoreAction) => {
      for (const [program, ...words] of trustStores(machine, certificate).flatMap(({ commands }) => commands[action]))
        await succeed(program, words);
    };
    const listed = async () => (await succeed('certutil', ['-L', '-d', `sql:${home}/.pki/nssdb`])).toString();
    await perform('trust');
    expect(await listed()).toMatch(/^Sallyport CA test\s+C,,\s*$/m);
    await perform('untrust');
    expect(await listed()).not.toContain('Sallyport');
  });

  test('takes the PKCS #12 file', async () => {
    const database = ['-d', `sql:${home}`];
    await say('export', '--format', 'pkcs12', '--output', 'ca.p12', '--password', 'sesam');
    await succeed('certutil', ['-N', '--empty-password', ...database]);
    expect((await succeed('pk12util', ['-i', path.join(home, 'ca.p12'), '-W', 'sesam', ...database])).toString()).toContain(
      'IMPORT SUCCESSFUL',
    );
  });
});

describeWith(['keytool'], 'Java', () => {
  test('has no CA of ours any more in the store that Debian makes, after the commands of untrust', async () => {
    const certificate = { file: path.join(home, 'ca', 'ca.crt'), name: 'Sallyport CA', fingerprint: 'AB12CD34', fingerprintSha1: '00' };
    const machine = {
      platform: 'linux' as const,
      home: null,
      has: (name: string) => name === 'update-ca-certificates',
      exists: () => true,
      firefoxProfiles: [],
    };
    const store = path.join(home, 'cacerts');
    const inStore = ['-keystore', store, '-storepass', 'changeit'];
    // As the hook of ca-certificates-java names it, beside another one that is none of ours.
    for (const alias of ['debian:sallyport-ab12cd34.pem', 'debian:other.pem'])
      await succeed('keytool', ['-importcert', '-noprompt', '-alias', alias, '-file', certificate.file, ...inStore]);
    const [, ...words] = trustStores(machine, certificate)[0]!.commands.untrust.find(([program]) => program === 'keytool')!;
    await succeed(
      'keytool',
      words.map((word) => (word === '/etc/ssl/certs/java/cacerts' ? store : word)),
    );
    const listed = (await succeed('keytool', ['-list', ...inStore])).toString();
    expect(listed).toContain('debian:other.pem');
    expect(listed).not.toContain('sallyport');
  });

  test('takes the PKCS #12 file for a trust store', async () => {
    await say('export', '--format', 'pkcs12', '--output', 'ca.p12');
    const listed = await succeed('keytool', ['-list', '-keystore', path.join(home, 'ca.p12'), '-storepass', 'changeit']);
    expect(listed.toString()).toMatch(/^sallyport ca .*, trustedCertEntry,/m);
    const wrong = await run('keytool', ['-list', '-keystore', path.join(home, 'ca.p12'), '-storepass', 'something else']);
    expect(wrong.code).not.toBe(0);
  });
});

describeWith(['openssl', 'certtool'], 'OpenSSL and GnuTLS', () => {
  test('read the certificate alone out of the PKCS #12 file, and check its HMAC-SHA-256 (RFC 7292 §4)', async () => {
    await say('export', '--format', 'pkcs12', '--output', 'ca.p12');
    const file = path.join(home, 'ca.p12');
    const { code, out, err } = await run('openssl', ['pkcs12', '-in', file, '-passin', 'pass:changeit', '-info', '-nodes']);
    expect({ code, pem: pemIn(out) }).toEqual({ code: 0, pem: pemIn(readFileSync(path.join(home, 'ca', 'ca.crt'))) });
    expect(err).toContain('MAC: sha256');
    expect(out.toString()).not.toContain('PRIVATE KEY');
    expect((await run('openssl', ['pkcs12', '-in', file, '-passin', 'pass:wrong', '-nokeys'])).err).toContain('invalid password');
    expect((await succeed('certtool', ['--p12-info', '--inder', '--infile', file, '--password', 'changeit'])).toString()).toContain(
      'Type: Certificate',
    );
  });

  test('read the DER file', async () => {
    await say('export', '--format', 'der', '--output', 'ca.cer');
    expect(
      (await succeed('openssl', ['x509', '-inform', 'DER', '-in', path.join(home, 'ca.cer'), '-noout', '-subject'])).toString(),
    ).toContain('Sallyport CA');
  });
});

function pemIn(text: Buffer): string {
  return /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text.toString())?.[0] ?? '';
}
