// Owns how one finished exchange reads as a line: JSON, Squid's native format, Apache's combined format.
// Every line is printable ASCII and one line feed: what else a value holds is escaped the way its format does it, so no value
// can end a line, forge one or steer a terminal, and a line's length is its number of octets.
// Credentials are no part of a flow; user information in a target or a Referer (RFC 3986 §3.2.1) is dropped here all the same.
//
// Two departures. Squid drops the query of a URL unless told otherwise: here the whole target stands. Apache leaves blanks in user
// names, which moves the columns behind them: here they are `\x20`.
import type { Flow } from '../flows/flow.ts';

export type LogFormat = 'json' | 'squid' | 'combined';

export const LOG_FORMATS: Readonly<Record<LogFormat, (flow: Flow) => string>> = {
  json: jsonLine,
  squid: squidLine,
  combined: combinedLine,
};

/**
 * One JSON object (RFC 8259), keys always in this order. What was not reached or is not known is `null`. There only when there is something to tell:
 * `reported`, when a rule on trial would have denied; `cache` (how a stored response was used, or not), `cache_why`, `stored` (what became of the
 * response) and `ttl` (seconds), when the cache was asked, and `collapsed`, when the response came by another request; `groups` of the user,
 * `request_length` and `upgrade`; `refused_addresses`; of a request that came out of an opened tunnel, `connect`, the `id` of its CONNECT, and
 * `upstream_version` of HTTP; of a tunnel that was looked into, `interception` and why (`interception_why`), and `sni`, `alpn` and `ja4` of the client;
 * of a WebSocket, `messages_in` and `messages_out`, and the `close_code` of its first close frame (1005 if that has none, `null` if there was none).
 * `time` is when the exchange began (RFC 3339, UTC); `..._ms` count from then, in hundredths.
 * Assembled by hand because it runs once an exchange: no object is built only to be serialised.
 */
export function jsonLine(flow: Flow): string {
  const { decision, error } = flow;
  return (
    `{"time":"${rfc3339(flow.startedAtMs)}","id":${flow.id}${connectionMembers(flow)}"user":${quoted(flow.user)}` +
    `,"method":${quoted(flow.method)},"target":${quoted(withoutUserInformation(flow.target))},"version":${quoted(flow.version)}` +
    `,"status":${flow.status === 0 ? 'null' : flow.status},"outcome":"${flow.outcome}","result":"${resultCode(flow)}"` +
    `,"bytes_in":${flow.bytesFromClient},"bytes_out":${flow.bytesToClient},"content_type":${quoted(mediaType(flow.contentType))}` +
    `${connectingMembers(flow)}${hundredths(flow.firstByteMs)},"total_ms":${hundredths(flow.totalMs)}` +
    (decision === null ? ',"decision":null,"rule":null,"rule_at":null,"decided_by":null' : decisionMembers(decision)) +
    (decision === null || decision.reported.length === 0 ? '' : reportedMember(decision)) +
    (decision === null ? '' : questionMembers(decision)) +
    (flow.cache === null ? '' : cacheMembers(flow.cache)) +
    upstreamMembers(flow) +
    (flow.connectId === null && flow.interception === null ? '' : interceptionMembers(flow)) +
    (flow.websocket === null ? '' : webSocketMembers(flow.websocket)) +
    (error === null ? ',"error":null,"error_detail":null}\n' : `,"error":"${error.code}","error_detail":${quoted(error.message)}}\n`)
  );
}

interface ConnectionMembers {
  readonly id: number;
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  readonly members: string;
}

/** Of the connections that were logged last, each at a place of its number: the lines of one connection say the same of it. */
const CONNECTION_MEMBERS: (ConnectionMembers | null)[] = Array.from({ length: 256 }, () => null);

function connectionMembers({ connectionId: id, listener, clientAddress: address, clientPort: port }: Flow): string {
  const place = id % CONNECTION_MEMBERS.length;
  const known = CONNECTION_MEMBERS[place];
  if (known && known.id === id && known.listener === listener && known.address === address && known.port === port) return known.members;
  const members = `,"connection":${id},"listener":${quoted(listener)},"client":${quoted(address)},"client_port":${port},`;
  CONNECTION_MEMBERS[place] = { id, listener, address, port, members };
  return members;
}

