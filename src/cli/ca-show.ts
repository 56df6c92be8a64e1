// Owns `ca show`: which CA there is, for whom, how long, and whether this system believes it.
import { X509Certificate } from 'node:crypto';
import { getCACertificates } from 'node:tls';
import { day } from '../tls/authority.ts';
import { type OpenedAuthority, readAuthority } from '../tls/ca.ts';
import { authorityOptions, commandFor, limitsOf, nameOf } from './ca-words.ts';
import type { Arguments } from './command.ts';
import { EXIT_DIFFERENT, EXIT_OK } from './exit-codes.ts';
import { fromHere } from './from-here.ts';
import { counted } from './quantities.ts';
import type { Terminal } from './terminal.ts';

/** `ca show` */
export async function showAuthority(given: Arguments, terminal: Terminal): Promise<number> {
  const options = await authorityOptions(given, terminal);
  const opened = await readAuthority(options, Date.now());
  if (opened === null) {
    const command = commandFor('ca init', given);
    terminal.report(`there is no CA in ${options.folder} yet. A proxy whose policy intercepts makes one, and so does ${command}.`);
    return EXIT_DIFFERENT;
  }
  const facts = factsOf(opened, Date.now());
  terminal.print(
    given.flags.has('json') ? JSON.stringify(facts, null, 2) : inLines(facts, commandFor('ca trust', given), terminal.workingDirectory),
  );
  for (const warning of opened.warnings) terminal.report(warning);
  return EXIT_OK;
}

interface AuthorityFacts {
  readonly name: string;
  readonly subject: string;
  readonly file: string;
  readonly sha256: string;
  readonly serial: string;
  readonly key: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly daysLeft: number;
  /** In words; `null` for every host. */
  readonly limits: string | null;
  readonly isTrustedBySystem: boolean;
}

function factsOf({ authority, certificateFile }: OpenedAuthority, nowMs: number): AuthorityFacts {
  const { certificate, anchor, notBeforeMs, notAfterMs } = authority;
  return {
    name: nameOf(certificate),
    subject: certificate.subject.replaceAll('\n', ', '),
    file: certificateFile,
    sha256: certificate.fingerprint256,
    serial: certificate.serialNumber,
    key: keyText(certificate),
    notBefore: new Date(notBeforeMs).toISOString(),
    notAfter: new Date(notAfterMs).toISOString(),
    daysLeft: Math.floor((notAfterMs - nowMs) / 86_400_000),
    limits: limitsOf(authority),
    isTrustedBySystem: isTrustedBySystem(anchor),
  };
}

function inLines(facts: AuthorityFacts, trustCommand: string, workingDirectory: string): string {
  const { daysLeft, notBefore, notAfter, isTrustedBySystem } = facts;
  return [
    facts.name,
    `  subject      ${facts.subject}`,
    `  certificate  ${fromHere(facts.file, workingDirectory)}`,
    `  SHA-256      ${facts.sha256}`,
    `  serial       ${facts.serial}`,
    `  key          ${facts.key}`,
    `  valid        ${day(Date.parse(notBefore))} to ${day(Date.parse(notAfter))}, ${counted(daysLeft, 'day')} left`,
    `  signs for    ${facts.limits ?? 'every host'}`,
    `  trusted      ${isTrustedBySystem ? 'by this system' : `not by this system: ${trustCommand}`}; browsers and Java may have stores of their own`,
  ].join('\n');
}

function keyText({ publicKey: { asymmetricKeyType, asymmetricKeyDetails } }: X509Certificate): string {
  return asymmetricKeyType === 'rsa' ? `RSA, ${asymmetricKeyDetails?.modulusLength} bits` : `ECDSA, ${asymmetricKeyDetails?.namedCurve}`;
}

/** The system's own store, as OpenSSL, macOS or Windows have it. */
function isTrustedBySystem(anchor: X509Certificate): boolean {
  return getCACertificates('system').some((text) => new X509Certificate(text).fingerprint256 === anchor.fingerprint256);
}
