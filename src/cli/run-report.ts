// Owns what is said of a command once it has ended: a few lines for whoever ran it, and the same in full as JSON.

import { sizeText } from '../match/units.ts';
import { counted } from './quantities.ts';
import { oneLine } from './terminal.ts';
import type { DeniedTraffic, FailedTraffic, HostTraffic, TrafficSummary } from './traffic.ts';

export interface CommandReport {
  /** Its words. */
  readonly command: readonly string[];
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly exitCode: number;
  readonly signal: string | null;
  /** The policy that held, in a line. */
  readonly policy: string;
  readonly traffic: TrafficSummary;
}

/** For the terminal, without an end of line. @param bold marks the labels */
export function reportText(report: CommandReport, bold: (text: string) => string): string {
  const { traffic } = report;
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['sallyport', [endText(report)]],
    ['traffic', [trafficText(traffic)]],
    ['cache', traffic.fromCache === 0 ? [] : [cacheText(traffic)]],
    ['hosts', listed(traffic.hosts.map(hostRow), 'host')],
    ['denied', listed(traffic.denied.map(deniedRow), 'destination')],
    ['failed', [...listed(traffic.failed.map(failedRow), 'destination'), ...(traffic.failed.some(isDistrust) ? [DISTRUST] : [])]],
    ['besides', traffic.unlisted === 0 ? [] : [`${counted(traffic.unlisted, 'exchange')} with more destinations than are kept`]],
  ];
  return rows
    .flatMap(([label, lines]) => lines.map((line, index) => `${bold((index === 0 ? label : '').padEnd(9))}  ${oneLine(line)}`))
    .join('\n');
}

/** One object, with an end of line. */
export function reportJson(report: CommandReport): string {
  const { command, startedAtMs, durationMs, exitCode, signal, policy, traffic } = report;
  const { requests, tunnels, fromCache, bytesFromCache, bytesReceived, bytesSent, hosts, denied, failed, unlisted } = traffic;
  const object = {
    command,
    started_at: new Date(startedAtMs).toISOString(),
    duration_ms: Math.round(durationMs),
    exit_code: exitCode,
    signal,
    policy,
    requests,
    tunnels,
    bytes_received: bytesReceived,
    bytes_sent: bytesSent,
    cache: { answered: fromCache, bytes: bytesFromCache },
    hosts: hosts.map((each) => ({
      host: each.host,
      requests: each.requests,
      tunnels: each.tunnels,
      from_cache: each.fromCache,
      denied: each.denied,
      failed: each.failed,
      bytes_received: each.bytesReceived,
      bytes_sent: each.bytesSent,
    })),
    denied,
    failed,
    unlisted,
  };
  return `${JSON.stringify(object, null, 2)}\n`;
}

function endText({ command, durationMs, exitCode, signal }: CommandReport): string {
  const words = command.join(' ');
  const shown = words.length > WIDEST_COMMAND ? `${words.slice(0, WIDEST_COMMAND - 3)}...` : words;
  return `${shown} ${signal === null ? `exited with ${exitCode}` : `was ended by ${signal}`} after ${durationText(durationMs)}`;
}

function trafficText({ requests, tunnels, bytesReceived, bytesSent }: TrafficSummary): string {
  if (requests + tunnels === 0) return 'nothing passed the proxy';
  const parts = [requests === 0 ? null : counted(requests, 'request'), tunnels === 0 ? null : counted(tunnels, 'tunnel')];
  return `${parts.filter((part) => part !== null).join(', ')}; ${sizeText(bytesReceived)} received, ${sizeText(bytesSent)} sent`;
}

function cacheText({ requests, fromCache, bytesFromCache }: TrafficSummary): string {
  return `answered ${fromCache.toLocaleString('en-US')} of ${counted(requests, 'request')}; ${sizeText(bytesFromCache)} not fetched again`;
}

function hostRow({ host, requests, tunnels, fromCache, denied, failed }: HostTraffic): readonly [string, string] {
  const parts = [
    requests === 0
      ? null
      : `${counted(requests, 'request')}${fromCache === 0 ? '' : ` (${fromCache.toLocaleString('en-US')} from the cache)`}`,
    tunnels === 0 ? null : counted(tunnels, 'tunnel'),
    denied === 0 ? null : `${denied.toLocaleString('en-US')} denied`,
    failed === 0 ? null : `${failed.toLocaleString('en-US')} failed`,
  ];
  return [host, parts.filter((part) => part !== null).join(', ') || 'nothing finished'];
}

function deniedRow({ request, rule, place, count }: DeniedTraffic): readonly [string, string] {
  return [`${shortened(request)}${times(count)}`, `${rule === null ? '' : `rule '${rule}'  `}${place}`];
}

function failedRow({ request, error, detail, count }: FailedTraffic): readonly [string, string] {
  return [`${shortened(request)}${times(count)}`, `${error}: ${detail}`];
}

function isDistrust({ error }: FailedTraffic): boolean {
  return error === 'handshake_refused';
}

/** Two columns, and of a long list the beginning. */
function listed(rows: readonly (readonly [string, string])[], what: string): string[] {
  const shown = rows.slice(0, MOST_ROWS);
  const width = Math.min(WIDEST_COLUMN, Math.max(0, ...shown.map(([first]) => first.length)));
  const lines = shown.map(([first, second]) => `${first.padEnd(width)}  ${second}`);
  const left = rows.length - shown.length;
  return left === 0 ? lines : [...lines, `and ${counted(left, `more ${what}`)}; --report FILE has all of them`];
}

function times(count: number): string {
  return count === 1 ? '' : `  ${count.toLocaleString('en-US')} times`;
}

function shortened(request: string): string {
  return request.length > WIDEST_COLUMN ? `${request.slice(0, WIDEST_COLUMN - 3)}...` : request;
}

/** `340 ms`, `12.4 s`, `3 min 20 s` */
function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1_000)} s`;
}

const DISTRUST = 'what refuses our certificate has roots of its own: sallyport doctor says how programs are given ours';
const MOST_ROWS = 10;
const WIDEST_COLUMN = 60;
const WIDEST_COMMAND = 60;
