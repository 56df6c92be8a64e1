// Owns the words for a criterion: why it holds, does not, or cannot be known, as the end of a sentence: `host api.example.com is not within
// example.org`. Nothing is judged here; the truth is what judge.ts said.
import { parseIpAddress } from '../net/ip-address.ts';
import type { Criterion, Named, NamedGlobs, PortRange, SizeBound } from './condition.ts';
import { type HostPattern, matchesHost } from './host-pattern.ts';
import { listedReading } from './judge.ts';
import { type Question, UNSEEN } from './question.ts';
import { domainOf, lookAtPath, type Subject } from './subject.ts';
import { localTimeText } from './time-window.ts';
import {
  HIDDEN,
  NEEDS_ADDRESS,
  NEEDS_HELLO,
  NEEDS_IDENTITY,
  NEEDS_RESPONSE,
  TRUE,
  type Truth,
  UNUSABLE_ADDRESS,
  UNUSABLE_FIELD,
  UNUSABLE_PATH,
  UNUSABLE_QUERY,
  UNUSABLE_TYPE,
  UNUSABLE_URL,
} from './truth.ts';

/** @param truth what `judge` said of the criterion and the subject */
export function describeCriterion(criterion: Criterion | Named, subject: Subject, truth: Truth): string {
  if (truth > TRUE)
    return `${criterion.kind === 'group-use' ? `group ${criterion.name}` : labelOf(criterion)}: ${missingWords(truth, subject)}`;
  const holds = truth === TRUE;
  const { question } = subject;
  switch (criterion.kind) {
    case 'host': {
      const matching = holds ? criterion.patterns.filter((pattern) => matchesHost(pattern, question.host)) : criterion.patterns;
      return `host ${question.host} ${is(holds)} ${listed(matching.map(hostWords))}`;
    }
    case 'host_regex':
      return `host ${question.host} ${matches(holds)} ${texts(criterion.patterns)}`;
    case 'domain':
      return `domain ${domainOf(subject) ?? `of ${question.host}, which has none,`} ${is(holds)} ${listed(criterion.names)}`;
    case 'address':
      return `address ${question.address} ${is(holds)} in ${texts(criterion.blocks)}`;
    case 'port':
      return `port ${question.port} ${is(holds)} ${listed(criterion.ranges.map(portRangeText))}`;
    case 'scheme':
      return `scheme ${question.scheme} ${is(holds)} ${listed(criterion.schemes)}`;
    case 'method':
      return `method ${question.method} ${is(holds)} ${listed(criterion.methods)}`;
    case 'path':
      return `path ${lookAtPath(subject)?.path} ${matches(holds)} ${texts(criterion.globs)}`;
    case 'path_regex':
      return `path ${lookAtPath(subject)?.path} ${matches(holds)} ${texts(criterion.patterns)}`;
    case 'query':
      return `query ${matches(holds)} ${named(criterion.parameters, '=')}`;
    case 'field':
      return `request fields ${holds ? 'match' : 'do not match'} ${named(criterion.fields, ': ')}`;
    case 'request_size':
      return `request content of ${question.contentLength} octets ${is(holds)} ${bounds(criterion.bounds)}`;
    case 'response_type':
      return `response type ${question.response?.contentTypes.join(', ') || '(none)'} ${is(holds)} ${texts(criterion.types)}`;
    case 'response_size':
      return `response content of ${question.response?.contentLength} octets ${is(holds)} ${bounds(criterion.bounds)}`;
    case 'sni':
      return `${serverNameWords(question)} ${is(holds)} ${listed(criterion.patterns.map(hostWords))}`;
    case 'sni_agrees':
      return agreementWords(question);
    case 'tunnel_protocol':
      return `${question.hello === null ? 'what is not in a tunnel' : `the tunnel's protocol ${question.hello.protocol}`} ${is(holds)} ${listed(criterion.protocols)}`;
    case 'upgrade':
      return `${question.upgrade === null ? 'no upgrade is asked for, which' : `upgrade to ${question.upgrade}`} ${is(holds)} ${listed(criterion.protocols)}`;
    case 'user':
      return `${userWords(question.identity)} ${is(holds)} ${texts(criterion.globs)}`;
    case 'group':
      return `${userWords(question.identity)} ${is(holds)} in ${listed(criterion.names)}`;
    case 'claim':
      return `claims of ${userWords(question.identity)} ${holds ? 'match' : 'do not match'} ${named(criterion.claims, ' = ')}`;
    case 'client':
      return `client ${question.clientAddress} ${is(holds)} in ${texts(criterion.blocks)}`;
    case 'listener':
      return `listener ${question.listener} ${is(holds)} ${listed(criterion.names)}`;
    case 'time':
      return `${localTimeText(criterion.window, question.nowMs)} ${is(holds)} within ${criterion.window.text}`;
    case 'group-use':
      return `group ${criterion.name} ${holds ? 'holds' : 'does not hold'}`;
    case 'list-use':
      return listWords(criterion, question, holds);
    default:
      return criterion satisfies never;
  }
}

