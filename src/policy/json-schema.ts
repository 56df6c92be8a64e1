// Owns the JSON Schema (draft 2020-12) of a policy file, for editors: which keys there are, what they take, and a line about each. The keys are the
// parser's own tables, so a key without a line here does not compile.
// It is coarser than the parser, which has the last word: what a value means, and what may not stand beside what, is said there alone.
import { LIST_FORMATS } from './lists/list.ts';
import { type CACHE_KEYS, PARTITIONS } from './parse-cache.ts';
import type { MATCH_KEYS } from './parse-condition.ts';
import type { POLICY_KEYS } from './parse-file.ts';
import { FAULTS, ON_PINNED } from './parse-interception.ts';
import { type LIMIT_KEYS, PER } from './parse-limits.ts';
import type { LIST_KEYS } from './parse-names.ts';
import { ACTIONS, keysBeside, type RULE_KEYS } from './parse-rule.ts';
import { EXPECTATIONS, type RESPONSE_KEYS, type TEST_KEYS } from './parse-tests.ts';
import type { TIME_KEYS } from './parse-time.ts';

export type Schema = Readonly<Record<string, unknown>>;

export function policySchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Sallyport policy',
    ...mapping(POLICY, ['version']),
    $defs: { match: { anyOf: [{ const: 'any' }, mapping(MATCH)] }, rule: RULE_OR_INCLUDE },
  };
}

type Keys<Table extends readonly string[]> = Readonly<Record<Table[number], Schema>>;

function mapping(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
}

function named(values: Schema): Schema {
  return { type: 'object', additionalProperties: values };
}

function listOf(items: Schema): Schema {
  return { type: 'array', items };
}

/** One or several of them. */
function values(item: Schema): Schema {
  return { anyOf: [item, { ...listOf(item), minItems: 1 }] };
}

function integer(minimum: number, maximum: number): Schema {
  return { type: 'integer', minimum, maximum };
}

function about(description: string, schema: Schema): Schema {
  return { description, ...schema };
}

// Editors read YAML in which 443 is a number, and in some of them `no` a truth.
const TEXT: Schema = { type: ['string', 'number', 'boolean'] };
const TEXTS = values(TEXT);
const PORT = {
  anyOf: [
    { type: 'integer', minimum: 1, maximum: 65535 },
    { type: 'string', pattern: '^[0-9]+(-[0-9]+)?$' },
  ],
};
const FILE = { type: 'string', minLength: 1 };
const ANY_MATCH: Schema = { $ref: '#/$defs/match' };
const MATCHES = { ...listOf(ANY_MATCH), minItems: 1 };
const GLOBS_BY_NAME = { ...named(TEXTS), minProperties: 1 };
const BOUNDS = values({ type: 'string', pattern: '^(over|under) +\\S' });
const CIDRS = values({ type: 'string', pattern: '^[0-9a-fA-F:.]+(/[0-9]+)?$' });

const TIME: Keys<typeof TIME_KEYS> = {
  days: about('Days of the week: mon, mon-fri, or several of them', TEXTS),
  hours: about('Hours of the day: 08:00-18:00; past midnight they belong to the day on which they begin', values({ type: 'string' })),
  from: about('A date or a date and time; the first moment that is in it', { type: 'string' }),
  until: about('A date, to its end, or a date and time, which is not in it any more', { type: 'string' }),
  zone: about('The zone of all these: a name of the IANA database such as Europe/Berlin, or UTC', { type: 'string' }),
};

