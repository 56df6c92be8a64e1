// Owns what may be set, under which name and in which spelling: the one schema for the configuration file, the environment and the flags.
// Everything may be left out; an unknown key may not stand. Names and groups are the file's; `config.ts` says which option each becomes, and
// setting-values.ts how a value is read.
import * as z from 'zod';
import { parseJsonPath } from '../flows/redact/mask-json.ts';
import type { AuthenticationMode, ListenAddress } from '../listeners/listener.ts';
import { parseCount, parseOctets, parseRate, parseShare, shown } from '../match/units.ts';
import { LOG_FORMATS, type LogFormat } from '../observe/log-formats.ts';
import { MOST_LEAF_DAYS } from '../tls/options.ts';
import type { ClientCertificateOptions } from '../upstream/options.ts';
import { parseParentUrl } from '../upstream/route.ts';
import { authSettings } from './auth-settings.ts';
import { parseAdminAddress, parseListenAddress } from './listen-address.ts';
import { parseDestination, parseDnsServer, parsePseudonym, parseTargetedField } from './names.ts';
import {
  atLeastOne,
  capacity,
  chiefOf,
  count,
  group,
  inside,
  lifetime,
  list,
  nonEmpty,
  oneOf,
  pathFrom,
  pathOrOff,
  period,
  type ResolvePath,
  scalar,
  settingsGroup,
  shorthand,
  size,
  text,
  timer,
  truth,
  wholeGroup,
} from './setting-values.ts';

export type SettingsSchema = ReturnType<typeof settingsSchema>;
/** What one source (file, environment, flags) says, every value parsed; what it does not mention is absent. */
export type Settings = z.output<SettingsSchema>;

/** @param resolvePath makes a path absolute, from the folder that paths of this source are relative to */
export function settingsSchema(resolvePath: ResolvePath) {
  return settingsGroup({
    listen: list(listener(resolvePath)),
    policy: pathFrom(resolvePath),
    access_log: accessLog(resolvePath),
    limits,
    timeouts,
    content_min_rate: scalar(parseRate),
    dns: dns(resolvePath),
    parents: list(parent, 0),
    no_proxy: list(scalar(parseDestination), 0),
    // `off` serves no script to browsers that configure themselves.
    pac: shorthand('direct', { direct: list(scalar(parseDestination), 0) }),
    cache: cache(resolvePath),
    tls: tls(resolvePath),
    auth: authSettings(resolvePath),
    via: scalar(parsePseudonym),
    // Processes that serve; `auto` is one for each core.
    workers: scalar(workers),
    // `off` keeps nothing over a restart.
    state_dir: pathOrOff(resolvePath),
    record,
    // Rules that change what passes; `off` changes nothing, whatever lies in the state folder.
    rewrite: pathOrOff(resolvePath),
    // `off` serves the admin API on its Unix socket alone.
    admin: scalar((value) => (value === 'off' ? value : parseAdminAddress(value))),
  });
}

export interface SettingName {
  /** One key, or a group and its key. */
  readonly path: readonly [string] | readonly [string, string];
  readonly isList: boolean;
  /** Whether its group may be written as its value alone: `access_log: off`. */
  readonly isChief: boolean;
}

/** Every name that may be set, read off the schema, in its order. */
export function settingNames(schema: SettingsSchema): SettingName[] {
  return Object.entries(schema.shape).flatMap(([key, outer]): SettingName[] => {
    const value = inside(outer);
    if (!(value instanceof z.ZodObject)) return [{ path: [key], isList: value instanceof z.ZodArray, isChief: false }];
    const chief = chiefOf(value);
    const entries: [string, z.core.$ZodType][] = Object.entries(value.shape);
    return entries.map(([name, inner]) => ({
      path: [key, name],
      isList: inside(inner) instanceof z.ZodArray,
      isChief: name === chief,
    }));
  });
}

/** The keys of the group at a path, however deep; none where the schema has no group. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const value = inside(schema);
  const [part, ...below] = path;
  if (value instanceof z.ZodArray && part !== undefined) return keysAt(value.element, below);
  if (!(value instanceof z.ZodObject)) return [];
  if (part === undefined) return Object.keys(value.shape);
  const member = value.shape[String(part)];
  return member === undefined ? [] : keysAt(member, below);
}

/** An address alone, or with a name and an answer of its own to who must say who they are. */
function listener(resolvePath: ResolvePath) {
  return z.preprocess(
    (value) => (typeof value === 'string' || typeof value === 'number' ? { address: value } : value),
    z
      .strictObject({
        address: scalar((value) => parseListenAddress(value, resolvePath)),
        name: scalar((value) => listenerName(value)).optional(),
        auth: scalar((value) => oneOf<AuthenticationMode>(value, ['always', 'by-policy', 'never'])).optional(),
      })
      .transform(({ address, name, auth }): ListenAddress => ({ ...address, name, auth })),
  );
}

function listenerName(value: string | number): string {
  const text = String(value);
  if (!/^[\w.-]{1,40}$/.test(text)) throw new Error(`expected a name of letters, digits, dots and hyphens; found ${shown(value)}`);
  return text;
}

function accessLog(resolvePath: ResolvePath) {
  return shorthand('file', {
    // `-` is standard output, `off` keeps no log; a file of that name is written ./off.
    file: scalar((value) => (value === '-' || value === 'off' ? value : resolvePath(notAFormat(nonEmpty(value))))),
    format: scalar((value) => oneOf(value, Object.keys(LOG_FORMATS) as LogFormat[])),
    flush: timer,
    max_pending: size,
  });
}

