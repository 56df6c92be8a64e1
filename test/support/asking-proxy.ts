// A proxy process that asks who somebody is, with everything to answer it: a password file that the real `htpasswd` has made, and an issuer of tokens.
// It keeps in mind what must not leak, and looks for it wherever the proxy speaks and wherever an origin listens.
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { keySetOf, makeKey, type SigningKey, signToken } from './jwks.ts';
import { succeed } from './programs.ts';
import { type ProxyProcess, runProxyWith } from './run-proxy.ts';
import type { WebOrigin } from './web-origin.ts';

export interface AskingProxy extends ProxyProcess {
  /** `http://user:password@127.0.0.1:port` with both percent-encoded. @param listener counted from 0, in the order of the configuration */
  urlFor(user: string, password: string, listener?: number): string;
  /** A token of the issuer that the proxy trusts, for an hour. */
  token(claims: Record<string, unknown>): Promise<string>;
  /** What a program was told by the proxy or about it: none of it may hold a secret, either. */
  heard(...said: readonly (string | Buffer)[]): void;
  /** No password and no token, in any spelling, has come to an origin, into the log, to the operator, or into what was heard. */
  expectNoLeak(...origins: readonly WebOrigin[]): void;
}

/**
 * A password with every character that a URL has another use for. A `%` before two hexadecimal digits is not in it: libcurl decodes what `-U` gives
 * it, and what git has decoded already.
 */
export const PASSWORD = 'p@ss:w/rd?#%&+ [x]';
export const ISSUER = 'https://ci.example';
export const AUDIENCE = 'sallyport';

export interface AskingOptions {
  /** Made for the test, and emptied after it. */
  readonly folder: string;
  /** User names and passwords. */
  readonly users: Readonly<Record<string, string>>;
  readonly require?: 'always' | 'by-policy';
  /** The `listen` list, as it stands in the configuration. */
  readonly listen?: string;
  readonly policy?: string;
}

export async function startAskingProxy({ folder, users, require = 'always', listen, policy }: AskingOptions): Promise<AskingProxy> {
  const key = await makeKey('ES256', 'one');
  await writeUsers(path.join(folder, 'users'), users);
  writeFileSync(path.join(folder, 'keys.json'), keySetOf(key));
  writeFileSync(path.join(folder, 'policy.yaml'), policy ?? 'version: 1\ndefault: allow\nconnect_ports: any\n');
  writeFileSync(
    path.join(folder, 'sallyport.yaml'),
    `listen: ${listen ?? '127.0.0.1:0'}
policy: policy.yaml
auth:
  require: ${require}
  htpasswd: users
  jwt: { jwks: keys.json, issuer: "${ISSUER}", audience: ${AUDIENCE} }
`,
  );
  const proxy = await runProxyWith('--config', path.join(folder, 'sallyport.yaml'));
  return asking(proxy, key, Object.values(users));
}

/** As an operator makes it: `htpasswd -B`, the password from standard input. */
async function writeUsers(file: string, users: AskingOptions['users']): Promise<void> {
  writeFileSync(file, '');
  chmodSync(file, 0o600);
  for (const [user, password] of Object.entries(users)) await succeed('htpasswd', ['-B', '-C', '4', '-i', file, user], { input: password });
}

function asking(proxy: ProxyProcess, key: SigningKey, passwords: readonly string[]): AskingProxy {
  const secrets = new Set(passwords.flatMap(spellings));
  const heard: string[] = [];
  // The process's own properties are getters: a copy would hold what they said at the start.
  return Object.assign(Object.create(proxy) as ProxyProcess, {
    urlFor(user: string, password: string, listener = 0) {
      for (const text of [...spellings(password), Buffer.from(`${user}:${password}`).toString('base64')]) secrets.add(text);
      return `http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${proxy.listening[listener]!.replace('http://', '')}`;
    },
    async token(claims: Record<string, unknown>) {
      const token = await signToken(key, { iss: ISSUER, aud: AUDIENCE, exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims });
      for (const part of token.split('.').slice(1)) secrets.add(part);
      return token;
    },
    heard: (...said: readonly (string | Buffer)[]) => void heard.push(...said.map(String)),
    expectNoLeak(...origins: readonly WebOrigin[]) {
      expect(origins.flatMap(({ requests }) => requests).filter(({ headers }) => 'proxy-authorization' in headers)).toEqual([]);
      const told = JSON.stringify([proxy.log, proxy.said, heard, origins.map(({ requests }) => requests)]);
      for (const secret of secrets) expect(told).not.toContain(JSON.stringify(secret).slice(1, -1));
    },
  });
}

function spellings(secret: string): readonly string[] {
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64url')];
}
