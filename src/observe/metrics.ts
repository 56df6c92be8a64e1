// Owns counts of what the proxy has done since its start, for Prometheus: how exchanges ended, by which decisions, out of the cache or not, and how long
// they took. Labels are words of ours only, never a client's: their number is fixed, whatever passes.
// Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
import type { Flow, Outcome } from '../flows/flow.ts';

/** What is counted, of one process or of several together. */
export interface MetricCounts {
  readonly outcomes: Readonly<Record<string, number>>;
  /** By the first digit of the status; `0` without an answer. */
  readonly statuses: readonly number[];
  readonly cache: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  /** How many took at most so long, and longer than the bound before. */
  readonly buckets: readonly number[];
  readonly seconds: number;
  readonly count: number;
  readonly bytesFromClients: number;
  readonly bytesToClients: number;
}

/** What is measured when it is asked for, and what others count. */
export interface Gauges {
  /** Octets of content that clients got where the cache was asked, and of these what was not forwarded. */
  readonly cache: { readonly bytes: number; readonly bytesReused: number };
  readonly openConnections: number;
  /** How many processes accept nobody for want of descriptors, and how long that has lasted in all. */
  readonly pausedProcesses: number;
  readonly pausedMs: number;
  readonly residentBytes: number;
  readonly startedAtMs: number;
}

export class Metrics {
  readonly #outcomes = new Map<Outcome, number>();
  readonly #statuses = [0, 0, 0, 0, 0, 0];
  readonly #cache = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #buckets = BOUNDS_MS.map(() => 0);
  #seconds = 0;
  #count = 0;
  #bytesFromClients = 0;
  #bytesToClients = 0;

  add(flow: Flow): void {
    const { outcome, status, cache, error, totalMs } = flow;
    increase(this.#outcomes, outcome);
    const family = Math.trunc(status / 100);
    this.#statuses[family <= 5 ? family : 0]! += 1;
    if (cache !== null) increase(this.#cache, cache.outcome);
    if (error !== null) increase(this.#errors, error.code);
    this.#bytesFromClients += flow.bytesFromClient;
    this.#bytesToClients += flow.bytesToClient;
    // How long a tunnel stood open says nothing of how fast anybody was.
    if (totalMs === null || outcome === 'tunnelled' || outcome === 'opened') return;
    this.#count += 1;
    this.#seconds += totalMs / 1_000;
    const bucket = BOUNDS_MS.findIndex((bound) => totalMs <= bound);
    if (bucket >= 0) this.#buckets[bucket]! += 1;
  }

  get counts(): MetricCounts {
    return {
      outcomes: Object.fromEntries(this.#outcomes),
      statuses: [...this.#statuses],
      cache: Object.fromEntries(this.#cache),
      errors: Object.fromEntries(this.#errors),
      buckets: [...this.#buckets],
      seconds: this.#seconds,
      count: this.#count,
      bytesFromClients: this.#bytesFromClients,
      bytesToClients: this.#bytesToClients,
    };
  }
}

/** Of all of them together. */
export function sumOfCounts(all: readonly MetricCounts[]): MetricCounts {
  const records = (of: (each: MetricCounts) => Readonly<Record<string, number>>) => sumOfRecords(all.map(of));
  const lists = (of: (each: MetricCounts) => readonly number[]) => sumOfLists(all.map(of));
  const numbers = (of: (each: MetricCounts) => number) => all.reduce((sum, each) => sum + of(each), 0);
  return {
    outcomes: records(({ outcomes }) => outcomes),
    statuses: lists(({ statuses }) => statuses),
    cache: records(({ cache }) => cache),
    errors: records(({ errors }) => errors),
    buckets: lists(({ buckets }) => buckets),
    seconds: numbers(({ seconds }) => seconds),
    count: numbers(({ count }) => count),
    bytesFromClients: numbers(({ bytesFromClients }) => bytesFromClients),
    bytesToClients: numbers(({ bytesToClients }) => bytesToClients),
  };
}

/** All of it as text, a line each. */
export function metricsPage(
  counts: MetricCounts,
  { cache, openConnections, pausedProcesses, pausedMs, residentBytes, startedAtMs }: Gauges,
): string {
  return [
    ...counter('sallyport_exchanges_total', 'Finished exchanges and tunnels by outcome.', labelled('outcome', counts.outcomes)),
    ...counter(
      'sallyport_responses_total',
      'Responses to clients by the first digit of the status; 0 without an answer.',
      counts.statuses.map((count, i) => [`{status="${i}xx"}`, count] as const),
    ),
    ...counter('sallyport_cache_answers_total', 'What the cache did, as in the log.', labelled('result', counts.cache)),
    ...counter('sallyport_cache_content_bytes_total', 'Octets of content to clients, without heads, by whether the cache had them.', [
      ['{from="cache"}', cache.bytesReused],
      ['{from="origin"}', cache.bytes - cache.bytesReused],
    ]),
    ...counter('sallyport_errors_total', 'Failures by code (RFC 9209).', labelled('code', counts.errors)),
    ...counter('sallyport_received_bytes_total', 'Octets from clients.', [['', counts.bytesFromClients]]),
    ...counter('sallyport_sent_bytes_total', 'Octets to clients.', [['', counts.bytesToClients]]),
    ...durations(counts),
    ...gauge('sallyport_open_connections', 'Connections of clients.', openConnections),
    ...gauge('sallyport_accepting_paused', 'Processes in which new connections wait for want of descriptors.', pausedProcesses),
    ...counter('sallyport_accepting_paused_seconds_total', 'How long new connections have been left waiting.', [['', pausedMs / 1_000]]),
    ...gauge('process_resident_memory_bytes', 'Memory of the process, or of all together.', residentBytes),
    ...gauge('process_start_time_seconds', 'When the process began, since the epoch.', startedAtMs / 1_000),
    '',
  ].join('\n');
}

function durations(counts: MetricCounts): readonly string[] {
  const name = 'sallyport_exchange_duration_seconds';
  let below = 0;
  const buckets = BOUNDS_MS.map((bound, i) => {
    below += counts.buckets[i] ?? 0;
    return `${name}_bucket{le="${bound / 1_000}"} ${below}`;
  });
  return [
    `# HELP ${name} How long exchanges took, tunnels aside.`,
    `# TYPE ${name} histogram`,
    ...buckets,
    `${name}_bucket{le="+Inf"} ${counts.count}`,
    `${name}_sum ${counts.seconds}`,
    `${name}_count ${counts.count}`,
  ];
}

function sumOfRecords(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const each of all) for (const [key, count] of Object.entries(each)) sums.set(key, (sums.get(key) ?? 0) + count);
  return Object.fromEntries(sums);
}

function sumOfLists(all: readonly (readonly number[])[]): readonly number[] {
  const longest = Math.max(0, ...all.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => all.reduce((sum, each) => sum + (each[i] ?? 0), 0));
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function labelled(label: string, counts: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  return Object.entries(counts).map(([value, count]) => [`{${label}="${value}"}`, count] as const);
}

function counter(name: string, help: string, samples: readonly (readonly [string, number])[]): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...samples.map(([labels, value]) => `${name}${labels} ${value}`)];
}

function gauge(name: string, help: string, value: number): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${value}`];
}

const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000] as const;
