// Owns how a terminal is told of recorded exchanges: a line for each in columns that an eye can run down. What peers chose (URLs, fields) is put on one
// line, with control characters escaped.
import type { RecordedExchange, RecordedFields, Summary } from '../flows/recorded.ts';
import { sizeText } from './cache-words.ts';
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

export function urlText({ scheme, host, port, path }: Summary): string {
  if (scheme === 'tunnel' || scheme === '') return host === '' ? '(not understood)' : `${host}:${port}`;
  const isUsual = port === (scheme === 'http' ? 80 : 443);
  return `${scheme}://${host}${isUsual ? '' : `:${port}`}${readable(path)}`;
}

/** Everything about one, as paragraphs. */
export function exchangeText(exchange: RecordedExchange): string {
  const { summary, request, response, received, facts } = exchange;
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
    ['ended', `${endText(summary)}${facts.errorMessage === null ? '' : `: ${facts.errorMessage}`}`],
    ...facts.changes.map(({ rule, what }): [string, string] => ['changed', `${what} (${rule})`]),
  ];
  const told = rows.flatMap(([label, text]) => (text === null || text === '' ? [] : [`${label.padEnd(10)}${oneLine(text)}`]));
  const answer = response ?? received;
  return [
    ...told,
    '',
    oneLine(`${request.method} ${readable(request.target)} HTTP/${request.version}`),
    ...fieldLines(request.fields),
    ...(answer === null
      ? []
      : ['', oneLine(`HTTP/${answer.version} ${answer.status} ${readable(answer.reason)}`), ...fieldLines(answer.fields)]),
  ].join('\n');
}

/** What is UTF-8 is shown as such. */
export function readable(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return latin1;
  }
}

function fieldLines(fields: RecordedFields): readonly string[] {
  return fields.map(([name, value]) => oneLine(`${name}: ${readable(value)}`));
}

/** How it ended, the cache's part first. */
function endText({ outcome, cache, state }: Summary): string {
  if (state === 'pending' || outcome === null) return 'under way';
  return outcome === 'reused' && cache !== null && cache !== 'forwarded' ? cache : outcome;
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

export function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function timeText(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}
