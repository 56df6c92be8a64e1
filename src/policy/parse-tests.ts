// Owns the tests of a policy file: a request as a person writes it → the question that the proxy would ask, and what is expected of it.
// Nobody is asked who they are in a test, so a test without `user` is of a client that cannot be asked; only one that expects a challenge is of a
// client that has not been asked yet. The moment of a test without `at` is that of its run, which nobody knows here: it is `NaN`.
import { isScalar, isSeq, type ParsedNode } from 'yaml';
import { parseHost } from '../http/authority.ts';
import type { Fields } from '../http/message.ts';
import { parseTarget } from '../http/target.ts';
import { isToken } from '../http/token.ts';
import { type AnsweredWith, type GreetingFacts, type Identity, type Question, usualGreeting } from '../match/question.ts';
import { parseOctets } from '../match/units.ts';
import { parseIpAddress, unmapped } from '../net/ip-address.ts';
import { PROTOCOLS } from './parse-criteria.ts';
import { asOctets, inWords, oneOf, Refused, readValue, readValuesIfAny, refusing } from './parse-values.ts';
import type { ParsedTest } from './parsed-file.ts';
import type { PolicyTest } from './policy.ts';
import { type Entry, found, positionOf, readMapping, report, type Source, shown } from './yaml-source.ts';

export const TEST_KEYS = [
  ...(['request', 'client', 'listener', 'user', 'groups', 'claims', 'at', 'resolves_to'] as const),
  ...(['fields', 'size', 'upgrade', 'sni', 'tunnel_protocol', 'response', 'expect', 'rule'] as const),
] as const;
export const RESPONSE_KEYS = ['type', 'size'] as const;
export const EXPECTATIONS = [
  'allow',
  'deny',
  'tunnel',
  'intercept',
  'challenge',
] as const satisfies readonly PolicyTest['expectedAction'][];

type TestEntries = ReadonlyMap<string, Entry>;
type Asked = Pick<Question, 'method' | 'scheme' | 'host' | 'port' | 'pathAndQuery'>;

export function readTests(source: Source, entry: Entry | undefined): readonly ParsedTest[] {
  if (entry === undefined) return [];
  const { value } = entry;
  if (isSeq(value)) return (value.items as readonly ParsedNode[]).flatMap((item) => readTest(source, item) ?? []);
  report(source, entry.offset, `tests: expected a list, each test on a line of its own that begins with "- "; found ${found(value)}`);
  return [];
}

function readTest(source: Source, node: ParsedNode): ParsedTest | null {
  const start = node.range[0];
  const entries = readMapping(source, node, 'a test', TEST_KEYS);
  if (entries === null) return null;
  for (const key of ['request', 'expect']) if (!entries.has(key)) report(source, start, `a test needs '${key}'${EXAMPLES.get(key)}`);
  const expectedAction = readValue(source, entries.get('expect'), 'expect', inWords(EXPECTATIONS), oneOf(EXPECTATIONS));
  const asked = readValue(source, entries.get('request'), 'request', 'a request such as GET http://example.com/', request);
  const question = readQuestion(source, entries, asked ?? NOT_ASKED, expectedAction === 'challenge');
  const addresses = readValuesIfAny(source, entries.get('resolves_to'), 'resolves_to', 'an address such as 192.0.2.1', address);
  const expectedRule = readValue(source, entries.get('rule'), 'rule', 'the name of a rule', (text) => text);
  if (asked === null || expectedAction === null) return null;
  const position = positionOf(source, start);
  return {
    test: { position, question, addresses, expectedAction, expectedRule },
    rulePosition: positionOf(source, entries.get('rule')?.offset ?? start),
  };
}

function readQuestion(source: Source, entries: TestEntries, asked: Asked, expectsChallenge: boolean): Question {
  return {
    ...asked,
    fields: readFields(source, entries.get('fields')),
    contentLength: readSize(source, entries.get('size')),
    upgrade: readValue(source, entries.get('upgrade'), 'upgrade', 'websocket', oneOf(['websocket'])),
    clientAddress: readValue(source, entries.get('client'), 'client', 'an address such as 192.0.2.1', address) ?? '127.0.0.1',
    listener: readValue(source, entries.get('listener'), 'listener', 'the name of a listener', (text) => text) ?? '',
    identity: readIdentity(source, entries) ?? (expectsChallenge ? 'unasked' : 'nobody'),
    address: null,
    hello: readGreeting(source, entries, asked),
    response: readResponse(source, entries.get('response')),
    nowMs: readValue(source, entries.get('at'), 'at', AT_EXPECTED, moment) ?? Number.NaN,
  };
}

/** `GET http://example.com/path`, or `CONNECT example.com:443`. */
function request(text: string): Asked | Refused {
  const [, method = '', target = ''] = /^(\S+) +(\S+)$/.exec(text) ?? [];
  if (!isToken(method))
    return new Refused(`expected a method and a URL, such as GET http://example.com/, or CONNECT example.com:443; found ${shown(text)}`);
  const parsed = refusing(() => parseTarget(method, asOctets(target)))('');
  if (parsed instanceof Refused) return parsed;
  switch (parsed.form) {
    case 'authority-form':
      return { method, scheme: 'tunnel', host: parsed.authority.host, port: parsed.authority.port, pathAndQuery: null };
    case 'absolute-form': {
      const { scheme, authority, pathAndQuery } = parsed;
      return { method, scheme, host: authority.host, port: authority.port, pathAndQuery };
    }
    case 'origin-form':
    case 'asterisk-form':
      return new Refused(`${shown(target)} names no host; write the whole URL`);
    default:
      return parsed satisfies never;
  }
}

