// Owns `ca init` and `ca rotate`: what a new CA is to be, making it, and what its user has to do then.
import path from 'node:path';
import { DEFAULT_POLICY_FILE } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import { parseHost } from '../http/authority.ts';
import { parseCidr } from '../net/ip-address.ts';
import { ONBOARDING_HOST } from '../pages/onboarding-page.ts';
import { interceptedHosts } from '../policy/intercepts.ts';
import { day } from '../tls/authority.ts';
import { folderOf, type NewAuthority, openAuthority, readAuthority, rotateAuthority } from '../tls/ca.ts';
import type { AuthorityOptions } from '../tls/options.ts';
import { type NameConstraints, onlyThese } from '../x509/name-constraints.ts';
import { authorityOptions, commandFor, limitsOf, nameOf } from './ca-words.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { fromHere } from './from-here.ts';
import { configuredPolicy, readPolicy } from './policy-file.ts';
import type { Terminal } from './terminal.ts';

/** `ca init` */
export async function initAuthority(given: Arguments, terminal: Terminal): Promise<number> {
  const options = await ownFolder(given, terminal);
  const opened = await openAuthority(options, Date.now(), {
    keyType: 'ec',
    constraints: null,
    ...(await wantedAuthority(given, terminal)),
  });
  if (!opened.isNew)
    throw new StartError('data', [
      `${fromHere(opened.certificateFile, terminal.workingDirectory)}: there is a CA already. ${commandFor('ca show', given)} tells which; ${commandFor('ca rotate', given)} replaces it.`,
    ]);
  tellOf(opened, terminal);
  terminal.print(
    `clients have to trust it: ${commandFor('ca trust', given)} for this machine, ${commandFor('ca export', given)} for others`,
  );
  return EXIT_OK;
}

/** `ca rotate` */
export async function replaceAuthority(given: Arguments, terminal: Terminal): Promise<number> {
  const options = await ownFolder(given, terminal);
  const wanted = await wantedAuthority(given, terminal);
  const old = fromHere(rotateAuthority(folderOf(options), wanted, Date.now()), terminal.workingDirectory);
  const opened = await readAuthority(options, Date.now());
  if (opened !== null) tellOf(opened, terminal);
  terminal.print(
    [
      `the old certificate is kept as ${old}; its key is gone`,
      'what is left to do:',
      `  ${commandFor('ca trust', given).padEnd(COMMAND)}   this machine trusts the new one; ${commandFor('ca export', given)} is for others`,
      `  ${'sallyport reload'.padEnd(COMMAND)}   the running proxy goes on with the old CA until then`,
      `  ${`sallyport ca untrust ${old}`.padEnd(COMMAND)}   it trusts the old one no more`,
    ].join('\n'),
  );
  return EXIT_OK;
}

/** An existing CA is made, and made anew, by whoever runs it. */
async function ownFolder(given: Arguments, terminal: Terminal): Promise<AuthorityOptions> {
  const options = await authorityOptions(given, terminal);
  if (options.existing === null) return options;
  throw new StartError('config', [
    `the settings name an existing CA, ${options.existing.certificateFile}: there is none to be made. Take tls.ca_certificate out first.`,
  ]);
}

/** What the command line says about it; nothing of what it does not mention. */
async function wantedAuthority(given: Arguments, terminal: Terminal): Promise<Partial<NewAuthority>> {
  const { flags } = given;
  const limits = LIMITS.filter((flag) => flags.has(flag));
  if (limits.length > 1) throw new StartError('usage', [`${limits.map((flag) => `--${flag}`).join(' and ')}: take one of them.`]);
  if (flags.has('policy') && !flags.has('from-policy'))
    throw new StartError('usage', ['--policy is about --from-policy: add that, or leave it out.']);
  const keyType = flags.has('rsa') ? { keyType: 'rsa' as const } : {};
  if (flags.has('every-host')) return { ...keyType, constraints: null };
  if (flags.has('from-policy')) return { ...keyType, constraints: limitedTo(await hostsOfPolicy(given, terminal)) };
  const listed = flags.get('only')?.[0];
  return listed === undefined ? keyType : { ...keyType, constraints: limitedTo(listedHosts(listed)) };
}

/** And to the page that shows whether a client trusts it: its name belongs to nobody (RFC 6761 §6.4), so nobody can be imitated under it. */
function limitedTo(hosts: readonly string[]): NameConstraints {
  return onlyThese([...hosts, ONBOARDING_HOST]);
}

/** `example.com,.example.org,192.0.2.0/24`: a constraint means what is below a name anyway, so a dot or a star in front says nothing more. */
function listedHosts(text: string): readonly string[] {
  const words = text.split(',').map((word) => word.trim());
  return words.map((word) => {
    if (parseCidr(word) !== null) return word;
    try {
      return parseHost(word.replace(/^\*?\./, '')).host;
    } catch {
      throw new StartError('usage', [`--only: "${word}" is no host name, address or block. Write --only example.com,192.0.2.0/24.`]);
    }
  });
}

/** Of the policy that `run` would use. */
async function hostsOfPolicy(given: Arguments, terminal: Terminal): Promise<readonly string[]> {
  const file = await configuredPolicy(given, terminal);
  const { compiled } = await readPolicy(file);
  const { permitted, isAll } = interceptedHosts(compiled.policy);
  if (isAll)
    throw new StartError('data', [
      `${file}: a rule intercepts hosts that it does not name, so the CA cannot be limited to them. Name them, or leave --from-policy out.`,
    ]);
  if (permitted.length === 0) {
    const nextStep =
      path.resolve(file) === DEFAULT_POLICY_FILE
        ? 'It is the one that comes with the proxy: name yours with --policy or --config.'
        : 'Leave --from-policy out.';
    throw new StartError('data', [`${file}: no rule intercepts, so there is nothing to limit the CA to. ${nextStep}`]);
  }
  return permitted;
}

function tellOf({ authority, certificateFile }: Awaited<ReturnType<typeof openAuthority>>, terminal: Terminal): void {
  const limits = limitsOf(authority);
  terminal.print(
    `made ${nameOf(authority.certificate)}, valid until ${day(authority.notAfterMs)}${limits === null ? '' : `, signs for ${limits}`}`,
  );
  terminal.print(
    `its certificate is ${fromHere(certificateFile, terminal.workingDirectory)}, SHA-256 ${authority.certificate.fingerprint256}`,
  );
}

/** How wide a short command is shown; a longer one makes its line longer. */
const COMMAND = 26;
/** Flags that say for whom it may sign. */
const LIMITS = ['only', 'from-policy', 'every-host'];