export function portRangeText(range: PortRange): string {
  return range.from === range.to ? String(range.from) : `${range.from}-${range.to}`;
}

function hostWords(pattern: HostPattern): string {
  switch (pattern.kind) {
    case 'exact':
      return pattern.name;
    case 'below':
      return `within ${pattern.name}`;
    case 'one-label':
      return `one label below ${pattern.name}`;
    default:
      return pattern.kind satisfies never;
  }
}

function serverNameWords({ hello }: Question): string {
  return hello === null || hello.serverName === null ? 'no server name, which' : `server name ${hello.serverName}`;
}

function agreementWords({ hello, host }: Question): string {
  if (hello === null) return 'there is no tunnel in which a server name could be said';
  const { serverName } = hello;
  if (serverName === host) return `server name ${serverName} is the host`;
  if (serverName !== null) return `server name ${serverName} is not the host ${host}`;
  return parseIpAddress(host) === null
    ? `no server name was said, and the host is ${host}`
    : `no server name was said, as none is for ${host}`;
}

function labelOf(criterion: Exclude<Criterion | Named, { kind: 'group-use' }>): string {
  return criterion.kind === 'list-use' ? `list ${criterion.name}` : criterion.kind;
}

function missingWords(truth: Truth, subject: Subject): string {
  if (truth & UNUSABLE_PATH) return `the path ${lookAtPath(subject)?.problem}`;
  if (truth & UNUSABLE_QUERY) return 'the query names a parameter twice with different values, or cannot be decoded';
  if (truth & UNUSABLE_FIELD) return 'the field comes twice with different values';
  if (truth & UNUSABLE_ADDRESS) return `an IPv4 address is inside ${subject.question.address}`;
  if (truth & UNUSABLE_TYPE) return 'the response has several Content-Types, or one that cannot be read';
  if (truth & UNUSABLE_URL) return 'the URL has too many parts';
  if (truth & NEEDS_IDENTITY) return 'nobody has said yet who asks';
  if (truth & NEEDS_ADDRESS) return 'the name has not been resolved';
  if (truth & NEEDS_HELLO) return 'the client has not said yet what it wants in its tunnel';
  if (truth & NEEDS_RESPONSE) return 'the origin has not answered yet';
  if (truth & HIDDEN) return subject.question.address === UNSEEN ? 'a parent proxy resolves the name' : 'it cannot be seen inside a tunnel';
  return 'it is not known';
}

function listWords({ name, list, of }: Named & { kind: 'list-use' }, question: Question, holds: boolean): string {
  switch (list.kind) {
    case 'domains':
      return holds ? list.describeMatch(question.host) : `host ${question.host} is not in list ${name}`;
    case 'addresses': {
      const address = (of === 'client' ? question.clientAddress : question.address) ?? '';
      return holds ? list.describeMatch(address) : `${of === 'client' ? 'client' : 'address'} ${address} is not in list ${name}`;
    }
    case 'requests':
      return holds ? list.describeMatch(listedReading(list, question)) : `the request is not in list ${name}`;
    default:
      return list satisfies never;
  }
}

function userWords(identity: Question['identity']): string {
  return typeof identity === 'string' ? 'nobody' : `user ${identity.user}`;
}

function is(holds: boolean): string {
  return holds ? 'is' : 'is not';
}

function matches(holds: boolean): string {
  return holds ? 'matches' : 'does not match';
}

function texts(values: readonly { readonly text: string }[]): string {
  return listed(values.map(({ text }) => text));
}

function named(values: readonly NamedGlobs[], between: string): string {
  return values.map(({ name, globs }) => `${name}${between}${texts(globs)}`).join(' and ');
}

function bounds(values: readonly SizeBound[]): string {
  return listed(values.map(({ relation, text }) => `${relation} ${text}`));
}

/** `a`, `a or b`, `a, b or c`; a long list is cut, since the rule's own line is named beside it. */
function listed(words: readonly string[]): string {
  if (words.length > SHOWN_AT_MOST) return `${words.slice(0, SHOWN_AT_MOST).join(', ')} or one of ${words.length - SHOWN_AT_MOST} more`;
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

const SHOWN_AT_MOST = 8;
