// Owns reading the short form in which a row of the list is kept (encode-frame.ts): its values without their names, in JSON. There is one of them for every
// exchange in the index, and each is written, copied and read again: by their names they would be three times as long.
import type { Summary } from './recorded.ts';

/** @param text in the short form, or plain JSON @throws SyntaxError where it is neither */
export function readSummary(text: string): Summary {
  if (text.charCodeAt(0) !== LEFT_BRACKET) return JSON.parse(text);
  const short = JSON.parse(text) as ShortSummary;
  const [id, state, kind, connectId, replayOf, startedAtMs, client, user, method, scheme, host, port, path, version, status, outcome] =
    short;
  const [, , , , , , , , , , , , , , , , error, decision, rule, reported, cache, interception, contentType, requestBytes, responseBytes] =
    short;
  const [resolveMs, connectMs, tlsMs, firstByteMs, totalMs, messages, touched, deniedFor] = short.slice(STEPS) as ShortSteps;
  const summary: Summary = {
    id,
    state: state === 0 ? 'pending' : 'done',
    kind: KINDS[kind]!,
    connectId: connectId === 0 ? null : connectId,
    replayOf: replayOf === 0 ? null : replayOf,
    startedAtMs,
    client,
    user: user === 0 ? null : user,
    method,
    scheme,
    host,
    port,
    path,
    version,
    status,
    outcome: outcome === 0 ? null : outcome,
    error: error === 0 ? null : error,
    decision: decision === 0 ? null : decision,
    rule: rule === 0 ? null : rule,
    reported: typeof reported === 'number' ? reported : reported.length,
    cache: cache === 0 ? null : cache,
    interception: interception === 0 ? null : interception,
    contentType: contentType === 0 ? null : contentType,
    requestBytes,
    responseBytes,
    resolveMs,
    connectMs,
    tlsMs,
    firstByteMs,
    totalMs,
    messages,
    touched: touched === 0 ? [] : touched,
  };
  if (typeof reported === 'number' && deniedFor === undefined) return summary;
  return { ...summary, ...(typeof reported !== 'number' && { reportedBy: reported }), ...(deniedFor !== undefined && { deniedFor }) };
}

/** What is not there is 0, but for times, where 0 is one. */
type ShortSummary = [
  id: number,
  state: 0 | 1,
  kind: number,
  connectId: number,
  replayOf: number,
  startedAtMs: number,
  client: string,
  user: 0 | string,
  method: string,
  scheme: Summary['scheme'],
  host: string,
  port: number,
  path: string,
  version: string,
  status: number,
  outcome: 0 | Exclude<Summary['outcome'], null>,
  error: 0 | string,
  decision: 0 | Exclude<Summary['decision'], null>,
  rule: 0 | string,
  /** In records of versions that kept no names, their number. */
  reported: number | readonly string[],
  cache: 0 | Exclude<Summary['cache'], null>,
  interception: 0 | Exclude<Summary['interception'], null>,
  contentType: 0 | string,
  requestBytes: number,
  responseBytes: number,
  ...ShortSteps,
];
type ShortSteps = [
  resolveMs: number | null,
  connectMs: number | null,
  tlsMs: number | null,
  firstByteMs: number | null,
  totalMs: number | null,
  messages: number,
  touched: 0 | Summary['touched'],
  /** Only where there is one. */
  deniedFor?: Exclude<Summary['deniedFor'], undefined>,
];

/** By their number. */
const KINDS: readonly Summary['kind'][] = ['exchange', 'tunnel', 'websocket'];
const STEPS = 25;
const LEFT_BRACKET = 0x5b;