/** Up to the value of `first_byte_ms`. Nothing of it is there on a connection that was kept, or without one. */
function connectingMembers({ resolveMs, connectMs, tlsMs }: Flow): string {
  if (resolveMs === null && connectMs === null && tlsMs === null)
    return ',"resolve_ms":null,"connect_ms":null,"tls_ms":null,"first_byte_ms":';
  return `,"resolve_ms":${hundredths(resolveMs)},"connect_ms":${hundredths(connectMs)},"tls_ms":${hundredths(tlsMs)},"first_byte_ms":`;
}

function upstreamMembers(flow: Flow): string {
  const { route, upstreamAddress, reusedConnection, resolvedFrom } = flow;
  const refused = flow.judged.length === 0 ? '' : refusedAddresses(flow);
  if (route === null && upstreamAddress === null && !reusedConnection && resolvedFrom === null) return `${NO_UPSTREAM}${refused}`;
  const from = resolvedFrom === null ? 'null' : `"${resolvedFrom}"`;
  const tls = flow.originTls === null ? '' : originTlsMembers(flow.originTls);
  return `,"route":${quoted(route)},"upstream":${quoted(upstream(flow))},"reused":${reusedConnection},"resolved_from":${from}${refused}${tls}`;
}

function originTlsMembers({ version, acceptedFaults }: NonNullable<Flow['originTls']>): string {
  const forgiven = acceptedFaults.length === 0 ? '' : `,"accepted_faults":[${acceptedFaults.map(quoted).join()}]`;
  return `,"origin_tls":${quoted(version)}${forgiven}`;
}

const NO_UPSTREAM = ',"route":null,"upstream":null,"reused":false,"resolved_from":null';

type Decision = NonNullable<Flow['decision']>;

/** Rules on trial that would have denied, by name or by place. */
function reportedMember({ reported }: Decision): string {
  return `,"reported":[${reported.map(({ name, position }) => quoted(name ?? `${position.file}:${position.line}`)).join()}]`;
}

/** What else a policy may have asked about, so that another one can be asked it again (`policy diff`). */
function questionMembers({ question: { identity, contentLength, upgrade } }: Decision): string {
  const groups = typeof identity === 'object' && identity.groups.length > 0 ? `,"groups":[${identity.groups.map(quoted).join()}]` : '';
  const length = contentLength > 0 ? `,"request_length":${contentLength}` : '';
  return upgrade === null ? groups + length : `${groups}${length},"upgrade":${quoted(upgrade)}`;
}

function interceptionMembers({ connectId, interception, hello, upstreamProtocol }: Flow): string {
  const inside = connectId === null ? '' : `,"connect":${connectId},"upstream_version":${quoted(upstreamProtocol)}`;
  if (interception === null) return inside;
  const { outcome, reason } = interception;
  const said =
    hello === null ? '' : `,"sni":${quoted(hello.serverName)},"alpn":[${hello.alpn.map(quoted).join()}],"ja4":${quoted(hello.ja4)}`;
  return `${inside},"interception":"${outcome}","interception_why":${quoted(reason)}${said}`;
}

function webSocketMembers({ messagesFromClient, messagesToClient, closeCode }: NonNullable<Flow['websocket']>): string {
  return `,"messages_in":${messagesFromClient},"messages_out":${messagesToClient},"close_code":${closeCode}`;
}

type CacheRecord = NonNullable<Flow['cache']>;

/** Codes of the cache's own tables, which need no quoting. */
function cacheMembers({ outcome, reuse, storing, ttlSeconds, isCollapsed }: CacheRecord): string {
  if (outcome === 'hit' && reuse?.why === 'fresh' && storing === null && !isCollapsed)
    return `,"cache":"hit","cache_why":"fresh","stored":null,"ttl":${ttlSeconds}`;
  return (
    `,"cache":"${outcome}","cache_why":${reuse === null ? 'null' : `"${reuse.why}"`},"stored":${storing === null ? 'null' : `"${storing}"`}` +
    `,"ttl":${ttlSeconds}${isCollapsed ? ',"collapsed":true' : ''}`
  );
}

/** Most decisions are those of a few rules, or of the default at its one position, and say the same each time. */
const DECISION_MEMBERS = new WeakMap<object, string>();

function decisionMembers(decision: Decision): string {
  const { action, rule, position, decidedBy } = decision;
  // A rule to tunnel or intercept is a plain `allow` to a request that is no CONNECT.
  const isRepeated = decidedBy === 'default' || (decidedBy === 'rule' && rule?.action === action);
  const decider = rule ?? position;
  const known = isRepeated ? DECISION_MEMBERS.get(decider) : undefined;
  if (known !== undefined) return known;
  const place = quoted(`${position.file}:${position.line}`);
  const members = `,"decision":"${action}","rule":${rule === null ? 'null' : quoted(rule.name)},"rule_at":${place},"decided_by":"${decidedBy}"`;
  if (isRepeated) DECISION_MEMBERS.set(decider, members);
  return members;
}

