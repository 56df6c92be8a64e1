// Owns what may be set, under which name and in which spelling: the one schema for the configuration file, the environment and the flags.
// Everything may be left out; an unknown key may not stand. Names and groups are the file's; `config.ts` says which option each becomes.
import * as z from 'zod';
import { type JwtOptions, LDAP_TIMEOUT_MS, type LdapOptions } from '../auth/options.ts';
import {
  parseBindTemplate,
  parseDirectoryUrl,
  parseFilter,
  parseKeySource,
  parseRealm,
  problemOfDirectory,
} from '../auth/parse-options.ts';
import { parseJsonPath } from '../flows/redact/mask-json.ts';
import type { AuthenticationMode, ListenAddress } from '../listeners/listener.ts';
import { parseCount, parseDuration, parseLifetime, parseOctets, parseRate, parseShare, parseSize, shown } from '../match/units.ts';
import { LOG_FORMATS, type LogFormat } from '../observe/log-formats.ts';
import { MOST_LEAF_DAYS } from '../tls/options.ts';
import type { ClientCertificateOptions } from '../upstream/options.ts';
import { parseParentUrl } from '../upstream/route.ts';
import { parseAdminAddress, parseListenAddress } from './listen-address.ts';
import { parseDestination, parseDnsServer, parsePseudonym, parseTargetedField } from './names.ts';

export type SettingsSchema = ReturnType<typeof settingsSchema>;
/** What one source (file, environment, flags) says, every value parsed; what it does not mention is absent. */
export type Settings = z.output<SettingsSchema>;

