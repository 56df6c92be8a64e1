// Owns `ca trust` and `ca untrust`: shows what is to be done to the trust stores of this machine, asks, and does what it can. It runs only the
// commands that it has shown.
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { promisify } from 'node:util';
import { cannotRead, StartError } from '../errors/start-error.ts';
import {
  type CertificateToTrust,
  commandText,
  elsewhere,
  type Machine,
  type StoreAction,
  type TrustStore,
  trustStores,
} from '../tls/trust-stores.ts';
import { certificatesIn } from '../x509/pem.ts';
import { commandFor, existingAuthority, nameOf } from './ca-words.ts';
import type { Arguments } from './command.ts';
import { EXIT_DIFFERENT, EXIT_OK } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** @returns 0 when all of it is done, 1 when something is left to do */
export async function changeTrust(action: StoreAction, given: Arguments, terminal: Terminal): Promise<number> {
  const certificate = await certificateOf(given, terminal);
  const machine = thisMachine(terminal);
  const stores = trustStores(machine, certificate).map((store) => ({ store, obstacle: obstacleTo(store) }));
  terminal.print(plan(action, certificate, stores, machine));
  if (given.flags.has('dry-run')) return EXIT_OK;
  const possible = stores.filter(({ obstacle }) => obstacle === null).map(({ store }) => store);
  if (possible.length > 0 && !given.flags.has('yes') && !(await isConfirmed())) return EXIT_DIFFERENT;
  let isLeft = possible.length < stores.length;
  for (const store of possible) {
    const problem = await perform(store, action, terminal);
    terminal.print(`${store.name}: ${problem ?? DONE[action]}`);
    isLeft ||= problem !== null;
  }
  return isLeft || stores.length === 0 ? EXIT_DIFFERENT : EXIT_OK;
}

interface PlannedStore {
  readonly store: TrustStore;
  /** Why it is left to the user; `null` when it can be done. */
  readonly obstacle: string | null;
}

function plan(action: StoreAction, certificate: CertificateToTrust, stores: readonly PlannedStore[], machine: Machine): string {
  const lines = stores.flatMap(({ store, obstacle }) => [
    `${store.name}${obstacle === null ? '' : `, left to you: ${obstacle}`}`,
    ...store.commands[action].map((words) => `  ${obstacle !== null && store.isForRootAlone ? 'sudo ' : ''}${commandText(words)}`),
  ]);
  const none = stores.length === 0 ? ['no trust store that is known was found here'] : [];
  const others = machine.platform === 'win32' ? [] : ['', OWN_STORES[action], ...elsewhere(action, certificate).map((line) => `  ${line}`)];
  return [`to ${action} ${certificate.name}, SHA-256 ${certificate.fingerprint}:`, ...none, ...lines, ...others].join('\n');
}

function obstacleTo({ isForRootAlone, missing }: TrustStore): string | null {
  if (missing !== null) return `it takes ${missing}`;
  return isForRootAlone && process.getuid?.() !== 0 ? 'only root may' : null;
}

/** @returns what went wrong, `null` when nothing did */
async function perform({ commands }: TrustStore, action: StoreAction, { environment }: Terminal): Promise<string | null> {
  for (const [program, ...words] of commands[action]) {
    try {
      await promisify(execFile)(program, words, {
        // Java says in the language of its user that there is nothing to delete.
        env: { ...environment, PATH: searchPath(environment['PATH']), LC_ALL: 'C' },
        timeout: COMMAND_TIMEOUT_MS,
      });
    } catch (error) {
      const { stderr, stdout, message } = error as { readonly stderr?: string; readonly stdout?: string; readonly message: string };
      // keytool writes warnings there alone, and its failures where its results go.
      const said = (program === 'keytool' ? stdout : stderr)?.trim() || message;
      // certutil and keytool take it for a failure that there is nothing to delete.
      if (action === 'untrust' && /could not find certificate|alias <.*> does not exist/i.test(`${stderr}\n${stdout}`)) continue;
      return `${program} failed: ${said.split('\n').at(-1)}`;
    }
  }
  return null;
}

/** Somebody at a terminal is asked; a script has to say --yes. */
async function isConfirmed(): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new StartError('usage', ['nobody can be asked here: say --yes to go on, or --dry-run to see the commands.']);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await asking.question('Go on? [y/N] ')).trim());
  } finally {
    asking.close();
  }
}

/** That of the CA, or of a file that the command line names. */
async function certificateOf(given: Arguments, terminal: Terminal): Promise<CertificateToTrust> {
  const named = given.operands[0];
  const file =
    named === undefined ? (await existingAuthority(given, terminal)).certificateFile : path.resolve(terminal.workingDirectory, named);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw cannotRead('the certificate', file, cause);
  }
  if (certificatesIn(text).length > 1)
    throw new StartError('data', [
      `${file}: there are several certificates in it. Write the one to trust to a file (${commandFor('ca export --output FILE', given)}) and name that.`,
    ]);
  try {
    const certificate = new X509Certificate(text);
    const digits = (fingerprint: string) => fingerprint.replaceAll(':', '');
    return {
      file,
      name: nameOf(certificate),
      fingerprint: digits(certificate.fingerprint256),
      fingerprintSha1: digits(certificate.fingerprint),
    };
  } catch (cause) {
    throw new StartError('data', [`${file}: expected a certificate in PEM; this cannot be read as one. Check the path.`], { cause });
  }
}

function thisMachine({ environment }: Terminal): Machine {
  const home = environment['HOME'] || null;
  const folders = searchPath(environment['PATH']).split(path.delimiter);
  return {
    platform: process.platform,
    home,
    has: (program) => folders.some((folder) => existsSync(path.join(folder, program))),
    exists: existsSync,
    firefoxProfiles:
      home === null
        ? []
        : FIREFOX_FOLDERS.flatMap((folder) => globSync(`${folder}/*/cert9.db`, { cwd: home })).map((file) =>
            path.join(home, path.dirname(file)),
          ),
  };
}

/** Users other than root often have no sbin in their PATH. */
function searchPath(given = ''): string {
  return process.platform === 'win32' ? given : `${given}:/usr/sbin:/sbin`;
}

const OWN_STORES: Readonly<Record<StoreAction, string>> = {
  trust: 'programs with stores of their own:',
  untrust: 'programs with stores of their own, if they were given it:',
};
const DONE: Readonly<Record<StoreAction, string>> = { trust: 'trusts it', untrust: 'trusts it no more' };
const COMMAND_TIMEOUT_MS = 120_000;
/** Below the home of Linux, of its snap and flatpak, and of macOS. On Windows, Firefox goes by the system's store. */
const FIREFOX_FOLDERS = [
  '.mozilla/firefox',
  '.config/mozilla/firefox',
  'snap/firefox/common/.mozilla/firefox',
  '.var/app/org.mozilla.firefox/.mozilla/firefox',
  'Library/Application Support/Firefox/Profiles',
];
