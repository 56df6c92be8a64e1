// Owns what is loaded only where the configuration asks for it: identity, certificates for tunnels, recording and rewriting. Each is a tenth of the memory
// that a start takes, or more, and many proxies need none of them.
import type { Authenticator } from '../auth/authenticate.ts';
import type { AuthOptions } from '../auth/options.ts';
import type { Config } from '../config/config.ts';
import { StartError } from '../errors/start-error.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { Certification } from './certification.ts';
import { isSame, type OpenedParts } from './parts.ts';
import type { Recording } from './recording.ts';
import type { Rewriting } from './rewriting.ts';
import type { SharedParts } from './shared-parts.ts';

type Report = (line: string) => void;

export async function openAuthenticator(options: AuthOptions, report: Report): Promise<Authenticator> {
  const { createAuthenticator } = await import('../auth/authenticate.ts');
  return createAuthenticator(options, report);
}

/**
 * A CA is looked for, and made if there is none, once a policy opens something; what it has signed is kept over reloads.
 *
 * @returns `null` while it opens nothing
 * @throws StartError when there is no authority to sign with, or none that may be used
 */
export async function certify(
  { policy }: CompiledPolicy,
  { tls }: Config,
  old: OpenedParts | null,
  report: Report,
  ticketSecret: Uint8Array | undefined,
): Promise<Certification | null> {
  if (!policy.rules.some(({ action }) => action === 'intercept')) return null;
  const kept = old !== null && isSame(old.config.tls, tls) ? old.certification : null;
  const { openCertification } = await import('./certification.ts');
  return openCertification(tls, kept, report, ticketSecret);
}

/** @throws StartError where recording is demanded and impossible */
export async function openRecording(
  { record, stateFolder }: Config,
  shared: SharedParts | null,
  report: Report,
): Promise<Recording | null> {
  if (record === null || stateFolder === null) return null;
  const { Recording } = await import('./recording.ts');
  try {
    return await Recording.open(record, stateFolder, shared, report);
  } catch (error) {
    if (record.isRequired || !(error instanceof StartError)) throw error;
    for (const problem of error.problems) report(`inspector: nothing is recorded: ${problem}`);
    return null;
  }
}

/** Without a file of rules, only the inspector's page could change exchanges. @throws StartError with every problem of the file */
export async function openRewriting({ rewrite, admin }: Config, report: Report): Promise<Rewriting | null> {
  if (rewrite === null && admin === null) return null;
  const { Rewriting } = await import('./rewriting.ts');
  return Rewriting.open(rewrite, report);
}