/**
 * Squid's native format, ten columns: `time elapsed client result/status bytes method URL user hierarchy/peer type`.
 * The time is the end of the exchange, as Squid has it. Octets that may not stand in a URI (RFC 3986 §2) are percent-encoded.
 */
export function squidLine(flow: Flow): string {
  const totalMs = Math.round(flow.totalMs ?? 0);
  const endedAtMs = flow.startedAtMs + totalMs;
  const time = `${Math.floor(endedAtMs / 1000)}.${String(endedAtMs % 1000).padStart(3, '0')}`;
  const request =
    flow.method === ''
      ? 'NONE error:invalid-request'
      : `${percentEncoded(flow.method)} ${percentEncoded(withoutUserInformation(flow.target))}`;
  return (
    `${time} ${String(totalMs).padStart(6)} ${percentEncoded(flow.clientAddress)} ${resultCode(flow)}/${threeDigits(flow.status)}` +
    ` ${flow.bytesToClient} ${request} ${percentEncoded(flow.user)} ${hierarchy(flow)} ${percentEncoded(mediaType(flow.contentType))}\n`
  );
}

/** Apache's combined format, the target as it was sent. The time is the beginning of the exchange, in UTC; the size counts the head too (`%O`). */
export function combinedLine(flow: Flow): string {
  const version = flow.version === '' ? '' : ` HTTP/${flow.version}`;
  const request = flow.method === '' ? '-' : `${flow.method} ${withoutUserInformation(flow.target)}${version}`;
  return (
    `${backslashed(flow.clientAddress)} - ${backslashed(flow.user).replaceAll(' ', '\\x20')} [${clfTime(flow.startedAtMs)}]` +
    ` "${backslashed(request)}" ${threeDigits(flow.status)} ${flow.bytesToClient}` +
    ` "${backslashed(flow.referer === null ? null : withoutUserInformation(flow.referer))}" "${backslashed(flow.userAgent)}"\n`
  );
}

/**
 * The outcome in Squid's words. `_ABORTED` and `_TIMEOUT` say that the client did not get a whole response; a failure that was answered
 * in full with its own status has neither.
 */
function resultCode(flow: Flow): string {
  switch (flow.outcome) {
    case 'forwarded':
      return flow.cache?.reuse?.kind === 'validate' ? 'TCP_REFRESH_MODIFIED' : 'TCP_MISS';
    case 'reused':
      return reusedResultCode(flow);
    case 'tunnelled':
      return 'TCP_TUNNEL';
    case 'denied':
      return 'TCP_DENIED';
    case 'opened':
      return 'NONE_NONE';
    case 'answered':
      return flow.status === 407 ? 'TCP_DENIED' : 'NONE_NONE';
    case 'aborted':
      return `${attempted(flow)}_ABORTED`;
    case 'failed':
      return failedResultCode(flow);
    default:
      return flow.outcome satisfies never;
  }
}

function reusedResultCode({ cache, status }: Flow): string {
  switch (cache?.outcome) {
    case 'validated':
      return 'TCP_REFRESH_UNMODIFIED';
    case 'stale':
      return 'TCP_REFRESH_FAIL_OLD';
    case 'hit':
      return status === 304 ? 'TCP_INM_HIT' : 'TCP_HIT';
    default:
      return 'TCP_CF_HIT';
  }
}

function failedResultCode(flow: Flow): string {
  const error = flow.error;
  if (error === null) return attempted(flow);
  if (error.code === 'destination_ip_prohibited' || error.code === 'http_request_denied') return 'TCP_DENIED';
  if (error.status === flow.status) return attempted(flow);
  return `${attempted(flow)}${error.code.endsWith('_timeout') ? '_TIMEOUT' : '_ABORTED'}`;
}

/** What was under way; `NONE_NONE` when the request ended before a route was chosen. */
function attempted(flow: Flow): string {
  if (flow.cache !== null && (ANSWERED_BY_CACHE.has(flow.cache.outcome) || flow.cache.isCollapsed)) return reusedResultCode(flow);
  if (flow.route === null) return 'NONE_NONE';
  return flow.method === 'CONNECT' ? 'TCP_TUNNEL' : 'TCP_MISS';
}

