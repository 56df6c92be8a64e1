// Owns what TLS towards origins is done with: whom it believes, who we are to whom, which versions and strengths are taken.
// One SecureContext for each identity of ours, made when it is first needed and shared by all connections: reading the roots of a machine takes
// megabytes and tens of milliseconds, which a proxy that only tunnels never has to spend.
import { constants } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, DEFAULT_CIPHERS, getCACertificates, type SecureContext } from 'node:tls';
import { errorCode } from '../errors/from-node.ts';
import { cannotRead, StartError } from '../errors/start-error.ts';
import { covers, type Destination, parseDestination } from '../match/destination.ts';
import { parseIpAddress } from '../net/ip-address.ts';
import { certificatesIn } from '../x509/pem.ts';
import type { KeyLog } from './key-log.ts';
import type { ClientCertificateOptions, OriginTlsOptions } from './options.ts';
import { Roots } from './roots.ts';
import { TlsSessions } from './tls-sessions.ts';

export class OriginTls {
  readonly roots: Roots;
  readonly sessions = new TlsSessions();
  readonly keyLog: KeyLog | null;
  readonly #anonymous: () => SecureContext;
  readonly #identities: readonly { readonly destination: Destination; readonly context: () => SecureContext }[];

  /** @param pems  the roots, read when they are first needed */
  constructor(pems: () => readonly string[], clientCertificates: readonly ReadClientCertificate[], keyLog: KeyLog | null) {
    const once = remembered(pems);
    this.roots = new Roots(once);
    this.keyLog = keyLog;
    this.#anonymous = remembered(() => secureContext(once(), {}));
    this.#identities = clientCertificates.map(({ destination, material }) => ({
      destination,
      context: remembered(() => secureContext(once(), material)),
    }));
  }

  /** What holds for one destination, our certificate there included, which depends on nothing else. @param host  canonical */
  contextFor(host: string, port: number): SecureContext {
    if (this.#identities.length === 0) return this.#anonymous();
    const address = parseIpAddress(host);
    const identity = this.#identities.find(({ destination }) => covers(destination, host, address, port));
    return (identity?.context ?? this.#anonymous)();
  }
}

/**
 * Reads what the options name. Roots of the platform are left for later; files of an operator's are read and tried at once.
 *
 * @param rootsFile  PEM, trusted besides the roots that the options choose
 * @throws StartError
 */
export async function openOriginTls(options: OriginTlsOptions, rootsFile: string | null, keyLog: KeyLog | null): Promise<OriginTls> {
  const own = rootsFile === null ? [] : await readRoots(rootsFile);
  const clientCertificates = await Promise.all(options.clientCertificates.map(readClientCertificate));
  return new OriginTls(() => [...platformRoots(options.trust), ...own], clientCertificates, keyLog);
}

/** `system` where the machine has roots of its own, so that one which its owner has taken away stays away; else those that come with Node. */
function platformRoots(trust: OriginTlsOptions['trust']): readonly string[] {
  const system = trust === 'bundled' ? [] : getCACertificates('system');
  if (trust === 'system' && system.length > 0) return unique(system);
  return unique([...system, ...getCACertificates('bundled')]);
}

/** Files and folders of a machine often hold the same roots. */
function unique(pems: readonly string[]): readonly string[] {
  return [...new Set(pems.map((pem) => pem.trim()))];
}

async function readRoots(file: string): Promise<readonly string[]> {
  const pem = await read(file, 'the file of root certificates');
  const certificates = certificatesIn(pem);
  if (certificates.length === 0) throw new StartError('data', [`${file}: there is no certificate in PEM form in it.`]);
  tryOut(file, 'its certificates', { ca: certificates });
  return certificates;
}

export interface ReadClientCertificate {
  readonly destination: Destination;
  readonly material: KeyMaterial;
}

interface KeyMaterial {
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

async function readClientCertificate(options: ClientCertificateOptions): Promise<ReadClientCertificate> {
  const { certificateFile, keyFile, passphraseFile } = options;
  const [cert, key, passphrase] = await Promise.all([
    read(certificateFile, 'the client certificate'),
    read(keyFile, 'the key of a client certificate'),
    passphraseFile === null ? null : read(passphraseFile, 'the passphrase of a key'),
  ]);
  if (certificatesIn(cert).length === 0) throw new StartError('data', [`${certificateFile}: there is no certificate in PEM form in it.`]);
  if (passphrase === null && key.includes('ENCRYPTED'))
    throw new StartError('data', [`${keyFile}: the key is encrypted. Name the file of its passphrase as passphrase_file.`]);
  const whole = { cert, key, ...(passphrase === null ? {} : { passphrase: passphrase.replace(/\r?\n$/, '') }) };
  tryOut(certificateFile, 'the certificate', { cert });
  tryOut(keyFile, `the key of ${certificateFile}`, whole);
  return { destination: parseDestination(options.host), material: whole };
}

async function read(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw cannotRead(what, file, error);
  }
}

function tryOut(file: string, what: string, material: KeyMaterial & { readonly ca?: readonly string[] }): void {
  try {
    secureContext(material.ca ?? [], material);
  } catch (error) {
    throw new StartError('data', [`${file}: ${what} cannot be used: ${reasonOf(error)}.`], { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const code = errorCode(error);
  return KEY_PROBLEMS[code] ?? (error instanceof Error ? error.message : String(error));
}

function secureContext(ca: readonly string[], material: KeyMaterial): SecureContext {
  return createSecureContext({
    ca: [...ca],
    ...material,
    // Said, so that neither an option of Node's nor a variable can unsay it.
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    // 112 bits for keys, signatures and exchanges: RSA and DH of 2048 bits or more, no SHA-1.
    ciphers: `${DEFAULT_CIPHERS}:@SECLEVEL=2`,
    // A second handshake within a connection could show another certificate, which nobody would look at.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  });
}

function remembered<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const KEY_PROBLEMS: Readonly<Record<string, string>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'it belongs to another certificate',
  ERR_OSSL_BAD_DECRYPT: 'its passphrase is another',
};
