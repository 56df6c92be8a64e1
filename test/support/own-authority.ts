// A CA as the proxy makes one, in memory, and leaves under it as PEM.
import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { type CertificateAuthority, certificateAuthority } from '../../src/tls/authority.ts';
import { authorityCertificate } from '../../src/tls/authority-certificate.ts';
import { signatureAlgorithm } from '../../src/tls/certificate.ts';
import { issueLeaf } from '../../src/tls/leaf.ts';
import { onlyThese } from '../../src/x509/name-constraints.ts';

export interface OwnAuthority {
  readonly authority: CertificateAuthority;
  readonly privateKey: KeyObject;
  /** PEM. */
  readonly certificate: string;
}

export interface OwnAuthorityOptions {
  readonly keyType?: 'ec' | 'rsa';
  readonly only?: readonly string[];
  /** When it was made, and is looked at. */
  readonly nowMs?: number;
}

export function ownAuthority({ keyType = 'ec', only, nowMs = Date.now() }: OwnAuthorityOptions = {}): OwnAuthority {
  const { privateKey, publicKey } =
    keyType === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const certificate = new X509Certificate(
    authorityCertificate({
      privateKey,
      publicKey: publicKey.export({ type: 'spki', format: 'der' }),
      algorithm: signatureAlgorithm(privateKey)!,
      hostName: 'lectern',
      serial: randomBytes(16),
      nowMs,
      constraints: only === undefined ? null : onlyThese(only),
    }),
  );
  return { authority: certificateAuthority(privateKey, [certificate], nowMs), privateKey, certificate: certificate.toString() };
}

export interface LeafOptions {
  /** One that nobody has the private key of, if not given. */
  readonly publicKey?: KeyObject;
  readonly nowMs?: number;
  readonly lifetimeDays?: number;
  readonly serial?: Uint8Array;
}

/** @throws as `issueLeaf` */
export async function leafOf(authority: CertificateAuthority, host: string, options: LeafOptions = {}): Promise<X509Certificate> {
  const { publicKey = NOBODYS_KEY, nowMs = Date.now(), lifetimeDays = 30, serial = randomBytes(16) } = options;
  const request = {
    host,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    serial,
    nowMs,
    lifetimeMs: lifetimeDays * 86_400_000,
  };
  return new X509Certificate((await issueLeaf(authority, request)).certificate);
}

const NOBODYS_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