const ANSWERED_BY_CACHE: ReadonlySet<string> = new Set(['hit', 'validated', 'stale']);

function hierarchy(flow: Flow): string {
  if (flow.upstreamAddress === null) return 'HIER_NONE/-';
  return `${flow.route === 'direct' ? 'HIER_DIRECT' : 'FIRSTUP_PARENT'}/${percentEncoded(flow.upstreamAddress)}`;
}

function upstream(flow: Flow): string | null {
  const address = flow.upstreamAddress;
  if (address === null) return null;
  return address.includes(':') ? `[${address}]:${flow.upstreamPort}` : `${address}:${flow.upstreamPort}`;
}

function refusedAddresses(flow: Flow): string {
  let members = '';
  for (const { address, allowed, reason } of flow.judged) {
    if (!allowed) members += `${members === '' ? '' : ','}{"address":${quoted(address)},"reason":${quoted(reason)}}`;
  }
  return members === '' ? '' : `,"refused_addresses":[${members}]`;
}

function mediaType(contentType: string | null): string | null {
  if (contentType === null) return null;
  const semicolon = contentType.indexOf(';');
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim();
}

/** An absolute-form or authority-form target, or a Referer, without what stands before the last `@` of its authority. */
function withoutUserInformation(uri: string): string {
  if (!uri.includes('@')) return uri;
  const slashes = uri.indexOf('//');
  const start = slashes === -1 || uri.indexOf('@') < slashes ? 0 : slashes + 2;
  const rest = uri.slice(start);
  const end = rest.search(/[/?#\\]/);
  const at = rest.lastIndexOf('@', end === -1 ? rest.length : end);
  return at === -1 ? uri : uri.slice(0, start) + rest.slice(at + 1);
}

const NOT_PLAIN_IN_JSON = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
const NOT_ASCII = /[^\x20-\x7e]/g;

/** A JSON string. Beyond what JSON asks, everything outside of printable ASCII is escaped (RFC 8259 §7 allows it). */
function quoted(text: string | null): string {
  if (text === null) return 'null';
  if (!NOT_PLAIN_IN_JSON.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const NOT_IN_URI = /[^\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]/gu;

/** One column: never empty, never with a blank in it. A `%` stays as it is, since most stand for an encoded octet already. */
function percentEncoded(text: string | null): string {
  if (text === null || text === '') return '-';
  return text.replace(NOT_IN_URI, (character) => octets(character, '%').toUpperCase());
}

const NOT_PLAIN_FOR_APACHE = /["\\]|[^\x20-\x7e]/gu;
const APACHE_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

function backslashed(text: string | null): string {
  if (text === null || text === '') return '-';
  return text.replace(NOT_PLAIN_FOR_APACHE, (character) => APACHE_ESCAPES[character] ?? octets(character, '\\x'));
}

/** A character as octets in hexadecimal. Text of messages has one character an octet; anything wider (a rule's name) is taken as UTF-8. */
function octets(character: string, prefix: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return prefix + code.toString(16).padStart(2, '0');
  return encodeURIComponent(character.toWellFormed()).toLowerCase().replaceAll('%', prefix);
}

function threeDigits(status: number): string {
  return status === 0 ? '000' : `${status}`;
}

/** Milliseconds with two decimals. Most are few enough to have their text ready. */
function hundredths(ms: number | null): string {
  if (ms === null) return 'null';
  const whole = Math.floor(ms);
  const hundredths = Math.floor((ms - whole) * 100);
  return HUNDREDTHS[whole * 100 + hundredths] ?? `${whole}.${String(hundredths).padStart(2, '0')}`;
}

/** 0.00 to 19.99 */
const HUNDREDTHS: readonly string[] = Array.from({ length: 2000 }, (_, n) => (n / 100).toFixed(2));
const THREE_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'));

// Most lines of a busy log fall into the second of the line before, so that second's text is kept.
let rfc3339Second = Number.NaN;
let rfc3339Prefix = '';

function rfc3339(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== rfc3339Second) {
    rfc3339Prefix = new Date(second * 1000).toISOString().slice(0, 20);
    rfc3339Second = second;
  }
  return `${rfc3339Prefix}${THREE_DIGITS[epochMs - second * 1000]}Z`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `10/Oct/2000:13:55:36 +0000` */
function clfTime(epochMs: number): string {
  const iso = new Date(epochMs).toISOString();
  return `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
