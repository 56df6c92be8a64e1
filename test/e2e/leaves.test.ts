// Certificates of the proxy's making before verifiers that are not ours: OpenSSL and Python's ssl in their strict modes, GnuTLS, NSS (which Firefox and
// Chromium's settings stand on) and Java's PKIX. No X.509 linter is in Debian, so these five stand for one: each refuses what RFC 5280 does not have.
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { leafOf, type OwnAuthority, ownAuthority } from '../support/own-authority.ts';
import { describeWith, run, succeed } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const HOSTS = ['www.example.com', 'localhost', 'my_bucket.example.com', `${'a'.repeat(60)}.example.com`, '192.0.2.1', '2001:db8::1'];

interface Case {
  readonly name: string;
  readonly host: string;
  readonly isBelieved: boolean;
  readonly caFile: string;
  readonly leafFile: string;
}

const cases: Case[] = [];
beforeAll(async () => {
  const [ec, rsa, limited] = [ownAuthority(), ownAuthority({ keyType: 'rsa' }), ownAuthority({ only: ['example.com', '192.0.2.0/24'] })];
  for (const host of HOSTS) {
    await addCase('ECDSA', ec, host, true);
    await addCase('RSA', rsa, host, true);
  }
  // Leaves that our own code would refuse to make: signed by the same key under a certificate without its limits.
  const unlimited = { ...limited.authority, constraints: [] };
  for (const host of ['a.example.com', '192.0.2.77']) await addCase('limited', limited, host, true, unlimited);
  for (const host of ['example.org', '198.51.100.1', '2001:db8::1']) await addCase('limited', limited, host, false, unlimited);
});

async function addCase(
  name: string,
  { certificate, authority }: OwnAuthority,
  host: string,
  isBelieved: boolean,
  signing = authority,
): Promise<void> {
  const [caFile, leafFile] = [path.join(folder, `${cases.length}-ca.pem`), path.join(folder, `${cases.length}-leaf.pem`)];
  writeFileSync(caFile, certificate);
  writeFileSync(leafFile, (await leafOf(signing, host)).toString());
  cases.push({ name, host, isBelieved, caFile, leafFile });
}

/** What each case came to, beside what it was to come to. */
async function verdicts(believes: (each: Case) => Promise<boolean>): Promise<void> {
  const said = await Promise.all(cases.map(async (each) => `${each.name} ${each.host}: ${await believes(each)}`));
  expect(said).toEqual(cases.map(({ name, host, isBelieved }) => `${name} ${host}: ${isBelieved}`));
}

describeWith(['openssl'], 'OpenSSL', () => {
  test('believes them with -x509_strict, by name and by address, and holds a CA to its name constraints', async () => {
    await verdicts(async ({ caFile, leafFile, host }) => {
      const name = /^[\d.]+$|:/.test(host) ? ['-verify_ip', host] : ['-verify_hostname', host];
      const words = ['verify', '-x509_strict', '-check_ss_sig', '-purpose', 'sslserver', ...name, '-CAfile', caFile, leafFile];
      return (await run('openssl', words)).code === 0;
    });
  });
});

describeWith(['certtool'], 'GnuTLS', () => {
  test('believes them, and holds a CA to its name constraints', async () => {
    await verdicts(async ({ caFile, leafFile, host }) => {
      const name = /^[\d.]+$|:/.test(host) ? [] : ['--verify-hostname', host];
      const words = ['--verify', '--verify-profile', 'medium', '--verify-purpose', '1.3.6.1.5.5.7.3.1', ...name];
      return (await run('certtool', [...words, '--load-ca-certificate', caFile, '--infile', leafFile])).code === 0;
    });
  });
});

describeWith(['certutil'], 'NSS', () => {
  test('believes them for servers, and holds a CA to its name constraints', async () => {
    await verdicts(async ({ caFile, leafFile }) => {
      const database = path.join(folder, `nss-${path.basename(leafFile)}`);
      mkdirSync(database);
      const certutil = (...words: string[]) => run('certutil', [...words, '-d', `sql:${database}`]);
      await certutil('-N', '--empty-password');
      await certutil('-A', '-n', 'ca', '-t', 'C,,', '-i', caFile);
      await certutil('-A', '-n', 'leaf', '-t', ',,', '-i', leafFile);
      return (await certutil('-V', '-n', 'leaf', '-u', 'V')).code === 0;
    });
  });
});

describeWith(['openssl', 'python3'], 'Python', () => {
  test('completes a handshake with VERIFY_X509_STRICT', async () => {
    const own = ownAuthority();
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const leaf = await leafOf(own.authority, 'www.example.com', { publicKey });
    const [ca, server] = [path.join(folder, 'python-ca.pem'), path.join(folder, 'python-server.pem')];
    writeFileSync(ca, own.certificate);
    writeFileSync(server, `${leaf}${privateKey.export({ type: 'pkcs8', format: 'pem' })}`);
    expect((await succeed('python3', ['-c', PYTHON_HANDSHAKE, ca, server, 'www.example.com'])).toString()).toBe('TLSv1.3\n');
    expect((await run('python3', ['-c', PYTHON_HANDSHAKE, ca, server, 'example.com'])).err).toContain('Hostname mismatch');
  });
});

describeWith(['javac'], 'Java', () => {
  test('believes them by PKIX', async () => {
    const source = path.join(folder, 'Verify.java');
    writeFileSync(source, JAVA_VERIFY);
    // Java's trust managers take a root without its name constraints, so what lies outside of them is believed there.
    const believed = cases.filter(({ isBelieved }) => isBelieved);
    const words = believed.flatMap(({ caFile, leafFile }) => [caFile, leafFile]);
    expect((await succeed('java', [source, ...words])).toString()).toBe('true\n'.repeat(believed.length));
  });
});

/** Client and server in one process, over memory. */
const PYTHON_HANDSHAKE = `
import ssl, sys
ca, server, name = sys.argv[1:]
client_context = ssl.create_default_context(cafile=ca)
client_context.verify_flags |= ssl.VERIFY_X509_STRICT
server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_context.load_cert_chain(server)
to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
served = server_context.wrap_bio(to_server, to_client, server_side=True)
waiting = [client, served]
while waiting:
    for side in list(waiting):
        try:
            side.do_handshake()
            waiting.remove(side)
        except ssl.SSLWantReadError:
            pass
print(client.version())
`;

/** For each CA and leaf: whether a client of Java's would believe it. */
const JAVA_VERIFY = `
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

class Verify {
  public static void main(String[] words) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    for (int i = 0; i < words.length; i += 2) {
      KeyStore roots = KeyStore.getInstance("PKCS12");
      roots.load(null, null);
      roots.setCertificateEntry("ca", factory.generateCertificate(new FileInputStream(words[i])));
      X509Certificate leaf = (X509Certificate) factory.generateCertificate(new FileInputStream(words[i + 1]));
      TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
      managers.init(roots);
      try {
        ((X509TrustManager) managers.getTrustManagers()[0]).checkServerTrusted(new X509Certificate[] { leaf }, "ECDHE_ECDSA");
        System.out.println(true);
      } catch (java.security.cert.CertificateException error) {
        System.out.println(false);
      }
    }
  }
}
`;
