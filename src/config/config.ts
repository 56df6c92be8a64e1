// Owns the configuration as the program uses it: one frozen value made of each folder's own options, with every default.
// The defaults of limits and timers stand beside their meaning, in the folder that keeps them; here are only those of the whole.
// It holds secrets (the passwords of parent proxies) and is never printed.
import path from 'node:path';
import type { AdminAddress } from '../admin/admin-server.ts';
import { AUTH_DEFAULTS, type AuthOptions } from '../auth/options.ts';
import {
  CACHE_DEFAULTS,
  type CacheConfig,
  DISK_STORE_DEFAULTS,
  type DiskStoreOptions,
  MEMORY_STORE_DEFAULTS,
  type MemoryStoreOptions,
} from '../cache/options.ts';
import { RECORD_DEFAULTS, type RecordOptions } from '../flows/options.ts';
import { LISTENER_DEFAULTS, type ListenAddress, type ListenerOptions } from '../listeners/listener.ts';
import { ACCESS_LOG_DEFAULTS, type AccessLogOptions } from '../observe/access-log.ts';
import type { RewriteOptions } from '../rewrite/options.ts';
import { LEAF_DEFAULTS, type TlsOptions } from '../tls/options.ts';
import {
  ORIGIN_TLS_DEFAULTS,
  type OriginTlsOptions,
  RESOLVER_DEFAULTS,
  type ResolverOptions,
  type RouteOptions,
  UPSTREAM_DEFAULTS,
  type UpstreamOptions,
} from '../upstream/options.ts';
import type { Settings } from './settings.ts';

export interface Config {
  readonly listen: readonly ListenAddress[];
  readonly listener: ListenerOptions;
  readonly upstream: UpstreamOptions;
  readonly resolver: ResolverOptions;
  readonly route: RouteOptions;
  /** What browsers that configure themselves by our script reach without us; `null` serves no script. */
  readonly pac: { readonly direct: readonly string[] } | null;
  /** Path of the policy. */
  readonly policyFile: string;
  /** `null` asks nobody who they are. */
  readonly auth: AuthOptions | null;
  /** `null` stores nothing and looks nothing up. */
  readonly cache: CacheConfig | null;
  /** `null` keeps no access log. */
  readonly accessLog: AccessLogOptions | null;
  /** Our name in `Via` (RFC 9110 §7.6.3); `null` lets the start make one. */
  readonly viaName: string | null;
  /** Path of a PEM file whose certificates are trusted for TLS to origins besides the system's; `null` adds none. */
  readonly rootCertificates: string | null;
  readonly originTls: OriginTlsOptions;
  /** Under which CA tunnels are opened, where a rule says so. */
  readonly tls: TlsOptions;
  /** Processes that serve; `auto` is one for each core. With one there is nothing but that process. */
  readonly workers: number | 'auto';
  /** Milliseconds that exchanges and tunnels have to finish once a stop is asked for. */
  readonly drainTimeoutMs: number;
  /** Where to keep what survives a restart: counts of limits, compiled lists, the note of a running proxy. `null` keeps nothing. */
  readonly stateFolder: string | null;
  /** Milliseconds that an open tunnel has left once a new policy denies it. */
  readonly tunnelGraceMs: number;
  /** Where the inspector and the admin API listen besides the Unix socket in the state folder; `null` nowhere. */
  readonly admin: AdminAddress | null;
  /** What is kept of everything that passes, in the state folder; `null` keeps nothing. */
  readonly record: RecordOptions | null;
  /** The file of rewriting rules; `null` has none. One that nobody has named need not be there yet. */
  readonly rewrite: RewriteOptions | null;
}

/** Only this machine may connect, unless an operator says otherwise. */
const DEFAULT_LISTEN: readonly ListenAddress[] = [{ kind: 'tcp', host: '127.0.0.1', port: 8080 }];
const DEFAULT_DRAIN_TIMEOUT_MS = 30_000;
const DEFAULT_TUNNEL_GRACE_MS = 30_000;
export const DEFAULT_ADMIN: AdminAddress = { host: '127.0.0.1', port: 8081, isAnyPortFine: true };
/** A browser's own machine: the proxy may be on another one. */
const DEFAULT_PAC_DIRECT: readonly string[] = ['.localhost', '127.0.0.0/8', '[::1]'];

/**
 * What the sources said together, with the defaults for what they did not.
 *
 * @param defaultPolicyFile  the policy that comes with the program
 * @param defaultCacheFolder  where the cache lies when nobody chooses a folder; `null` keeps nothing on disk then
 * @param defaultCaFolder  the same for the CA, which has no place with `null`
 */
