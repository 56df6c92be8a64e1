// Owns how one finished exchange reads as a line of JSON (RFC 8259). It runs once an exchange, so no object is built to be serialised, and no text to be
// copied: the line is written as octets, piece by piece, and what the exchange before said in the same words is taken from there.
import type { Flow } from '../flows/flow.ts';
import { quoted } from '../flows/json-text.ts';
import { OctetWriter } from '../flows/octet-writer.ts';
import { mediaType, resultCode, upstreamOf, withoutUserInformation } from './log-values.ts';

/**
 * One JSON object, keys always in this order. What was not reached or is not known is `null`. There only when there is something to tell:
 * `reported`, when a rule on trial would have denied; `cache` (how a stored response was used, or not), `cache_why`, `stored` (what became of the
 * response) and `ttl` (seconds), when the cache was asked, and `collapsed`, when the response came by another request; `groups` of the user,
 * `request_length` and `upgrade`; `refused_addresses`; of a request that came out of an opened tunnel, `connect`, the `id` of its CONNECT, and
 * `upstream_version` of HTTP; of a tunnel that was looked into, `interception` and why (`interception_why`), and `sni`, `alpn` and `ja4` of the client;
 * of a WebSocket, `messages_in` and `messages_out`, and the `close_code` of its first close frame (1005 if that has none, `null` if there was none).
 * `time` is when the exchange began (RFC 3339, UTC); `..._ms` count from then, in hundredths.
 */
export function writeJsonLine(flow: Flow, out: OctetWriter): void {
  const { decision, error, cache, websocket } = flow;
  writeMoment(flow.startedAtMs, out);
  out.text('Z","id":').whole(flow.id);
  writeConnection(flow, out);
  out.quoted(flow.user);
  out.text(',"method":').quoted(flow.method).text(',"target":').quoted(withoutUserInformation(flow.target));
  out.bytes(answerMembers(flow)).whole(flow.bytesFromClient).text(',"bytes_out":').whole(flow.bytesToClient);
  out.bytes(CONTENT_TYPE).quoted(mediaType(flow.contentType));
  writeConnecting(flow, out);
  out.text(hundredths(flow.firstByteMs)).text(',"total_ms":').text(hundredths(flow.totalMs));
  if (decision === null) out.bytes(NO_DECISION);
  else {
    out.bytes(decisionMembers(decision));
    if (decision.reported.length > 0) out.text(reportedMember(decision));
    writeQuestion(decision, out);
  }
  if (cache !== null) out.bytes(cacheMembers(cache)).wholeOrNull(cache.ttlSeconds);
  if (cache?.isCollapsed) out.text(',"collapsed":true');
  out.bytes(upstreamMembers(flow));
  if (flow.judged.length > 0) out.text(refusedAddresses(flow));
  if (flow.originTls !== null) writeOriginTls(flow.originTls, out);
  if (flow.connectId !== null) out.bytes(CONNECT_ID).whole(flow.connectId).bytes(UPSTREAM_VERSION).quoted(flow.upstreamProtocol);
  if (flow.interception !== null) out.text(interceptionMembers(flow.interception, flow.hello));
  if (websocket !== null) out.text(webSocketMembers(websocket));
  if (error === null) out.bytes(NO_ERROR);
  else out.text(`,"error":"${error.code}","error_detail":${quoted(error.message)}}\n`);
}

/** The same as text. */
export function jsonLine(flow: Flow): string {
  const out = new OctetWriter();
  writeJsonLine(flow, out);
  return out.octets.toString('latin1', 0, out.at);
}

// Most lines of a busy log fall into the second of the line before.
let lastSecond = Number.NaN;
let lastMoment: Uint8Array = new Uint8Array();

function writeMoment(epochMs: number, out: OctetWriter): void {
  const second = Math.floor(epochMs / 1000);
  if (second !== lastSecond) {
    lastMoment = octetsOf(`{"time":"${new Date(second * 1000).toISOString().slice(0, 20)}`);
    lastSecond = second;
  }
  const ms = epochMs - second * 1000;
  out
    .bytes(lastMoment)
    .text(ms < 10 ? '00' : ms < 100 ? '0' : '')
    .whole(ms);
}

interface ConnectionMembers {
  readonly id: number;
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  readonly octets: Uint8Array;
}

/** Of the connections that were logged last, each at a place of its number: the lines of one connection say the same of it. */
const CONNECTION_MEMBERS: (ConnectionMembers | null)[] = Array.from({ length: 256 }, () => null);
/** Which connection wrote a line at a place last: one that writes a second is worth remembering. */
const LOGGED = new Float64Array(CONNECTION_MEMBERS.length);

