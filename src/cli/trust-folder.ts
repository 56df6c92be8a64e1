// Owns the files that a command is told to believe certificates by: in a folder of its own (0700) below the system's temporary one, each file for this
// user alone (0600), gone with the command. They hold certificates, no key.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { getCACertificates, rootCertificates } from 'node:tls';
import { shownCode } from '../errors/from-node.ts';
import { certificatesIn, derOfPem } from '../x509/pem.ts';
import type { TrustFiles } from './child-environment.ts';
import { JAVA_PASSWORD, javaKeyStore } from './java-key-store.ts';

export class TrustFolder implements TrustFiles {
  readonly path: string;
  readonly #authority: string;
  readonly #report: (line: string) => void;
  /** By what they are made of: many variables name the same file. */
  readonly #made = new Map<string, string>();
  readonly #removeAtExit = (): void => this.remove();

  /**
   * @param authority  PEM: the certificates of ours that shall be believed
   * @param report  a line for the operator: a file that a variable names and that cannot be read
   * @throws the error of the file system
   */
  constructor(authority: string, report: (line: string) => void) {
    this.path = mkdtempSync(path.join(tmpdir(), 'sallyport-'));
    this.#authority = authority;
    this.#report = report;
    // However the process ends: but for SIGKILL, which leaves certificates behind and nothing else.
    process.once('exit', this.#removeAtExit);
  }

  allRoots(existing: string | null): string {
    return this.#once(`all ${existing}`, 'roots', '.pem', () => {
      const roots = (existing === null ? null : this.#read(existing)) ?? systemRoots();
      return joined(roots, this.#authority);
    });
  }

  addedRoots(existing: string | null): string {
    return this.#once(`added ${existing}`, 'added', '.pem', () =>
      joined((existing === null ? null : this.#read(existing)) ?? '', this.#authority),
    );
  }

  wgetStartFile(existing: string | null): string {
    return this.#once(`wget ${existing}`, 'wgetrc', '', () => {
      // The variable takes the place of the file in the home folder, so what stands there has to be in this one.
      const before = existing === null ? readOrNull(path.join(homedir(), '.wgetrc')) : this.#read(existing);
      return joined(before ?? '', `ca_certificate = ${this.allRoots(null)}\n`);
    });
  }

  javaTrustStore(): ReturnType<TrustFiles['javaTrustStore']> {
    const file = this.#once('java', 'java', '.jks', () => this.#javaKeyStore());
    return { file, type: 'JKS', password: JAVA_PASSWORD };
  }

  remove(): void {
    process.off('exit', this.#removeAtExit);
    rmSync(this.path, { recursive: true, force: true });
  }

  #javaKeyStore(): Buffer {
    return javaKeyStore(certificatesIn(joined(systemRoots(), this.#authority)).map(derOfPem), Date.now());
  }

  #once(key: string, name: string, extension: string, content: () => string | Uint8Array): string {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const file = path.join(this.path, `${name}-${this.#made.size + 1}${extension}`);
    this.#made.set(key, file);
    writeFileSync(file, content(), { mode: 0o600, flag: 'wx' });
    return file;
  }

  /** `null` where it cannot be read: the program itself would have had nothing from it either. */
  #read(file: string): string | null {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      const code = shownCode(error);
      this.#report(`${file}: named by a variable for certificates, and cannot be read (${code}); the command goes without it`);
      return null;
    }
  }
}

/** PEM of the roots that this machine trusts, as OpenSSL finds them with its variables; those that come with Node where it has none. */
function systemRoots(): string {
  // In a file and in a folder: many stand in both.
  const found = new Set(getCACertificates('system'));
  return [...(found.size > 0 ? found : rootCertificates)].join('\n');
}

/** On lines of its own, whatever the first ends with. */
function joined(first: string, second: string): string {
  return first === '' || first.endsWith('\n') ? first + second : `${first}\n${second}`;
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
