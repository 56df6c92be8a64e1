// Owns the origin that the doctor's proxy reaches: an https server on loopback with a certificate from an authority of its own, which the proxy trusts and
// nobody else. It answers every kind of program with the same token, so that whoever has the token has read through the proxy.
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { certificateAuthority } from '../tls/authority.ts';
import { authorityCertificate } from '../tls/authority-certificate.ts';
import { signatureAlgorithm } from '../tls/certificate.ts';
import { issueLeaf } from '../tls/leaf.ts';

export interface DoctorOrigin {
  readonly host: string;
  readonly url: string;
  /** In every answer; nobody can guess it. */
  readonly token: string;
  /** PEM of the root that vouches for it. */
  readonly root: string;
  close(): void;
}

/** @param host  a name that no DNS knows (RFC 6761 §6.2) */
export async function startDoctorOrigin(host: string): Promise<DoctorOrigin> {
  const { root, key, certificate } = await makeCertificates(host);
  const token = `doctor-${randomBytes(8).toString('hex')}`;
  const server = createServer({ key, cert: certificate }, (request, response) => answer(request, response, token));
  const port = await listen(server);
  return {
    host,
    url: `https://${host}:${port}${BASE}`,
    token,
    root,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, () => resolve((server.address() as AddressInfo).port));
  });
}

/** A page for most, and for those that ask for more than a page the least that contents them. */
function answer({ url = '' }: IncomingMessage, response: ServerResponse, token: string): void {
  const target = url.split('?')[0];
  switch (target) {
    // git's dumb protocol: one reference.
    case `${BASE}info/refs`:
      response.end(`${'1'.repeat(40)}\trefs/heads/${token}\n`);
      return;
    case `${BASE}HEAD`:
      response.end(`ref: refs/heads/${token}\n`);
      return;
    // A sparse registry of cargo, which says where searches go; and the answer to one.
    case `${BASE}config.json`:
      response.end(JSON.stringify({ dl: `${BASE}dl`, api: `https://${response.req.headers.host}${BASE.slice(0, -1)}` }));
      return;
    case `${BASE}api/v1/crates`:
      response.end(JSON.stringify({ crates: [{ name: 'doctor', max_version: '1.0.0', description: token }], meta: { total: 1 } }));
      return;
    case `${BASE}-/ping`:
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ token }));
      return;
    default:
      response.setHeader('Content-Type', 'text/html').end(`<p>${token}</p>\n`);
  }
}

/** An authority for this one time, whose key is forgotten at once, and a leaf of it. */
async function makeCertificates(host: string): Promise<{ readonly root: string; readonly key: string; readonly certificate: string }> {
  const nowMs = Date.now();
  const ofAuthority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ofLeaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = signatureAlgorithm(ofAuthority.privateKey);
  if (algorithm === null) throw new Error('P-256 cannot sign');
  const root = new X509Certificate(
    authorityCertificate({
      privateKey: ofAuthority.privateKey,
      publicKey: ofAuthority.publicKey.export({ type: 'spki', format: 'der' }),
      algorithm,
      hostName: 'doctor',
      serial: randomBytes(16),
      nowMs,
      constraints: null,
    }),
  );
  const leaf = await issueLeaf(certificateAuthority(ofAuthority.privateKey, [root], nowMs), {
    host,
    publicKey: ofLeaf.publicKey.export({ type: 'spki', format: 'der' }),
    serial: randomBytes(16),
    nowMs,
    lifetimeMs: DAY_MS,
  });
  return {
    root: root.toString(),
    key: ofLeaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: new X509Certificate(leaf.certificate).toString(),
  };
}

const BASE = '/doctor/';
const DAY_MS = 86_400_000;