const MATCH: Keys<typeof MATCH_KEYS> = {
  host: about('The host of the request: example.com, .example.com (it and everything below), *.example.com (one label more)', TEXTS),
  domain: about('The registrable domain of the host, by the public suffix list: example.co.uk', TEXTS),
  port: about('The port of the request: 443, 8000-8999', values(PORT)),
  scheme: about('tunnel is a CONNECT; https is a request inside a tunnel that is opened', values({ enum: ['http', 'https', 'tunnel'] })),
  method: about('The method, to the letter: GET', TEXTS),
  user: about('Who asks; * stands for any characters, and alone for everybody who has said who they are', TEXTS),
  group: about('A group that who asks is in', TEXTS),
  client: about('The address of the client: a CIDR block or an address', CIDRS),
  listener: about('The name of the listener that the request came to', TEXTS),
  address: about('The address that the host resolves to: a CIDR block or an address', CIDRS),
  upgrade: about('The protocol that the client wants to go on with', { enum: ['websocket'] }),
  request_size: about('The size of the content that the client sends: over 10MiB, under 1KiB', BOUNDS),
  claim: about('Claims of the token of who asks, by name; a dot leads into an object. * stands for any characters', GLOBS_BY_NAME),
  time: about('When the request comes', mapping(TIME, ['zone'])),
  host_regex: about('A regular expression (RE2) that occurs in the host', TEXTS),
  field: about('Request fields by name; * stands for any characters, and alone for a field that is there', GLOBS_BY_NAME),
  client_in: about('Lists of addresses of which one has the address of the client', TEXTS),
  in: about('Groups and lists of which one holds', TEXTS),
  tunnel_protocol: about('What a CONNECT carries, as its first octets say', values({ enum: ['tls', 'http', 'other'] })),
  sni_agrees: about('Whether the server name with which TLS begins in a tunnel is the host of the CONNECT', { type: 'boolean' }),
  sni: about('The server name with which TLS begins in a tunnel: example.com, .example.com, *.example.com', TEXTS),
  all: about('Matches that must all hold', MATCHES),
  any: about('Matches of which one must hold', MATCHES),
  not: about('A match that must not hold, or several of which none may', { anyOf: [ANY_MATCH, MATCHES] }),
  query: about('Parameters of the query by name; * stands for any characters', GLOBS_BY_NAME),
  path: about('The path in normal form, without the query; * stands for any characters: /pool/*', TEXTS),
  path_regex: about('A regular expression (RE2) that occurs in the path', TEXTS),
  response_type: about('The media type of the response: text/html, image/*', values({ type: 'string', pattern: '/' })),
  response_size: about('The size of the content of the response: over 10MiB, under 1KiB', BOUNDS),
};

const RATE = { type: 'string', pattern: '/s$' };
const LIMITS: Keys<typeof LIMIT_KEYS> = {
  requests: about('Requests a second: 10/s', RATE),
  concurrent: about('Requests and tunnels under way at once', { type: 'integer', minimum: 1 }),
  download: about('Octets a second towards the client: 1MiB/s', RATE),
  upload: about('Octets a second towards the origin: 256KiB/s', RATE),
  per_day: about('Octets both ways from midnight to midnight UTC: 2GiB; the rule needs a name', TEXT),
  per: about('For whom each limit counts', { enum: PER }),
};

const CACHE: Keys<typeof CACHE_KEYS> = {
  ttl: about('How long a response is fresh, in place of what its origin says: 1h, 30d (RFC 9111 section 4.2.1)', { type: 'string' }),
  force: about('With ttl: stores what the origin forbids to store or to share, too (RFC 9111 sections 3, 3.5 and 5.2.2)', {
    type: 'boolean',
  }),
  ignore_query: about('URLs that differ in their query, or in these parameters, are one (RFC 9111 section 2)', {
    anyOf: [{ type: 'boolean' }, TEXTS],
  }),
  bypass: about('Nothing is stored, and nothing is answered from what is', { type: 'boolean' }),
  partition: about('Nobody is answered with what another user fetched', { enum: PARTITIONS }),
};

const MATCHING = Object.fromEntries(
  Object.entries({
    allow: 'Lets pass what matches',
    deny: 'Refuses what matches',
    report: 'Notes that what matches would be refused, and goes on to the next rule',
    tunnel: 'Lets pass what matches, and never opens its TLS',
    intercept: 'Lets pass what matches, and opens its TLS',
  } satisfies Record<(typeof ACTIONS)[number], string>).map(([action, description]) => [action, about(description, ANY_MATCH)]),
) as Keys<typeof ACTIONS>;

/** 401 and 407 would be taken for questions. */
const STATUS = { anyOf: [integer(400, 400), integer(402, 406), integer(408, 599)] };

