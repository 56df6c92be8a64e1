// Owns the certificates of the workloads that open TLS: the CA that every peer signs with, another one for the origins, and the origins' own.
// All of them are ECDSA on P-256, so that no peer signs slower than another.
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type CertificateAuthority, certificateAuthority } from '../../src/tls/authority.ts';
import { authorityCertificate } from '../../src/tls/authority-certificate.ts';
import { signatureAlgorithm } from '../../src/tls/certificate.ts';
import { issueLeaf } from '../../src/tls/leaf.ts';

/** Absolute paths of PEM files. */
export interface TlsFiles {
  /** The peers' CA: certificate, key, and both in one file. */
  readonly authority: string;
  readonly authorityKey: string;
  readonly authorityBundle: string;
  /** The certificate of `USUAL_HOST` under it, for whom cannot sign; its key is that of the origins. */
  readonly usualCertificate: string;
  /** The CA of the origins, which the peers have to trust. */
  readonly originAuthority: string;
  readonly originKey: string;
  /** A folder with a certificate for each host, `HOST.pem`. */
  readonly originCertificates: string;
  /** Where each host is, in the format of hosts(5). */
  readonly hosts: string;
}

/** The host of every workload but that of new hosts. */
export const USUAL_HOST = 'localhost';
/** Hosts that are new, a number in the place of the star; `NEW_HOSTS` have a certificate. */
export const NEW_HOST = 'new-*.bench.test';
export const NEW_HOSTS = 6_000;

/** @param parent  an existing folder, in which it makes its own @param newHosts  whether they are needed: it takes seconds */
export async function writeTlsFiles(parent: string, newHosts: boolean): Promise<TlsFiles> {
  const folder = path.join(parent, 'tls');
  const originCertificates = path.join(folder, 'origins');
  mkdirSync(originCertificates, { recursive: true });
  const write = (name: string, text: string, mode = 0o644): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode });
    return file;
  };
  const peers = makeAuthority('peers');
  const origins = makeAuthority('origins');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const hosts = [USUAL_HOST, ...(newHosts ? Array.from({ length: NEW_HOSTS }, (_, number) => NEW_HOST.replace('*', String(number))) : [])];
  for (const host of hosts) {
    writeFileSync(path.join(originCertificates, `${host}.pem`), await leafOf(origins, host, spki));
  }
  return {
    authority: write('peers.crt', peers.certificate),
    authorityKey: write('peers.key', peers.key, 0o600),
    authorityBundle: write('peers.pem', `${peers.key}${peers.certificate}`, 0o600),
    usualCertificate: write('usual.crt', await leafOf(peers, USUAL_HOST, spki)),
    originAuthority: write('origins.crt', origins.certificate),
    originKey: write('origin.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600),
    originCertificates,
    hosts: write('hosts', hosts.map((host) => `127.0.0.1 ${host}\n`).join('')),
  };
}

interface MadeAuthority {
  readonly authority: CertificateAuthority;
  readonly certificate: string;
  readonly key: string;
}

function makeAuthority(name: string): MadeAuthority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nowMs = Date.now();
  const certificate = new X509Certificate(
    authorityCertificate({
      privateKey,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      algorithm: signatureAlgorithm(privateKey)!,
      hostName: name,
      serial: randomBytes(16),
      nowMs,
      constraints: null,
    }),
  );
  return {
    authority: certificateAuthority(privateKey, [certificate], nowMs),
    certificate: certificate.toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

async function leafOf({ authority }: MadeAuthority, host: string, publicKey: Buffer): Promise<string> {
  const { certificate } = await issueLeaf(authority, { host, publicKey, serial: randomBytes(16), nowMs: Date.now(), lifetimeMs: DAY_MS });
  return new X509Certificate(certificate).toString();
}

const DAY_MS = 86_400_000;
