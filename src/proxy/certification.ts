// Owns the way from what is configured to certificates for tunnels: the authority is opened, or made, and its leaves are kept ready. Loaded where a
// policy opens tunnels, and nowhere else.
import path from 'node:path';
import type { CertificateAuthority } from '../tls/authority.ts';
import { openAuthority } from '../tls/ca.ts';
import { LeafContexts } from '../tls/contexts.ts';
import type { TlsOptions } from '../tls/options.ts';
import { commandText } from '../tls/trust-stores.ts';

export interface Certification {
  readonly authority: CertificateAuthority;
  readonly contexts: LeafContexts;
}

/**
 * @param kept  what there is already under the same options; it goes on, unless the CA in its files has become another one (`ca rotate`)
 * @param report a line for the operator
 * @param ticketSecret  of all processes that serve the same clients; one of its own where there is one process
 * @throws StartError when there is no authority to sign with, or none that may be used
 */
export async function openCertification(
  options: TlsOptions,
  kept: Certification | null,
  report: (line: string) => void,
  ticketSecret?: Uint8Array,
): Promise<Certification> {
  const { authority, certificateFile, isNew, warnings } = await openAuthority(options.authority, Date.now());
  if (kept?.authority.certificate.fingerprint256 === authority.certificate.fingerprint256) return kept;
  if (isNew) {
    // By its file: who types it knows nothing of the settings or the program that chose the folder, and is to trust no other CA.
    const command = commandText(['sallyport', 'ca', 'trust', path.resolve(certificateFile)]);
    report(`made a certificate authority of its own; clients whose tunnels are opened have to trust it: ${command}`);
  }
  for (const warning of warnings) report(warning);
  return { authority, contexts: new LeafContexts(authority, options.leaves, Date.now, ticketSecret) };
}