export function configFrom(
  settings: Settings,
  defaultPolicyFile: string,
  defaultCacheFolder: string | null = null,
  defaultCaFolder: string | null = null,
): Config {
  const { timeouts = {} } = settings;
  return deepFreeze({
    listen: settings.listen ?? DEFAULT_LISTEN,
    listener: listenerOptions(settings),
    upstream: upstreamOptions(settings),
    resolver: resolverOptions(settings.dns ?? {}),
    route: { parents: settings.parents ?? [], noProxy: settings.no_proxy ?? [] },
    pac: pacOptions(settings.pac ?? {}),
    policyFile: settings.policy ?? defaultPolicyFile,
    auth: settings.auth === undefined ? null : authOptions(settings.auth),
    cache: cacheConfig(settings, defaultCacheFolder),
    accessLog: accessLogOptions(settings.access_log ?? {}),
    viaName: settings.via ?? null,
    rootCertificates: settings.tls?.roots ?? null,
    originTls: originTlsOptions(settings.tls ?? {}),
    tls: tlsOptions(settings.tls ?? {}, defaultCaFolder),
    workers: settings.workers ?? 1,
    drainTimeoutMs: timeouts.drain ?? DEFAULT_DRAIN_TIMEOUT_MS,
    stateFolder: settings.state_dir === undefined || settings.state_dir === 'off' ? null : settings.state_dir,
    tunnelGraceMs: timeouts.denied_tunnel ?? DEFAULT_TUNNEL_GRACE_MS,
    admin: settings.admin === 'off' ? null : (settings.admin ?? DEFAULT_ADMIN),
    record: recordOptions(settings.record ?? {}, settings.state_dir),
    rewrite: rewriteOptions(settings),
  });
}

function listenerOptions({ limits = {}, timeouts = {}, content_min_rate: minRate }: Settings): ListenerOptions {
  return withDefaults(LISTENER_DEFAULTS, {
    headBytes: limits.head,
    targetBytes: limits.target,
    fieldCount: limits.fields,
    trailerBytes: limits.trailers,
    headTimeoutMs: timeouts.head,
    idleTimeoutMs: timeouts.idle,
    contentMinBytesPerSecond: minRate,
    contentGraceMs: timeouts.content_grace,
    writeTimeoutMs: timeouts.client_write,
    tunnelGreetingTimeoutMs: timeouts.tunnel_greeting,
    tunnelIdleTimeoutMs: timeouts.tunnel_idle,
    connections: limits.connections,
    connectionsPerClient: limits.connections_per_client,
    tunnels: limits.tunnels,
    http2Requests: limits.http2_requests,
    http2Streams: limits.http2_streams,
    http2WindowBytes: limits.http2_window,
    http2Resets: limits.http2_resets,
  });
}

function upstreamOptions({ limits = {}, timeouts = {} }: Settings): UpstreamOptions {
  return withDefaults(UPSTREAM_DEFAULTS, {
    connectTimeoutMs: timeouts.connect,
    responseTimeoutMs: timeouts.response,
    gapTimeoutMs: timeouts.gap,
    writeTimeoutMs: timeouts.upstream_write,
    idleTimeoutMs: timeouts.upstream_idle,
    idlePerDestination: limits.idle_upstream_per_destination,
    idleTotal: limits.idle_upstream,
    headBytes: limits.response_head,
    fieldCount: limits.response_fields,
    trailerBytes: limits.response_trailers,
    interimResponses: limits.interim_responses,
  });
}

function resolverOptions(dns: NonNullable<Settings['dns']>): ResolverOptions {
  return withDefaults(RESOLVER_DEFAULTS, {
    servers: dns.servers,
    hostsFile: dns.hosts_file,
    timeoutMs: dns.timeout,
    minTtlMs: dns.min_ttl,
    maxTtlMs: dns.max_ttl,
    negativeTtlMs: dns.negative_ttl,
    systemTtlMs: dns.system_ttl,
    entries: dns.entries,
  });
}

function originTlsOptions(tls: NonNullable<Settings['tls']>): OriginTlsOptions {
  return withDefaults(ORIGIN_TLS_DEFAULTS, {
    trust: tls.trust,
    clientCertificates: tls.client_certificates,
    keyLogFile: tls.key_log === 'off' ? undefined : tls.key_log,
  });
}

