// A certification authority for one test file, made with the openssl command (3.0 or newer) so that nothing of ours vouches for itself.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';

export interface Leaf {
  /** PEM. */
  readonly key: string;
  /** PEM: the leaf alone; the root is known to whoever trusts it. */
  readonly cert: string;
  readonly keyFile: string;
  readonly certFile: string;
}

export interface TemporaryCa {
  /** PEM, for a trust store. */
  readonly cert: string;
  readonly certFile: string;
  /** A server certificate for these host names and addresses, valid for two days. Made once for each list of names. */
  issue(...names: readonly string[]): Leaf;
}

/** @param folder  where keys and certificates are kept: `temporaryFolder(afterAll)` */
export function createTemporaryCa(folder: string): TemporaryCa {
  const leaves = new Map<string, Leaf>();
  const root = makeCertificate(path.join(folder, 'ca'), 'Sallyport test CA', [
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  return {
    cert: root.cert,
    certFile: root.certFile,
    issue(...names) {
      const known = leaves.get(names.join());
      if (known) return known;
      const subjects = names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`).join();
      const leaf = makeCertificate(path.join(folder, `leaf-${leaves.size + 1}`), names[0] ?? 'nobody', [
        ...['-CA', root.certFile, '-CAkey', root.keyFile, '-addext', 'basicConstraints=critical,CA:FALSE'],
        ...['-addext', 'keyUsage=critical,digitalSignature', '-addext', 'extendedKeyUsage=serverAuth'],
        ...(names.length > 0 ? ['-addext', `subjectAltName=${subjects}`] : []),
      ]);
      leaves.set(names.join(), leaf);
      return leaf;
    },
  };
}

/** One P-256 key and its certificate, self-signed unless the options name a CA. */
function makeCertificate(stem: string, commonName: string, options: readonly string[]): Leaf {
  const keyFile = `${stem}.key`;
  const certFile = `${stem}.crt`;
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
  // Its own configuration, so that the machine's openssl.cnf adds nothing.
  execFileSync(
    'openssl',
    ['req', '-x509', '-config', '-', ...key, '-out', certFile, '-days', '2', '-subj', `/CN=${commonName}`, ...options],
    {
      input: '[req]\ndistinguished_name = dn\n[dn]\n',
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  );
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8'), keyFile, certFile };
}
