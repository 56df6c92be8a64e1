// Owns the other people's programs that the end-to-end tests run: whether they are here, what installs them, and running one to its end.
// A program sees a clean environment: nothing that whoever runs the tests has set (proxies, npm and git settings) reaches it.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { describe } from 'vitest';

/** The Debian package that brings each program. */
const PACKAGES = {
  'apt-ftparchive': 'apt-utils',
  'apt-get': 'apt',
  certtool: 'gnutls-bin',
  certutil: 'libnss3-tools',
  chromium: 'chromium',
  curl: 'curl',
  'dpkg-deb': 'dpkg',
  'dpkg-scanpackages': 'dpkg-dev',
  git: 'git',
  htpasswd: 'apache2-utils',
  java: 'default-jdk-headless',
  javac: 'default-jdk-headless',
  keytool: 'default-jre-headless',
  ldapadd: 'ldap-utils',
  npm: 'npm',
  openssl: 'openssl',
  pip3: 'python3-pip',
  pk12util: 'libnss3-tools',
  python3: 'python3',
  slapd: 'slapd',
  wget: 'wget',
} as const;

export type Program = keyof typeof PACKAGES;

/**
 * As `describe`, for tests that cannot do without these programs. If one is missing they are skipped, and the name says what to install;
 * with `TESTS_MAY_SKIP=0`, as in CI, that is a failure.
 */
export function describeWith(programs: readonly Program[], name: string, body: () => void): void {
  const missing = programs.filter((program) => pathOf(program) === null);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const packages = missing.map((program) => PACKAGES[program]);
  const reason = `${missing.join(' and ')} not found: apt-get install ${packages.join(' ')}`;
  if (process.env['TESTS_MAY_SKIP'] === '0') throw new Error(reason);
  process.stderr.write(`skipped: ${name}: ${reason}\n`);
  describe.skip(`${name} (${reason})`, body);
}

/** The absolute path of a program, or `null`. */
export function pathOf(program: Program): string | null {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  return folders.map((folder) => path.join(folder, program)).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Ended {
  readonly code: number | null;
  readonly out: Buffer;
  /** Standard error, which is where programs say what went wrong. */
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard input; none by default. */
  readonly input?: string | Uint8Array;
}

/** Runs a program to its end. @throws only if it cannot be started */
export function run(command: string, words: readonly string[], { env = {}, cwd, input = '' }: RunOptions = {}): Promise<Ended> {
  const child = spawn(command, words, { cwd, env: { ...CLEAN_ENVIRONMENT, ...env }, timeout: RUN_TIMEOUT_MS });
  const out: Buffer[] = [];
  let err = '';
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr.on('data', (bytes) => (err += bytes));
  // A program may end without having read its input; how it ended says more than EPIPE.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out: Buffer.concat(out), err }));
  });
}

/** As `run`, for a step that must succeed. @returns standard output @throws with what the program said */
export async function succeed(command: string, words: readonly string[], options?: RunOptions): Promise<Buffer> {
  const { code, out, err } = await run(command, words, options);
  if (code !== 0) throw new Error(`${command} ${words.join(' ')} exited with ${code}\n${err}${out}`);
  return out;
}

export const CLEAN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  LC_ALL: 'C.UTF-8',
  // A thread and a folder more for each proxy, which few tests are about.
  SALLYPORT_RECORD: 'off',
};
const RUN_TIMEOUT_MS = 180_000;
