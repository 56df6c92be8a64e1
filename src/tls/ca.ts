// Owns where the certificate authority comes from: a folder of this user's alone with a CA of our own, made on first need, or an existing CA that the
// settings name. A CA of our own is two files: ca.key (PKCS #8, 0600) and ca.crt. Both are PEM, and the key is written before the certificate: whoever
// finds a certificate finds its key. Several processes may come to an empty folder at once; one makes the CA, and the others wait for it. One at a time
// replaces it (ca.lock, empty).
// The key is read here and given to nobody: what is handed out signs, and has the certificate.
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { errorCode } from '../errors/from-node.ts';
import { cannotRead, cannotWrite, StartError } from '../errors/start-error.ts';
import { FileLock } from '../net/file-lock.ts';
import type { NameConstraints } from '../x509/name-constraints.ts';
import { certificatesIn } from '../x509/pem.ts';
import { type CertificateAuthority, certificateAuthority, constraintsOf, day } from './authority.ts';
import { authorityCertificate } from './authority-certificate.ts';
import { signatureAlgorithm } from './certificate.ts';
import type { AuthorityOptions, ExistingAuthority } from './options.ts';
import { checkPrivateFolder, createPrivateFile, readPrivateFile, replacePrivateFile, requirePrivateFolder } from './private-file.ts';

/** What a new CA is to be. */
export interface NewAuthority {
  readonly keyType: 'ec' | 'rsa';
  /** `null` may sign for every name. */
  readonly constraints: NameConstraints | null;
}

export interface OpenedAuthority {
  readonly authority: CertificateAuthority;
  /** Where its certificate lies. */
  readonly certificateFile: string;
  readonly isNew: boolean;
  /** Each a sentence for the operator: it expires soon. */
  readonly warnings: readonly string[];
}

/**
 * The CA that the options name; one of our own is made where there is none yet.
 *
 * @param nowMs  milliseconds since the epoch
 * @throws StartError that names the file and the next step
 */
export async function openAuthority(options: AuthorityOptions, nowMs: number, wanted: NewAuthority = ANY_NAME): Promise<OpenedAuthority> {
  if (options.existing !== null) return readExisting(options.existing, nowMs);
  const folder = folderOf(options);
  requirePrivateFolder(folder);
  const isNew = !existsSync(files(folder).certificate) && make(folder, wanted, nowMs);
  return { ...(await readOwn(folder, nowMs)), isNew };
}

/** As `openAuthority`, where nothing is to be made. @returns `null` where there is no CA yet */
export async function readAuthority(options: AuthorityOptions, nowMs: number): Promise<OpenedAuthority | null> {
  if (options.existing !== null) return readExisting(options.existing, nowMs);
  const folder = folderOf(options);
  if (!existsSync(files(folder).certificate) && !existsSync(files(folder).key)) return null;
  return readOwn(folder, nowMs);
}

/**
 * Puts a new CA in the place of the one in the folder. The old certificate is kept beside it, for taking it out of trust stores; the old key is gone.
 *
 * @param wanted  what it is to be; what it does not say is as it was
 * @returns the path of the old certificate
 * @throws StartError as `openAuthority`, and while another process does the same: their files would not match
 */
export function rotateAuthority(folder: string, wanted: Partial<NewAuthority>, nowMs: number): string {
  checkPrivateFolder(folder);
  const lock = rotationLock(folder);
  try {
    return rotate(folder, wanted, nowMs);
  } finally {
    lock.release();
  }
}

function rotationLock(folder: string): FileLock {
  const file = path.join(folder, 'ca.lock');
  let lock: FileLock | null;
  try {
    lock = FileLock.take(file);
  } catch (cause) {
    throw cannotWrite(file, cause, 'Let this user write there.');
  }
  if (lock === null)
    throw new StartError('unavailable', [
      `${folder}: another process is just replacing this CA. Look at what it has made with sallyport ca show before you replace that.`,
    ]);
  return lock;
}

function rotate(folder: string, wanted: Partial<NewAuthority>, nowMs: number): string {
  const { key, certificate } = files(folder);
  const text = readCertificateFile(certificate);
  const [before] = parseCertificates(certificate, text);
  const old = unusedName(folder, `ca-until-${day(nowMs)}`);
  const made = newAuthority({ ...sameAs(before!), ...wanted }, nowMs);
  createPrivateFile(old, text);
  // A start between these two finds a key without its certificate, and looks again a moment later.
  replacePrivateFile(key, made.key);
  replacePrivateFile(certificate, made.certificate);
  return old;
}

function sameAs(certificate: X509Certificate): NewAuthority {
  return { keyType: certificate.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec', constraints: constraintsOf(certificate) };
}

/** @throws StartError when there is no place for a CA */
export function folderOf({ folder }: AuthorityOptions): string {
  if (folder === null)
    throw new StartError('config', ['There is no folder for the CA: this user has no home. Name one with --ca-dir, or set tls.ca_dir.']);
  return folder;
}

/** The two files of a CA of our own. */
function files(folder: string): { readonly key: string; readonly certificate: string } {
  return { key: path.join(folder, 'ca.key'), certificate: path.join(folder, 'ca.crt') };
}

/** @returns whether it is ours; another process may have been quicker */
function make(folder: string, wanted: NewAuthority, nowMs: number): boolean {
  const { key, certificate } = files(folder);
  const made = newAuthority(wanted, nowMs);
  if (!createPrivateFile(key, made.key)) return false;
  replacePrivateFile(certificate, made.certificate);
  return true;
}

/** Both as PEM. */
function newAuthority({ keyType, constraints }: NewAuthority, nowMs: number): { readonly key: string; readonly certificate: string } {
  const { privateKey, publicKey } =
    keyType === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 3072 });
  const certificate = authorityCertificate({
    privateKey,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    algorithm: signatureAlgorithm(privateKey)!,
    hostName: hostname(),
    serial: randomBytes(16),
    nowMs,
    constraints,
  });
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate: new X509Certificate(certificate).toString() };
}

