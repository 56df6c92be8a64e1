// Owns which CA a command is about, and a certificate in words.
import type { X509Certificate } from 'node:crypto';
import { loadConfig } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import { ONBOARDING_HOST } from '../pages/onboarding-page.ts';
import type { CertificateAuthority } from '../tls/authority.ts';
import { type OpenedAuthority, readAuthority } from '../tls/ca.ts';
import type { AuthorityOptions } from '../tls/options.ts';
import { commandText } from '../tls/trust-stores.ts';
import { describeConstraints } from '../x509/name-constraints.ts';
import type { Arguments } from './command.ts';
import type { Terminal } from './terminal.ts';

/** As `run` would have it with the same flags and environment. */
export async function authorityOptions({ flags }: Arguments, { environment, workingDirectory }: Terminal): Promise<AuthorityOptions> {
  const asked = { config: flags.get('config')?.[0], caDir: flags.get('ca-dir')?.[0] };
  return (await loadConfig(asked, environment, workingDirectory)).tls.authority;
}

/** A command of ours about the same CA, to type: `sallyport ca trust --ca-dir ca`. @param words behind `sallyport` */
export function commandFor(words: string, { flags }: Arguments): string {
  const where = ['ca-dir', 'config'].flatMap((flag) => (flags.get(flag) ?? []).flatMap((value) => [`--${flag}`, value]));
  return commandText(['sallyport', ...words.split(' '), ...where]);
}

/** @throws StartError where there is none yet, or none that can be used */
export async function existingAuthority(given: Arguments, terminal: Terminal): Promise<OpenedAuthority> {
  const options = await authorityOptions(given, terminal);
  const opened = await readAuthority(options, Date.now());
  if (opened !== null) return opened;
  throw new StartError('unreadable', [`${options.folder}: there is no CA yet. Make one with ${commandFor('ca init', given)}.`]);
}

/** `Sallyport CA lectern 3f09a1`: the common name, else the whole subject. */
export function nameOf({ subject }: X509Certificate): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ');
}

/** For whom it may sign: `only example.com, sallyport.invalid (our own page), no addresses`; `null` for every host. */
export function limitsOf({ constraints }: CertificateAuthority): string | null {
  if (constraints.length === 0) return null;
  return constraints.map(describeConstraints).join('; ').replace(ONBOARDING_HOST, `${ONBOARDING_HOST} (our own page)`);
}
