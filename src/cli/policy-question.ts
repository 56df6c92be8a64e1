// Owns the request that `policy explain` is asked about: the words of a command line → the question that the proxy would put to its policy.
import { ProxyError } from '../errors/proxy-error.ts';
import { StartError } from '../errors/start-error.ts';
import { parseHost } from '../http/authority.ts';
import type { Fields } from '../http/message.ts';
import { parseTarget } from '../http/target.ts';
import { type GreetingFacts, type Identity, type Question, usualGreeting } from '../match/question.ts';
import { parseOctets } from '../match/units.ts';
import { parseIpAddress, unmapped } from '../net/ip-address.ts';
import type { Asked } from '../policy/ask.ts';
import { PROTOCOLS } from '../policy/parse-criteria.ts';
import { inWords } from '../policy/parse-values.ts';
import type { Arguments } from './command.ts';

export interface AskedFor extends Asked {
  /** What a person should know about how the words were taken. */
  readonly remark: string | null;
}

/** @param nowMs the moment of the request when the words name none. @throws StartError `usage` for what the proxy would refuse to read */
export function askedFor({ operands, flags }: Arguments, nowMs: number): AskedFor {
  const [method = '', url = ''] = operands;
  const one = (flag: string) => flags.get(flag)?.[0] ?? null;
  const many = (flag: string) => flags.get(flag) ?? [];
  const type = one('response-type');
  const responseSize = one('response-size');
  const at = one('at');
  const { remark, ...request } = requested(method, url, flags.has('inside'));
  const question: Question = {
    ...request,
    fields: many('field').map(requestField),
    contentLength: size('--size', one('size')),
    upgrade: one('upgrade')?.toLowerCase() ?? null,
    clientAddress: address('--client', one('client') ?? '127.0.0.1'),
    listener: one('listener') ?? '',
    identity: identity(one('user'), many('group'), many('claim')),
    address: null,
    hello: greeting(request, one('sni'), one('tunnel-protocol')),
    response:
      type === null && responseSize === null
        ? null
        : { contentTypes: type === null ? [] : [type], contentLength: size('--response-size', responseSize) },
    nowMs: at === null ? nowMs : moment(at),
  };
  return { question, addresses: many('resolve').map((text) => address('--resolve', text)), remark };
}

type Requested = Pick<Question, 'method' | 'scheme' | 'host' | 'port' | 'pathAndQuery'> & Pick<AskedFor, 'remark'>;

function requested(method: string, url: string, isInside: boolean): Requested {
  const target = readTarget(method, url);
  if (target.form === 'origin-form' || target.form === 'asterisk-form')
    throw wrong(`${url}: name the whole URL, such as http://example.com/.`);
  const { host, port } = target.authority;
  const tunnel: Requested = { method: 'CONNECT', scheme: 'tunnel', host, port, pathAndQuery: null, remark: null };
  if (target.form === 'authority-form') {
    if (isInside) throw wrong('--inside: name what is asked for inside the tunnel, such as GET https://example.com/.');
    return tunnel;
  }
  const { scheme, pathAndQuery } = target;
  if (isInside && scheme !== 'https') throw wrong('--inside: only the requests of an https URL are inside a tunnel.');
  if (scheme === 'https' && !isInside) {
    const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return {
      ...tunnel,
      remark: `Over https a proxy sees only CONNECT ${authority}; that is what was judged. --inside judges the request.`,
    };
  }
  return { method, scheme, host, port, pathAndQuery, remark: null };
}

function readTarget(method: string, url: string) {
  try {
    // Octets as they would arrive.
    return parseTarget(method, octets(url));
  } catch (error) {
    if (error instanceof ProxyError) throw new StartError('usage', [`${url}: ${error.message}`], { cause: error });
    throw error;
  }
}

/** What is said first in the tunnel; `null` for a request in none. */
function greeting({ scheme, host }: Pick<Question, 'scheme' | 'host'>, sni: string | null, carried: string | null): GreetingFacts | null {
  if (scheme === 'http') {
    if (sni !== null || carried !== null)
      throw wrong(`${sni === null ? '--tunnel-protocol' : '--sni'}: a request by http is in no tunnel.`);
    return null;
  }
  const protocol = PROTOCOLS.find((each) => each === (carried ?? 'tls'));
  if (protocol === undefined) throw wrong(`--tunnel-protocol: "${carried}" is not ${inWords(PROTOCOLS)}.`);
  if (protocol !== 'tls') {
    if (sni !== null) throw wrong('--sni: only TLS names a server.');
    if (scheme === 'https') throw wrong('--tunnel-protocol: a request by https comes in TLS.');
    return { protocol, serverName: null };
  }
  return sni === null ? usualGreeting(host) : { protocol, serverName: sni === 'none' ? null : serverName(sni) };
}

function serverName(text: string): string {
  try {
    const { kind, host } = parseHost(text);
    if (kind === 'name') return host;
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
  }
  throw wrong(`--sni: "${text}" is not a host name, and not none.`);
}

function identity(user: string | null, groups: readonly string[], claims: readonly string[]): Identity | 'nobody' {
  if (user !== null) return { user, groups, claims: claims.length === 0 ? null : claimsOf(claims) };
  if (groups.length > 0) throw wrong('--group: add --user NAME; somebody has to be in the group.');
  if (claims.length > 0) throw wrong('--claim: add --user NAME; somebody has to have the claim.');
  return 'nobody';
}

/** A claim that is given several times is a list. */
function claimsOf(claims: readonly string[]): Record<string, unknown> {
  const values = new Map<string, string[]>();
  for (const claim of claims) {
    const equals = claim.indexOf('=');
    if (equals < 1) throw wrong(`--claim: "${claim}" is not NAME=VALUE.`);
    const name = claim.slice(0, equals);
    values.set(name, [...(values.get(name) ?? []), claim.slice(equals + 1)]);
  }
  return Object.fromEntries(values);
}

/** `Name: value` as it would arrive. @throws StartError `usage` */
export function requestField(text: string): Fields[number] {
  const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw wrong(`--field: "${text}" is not 'Name: value'.`);
  return { name, value: octets(value) };
}

function address(flag: string, text: string): string {
  const ip = parseIpAddress(text);
  if (ip === null) throw wrong(`${flag}: "${text}" is not an IP address.`);
  return unmapped(ip).text;
}

function size(flag: string, text: string | null): number {
  if (text === null) return 0;
  try {
    return parseOctets(text);
  } catch (error) {
    throw wrong(`${flag}: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** With its distance to UTC, since the machine that asks may be in another zone than the one that is meant. */
function moment(text: string): number {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw wrong(`--at: "${text}" is not a moment such as 2026-11-23T09:00:00+01:00 or 2026-11-23T08:00Z.`);
  return ms;
}

function octets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function wrong(problem: string): StartError {
  return new StartError('usage', [problem]);
}