/** Up to the value of `user`. */
function writeConnection({ connectionId: id, listener, clientAddress: address, clientPort: port }: Flow, out: OctetWriter): void {
  const place = id % LOGGED.length;
  const known = CONNECTION_MEMBERS[place];
  if (known && known.id === id && known.listener === listener && known.address === address && known.port === port) {
    out.bytes(known.octets);
    return;
  }
  const start = out.at;
  out.bytes(CONNECTION).whole(id).text(',"listener":').quoted(listener).text(',"client":').quoted(address);
  out.bytes(CLIENT_PORT).whole(port).text(',"user":');
  if (LOGGED[place] === id) CONNECTION_MEMBERS[place] = { id, listener, address, port, octets: out.written(start) };
  LOGGED[place] = id;
}

let lastAnswer = { version: '', status: -1, outcome: '', result: '', octets: new Uint8Array() };

/** Up to the value of `bytes_in`. */
function answerMembers(flow: Flow): Uint8Array {
  const { version, status, outcome } = flow;
  const result = resultCode(flow);
  const last = lastAnswer;
  if (last.status === status && last.result === result && last.outcome === outcome && last.version === version) return last.octets;
  const octets = octetsOf(
    `,"version":${quoted(version)},"status":${status === 0 ? 'null' : status},"outcome":"${outcome}","result":"${result}","bytes_in":`,
  );
  lastAnswer = { version, status, outcome, result, octets };
  return octets;
}

/** Up to the value of `first_byte_ms`. Nothing of it is there on a connection that was kept, or without one. */
function writeConnecting({ resolveMs, connectMs, tlsMs }: Flow, out: OctetWriter): void {
  if (resolveMs === null && connectMs === null && tlsMs === null) out.bytes(NO_CONNECTING);
  else {
    out.bytes(RESOLVE_MS).text(hundredths(resolveMs)).bytes(CONNECT_MS).text(hundredths(connectMs));
    out.text(',"tls_ms":').text(hundredths(tlsMs)).bytes(FIRST_BYTE_MS);
  }
}

type Decision = NonNullable<Flow['decision']>;

/**
 * Most decisions are those of a few rules, or of the default at its one position, and say the same each time; but a rule to tunnel or intercept is a plain
 * `allow` to a request that is no CONNECT.
 */
const DECISION_MEMBERS = new WeakMap<object, Map<Decision['action'], Uint8Array>>();

function decisionMembers(decision: Decision): Uint8Array {
  const { action, rule, position, decidedBy } = decision;
  const isRepeated = decidedBy === 'default' || decidedBy === 'rule';
  const decider = rule ?? position;
  const byAction = isRepeated ? DECISION_MEMBERS.get(decider) : undefined;
  const known = byAction?.get(action);
  if (known !== undefined) return known;
  const place = quoted(`${position.file}:${position.line}`);
  const octets = octetsOf(
    `,"decision":"${action}","rule":${rule === null ? 'null' : quoted(rule.name)},"rule_at":${place},"decided_by":"${decidedBy}"`,
  );
  if (byAction !== undefined) byAction.set(action, octets);
  else if (isRepeated) DECISION_MEMBERS.set(decider, new Map([[action, octets]]));
  return octets;
}

/** Rules on trial that would have denied, by name or by place. */
function reportedMember({ reported }: Decision): string {
  return `,"reported":[${reported.map(({ name, position }) => quoted(name ?? `${position.file}:${position.line}`)).join()}]`;
}

/** What else a policy may have asked about, so that another one can be asked it again (`policy diff`). */
function writeQuestion({ question: { identity, contentLength, upgrade } }: Decision, out: OctetWriter): void {
  if (typeof identity === 'object' && identity.groups.length > 0) out.text(`,"groups":[${identity.groups.map(quoted).join()}]`);
  if (contentLength > 0) out.text(`,"request_length":${contentLength}`);
  if (upgrade !== null) out.text(`,"upgrade":${quoted(upgrade)}`);
}

type CacheRecord = NonNullable<Flow['cache']>;

let lastCache = { outcome: '', why: '', storing: '', octets: new Uint8Array() };

/** Up to the value of `ttl`. Codes of the cache's own tables, which need no quoting. */
function cacheMembers({ outcome, reuse, storing }: CacheRecord): Uint8Array {
  const why = reuse === null ? 'null' : reuse.why;
  const became = storing ?? 'null';
  const last = lastCache;
  if (last.outcome === outcome && last.why === why && last.storing === became) return last.octets;
  const octets = octetsOf(
    `,"cache":"${outcome}","cache_why":${reuse === null ? 'null' : `"${why}"`},"stored":${storing === null ? 'null' : `"${storing}"`},"ttl":`,
  );
  lastCache = { outcome, why, storing: became, octets };
  return octets;
}