function readIdentity(source: Source, entries: TestEntries): Identity | null {
  const user = readValue(source, entries.get('user'), 'user', 'the name of a user', (text) => text);
  const groups = readValuesIfAny(source, entries.get('groups'), 'groups', 'a group', (text) => text);
  const claims = entries.get('claims');
  const vouched = { claims: claims === undefined ? null : readClaims(source, claims), groups };
  if (user !== null) return { user, ...vouched };
  for (const key of entries.has('user') ? [] : ['groups', 'claims']) {
    const entry = entries.get(key);
    if (entry !== undefined) report(source, entry.offset, `${key}: only beside 'user'; somebody has to be in them`);
  }
  return null;
}

function readClaims(source: Source, entry: Entry): Readonly<Record<string, unknown>> {
  const entries = readMapping(source, entry.value, 'claims', 'the name of a claim', entry.offset);
  return Object.fromEntries([...(entries ?? [])].map(([name, claim]) => [name, readClaim(source, name, claim)]));
}

/** A claim's value is text, a list of texts, or an object of claims. */
function readClaim(source: Source, name: string, entry: Entry): unknown {
  if (isScalar(entry.value)) return String(entry.value.value);
  if (!isSeq(entry.value)) return readClaims(source, entry);
  return readValuesIfAny(source, entry, name, 'a text', (text) => text);
}

/** What a tunnel begins with, which is TLS for its host when nothing else is said. A request in no tunnel has no such beginning. */
function readGreeting(source: Source, entries: TestEntries, { scheme, host }: Asked): GreetingFacts | null {
  const [sni, carried] = [entries.get('sni'), entries.get('tunnel_protocol')];
  const name = readValue(source, sni, 'sni', 'a server name such as example.com, or none', serverName);
  const protocol = readValue(source, carried, 'tunnel_protocol', inWords(PROTOCOLS), oneOf(PROTOCOLS));
  const isPlain = protocol === 'http' || protocol === 'other';
  if (sni !== undefined && isPlain) report(source, sni.offset, 'sni: only TLS names a server; leave it out');
  if (scheme === 'https' && isPlain) report(source, carried!.offset, 'tunnel_protocol: a request by https comes in TLS; leave it out');
  if (isPlain) return { protocol, serverName: null };
  if (scheme === 'http' && sni === undefined && protocol === null) return null;
  if (scheme === 'http')
    report(source, (sni ?? carried)!.offset, `${sni === undefined ? 'tunnel_protocol' : 'sni'}: there is no TLS in http; leave it out`);
  return name === null ? usualGreeting(host) : { protocol: 'tls', serverName: name === NO_NAME ? null : name };
}

function serverName(text: string): string | Refused {
  if (text === NO_NAME) return text;
  const host = refusing(parseHost)(text);
  if (host instanceof Refused) return host;
  return host.kind === 'name' ? host.host : new Refused(`${shown(text)} is an address, and TLS names no server by its address`);
}

function readFields(source: Source, entry: Entry | undefined): Fields {
  const entries = entry === undefined ? null : readMapping(source, entry.value, 'fields', 'the name of a request field', entry.offset);
  return [...(entries ?? [])].flatMap(([name, values]) => {
    if (!isToken(name)) report(source, values.offset, `fields: ${shown(name)} is not a field name (RFC 9110 section 5.1)`);
    return readValuesIfAny(source, values, name, 'the value of a field', fieldValue).map((value) => ({ name, value }));
  });
}

function readResponse(source: Source, entry: Entry | undefined): AnsweredWith | null {
  const entries = entry === undefined ? null : readMapping(source, entry.value, 'response', RESPONSE_KEYS, entry.offset);
  if (entries === null) return null;
  return {
    contentTypes: readValuesIfAny(source, entries.get('type'), 'type', 'a media type such as text/html', fieldValue),
    contentLength: readSize(source, entries.get('size')),
  };
}

function readSize(source: Source, entry: Entry | undefined): number {
  return readValue(source, entry, 'size', 'a size such as 3MiB', refusing(parseOctets)) ?? 0;
}

function fieldValue(text: string): string | Refused {
  return /\p{Cc}/u.test(text) ? new Refused(`${shown(text)} has a control character in it`) : asOctets(text.trim());
}

function address(text: string): string | Refused {
  const ip = parseIpAddress(text);
  return ip === null ? new Refused(`expected an address such as 192.0.2.1 or 2001:db8::1; found ${shown(text)}`) : unmapped(ip).text;
}

function moment(text: string): number | Refused {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? new Refused(`expected ${AT_EXPECTED}, with its distance to UTC or Z; found ${shown(text)}`) : ms;
}

/** Stands in while the rest of a test is read for its problems. */
const NOT_ASKED: Asked = { method: 'GET', scheme: 'http', host: '', port: 80, pathAndQuery: '/' };
/** Stands for TLS that names no server. */
const NO_NAME = 'none';
const AT_EXPECTED = 'a moment such as 2026-11-23T09:00:00+01:00';
const EXAMPLES = new Map([
  ['request', ', such as GET http://example.com/'],
  ['expect', `: ${inWords(EXPECTATIONS)}`],
]);
