// Owns how a terminal is told of recorded exchanges: a line for each in columns that an eye can run down. What peers chose (URLs, fields) is put on one
// line, with control characters escaped.
import { asAfterHttp1, changedFields } from '../flows/changed-fields.ts';
import type { RecordedContent, RecordedExchange, RecordedFields, Summary } from '../flows/recorded.ts';
import { sizeText } from '../match/units.ts';
import { oneLine } from './terminal.ts';

/** `12:34:56.789     4711  200  forwarded    1.2 KiB    34 ms  GET http://example.com/` */
export function summaryLine(row: Summary): string {
  const { id, status, responseBytes, totalMs, method } = row;
  const columns = [
    timeText(row.startedAtMs),
    String(id).padStart(7),
    (status === 0 ? '-' : String(status)).padStart(3),
    endText(row).padEnd(11),
    sizeText(responseBytes).padStart(9),
    (totalMs === null ? '' : `${durationText(totalMs)}`).padStart(8),
    method,
    urlText(row),
  ];
  const notes = [row.rule === null ? null : `rule ${row.rule}`, row.error, ...row.touched].filter((note) => note !== null);
  return oneLine([...columns, ...(notes.length === 0 ? [] : [`(${notes.join('; ')})`])].join('  '));
}

function urlText({ scheme, host, port, path, outcome }: Summary): string {
  if (host === '') return outcome === 'answered' ? '(the proxy itself)' : '(not understood)';
  if (scheme === 'tunnel' || scheme === '') return `${host}:${port}`;
  const isUsual = port === (scheme === 'http' ? 80 : 443);
  return `${scheme}://${host}${isUsual ? '' : `:${port}`}${readable(path)}`;
}

/** Content of both messages and what passed behind them, as lines: laid out to be read. */
export interface ShownContent {
  readonly request: readonly string[];
  readonly response: readonly string[];
  readonly messages: readonly string[];
}

/** Everything about one, as paragraphs. What the proxy did to fields is marked as in a diff. */
export function exchangeText(exchange: RecordedExchange, content: ShownContent): string {
  const { summary, request, sent, response, received, facts } = exchange;
  const { decision } = facts;
  const rows: readonly (readonly [string, string | null])[] = [
    ['exchange', `${summary.id}, ${new Date(summary.startedAtMs).toISOString()}`],
    ['client', `${summary.client}${summary.user === null ? '' : `, user ${summary.user}`}, by ${facts.listener}`],
    ['policy', decision === null ? null : decision.sentence],
    [
      'address',
      facts.upstreamAddress === null
        ? null
        : `${facts.upstreamAddress} port ${facts.upstreamPort}${facts.reusedConnection ? ', a connection that was kept' : ''}`,
    ],
    ...facts.judged.filter(({ allowed }) => !allowed).map(({ address, reason }): [string, string] => ['refused', `${address}: ${reason}`]),
    [
      'tunnel',
      summary.interception === null
        ? null
        : `${summary.interception}${facts.interceptionReason === null ? '' : `: ${facts.interceptionReason}`}`,
    ],
    ['cache', facts.cache === null ? null : [facts.cache.outcome, facts.cache.reuseWhy, facts.cache.storing].filter(Boolean).join(', ')],
    ['times', timingText(summary)],
    ['content', contentText(exchange)],
    ['ended', `${endText(summary)}${facts.errorMessage === null ? '' : `: ${facts.errorMessage}`}`],
    ...facts.changes.map(({ rule, what }): [string, string] => ['changed', `${what} (${rule})`]),
  ];
  const told = rows.flatMap(([label, text]) => (text === null || text === '' ? [] : [`${label.padEnd(10)}${oneLine(text)}`]));
  const answer = response ?? received;
  return [
    ...told,
    '',
    oneLine(`${request.method} ${readable(request.target)} HTTP/${request.version}`),
    ...fieldLines(request.fields, sent === null ? null : asAfterHttp1(request.fields, sent.fields)),
    ...paragraph(content.request),
    ...(answer === null
      ? []
      : [
          '',
          oneLine(`HTTP/${answer.version} ${answer.status} ${readable(answer.reason)}`),
          ...(received === null ? fieldLines(answer.fields, null) : fieldLines(received.fields, response?.fields ?? null)),
          ...paragraph(content.response),
        ]),
    ...paragraph(content.messages),
  ].join('\n');
}

/** What is UTF-8 is shown as such. */
function readable(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return latin1;
  }
}

/** @param after  as they went on; `null` where they did not */
function fieldLines(before: RecordedFields, after: RecordedFields | null): readonly string[] {
  return changedFields(before, after).flatMap(({ kind, name, before: came, after: went }) => {
    const line = (mark: string, value: string | null) => oneLine(`${mark} ${name}: ${readable(value ?? '')}`);
    if (kind === 'same') return [line(' ', came)];
    return [...(came === null ? [] : [line('-', came)]), ...(went === null ? [] : [line('+', went)])];
  });
}

function paragraph(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

/** How it ended, the cache's part first. */
function endText({ outcome, cache, state }: Summary): string {
  if (state === 'pending' || outcome === null) return 'under way';
  return outcome === 'reused' && cache !== null && cache !== 'forwarded' ? cache : outcome;
}

/** How much of each there was; `null` where there was none. */
function contentText({ summary, requestContent, responseContent }: RecordedExchange): string | null {
  const told = ([word, content]: readonly [string, RecordedContent | null]): readonly string[] => {
    if (content === null) return [];
    const { length, kept, isComplete } = content;
    const isPart = kept > 0 && kept < length;
    const notes = [
      isPart ? `the first ${sizeText(kept)} kept` : null,
      isComplete || summary.state === 'pending' ? null : 'broken off before its end',
    ].filter((note) => note !== null);
    return [`${word} ${sizeText(length)}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`];
  };
  const both = [...told(['request', requestContent]), ...told(['response', responseContent])];
  return both.length === 0 ? null : both.join(', ');
}

function timingText({ resolveMs, connectMs, tlsMs, firstByteMs, totalMs }: Summary): string {
  const steps = [
    ['resolve', resolveMs],
    ['connect', connectMs],
    ['TLS', tlsMs],
    ['first octet after', firstByteMs],
    ['in all', totalMs],
  ] as const;
  return steps.flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${durationText(ms)}`])).join(', ');
}

function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** `12:34:56.789`, of this place. */
export function timeText(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}
