// Owns how TLS towards origins is opened and kept over reloads, and the files that its secrets are written to where somebody asks for that.
import type { Config } from '../config/config.ts';
import { KeyLog } from '../upstream/key-log.ts';
import { type OriginTls, openOriginTls } from '../upstream/tls-options.ts';
import { isSame, type OpenedParts } from './parts.ts';

/** Roots and sessions stay over a reload where no file is named that may have changed. @throws StartError for what cannot be read */
export async function originTlsFor({ originTls, rootCertificates }: Config, old: OpenedParts | null, keyLogs: KeyLogs): Promise<OriginTls> {
  const namesFiles = rootCertificates !== null || originTls.clientCertificates.length > 0;
  const isAsBefore = old !== null && old.config.rootCertificates === null && isSame(old.config.originTls, originTls);
  if (isAsBefore && !namesFiles) return old.originTls;
  return openOriginTls(originTls, rootCertificates, keyLogs.open(originTls.keyLogFile));
}

/** One a file for all connections, for as long as the proxy runs: those of an older configuration go on writing. */
export class KeyLogs {
  readonly #report: (line: string) => void;
  readonly #byFile = new Map<string, KeyLog>();

  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  open(file: string | null): KeyLog | null {
    if (file === null) return null;
    let opened = this.#byFile.get(file);
    if (opened === undefined) {
      this.#byFile.set(file, (opened = new KeyLog(file)));
      this.#report(`the secrets of all TLS connections are written to ${file}: whoever reads it can read what they carry`);
    }
    return opened;
  }

  close(): void {
    for (const keyLog of this.#byFile.values()) keyLog.close();
  }
}
