// Owns certificates as they should not be, and the good ones beside them: made by the openssl command (3.0 or newer) for one test file, so that
// nothing of ours vouches for itself. What exactly is wrong with one is the caller's to say, extension by extension.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface Made {
  /** PEM of this certificate alone. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateWish {
  /** `null` signs with its own key. */
  readonly issuer: Made | null;
  readonly subject: string;
  /** Lines of OpenSSL's configuration: `basicConstraints = critical,CA:TRUE`. */
  readonly extensions: readonly string[];
  readonly key?: 'ec' | 'rsa:1024' | 'rsa:2048';
  readonly digest?: 'sha256' | 'sha1';
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
}

export const CA_EXTENSIONS = [
  'basicConstraints = critical,CA:TRUE',
  'keyUsage = critical,keyCertSign,cRLSign',
  'subjectKeyIdentifier = hash',
];

/** The extensions of a server's certificate as it should be. @param names  `DNS:a.example`, `IP:192.0.2.1` */
export function serverExtensions(...names: readonly string[]): string[] {
  return [
    'basicConstraints = critical,CA:FALSE',
    'keyUsage = critical,digitalSignature,keyEncipherment',
    'extendedKeyUsage = serverAuth',
    ...(names.length === 0 ? [] : [`subjectAltName = ${names.join()}`]),
  ];
}

export class CertificateMaker {
  readonly #folder: string;
  #count = 0;

  /** @param folder  where keys and certificates are kept: `temporaryFolder(afterAll)` */
  constructor(folder: string) {
    this.#folder = folder;
  }

  make(wish: CertificateWish): Made {
    const { issuer, subject, extensions, key = 'ec', digest = 'sha256', from = -1, to = 30 } = wish;
    this.#count += 1;
    const folder = path.join(this.#folder, `certificate-${this.#count}`);
    mkdirSync(folder);
    const [keyFile, requestFile, certFile, configFile] = ['key.pem', 'request.pem', 'cert.pem', 'openssl.cnf'].map((name) =>
      path.join(folder, name),
    ) as [string, string, string, string];
    writeFileSync(path.join(folder, 'index.txt'), '');
    writeFileSync(path.join(folder, 'serial'), `1${randomBytes(15).toString('hex')}0\n`);
    writeFileSync(configFile, configuration(folder, extensions));
    const kind = key === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : [key];
    openssl('req', '-config', configFile, '-new', '-newkey', ...kind, '-nodes', '-keyout', keyFile, '-out', requestFile, '-subj', subject);
    const signer = issuer === null ? ['-selfsign', '-keyfile', keyFile] : ['-cert', issuer.certFile, '-keyfile', issuer.keyFile];
    const dates = ['-startdate', dateIn(from), '-enddate', dateIn(to)];
    const words = ['-batch', '-notext', '-md', digest, '-in', requestFile, '-out', certFile];
    openssl('ca', '-config', configFile, ...signer, ...dates, ...words);
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
  }

  /**
   * The DER of an OCSP response about a certificate, good for a day from now unless it is said otherwise.
   *
   * @param signer  the issuer, or whom it has delegated it to
   */
  ocspResponse(about: Made, issuer: Made, signer: Made, status: 'good' | 'revoked', options: readonly string[] = ['-ndays', '1']): Buffer {
    this.#count += 1;
    const stem = path.join(this.#folder, `ocsp-${this.#count}`);
    const serial = openssl('x509', '-in', about.certFile, '-noout', '-serial').toString().trim().replace('serial=', '');
    const revoked = status === 'revoked' ? `R\t${shortDate(30)}\t${shortDate(-1)}` : `V\t${shortDate(30)}\t`;
    writeFileSync(`${stem}.txt`, `${revoked}\t${serial}\tunknown\t/CN=whoever\n`);
    openssl('ocsp', '-issuer', issuer.certFile, '-cert', about.certFile, '-reqout', `${stem}.req`, '-no_nonce');
    const responder = ['-CA', issuer.certFile, '-rsigner', signer.certFile, '-rkey', signer.keyFile];
    openssl('ocsp', '-index', `${stem}.txt`, ...responder, '-reqin', `${stem}.req`, '-respout', `${stem}.der`, ...options);
    return readFileSync(`${stem}.der`);
  }
}

/** Everything by itself, so that the machine's openssl.cnf adds nothing. */
function configuration(folder: string, extensions: readonly string[]): string {
  return `[req]
distinguished_name = any
[any]
[ca]
default_ca = this
[this]
database = ${folder}/index.txt
serial = ${folder}/serial
new_certs_dir = ${folder}
policy = any_subject
unique_subject = no
x509_extensions = wished
[any_subject]
commonName = optional
organizationName = optional
[wished]
${extensions.join('\n')}
`;
}

/** As `openssl ca` takes it: 20261122103000Z. */
function dateIn(days: number): string {
  return `${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}

/** As the index of `openssl ocsp` has it: 261122103000Z. */
function shortDate(days: number): string {
  return dateIn(days).slice(2);
}

function openssl(...words: readonly string[]): Buffer {
  return execFileSync('openssl', words, { stdio: ['ignore', 'pipe', 'pipe'] });
}
