// The exact commands for each trust store.
import { expect, test } from 'vitest';
import { type CertificateToTrust, commandText, elsewhere, type Machine, trustStores } from '../../../src/tls/trust-stores.ts';

const CERTIFICATE: CertificateToTrust = {
  file: '/data/ca/ca.crt',
  name: 'Sallyport CA lectern 3f09a1',
  fingerprint: 'AB12CD34'.padEnd(64, '0'),
  fingerprintSha1: 'EF'.repeat(20),
};
const machine = (given: Partial<Machine> & { readonly programs?: readonly string[]; readonly paths?: readonly string[] }): Machine => ({
  platform: 'linux',
  home: '/home/ada',
  has: (program) => given.programs?.includes(program) ?? false,
  exists: (file) => given.paths?.includes(file) ?? false,
  firefoxProfiles: [],
  ...given,
});
const linesOf = (given: Parameters<typeof machine>[0], action: 'trust' | 'untrust') =>
  trustStores(machine(given), CERTIFICATE).flatMap(({ commands }) => commands[action].map(commandText));

test('Debian and Ubuntu have a folder and a program that makes the bundle', () => {
  const debian = { programs: ['update-ca-certificates'], paths: ['/usr/local/share/ca-certificates'] };
  expect(linesOf(debian, 'trust')).toEqual([
    'install -m 644 /data/ca/ca.crt /usr/local/share/ca-certificates/sallyport-ab12cd34.crt',
    'update-ca-certificates',
  ]);
  expect(linesOf(debian, 'untrust')).toEqual([
    'rm -f /usr/local/share/ca-certificates/sallyport-ab12cd34.crt',
    'update-ca-certificates --fresh',
  ]);
  expect(trustStores(machine(debian), CERTIFICATE).map(({ isForRootAlone }) => isForRootAlone)).toEqual([true]);
});

test('Debian has one for Java, too, out of which its own program takes nothing that is gone', () => {
  const java = { programs: ['update-ca-certificates'], paths: ['/usr/local/share/ca-certificates', '/etc/ssl/certs/java/cacerts'] };
  expect(linesOf(java, 'trust')).toHaveLength(2);
  expect(linesOf(java, 'untrust').slice(2)).toEqual([
    'keytool -delete -alias debian:sallyport-ab12cd34.pem -keystore /etc/ssl/certs/java/cacerts -storepass changeit',
  ]);
});

test('Fedora has others', () => {
  const fedora = { programs: ['update-ca-trust'], paths: ['/etc/pki/ca-trust/source/anchors'] };
  expect(linesOf(fedora, 'trust')).toEqual([
    'install -m 644 /data/ca/ca.crt /etc/pki/ca-trust/source/anchors/sallyport-ab12cd34.crt',
    'update-ca-trust',
  ]);
});

test("Chromium's database is made where there is none, and each Firefox profile has one", () => {
  const profile = '/home/ada/.mozilla/firefox/x.default';
  const both = { programs: ['certutil', 'chromium'], firefoxProfiles: [profile] };
  expect(linesOf(both, 'trust')).toEqual([
    'mkdir -p /home/ada/.pki/nssdb',
    'certutil -N --empty-password -d sql:/home/ada/.pki/nssdb',
    "certutil -A -d sql:/home/ada/.pki/nssdb -t C,, -n 'Sallyport CA lectern 3f09a1' -i /data/ca/ca.crt",
    `certutil -A -d sql:${profile} -t C,, -n 'Sallyport CA lectern 3f09a1' -i /data/ca/ca.crt`,
  ]);
  expect(linesOf({ ...both, paths: ['/home/ada/.pki/nssdb/cert9.db'] }, 'trust')).toHaveLength(2);
  expect(linesOf(both, 'untrust').at(-1)).toBe(`certutil -D -d sql:${profile} -n 'Sallyport CA lectern 3f09a1'`);
});

test('what is missing is named with what brings it', () => {
  const [store] = trustStores(machine({ programs: ['chromium'] }), CERTIFICATE);
  expect(store?.missing).toContain('libnss3-tools (Debian, Ubuntu), nss-tools (Fedora)');
});

test.each([
  ['darwin', 'security add-trusted-cert -r trustRoot -p ssl -k /home/ada/Library/Keychains/login.keychain-db /data/ca/ca.crt'],
  ['win32', 'certutil -user -addstore Root /data/ca/ca.crt'],
] as const)('%s has one of the user', (platform, command) => {
  expect(linesOf({ platform }, 'trust')).toEqual([command]);
  expect(linesOf({ platform }, 'untrust').at(-1)).toContain(CERTIFICATE.fingerprintSha1);
});

test('a machine without any has none', () => {
  expect(trustStores(machine({ home: null }), CERTIFICATE)).toEqual([]);
});

test('programs with stores of their own are told of', () => {
  expect(elsewhere('trust', CERTIFICATE)[0]).toBe(
    "keytool -importcert -noprompt -trustcacerts -alias 'Sallyport CA lectern 3f09a1' -cacerts -storepass changeit -file /data/ca/ca.crt",
  );
  expect(elsewhere('untrust', CERTIFICATE)[0]).toBe(
    "keytool -delete -alias 'Sallyport CA lectern 3f09a1' -cacerts -storepass changeit, or -alias sallyport, as doctor and the proxy's own page name it",
  );
});

test.each([
  [['plain', '/a/b.c', 'x=1'], 'plain /a/b.c x=1'],
  [["it's", 'a b', '$HOME', ''], "'it'\\''s' 'a b' '$HOME' ''"],
])('%j is %s in a shell', (words, text) => {
  expect(commandText(words)).toBe(text);
});