const RULE: Keys<typeof RULE_KEYS> = {
  name: about('A name for people; pages, logs and tests show it', { ...TEXT, maxLength: 100 }),
  ...MATCHING,
  include: about('A file, relative to this one, whose rules stand here', FILE),
  message: about('What the person who is refused reads', { ...TEXT, maxLength: 500 }),
  owner: about('Who answers for the rule', { ...TEXT, maxLength: 200 }),
  request_access: about('Where access can be asked for: an http, https or mailto URL', { type: 'string', pattern: '^(https?|mailto):' }),
  status: about('The status of a refusal; 403 when left out', STATUS),
  allow_private: about('Which private addresses the hosts of the rule may lead to: all, or CIDR blocks', {
    anyOf: [{ type: 'boolean' }, CIDRS],
  }),
  limits: about('How much of what the rule lets pass', mapping(LIMITS)),
  dangerously_accept_certificate: about(
    'What is no fault in the certificates of the hosts of the rule: expired, wrong_name, untrusted; or one certificate, as sha256:HEX',
    values({ anyOf: [{ enum: FAULTS }, { type: 'string', pattern: '^[sS][hH][aA]-?256[:=][0-9a-fA-F:]{64,95}$' }] }),
  ),
  on_pinned: about("What becomes of clients that trust no certificate but the origin's; refuse when left out", { enum: ON_PINNED }),
  passthrough_for: about('With passthrough: how long the tunnels of such a client to such a host pass unopened; 1h when left out', {
    type: 'string',
  }),
  inspect: about('Nothing that the rule matches ever passes unopened', { const: 'required' }),
  cache: about('How what the rule lets pass is cached otherwise than RFC 9111 says', { anyOf: [{ const: 'bypass' }, mapping(CACHE)] }),
};
const RULE_OR_INCLUDE = {
  anyOf: [...ACTIONS.map((action) => item([action, 'name', ...keysBeside(action)])), item(['include'])],
};

/** An item of `rules` with some of its keys; the first has to be there. */
function item(keys: readonly [keyof typeof RULE, ...(keyof typeof RULE)[]]): Schema {
  const properties = Object.entries(RULE).filter(([key]) => (keys as readonly string[]).includes(key));
  return mapping(Object.fromEntries(properties), [keys[0]]);
}

const LIST: Keys<typeof LIST_KEYS> = {
  file: about('A file, relative to this one', FILE),
  format: about('What is in it', { enum: LIST_FORMATS }),
  subdomains: about('A name covers all names below it as well (domains, hosts)', { type: 'boolean' }),
  may_be_empty: about('A list without entries is no problem', { type: 'boolean' }),
};

const RESPONSE: Keys<typeof RESPONSE_KEYS> = {
  type: about('Its media type', TEXTS),
  size: about('The size of its content: 1KiB', TEXT),
};

const TEST: Keys<typeof TEST_KEYS> = {
  request: about('GET http://example.com/path, CONNECT example.com:443, or with https a request inside an opened tunnel', {
    type: 'string',
  }),
  client: about('The address of the client; 127.0.0.1 when left out', { type: 'string' }),
  listener: about('The name of the listener that the request comes to', TEXT),
  user: about('Who asks; nobody when left out', TEXT),
  groups: about('Groups that the user is in', TEXTS),
  claims: about('Claims of the token of the user', { type: 'object' }),
  at: about('When: 2026-11-23T09:00:00+01:00; the moment of the run when left out', { type: 'string' }),
  resolves_to: about('Addresses that the host resolves to', TEXTS),
  fields: about('Request fields by name', named(TEXTS)),
  size: about('The size of the content that the client sends: 3MiB', TEXT),
  upgrade: about('The protocol that the client wants to go on with', { enum: ['websocket'] }),
  sni: about('The server name with which TLS begins in the tunnel; none says that there is none. The host when left out', TEXT),
  tunnel_protocol: about('What the tunnel carries; tls when left out', { enum: ['tls', 'http', 'other'] }),
  response: about('What the origin answers', mapping(RESPONSE)),
  expect: about('What becomes of the request', { enum: EXPECTATIONS }),
  rule: about('The name of the rule that decides, or default', TEXT),
};

const POLICY: Keys<typeof POLICY_KEYS> = {
  version: about('The version of the language', { const: 1 }),
  default: about('What becomes of a request that no rule matches (main file only)', { enum: ['allow', 'deny'] }),
  connect_ports: about('The ports that CONNECT may name, before any rule; 443 when left out (main file only)', {
    anyOf: [{ const: 'any' }, PORT, listOf(PORT)],
  }),
  methods: about('Whether methods that are not registered pass without a rule that names them; registered when left out (main file only)', {
    enum: ['registered', 'any'],
  }),
  groups: about('Matches with names, for `in`', named(ANY_MATCH)),
  lists: about('Lists of other files with names, for `in` and `client_in`', named(mapping(LIST, ['file', 'format']))),
  rules: about('In order; the first that matches decides', listOf({ $ref: '#/$defs/rule' })),
  tests: about('Requests, and what is expected to become of them', listOf(mapping(TEST, ['request', 'expect']))),
};