/** @param resolvePath makes a path absolute, from the folder that paths of this source are relative to */
export function settingsSchema(resolvePath: (path: string) => string) {
  const path = scalar((value) => resolvePath(nonEmpty(value)));
  return settingsGroup({
    listen: list(listener(resolvePath)),
    policy: path,
    access_log: shorthand('file', {
      // `-` is standard output, `off` keeps no log; a file of that name is written ./off.
      file: scalar((value) => (value === '-' || value === 'off' ? value : resolvePath(notAFormat(nonEmpty(value))))),
      format: scalar((value) => oneOf(value, Object.keys(LOG_FORMATS) as LogFormat[])),
      flush: timer,
      max_pending: size,
    }),
    limits: group({
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
    }),
    timeouts: group({
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
    }),
    content_min_rate: scalar(parseRate),
    dns: group({
      servers: list(scalar(parseDnsServer), 0),
      // `off` reads no hosts file.
      hosts_file: scalar((value) => (value === 'off' ? '' : resolvePath(nonEmpty(value)))),
      timeout: timer,
      min_ttl: period,
      max_ttl: period,
      negative_ttl: period,
      system_ttl: period,
      entries: count,
    }),
    parents: list(parent, 0),
    no_proxy: list(scalar(parseDestination), 0),
    // `off` serves no script to browsers that configure themselves.
    pac: shorthand('direct', { direct: list(scalar(parseDestination), 0) }),
    cache: shorthand('use', {
      use: scalar((value) => oneOf(value, ['on', 'off'] as const)),
      // 0 does without.
      memory: capacity,
      disk: capacity,
      folder: path,
      max_object_memory: size,
      max_object: scalar((value) => atLeastOne(parseOctets(value))),
      targeted: list(scalar(parseTargetedField), 0),
      heuristic: scalar(parseShare),
      max_heuristic: lifetime,
      max_stale: lifetime,
      offline: truth,
      stale_ok: truth,
    }),
    tls: group({
      roots: path,
      trust: scalar((value) => oneOf(value, ['system', 'bundled', 'both'] as const)),
      client_certificates: list(clientCertificate(resolvePath), 0),
      // `off` keeps none, whatever SSLKEYLOGFILE says.
      key_log: scalar((value) => (value === 'off' ? value : resolvePath(nonEmpty(value)))),
      ca_dir: path,
      // An existing CA: its certificate with those above it, and its key.
      ca_certificate: path,
      ca_key: path,
      leaf_days: scalar((value) => parseCount(value, MOST_LEAF_DAYS)),
      leaf_contexts: count,
    }),
    auth: group({
      realm: scalar((value) => parseRealm(String(value))),
      require: scalar((value) => oneOf(value, ['always', 'by-policy'] as const)),
      remember: timer,
      htpasswd: path,
      groups: path,
      jwt: jwt(resolvePath),
      ldap: ldap(resolvePath),
    }),
    via: scalar(parsePseudonym),
    // Processes that serve; `auto` is one for each core.
    workers: scalar((value) => (value === 'auto' ? value : parseCount(value, MOST_WORKERS))),
    // `off` keeps nothing over a restart.
    state_dir: scalar((value) => (value === 'off' ? value : resolvePath(nonEmpty(value)))),
    record: shorthand('use', {
      use: scalar((value) => oneOf(value, ['on', 'off'] as const)),
      session: scalar((value) => sessionName(value)),
      max_size: scalar((value) => atLeastOne(parseOctets(value))),
      max_age: lifetime,
      // 0 keeps no content.
      body_limit: scalar(bodyLimit),
      secrets: scalar((value) => oneOf(value, ['masked', 'shown', 'unwritten'] as const)),
      redact: group({ fields: list(text, 0), query: list(text, 0), json: list(scalar(jsonPath), 0) }),
    }),
    // Rules that change what passes; `off` changes nothing, whatever lies in the state folder.
    rewrite: scalar((value) => (value === 'off' ? value : resolvePath(nonEmpty(value)))),
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
    const chief = SHORTHANDS.get(value)?.chief;
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

/** What a setting is, without what lets it be absent or be written shorter, and without what is made of it. */
function inside(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional) return inside(schema.unwrap());
  if (!(schema instanceof z.ZodPipe)) return schema;
  return inside(schema.in instanceof z.ZodTransform ? schema.out : schema.in);
}

/** One value of text or number; `parse` throws an Error whose message is fit to print. */
function scalar<T>(parse: (value: string | number) => T) {
  return z.unknown().transform((value, context): T => {
    try {
      if (typeof value === 'string' || typeof value === 'number') return parse(value);
      throw new Error(`expected one value; found ${kindOf(value)}`);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
}

/** A list, or its only member. */
function list<T extends z.ZodType>(member: T, least: 0 | 1 = 1) {
  return z.preprocess(
    (value) => (typeof value === 'string' || typeof value === 'number' || isGroup(value) ? [value] : value),
    z
      .array(member, { error: ({ input }) => `expected a list; found ${kindOf(input)}` })
      .min(least, 'expected at least one in this list; it is empty'),
  );
}

/** A group of settings; empty when everything in it is commented out. */
function group<T extends z.ZodRawShape>(shape: T) {
  return z.preprocess((value) => value ?? {}, settingsGroup(shape));
}

/** A group that may be written as the one value of its chief setting. */
function shorthand<T extends z.ZodRawShape>(chief: keyof T & string, shape: T) {
  const whole = settingsGroup(shape).register(SHORTHANDS, { chief });
  return z.preprocess((value) => (typeof value === 'string' ? { [chief]: value } : (value ?? {})), whole);
}

const SHORTHANDS = z.registry<{ readonly chief: string }>();

function settingsGroup<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, { error: ({ input }) => `expected a group of settings; found ${kindOf(input)}` }).partial();
}

function nonEmpty(value: string | number): string {
  const text = String(value);
  if (text === '' || text.includes('\0')) throw new Error(`expected a path; found ${shown(value)}`);
  return text;
}

/** `access_log: squid` is a format on its way to becoming a file of that name. */
function notAFormat(text: string): string {
  if (Object.hasOwn(LOG_FORMATS, text))
    throw new Error(
      `expected a file, - or off; "${text}" is a format: write { file: access.log, format: ${text} }, or ./${text} for a file of that name`,
    );
  return text;
}

function oneOf<T extends string>(value: string | number, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found === undefined) throw new Error(`expected one of ${known.join(', ')}; found ${shown(value)}`);
  return found;
}

function atLeastOne(octets: number): number {
  if (octets === 0) throw new Error('expected a size of at least 1B; found 0');
  return octets;
}

export function isGroup(value: unknown): value is Readonly<Record<PropertyKey, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What something is, without showing it: a value in the wrong place may be a secret. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a group';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

/** An address alone, or with a name and an answer of its own to who must say who they are. */
function listener(resolvePath: (path: string) => string) {
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

const MOST_WORKERS = 256;
const MOST_BODY_OCTETS = 16 * 2 ** 20;

/** A folder of this name holds it. */
function sessionName(value: string | number): string {
  const text = String(value);
  if (!/^[\w][\w.-]{0,63}$/.test(text)) throw new Error(`expected a name of letters, digits, dots and hyphens; found ${shown(value)}`);
  return text;
}

const size = scalar(parseSize);
const count = scalar((value) => parseCount(value, 10_000_000));
/** A timer that cannot be off. */
const timer = scalar((value) => parseDuration(value, 1));
const period = scalar((value) => parseDuration(value, 0));
/** How long something is good for, in seconds. */
const lifetime = scalar(parseLifetime);
const capacity = scalar((value) => parseOctets(value));

const text = scalar((value) => {
  if (value === '') throw new Error('expected a text; it is empty');
  return String(value);
});
const flag = z.boolean({ error: ({ input }) => `expected true or false; found ${kindOf(input)}` });
/** A variable and a flag are text. */
const truth = z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), flag);
const userFilter = scalar((value) => parseFilter(String(value), ['user']));
const groupFilter = scalar((value) => parseFilter(String(value), ['dn', 'user']));

/** `http://user:password@host:port` for every host, or with the hosts that go through it. */
const parent = z.preprocess(
  (value) => (typeof value === 'string' ? { proxy: value } : value),
  z
    .strictObject({ proxy: scalar((value) => parseParentUrl(String(value))), hosts: list(scalar(parseDestination), 0).optional() })
    .transform(({ proxy, hosts }) => ({ ...proxy, hosts: hosts ?? [] })),
);

/** Who we are to some hosts. */
function clientCertificate(resolvePath: (path: string) => string) {
  const path = scalar((value) => resolvePath(nonEmpty(value)));
  return wholeGroup({ host: scalar(parseDestination), certificate: path, key: path, passphrase_file: path.optional() }).transform(
    ({ host, certificate, key, passphrase_file }): ClientCertificateOptions => ({
      host,
      certificateFile: certificate,
      keyFile: key,
      passphraseFile: passphrase_file ?? null,
    }),
  );
}

/** Who issues tokens, and for whom. */
function jwt(resolvePath: (path: string) => string) {
  return wholeGroup({
    jwks: scalar((value) => parseKeySource(String(value), resolvePath)),
    ca: scalar((value) => resolvePath(nonEmpty(value))).optional(),
    issuer: text,
    audience: list(text),
    user_claim: text.optional(),
    groups_claim: text.optional(),
  }).transform(
    ({ jwks, ca, issuer, audience, user_claim, groups_claim }): JwtOptions => ({
      jwks,
      caFile: ca ?? null,
      issuer,
      audiences: audience,
      userClaim: user_claim ?? 'sub',
      groupsClaim: groups_claim ?? null,
    }),
  );
}

/** A directory, and how it is asked. */
function ldap(resolvePath: (path: string) => string) {
  const path = scalar((value) => resolvePath(nonEmpty(value)));
  return wholeGroup({
    url: scalar((value) => parseDirectoryUrl(String(value))),
    start_tls: flag.optional(),
    ca: path.optional(),
    bind: scalar((value) => parseBindTemplate(String(value))).optional(),
    search: wholeGroup({ base: text, filter: userFilter, bind_dn: text, bind_password_file: path }).optional(),
    user_attribute: text.optional(),
    groups: wholeGroup({ base: text, attribute: text.optional(), filter: groupFilter.optional() }).optional(),
    timeout: timer.optional(),
  }).transform((given, context): LdapOptions => {
    const { url, start_tls: startTls = false, bind, search, groups } = given;
    const problem = problemOfDirectory({ url, startTls });
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    if ((bind === undefined) === (search === undefined))
      context.addIssue({ code: 'custom', message: 'expected either "bind" or "search", which say how a user is found' });
    if (groups?.attribute !== undefined && groups.filter !== undefined)
      context.addIssue({
        code: 'custom',
        message: 'expected either "attribute" or "filter", which say how groups are found',
        path: ['groups'],
      });
    return {
      url,
      startTls,
      caFile: given.ca ?? null,
      users:
        search === undefined
          ? { kind: 'bind', template: bind ?? '' }
          : {
              kind: 'search',
              base: search.base,
              filter: search.filter,
              bindDn: search.bind_dn,
              bindPasswordFile: search.bind_password_file,
            },
      userAttribute: given.user_attribute ?? 'uid',
      groups:
        groups === undefined
          ? null
          : {
              base: groups.base,
              from: groups.filter === undefined ? { attribute: groups.attribute ?? 'memberOf' } : { filter: groups.filter },
            },
      timeoutMs: given.timeout ?? LDAP_TIMEOUT_MS,
    };
  });
}

/** A group in which what is not optional has to be said. */
function wholeGroup<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, { error: ({ input }) => `expected a group of settings; found ${kindOf(input)}` });
}