function tlsOptions(tls: NonNullable<Settings['tls']>, defaultFolder: string | null): TlsOptions {
  const { ca_dir: folder = defaultFolder, ca_certificate: certificateFile, ca_key: keyFile } = tls;
  const existing = certificateFile === undefined || keyFile === undefined ? null : { certificateFile, keyFile };
  const leaves = withDefaults(LEAF_DEFAULTS, { lifetimeDays: tls.leaf_days, contexts: tls.leaf_contexts });
  return { authority: { folder, existing }, leaves };
}

function authOptions(auth: NonNullable<Settings['auth']>): AuthOptions {
  return withDefaults(AUTH_DEFAULTS, {
    realm: auth.realm,
    require: auth.require,
    rememberMs: auth.remember,
    htpasswdFile: auth.htpasswd,
    groupsFile: auth.groups,
    jwt: auth.jwt,
    ldap: auth.ldap,
  });
}

function cacheConfig({ cache = {}, record = {} }: Settings, defaultFolder: string | null): CacheConfig | null {
  const [memory, disk] = [memoryStoreOptions(cache), diskStoreOptions(cache, defaultFolder)];
  if (cache.use === 'off' || (memory === null && disk === null)) return null;
  const rules = withDefaults(CACHE_DEFAULTS.rules, {
    targeted: cache.targeted,
    heuristicFraction: cache.heuristic,
    maxHeuristicSeconds: cache.max_heuristic,
    maxStaleSeconds: cache.max_stale,
    // What is masked in records is kept in no index of the cache either, whether or not anything is recorded.
    secretFields: record.redact?.fields?.map((name) => name.toLowerCase()),
  });
  // Offline there is nothing else to answer with.
  const isDiskRequired = cache.folder !== undefined || cache.offline === true;
  return { memory, disk, isDiskRequired, ...withDefaults(CACHE_DEFAULTS, { rules, offline: cache.offline, staleOk: cache.stale_ok }) };
}

function memoryStoreOptions(cache: NonNullable<Settings['cache']>): MemoryStoreOptions | null {
  if (cache.memory === 0) return null;
  return withDefaults(MEMORY_STORE_DEFAULTS, { maxBytes: cache.memory, maxObjectBytes: cache.max_object_memory });
}

/** Without a folder there is nowhere to keep anything: a user without a home, or a test. */
function diskStoreOptions(cache: NonNullable<Settings['cache']>, defaultFolder: string | null): DiskStoreOptions | null {
  const folder = cache.folder ?? defaultFolder;
  if (cache.disk === 0 || folder === null) return null;
  const sizes = withDefaults(DISK_STORE_DEFAULTS, { maxBytes: cache.disk, maxObjectBytes: cache.max_object });
  return { folder, ...sizes };
}

/** Without a folder there is nowhere to keep it. */
function recordOptions(record: NonNullable<Settings['record']>, stateFolder: Settings['state_dir']): RecordOptions | null {
  if (record.use === 'off' || stateFolder === undefined || stateFolder === 'off') return null;
  const { fields, query, json } = record.redact ?? {};
  return withDefaults(RECORD_DEFAULTS, {
    isRequired: record.use === 'on',
    session: record.session,
    maxBytes: record.max_size,
    maxAgeMs: record.max_age === undefined ? undefined : record.max_age * 1_000,
    bodyLimit: record.body_limit,
    secrets: record.secrets,
    redact: withDefaults(RECORD_DEFAULTS.redact, { fields, query, json }),
  });
}

function rewriteOptions({ rewrite, state_dir: stateFolder }: Settings): RewriteOptions | null {
  if (rewrite === 'off') return null;
  if (rewrite !== undefined) return { file: rewrite, isNamed: true };
  return stateFolder === undefined || stateFolder === 'off' ? null : { file: path.join(stateFolder, 'rewrite.yaml'), isNamed: false };
}

function pacOptions(pac: NonNullable<Settings['pac']>): Config['pac'] {
  const direct = pac.direct ?? DEFAULT_PAC_DIRECT;
  return direct.length === 1 && direct[0] === 'off' ? null : { direct };
}

function accessLogOptions(log: NonNullable<Settings['access_log']>): AccessLogOptions | null {
  if (log.file === 'off') return null;
  return withDefaults(ACCESS_LOG_DEFAULTS, {
    file: log.file === '-' ? null : log.file,
    format: log.format,
    flushMs: log.flush,
    maxPendingBytes: log.max_pending,
    // Told by whoever starts several processes.
    isShared: undefined,
  });
}

/** `given` names every option, so that one added to a folder's type does not compile until a setting feeds it. */
function withDefaults<T extends object>(defaults: T, given: { readonly [K in keyof T]: T[K] | undefined }): T {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(set) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