/** Waits for a moment where another process is just making or replacing the files. */
async function readOwn(folder: string, nowMs: number): Promise<OpenedAuthority> {
  checkPrivateFolder(folder);
  const { key, certificate } = files(folder);
  for (let tries = 1; ; tries += 1) {
    try {
      return read(key, certificate, folder, nowMs);
    } catch (error) {
      // By what the reading met: to look once more is to look at another moment, when it may be whole.
      if (!(error instanceof MismatchedFiles || isMissing(error))) throw error;
      if (tries === MOST_TRIES) throw existsSync(key) === existsSync(certificate) ? error : halfOf(key, certificate);
    }
    await setTimeout(RETRY_MS);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof StartError && errorCode(error.cause) === 'ENOENT';
}

function readExisting({ certificateFile, keyFile }: ExistingAuthority, nowMs: number): OpenedAuthority {
  return read(keyFile, certificateFile, null, nowMs);
}

/**
 * The certificate is read first: where it is there, its key is whole, whoever may just be writing the two.
 *
 * @param within  the folder of a CA of our own; `null` for files that an operator has named
 */
function read(keyFile: string, certificateFile: string, within: string | null, nowMs: number): OpenedAuthority {
  const certificates = parseCertificates(certificateFile, readCertificateFile(certificateFile));
  const key = parseKey(keyFile, readPrivateFile(keyFile, within));
  if (!certificates.some((each) => each.checkPrivateKey(key))) throw new MismatchedFiles(certificateFile, keyFile, within);
  let authority: CertificateAuthority;
  try {
    authority = certificateAuthority(key, certificates, nowMs);
  } catch (cause) {
    const next = within === null ? 'Name another CA with tls.ca_certificate and tls.ca_key.' : 'Make a new one with sallyport ca rotate.';
    throw new StartError('config', [`${certificateFile}: ${(cause as Error).message}. ${next}`], { cause });
  }
  return { authority, certificateFile, isNew: false, warnings: warningsOf(authority, within, nowMs) };
}

/** What a crash leaves, or somebody who has taken a file away. */
function halfOf(key: string, certificate: string): StartError {
  const [there, missing] = existsSync(key) ? [key, certificate] : [certificate, key];
  return new StartError('config', [
    `${missing} does not exist, while ${there} does. Restore it from a backup, or move ${there} away and make a new CA.`,
  ]);
}

class MismatchedFiles extends StartError {
  constructor(certificateFile: string, keyFile: string, within: string | null) {
    const next =
      within === null
        ? 'Name the certificate that was made for this key.'
        : 'Restore both from one backup, or make a new CA with sallyport ca rotate.';
    super('config', [`${certificateFile}: the certificate is not that of the private key in ${keyFile}. ${next}`]);
  }
}

function parseKey(file: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    // OpenSSL's own words are about its decoders; what it cannot read is one of two things.
    const problem = text.includes('ENCRYPTED')
      ? 'the private key has a passphrase, which nobody could type at a start. Write it out without: openssl pkey -in FILE -out NEW'
      : 'expected a private key in PEM; this cannot be read as one. Name the right file, or restore it from a backup';
    throw new StartError('config', [`${file}: ${problem}.`], { cause });
  }
}

function parseCertificates(file: string, text: string): readonly X509Certificate[] {
  try {
    const blocks = certificatesIn(text);
    if (blocks.length === 0) throw new Error('no certificate in it');
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    const problem = `${file}: expected a certificate in PEM; this cannot be read as one. Name the right file, or restore it from a backup.`;
    throw new StartError('config', [problem], { cause });
  }
}

function readCertificateFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw cannotRead('the certificate of the CA', file, cause);
  }
}

function warningsOf({ notAfterMs }: CertificateAuthority, within: string | null, nowMs: number): readonly string[] {
  if (notAfterMs - nowMs > WARN_BEFORE_MS) return [];
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
  const next = within === null ? 'have it renewed' : 'make a new one in time with sallyport ca rotate, and have clients trust that';
  return [`the CA expires on ${day(notAfterMs)}, in ${days} ${days === 1 ? 'day' : 'days'}: ${next}`];
}

/** `ca-until-2026-11-22.crt`, and with a number where that day has one already. */
function unusedName(folder: string, stem: string): string {
  for (let number = 1; ; number += 1) {
    const file = path.join(folder, number === 1 ? `${stem}.crt` : `${stem}-${number}.crt`);
    if (!existsSync(file)) return file;
  }
}

const ANY_NAME: NewAuthority = { keyType: 'ec', constraints: null };
const DAY_MS = 86_400_000;
const WARN_BEFORE_MS = 60 * DAY_MS;
const MOST_TRIES = 40;
const RETRY_MS = 25;