/** `access_log: squid` is a format on its way to becoming a file of that name. */
function notAFormat(text: string): string {
  if (Object.hasOwn(LOG_FORMATS, text))
    throw new Error(
      `expected a file, - or off; "${text}" is a format: write { file: access.log, format: ${text} }, or ./${text} for a file of that name`,
    );
  return text;
}

const limits = group({
  head: size,
  target: size,
  fields: count,
  trailers: size,
  connections: count,
  connections_per_client: count,
  tunnels: count,
  http2_requests: count,
  http2_streams: count,
  http2_window: size,
  http2_resets: count,
  response_head: size,
  response_fields: count,
  response_trailers: size,
  interim_responses: count,
  idle_upstream_per_destination: count,
  idle_upstream: count,
});

const timeouts = group({
  head: timer,
  idle: timer,
  content_grace: timer,
  client_write: timer,
  tunnel_greeting: timer,
  tunnel_idle: timer,
  connect: timer,
  response: timer,
  gap: timer,
  upstream_write: timer,
  upstream_idle: timer,
  drain: period,
  denied_tunnel: period,
});

function dns(resolvePath: ResolvePath) {
  return group({
    servers: list(scalar(parseDnsServer), 0),
    // `off` reads no hosts file.
    hosts_file: pathOrOff(resolvePath, ''),
    timeout: timer,
    min_ttl: period,
    max_ttl: period,
    negative_ttl: period,
    system_ttl: period,
    entries: count,
  });
}

/** `http://user:password@host:port` for every host, or with the hosts that go through it. */
const parent = z.preprocess(
  (value) => (typeof value === 'string' ? { proxy: value } : value),
  z
    .strictObject({ proxy: scalar((value) => parseParentUrl(String(value))), hosts: list(scalar(parseDestination), 0).optional() })
    .transform(({ proxy, hosts }) => ({ ...proxy, hosts: hosts ?? [] })),
);

function cache(resolvePath: ResolvePath) {
  return shorthand('use', {
    use: scalar((value) => oneOf(value, ['on', 'off'] as const)),
    // 0 does without.
    memory: capacity,
    disk: capacity,
    folder: pathFrom(resolvePath),
    max_object_memory: size,
    max_object: scalar((value) => atLeastOne(parseOctets(value))),
    targeted: list(scalar(parseTargetedField), 0),
    heuristic: scalar(parseShare),
    max_heuristic: lifetime,
    max_stale: lifetime,
    offline: truth,
    stale_ok: truth,
  });
}

function tls(resolvePath: ResolvePath) {
  return group({
    roots: pathFrom(resolvePath),
    trust: scalar((value) => oneOf(value, ['system', 'bundled', 'both'] as const)),
    client_certificates: list(clientCertificate(resolvePath), 0),
    // `off` keeps none, whatever SSLKEYLOGFILE says.
    key_log: pathOrOff(resolvePath),
    ca_dir: pathFrom(resolvePath),
    // An existing CA: its certificate with those above it, and its key.
    ca_certificate: pathFrom(resolvePath),
    ca_key: pathFrom(resolvePath),
    leaf_days: scalar((value) => parseCount(value, MOST_LEAF_DAYS)),
    leaf_contexts: count,
  });
}

/** Who we are to some hosts. */
function clientCertificate(resolvePath: ResolvePath) {
  const path = pathFrom(resolvePath);
  return wholeGroup({ host: scalar(parseDestination), certificate: path, key: path, passphrase_file: path.optional() }).transform(
    ({ host, certificate, key, passphrase_file }): ClientCertificateOptions => ({
      host,
      certificateFile: certificate,
      keyFile: key,
      passphraseFile: passphrase_file ?? null,
    }),
  );
}

const record = shorthand('use', {
  use: scalar((value) => oneOf(value, ['on', 'off'] as const)),
  session: scalar((value) => sessionName(value)),
  max_size: scalar((value) => atLeastOne(parseOctets(value))),
  max_age: lifetime,
  // 0 keeps no content.
  body_limit: scalar(bodyLimit),
  secrets: scalar((value) => oneOf(value, ['masked', 'shown', 'unwritten'] as const)),
  redact: group({ fields: list(text, 0), query: list(text, 0), json: list(scalar(jsonPath), 0) }),
});

function jsonPath(value: string | number): string {
  parseJsonPath(String(value));
  return String(value);
}

/** Several of them are in memory at once. */
function bodyLimit(value: string | number): number {
  const octets = parseOctets(value);
  if (octets > MOST_BODY_OCTETS) throw new Error(`expected a size of at most 16MiB; found ${shown(value)}`);
  return octets;
}

function workers(value: string | number): number | 'auto' {
  if (value === 'auto') return value;
  try {
    return parseCount(value, MOST_WORKERS);
  } catch {
    throw new Error(`expected auto or a whole number from 1 to ${MOST_WORKERS}; found ${shown(value)}`);
  }
}

/** A folder of this name holds it. */
function sessionName(value: string | number): string {
  const text = String(value);
  if (!/^[\w][\w.-]{0,63}$/.test(text)) throw new Error(`expected a name of letters, digits, dots and hyphens; found ${shown(value)}`);
  return text;
}

const MOST_WORKERS = 256;
const MOST_BODY_OCTETS = 16 * 2 ** 20;
