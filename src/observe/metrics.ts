// Owns counts of what the proxy has done since its start, for Prometheus: how exchanges ended, by which decisions, out of the cache or not, and how long
// they took. Labels are words of ours only, never a client's: their number is fixed, whatever passes.
// Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
import type { Flow, Outcome } from '../flows/flow.ts';

/** What is measured when it is asked for. */
export interface Gauges {
  readonly openConnections: number;
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

  /** All of it as text, a line each. */
  page({ openConnections, residentBytes, startedAtMs }: Gauges): string {
    return [
      ...counter('sallyport_exchanges_total', 'Finished exchanges and tunnels by outcome.', labelled('outcome', this.#outcomes)),
      ...counter(
        'sallyport_responses_total',
        'Responses to clients by the first digit of the status; 0 without an answer.',
        this.#statuses.map((count, i) => [`{status="${i}xx"}`, count] as const),
      ),
      ...counter('sallyport_cache_answers_total', 'What the cache did, as in the log.', labelled('result', this.#cache)),
      ...counter('sallyport_errors_total', 'Failures by code (RFC 9209).', labelled('code', this.#errors)),
      ...counter('sallyport_received_bytes_total', 'Octets from clients.', [['', this.#bytesFromClients]]),
      ...counter('sallyport_sent_bytes_total', 'Octets to clients.', [['', this.#bytesToClients]]),
      ...this.#duration(),
      ...gauge('sallyport_open_connections', 'Connections of clients.', openConnections),
      ...gauge('process_resident_memory_bytes', 'Memory of the process.', residentBytes),
      ...gauge('process_start_time_seconds', 'When the process began, since the epoch.', startedAtMs / 1_000),
      '',
    ].join('\n');
  }

  #duration(): readonly string[] {
    const name = 'sallyport_exchange_duration_seconds';
    let below = 0;
    const buckets = BOUNDS_MS.map((bound, i) => {
      below += this.#buckets[i]!;
      return `${name}_bucket{le="${bound / 1_000}"} ${below}`;
    });
    return [
      `# HELP ${name} How long exchanges took, tunnels aside.`,
      `# TYPE ${name} histogram`,
      ...buckets,
      `${name}_bucket{le="+Inf"} ${this.#count}`,
      `${name}_sum ${this.#seconds}`,
      `${name}_count ${this.#count}`,
    ];
  }
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function labelled(label: string, counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...counts].map(([value, count]) => [`{${label}="${value}"}`, count] as const);
}

function counter(name: string, help: string, samples: readonly (readonly [string, number])[]): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...samples.map(([labels, value]) => `${name}${labels} ${value}`)];
}

function gauge(name: string, help: string, value: number): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${value}`];
}

const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000] as const;
