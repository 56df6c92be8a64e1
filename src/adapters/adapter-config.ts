// Owns what the options of http-mitm-proxy mean to this proxy: a configuration that opens every tunnel under the CA in one folder, keeps no cache and no
// log, and asks nobody who they are. An option that would change where traffic goes and cannot be followed is refused, not passed over.
import { randomBytes } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { type Config, configFrom } from '../config/config.ts';
import { StartError } from '../errors/start-error.ts';
import { LISTENER_DEFAULTS } from '../listeners/listener.ts';
import { makePrivateFolder } from '../net/private-folder.ts';
import { type ExistingAuthority, LEAF_DEFAULTS } from '../tls/options.ts';
import type { ListenOptions } from './listen-options.ts';

/** @throws Error that names the option and what to do instead */
export function configOf(options: ListenOptions): Config {
  refuseAgent('httpAgent', options.httpAgent, http.Agent);
  refuseAgent('httpsAgent', options.httpsAgent, https.Agent);
  const folder = folderOf(options);
  const { timeout = 0 } = options;
  const config = configFrom({}, options.policy ?? OPEN_POLICY);
  return {
    ...config,
    listen: [{ kind: 'tcp', host: options.host ?? 'localhost', port: options.port ?? DEFAULT_PORT, auth: 'never' }],
    listener: timeout > 0 ? { ...LISTENER_DEFAULTS, idleTimeoutMs: timeout, tunnelIdleTimeoutMs: timeout } : LISTENER_DEFAULTS,
    route: { parents: options.parent === undefined ? [] : [parentOf(options.parent)], noProxy: [] },
    rootCertificates: options.roots ?? null,
    tls: { authority: { folder, existing: existingIn(folder) }, leaves: LEAF_DEFAULTS },
    pac: null,
    cache: null,
    accessLog: null,
    stateFolder: null,
    admin: null,
  };
}

/** Why it cannot start, for whoever has called `listen` and no command. */
export function inTermsOfListen(error: unknown): unknown {
  if (!(error instanceof StartError)) return error;
  const problems = error.problems.map((problem) => problem.replaceAll('--listen', 'listen({ host, port })'));
  return new StartError(error.kind, problems, { cause: error.cause });
}

export function folderOf({ sslCaDir }: ListenOptions): string {
  return sslCaDir ?? path.resolve('.http-mitm-proxy');
}

/** Where programs look for the certificate that is to be trusted. @param certificate PEM */
export function writeCertificate(folder: string, certificate: string): void {
  const file = files(folder).certificateFile;
  if (existsSync(file)) return;
  makePrivateFolder(path.dirname(file));
  // As a whole: whoever finds it reads it, and another process may be writing the same.
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(temporary, certificate, { flag: 'wx' });
  renameSync(temporary, file);
}

/** A CA that http-mitm-proxy has made there, and that clients may trust already. */
function existingIn(folder: string): ExistingAuthority | null {
  const existing = files(folder);
  return existsSync(existing.keyFile) ? existing : null;
}

function files(folder: string): ExistingAuthority {
  return { certificateFile: path.join(folder, 'certs', 'ca.pem'), keyFile: path.join(folder, 'keys', 'ca.private.key') };
}

function refuseAgent(name: string, agent: (http.Agent & { readonly options?: object }) | undefined, known: typeof http.Agent): void {
  if (agent === undefined || agent === null) return;
  const other = Object.keys(agent.options ?? {}).filter((key) => !POOLING.has(key));
  if (agent.constructor === known && other.length === 0) return;
  const what = agent.constructor === known ? `sets ${other.join(', ')}` : `is a ${agent.constructor.name}`;
  throw new Error(`${name} ${what}, which cannot be followed: this proxy makes its own connections. ${INSTEAD}`);
}

function parentOf(text: string): Config['route']['parents'][number] {
  const { protocol, hostname, port, username, password } = new URL(text);
  if (protocol !== 'http:') throw new Error(`parent: ${protocol} is not spoken to another proxy; expected http://host:port`);
  const user = username === '' ? null : decodeURIComponent(username);
  return { host: hostname, port: Number(port || 80), user, password: user === null ? null : decodeURIComponent(password), hosts: [] };
}

const OPEN_POLICY = path.join(import.meta.dirname, '../../policies/http-mitm-proxy.yaml');
const DEFAULT_PORT = 8080;
const POOLING: ReadonlySet<string> = new Set([
  'keepAlive',
  'keepAliveMsecs',
  'maxSockets',
  'maxTotalSockets',
  'maxFreeSockets',
  'scheduling',
  'timeout',
  'noDelay',
  'path',
  'proxyEnv',
  'agentKeepAliveTimeoutBuffer',
]);
const INSTEAD = 'Name the proxy behind it with parent, and more roots with roots; certificates are forgiven by a rule of a policy.';
