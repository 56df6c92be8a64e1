import { expect, test } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { createFlow } from '../../../src/flows/flow.ts';
import { Metrics, metricsPage, sumOfCounts } from '../../../src/observe/metrics.ts';

const GAUGES = {
  ...{ openConnections: 2, pausedProcesses: 1, pausedMs: 1_500, residentBytes: 1_000, startedAtMs: 5_000 },
  cache: { bytes: 900, bytesReused: 300 },
};

function ended(given: object) {
  const flow = createFlow({ id: 1, listener: 'a', address: '127.0.0.1', port: 1, connectId: null });
  return Object.assign(flow, given);
}

test('counts how exchanges ended, and how long they took', () => {
  const metrics = new Metrics();
  metrics.add(ended({ outcome: 'forwarded', status: 200, totalMs: 3, bytesFromClient: 10, bytesToClient: 100 }));
  metrics.add(ended({ outcome: 'forwarded', status: 304, totalMs: 700 }));
  metrics.add(ended({ outcome: 'failed', status: 502, totalMs: 70_000, error: new ProxyError('connection_refused', 'No.') }));
  metrics.add(ended({ outcome: 'tunnelled', status: 200, totalMs: 1 }));
  const lines = metricsPage(metrics.counts, GAUGES).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'sallyport_exchanges_total{outcome="forwarded"} 2',
      'sallyport_exchanges_total{outcome="tunnelled"} 1',
      'sallyport_responses_total{status="2xx"} 2',
      'sallyport_responses_total{status="5xx"} 1',
      'sallyport_errors_total{code="connection_refused"} 1',
      'sallyport_cache_content_bytes_total{from="cache"} 300',
      'sallyport_cache_content_bytes_total{from="origin"} 600',
      'sallyport_received_bytes_total 10',
      'sallyport_exchange_duration_seconds_bucket{le="0.0025"} 0',
      'sallyport_exchange_duration_seconds_bucket{le="0.005"} 1',
      'sallyport_exchange_duration_seconds_bucket{le="1"} 2',
      'sallyport_exchange_duration_seconds_bucket{le="+Inf"} 3',
      'sallyport_exchange_duration_seconds_count 3',
      'sallyport_open_connections 2',
      'sallyport_accepting_paused 1',
      'sallyport_accepting_paused_seconds_total 1.5',
      'process_start_time_seconds 5',
    ]),
  );
});

test('every line is one of the format', () => {
  const metrics = new Metrics();
  metrics.add(ended({ outcome: 'denied', status: 403, totalMs: 1 }));
  const lines = metricsPage(metrics.counts, GAUGES).trimEnd().split('\n');
  for (const line of lines)
    expect(line).toMatch(/^(?:# (?:HELP \w+ .+|TYPE \w+ (?:counter|gauge|histogram))|\w+(?:\{\w+="[^"\\]*"\})? -?[\d.e+]+)$/);
});

test('counts of several processes are one sum', () => {
  const [one, other] = [new Metrics(), new Metrics()];
  one.add(ended({ outcome: 'forwarded', status: 200, totalMs: 3, bytesFromClient: 10 }));
  other.add(ended({ outcome: 'forwarded', status: 200, totalMs: 3, bytesFromClient: 5 }));
  other.add(ended({ outcome: 'denied', status: 403, totalMs: 3 }));
  const lines = metricsPage(sumOfCounts([one.counts, other.counts]), GAUGES).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'sallyport_exchanges_total{outcome="forwarded"} 2',
      'sallyport_exchanges_total{outcome="denied"} 1',
      'sallyport_responses_total{status="2xx"} 2',
      'sallyport_received_bytes_total 15',
      'sallyport_exchange_duration_seconds_bucket{le="0.005"} 3',
      'sallyport_exchange_duration_seconds_count 3',
    ]),
  );
});

test('the sum of none is a page of zeros', () => {
  expect(metricsPage(sumOfCounts([]), GAUGES)).toContain('sallyport_exchange_duration_seconds_count 0');
});