let lastUpstream: Pick<Flow, 'route' | 'upstreamAddress' | 'upstreamPort' | 'reusedConnection' | 'resolvedFrom'> & { octets: Uint8Array } =
  {
    route: null,
    upstreamAddress: null,
    upstreamPort: 0,
    reusedConnection: false,
    resolvedFrom: null,
    octets: octetsOf(',"route":null,"upstream":null,"reused":false,"resolved_from":null'),
  };

function upstreamMembers(flow: Flow): Uint8Array {
  const { route, upstreamAddress, upstreamPort, reusedConnection, resolvedFrom } = flow;
  const last = lastUpstream;
  const isThere = last.upstreamAddress === upstreamAddress && last.upstreamPort === upstreamPort && last.route === route;
  if (isThere && last.reusedConnection === reusedConnection && last.resolvedFrom === resolvedFrom) return last.octets;
  const from = resolvedFrom === null ? 'null' : `"${resolvedFrom}"`;
  const octets = octetsOf(
    `,"route":${quoted(route)},"upstream":${quoted(upstreamOf(flow))},"reused":${reusedConnection},"resolved_from":${from}`,
  );
  lastUpstream = { route, upstreamAddress, upstreamPort, reusedConnection, resolvedFrom, octets };
  return octets;
}

function refusedAddresses({ judged }: Flow): string {
  const refused = judged.filter(({ allowed }) => !allowed);
  if (refused.length === 0) return '';
  const members = refused.map(({ address, reason }) => `{"address":${quoted(address)},"reason":${quoted(reason)}}`);
  return `,"refused_addresses":[${members.join()}]`;
}

function writeOriginTls({ version, acceptedFaults }: NonNullable<Flow['originTls']>, out: OctetWriter): void {
  out.bytes(ORIGIN_TLS).quoted(version);
  if (acceptedFaults.length > 0) out.text(`,"accepted_faults":[${acceptedFaults.map(quoted).join()}]`);
}

function interceptionMembers({ outcome, reason }: NonNullable<Flow['interception']>, hello: Flow['hello']): string {
  const said =
    hello === null ? '' : `,"sni":${quoted(hello.serverName)},"alpn":[${hello.alpn.map(quoted).join()}],"ja4":${quoted(hello.ja4)}`;
  return `,"interception":"${outcome}","interception_why":${quoted(reason)}${said}`;
}

function webSocketMembers({ messagesFromClient, messagesToClient, closeCode }: NonNullable<Flow['websocket']>): string {
  return `,"messages_in":${messagesFromClient},"messages_out":${messagesToClient},"close_code":${closeCode}`;
}

/** Milliseconds with two decimals. Most are few enough to have their text ready. */
function hundredths(ms: number | null): string {
  if (ms === null) return 'null';
  const whole = Math.floor(ms);
  const hundredths = Math.floor((ms - whole) * 100);
  return HUNDREDTHS[whole * 100 + hundredths] ?? `${whole}.${String(hundredths).padStart(2, '0')}`;
}

/** @param text ASCII */
function octetsOf(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) octets[i] = text.charCodeAt(i);
  return octets;
}

/** 0.00 to 19.99 */
const HUNDREDTHS: readonly string[] = Array.from({ length: 2000 }, (_, n) => (n / 100).toFixed(2));
const CONNECTION = octetsOf(',"connection":');
const CLIENT_PORT = octetsOf(',"client_port":');
const CONTENT_TYPE = octetsOf(',"content_type":');
const NO_CONNECTING = octetsOf(',"resolve_ms":null,"connect_ms":null,"tls_ms":null,"first_byte_ms":');
const RESOLVE_MS = octetsOf(',"resolve_ms":');
const CONNECT_MS = octetsOf(',"connect_ms":');
const FIRST_BYTE_MS = octetsOf(',"first_byte_ms":');
const NO_DECISION = octetsOf(',"decision":null,"rule":null,"rule_at":null,"decided_by":null');
const ORIGIN_TLS = octetsOf(',"origin_tls":');
const CONNECT_ID = octetsOf(',"connect":');
const UPSTREAM_VERSION = octetsOf(',"upstream_version":');
const NO_ERROR = octetsOf(',"error":null,"error_detail":null}\n');
