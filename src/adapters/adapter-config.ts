// Owns what the options of http-mitm-proxy mean to this proxy: a configuration that opens every tunnel under the CA in one folder, keeps no cache and no
// log, and asks nobody who they are. An option that would change where traffic goes and cannot be followed is refused, not passed over.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { type Config, configFrom } from '../config/config.ts';
import { LISTENER_DEFAULTS } from '../listeners/listener.ts';
import type { ExistingAuthority } from '../tls/options.ts';
import { LEAF_DEFAULTS } from '../tls/options.ts';

export interface ListenOptions {
  /** 0 takes any that is free; left out it is 8080. */
  port?: number | undefined;
  /** Left out it is `localhost`. */
  host?: string | undefined;
  /** Folder of the CA; left out it is `.http-mitm-proxy` in the working directory. */
  sslCaDir?: string | undefined;
  /** Milliseconds of silence after which a client's connection is closed. */
  timeout?: number | undefined;
  /** Leaves out the length of requests, so that they are sent in chunks. */
  forceChunkedRequest?: boolean | undefined;
  /** These have nothing to say here: connections are always kept, and there is one listener for all hosts. */
  keepAlive?: boolean | undefined;
  forceSNI?: boolean | undefined;
  httpsPort?: number | undefined;
  /** Taken only if they are Node's own, which say nothing about where a request goes. */
  httpAgent?: http.Agent | undefined;
  httpsAgent?: https.Agent | undefined;
  /** Not of http-mitm-proxy: path of a policy, in place of the one that allows and opens everything. */
  policy?: string | undefined;
  /** Not of http-mitm-proxy: a PEM file of roots that are trusted besides the system's. */
  roots?: string | undefined;
  /** Not of http-mitm-proxy: the proxy behind this one, `http://user:password@host:port`. */
  parent?: string | undefined;
}

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

export function folderOf({ sslCaDir }: ListenOptions): string {
  return sslCaDir ?? path.resolve('.http-mitm-proxy');
}

/** Where programs look for the certificate that is to be trusted. @param certificate PEM */
export function writeCertificate(folder: string, certificate: string): void {
  const file = files(folder).certificateFile;
  if (existsSync(file)) return;
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, certificate);
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
