// Owns reading a request back out of a line of the access log (its JSON form, observe/log-formats.ts), so that a policy can be asked about it again.
// What a log does not hold, nobody can ask about: fields of the request, claims, how large the answer was. A client without a user could have been
// asked who it is, so it counts as not asked yet.
import { ProxyError } from '../errors/proxy-error.ts';
import { parseTarget, type Target } from '../http/target.ts';
import { isToken } from '../http/token.ts';
import { type GreetingFacts, type Identity, type Question, usualGreeting } from '../match/question.ts';
import { parseIpAddress, unmapped } from '../net/ip-address.ts';
import type { Asked } from './ask.ts';

export interface Recorded extends Asked {
  readonly clientAddress: string;
  readonly user: string | null;
  /** What was decided then: `denied` by the policy or the address guard, `failed` on the way, or `passed`. */
  readonly ending: 'passed' | 'denied' | 'failed';
  /** Who denied: `corporate.yaml:12`, `the address guard`; `null` when nobody did. */
  readonly deniedBy: string | null;
  /** A tunnel whose TLS was opened: the requests inside stand in the log, too. */
  readonly isOpened: boolean;
}

/** `unasked`: no policy was asked, or the client was asked who it is, and the request stands in the log again. `unreadable`: no such line. */
export type RecordedLine = Recorded | 'unasked' | 'unreadable';

/** @param line without its end. @throws never */
export function parseRecorded(line: string): RecordedLine {
  const entry = parseObject(line);
  if (entry === null) return 'unreadable';
  const { time, listener, client, user, method, target, outcome } = entry;
  const nowMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(nowMs) || typeof client !== 'string' || typeof method !== 'string' || typeof target !== 'string') return 'unreadable';
  if (typeof outcome !== 'string' || (typeof user !== 'string' && user !== null)) return 'unreadable';
  if (entry['decision'] === null || entry['status'] === PROXY_AUTHENTICATION_REQUIRED) return 'unasked';
  // What else is in them was in no request, and what is made of the line may end on a terminal.
  if (!isToken(method) || /[^\x21-\xff]/.test(target)) return 'unreadable';
  const asked = readAsked(method, target);
  if (asked === null) return 'unasked';
  const question: Question = {
    ...asked,
    fields: [],
    contentLength: typeof entry['request_length'] === 'number' ? entry['request_length'] : 0,
    upgrade: typeof entry['upgrade'] === 'string' ? entry['upgrade'] : null,
    clientAddress: client,
    listener: typeof listener === 'string' ? listener : '',
    identity: user === null ? 'unasked' : identityOf(user, entry['groups']),
    address: null,
    hello: asked.scheme === 'http' ? null : greetingOf(asked.host, entry['sni']),
    response: typeof entry['content_type'] === 'string' ? { contentTypes: [entry['content_type']], contentLength: 0 } : null,
    nowMs,
  };
  return {
    question,
    addresses: dialled(entry),
    clientAddress: client,
    user,
    ...endingOf(entry),
    isOpened: entry['interception'] === 'opened',
  };
}

function endingOf(entry: Entry): Pick<Recorded, 'ending' | 'deniedBy'> {
  const { decision, outcome, upstream } = entry;
  if (decision === 'deny') return { ending: 'denied', deniedBy: typeof entry['rule_at'] === 'string' ? entry['rule_at'] : 'a rule' };
  // An address may be refused and the next one dialled.
  if (Array.isArray(entry['refused_addresses']) && upstream === null) return { ending: 'denied', deniedBy: 'the address guard' };
  const hasFailed = outcome === 'failed' || (outcome === 'aborted' && upstream === null);
  return { ending: hasFailed ? 'failed' : 'passed', deniedBy: null };
}

type Entry = Readonly<Record<string, unknown>>;

function parseObject(line: string): Entry | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entry) : null;
  } catch {
    return null;
  }
}

/** @returns `null` for a target that no proxy was asked for, or that was refused before the policy */
function readAsked(method: string, text: string): Pick<Question, 'method' | 'scheme' | 'host' | 'port' | 'pathAndQuery'> | null {
  const target = readTarget(method, text);
  if (target?.form === 'authority-form') {
    return { method, scheme: 'tunnel', host: target.authority.host, port: target.authority.port, pathAndQuery: null };
  }
  if (target?.form !== 'absolute-form') return null;
  const { scheme, authority, pathAndQuery } = target;
  return { method, scheme, host: authority.host, port: authority.port, pathAndQuery };
}

function readTarget(method: string, text: string): Target | null {
  try {
    return parseTarget(method, text);
  } catch (error) {
    if (error instanceof ProxyError) return null;
    throw error;
  }
}

/** The log has it where somebody looked; elsewhere it is taken to be what clients say. */
function greetingOf(host: string, serverName: unknown): GreetingFacts {
  return typeof serverName === 'string' ? { protocol: 'tls', serverName } : usualGreeting(host);
}

function identityOf(user: string, groups: unknown): Identity {
  return { user, groups: Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : [], claims: null };
}

/** What the name resolved to, as far as the log knows: the address that was dialled, unless a parent proxy was. */
function dialled({ route, upstream }: Entry): readonly string[] {
  if (route !== 'direct' || typeof upstream !== 'string') return [];
  const ip = parseIpAddress(upstream.slice(0, upstream.lastIndexOf(':')).replace(/^\[|\]$/g, ''));
  return ip === null ? [] : [unmapped(ip).text];
}

const PROXY_AUTHENTICATION_REQUIRED = 407;
