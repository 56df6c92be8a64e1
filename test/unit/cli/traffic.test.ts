import { expect, test } from 'vitest';
import { type CommandReport, reportJson, reportText } from '../../../src/cli/run-report.ts';
import { Traffic } from '../../../src/cli/traffic.ts';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { createFlow, type Flow, type Outcome } from '../../../src/flows/flow.ts';
import { decide } from '../../../src/policy/decide.ts';
import { compiledYaml, questionFor } from '../../support/questions.ts';

const POLICY = compiledYaml(`version: 1
default: allow
connect_ports: any
rules:
  - name: Adverts
    deny: { host: ads.test }
`);

function flow(request: string, outcome: Outcome, more: Partial<Flow> = {}): Flow {
  const [method = '', target = ''] = request.split(' ');
  return Object.assign(createFlow({ id: 1, listener: 'command', address: '127.0.0.1', port: 1, connectId: null }), {
    method,
    target,
    outcome,
    decision: decide(POLICY, questionFor(request)),
    bytesFromClient: 10,
    bytesToClient: 1_000,
    ...more,
  });
}

function summaryOf(...flows: readonly Flow[]) {
  const traffic = new Traffic();
  for (const each of flows) traffic.add(each);
  return traffic.summary;
}

test('requests and tunnels are counted by host, the busiest first', () => {
  const summary = summaryOf(
    flow('CONNECT b.test:443', 'tunnelled'),
    flow('GET http://a.test/1', 'forwarded'),
    flow('GET http://a.test/2', 'reused'),
    flow('GET http://a.test:8080/', 'forwarded'),
  );
  expect(summary).toMatchObject({ requests: 3, tunnels: 1, fromCache: 1, bytesFromCache: 1_000, bytesReceived: 4_000, bytesSent: 40 });
  expect(summary.hosts).toMatchObject([
    { host: 'a.test', requests: 2, tunnels: 0, fromCache: 1 },
    { host: 'b.test', requests: 0, tunnels: 1 },
    { host: 'a.test:8080', requests: 1 },
  ]);
});

test('of an opened tunnel the requests inside are counted, not the tunnel', () => {
  const opened = flow('CONNECT a.test:443', 'opened', { interception: { outcome: 'opened', reason: null } });
  const inside = flow('GET https://a.test/', 'forwarded', { connectId: 1 });
  expect(summaryOf(opened, inside)).toMatchObject({ requests: 1, tunnels: 0, failed: [] });
});

test('what is denied is told once for each destination and rule, with its place and how often', () => {
  const summary = summaryOf(
    flow('GET http://ads.test/1', 'denied'),
    flow('GET http://ads.test/2', 'denied'),
    flow('CONNECT ads.test:443', 'denied'),
  );
  expect(summary).toMatchObject({ requests: 0, tunnels: 0 });
  expect(summary.denied).toEqual([
    { request: 'GET http://ads.test/1', host: 'ads.test', rule: 'Adverts', place: 'p.yaml:5', count: 2 },
    { request: 'CONNECT ads.test:443', host: 'ads.test', rule: 'Adverts', place: 'p.yaml:5', count: 1 },
  ]);
});

test('a failure is told with its code and its first reason, and so is a certificate that was not believed', () => {
  const summary = summaryOf(
    flow('GET http://a.test/', 'failed', { error: new ProxyError('connection_refused', 'a.test refused') }),
    flow('CONNECT b.test:443', 'aborted', { interception: { outcome: 'refused', reason: 'the client said: unknown ca' } }),
    flow('BREW coffee', 'failed', { decision: null, target: 'coffee', error: new ProxyError('http_request_error', 'no') }),
  );
  expect(summary.failed).toEqual([
    { request: 'GET http://a.test/', host: 'a.test', error: 'connection_refused', detail: 'a.test refused', count: 1 },
    { request: 'CONNECT b.test:443', host: 'b.test', error: 'handshake_refused', detail: 'the client said: unknown ca', count: 1 },
    { request: 'BREW coffee', host: null, error: 'http_request_error', detail: 'no', count: 1 },
  ]);
});

test('a command that asks for a million hosts costs the memory of so many, and the rest is counted', () => {
  const traffic = new Traffic(3);
  for (let i = 0; i < 10; i += 1) traffic.add(flow(`GET http://h${i}.test/`, 'forwarded'));
  expect(traffic.summary.hosts).toHaveLength(3);
  expect(traffic.summary).toMatchObject({ requests: 10, unlisted: 7 });
  const text = reportText({ ...REPORT, traffic: traffic.summary }, (word) => word);
  expect(text.split('\n').at(-1)).toBe('besides    7 exchanges with more destinations than are kept');
});

const REPORT: CommandReport = {
  command: ['npm', 'ci'],
  startedAtMs: 1_700_000_000_000,
  durationMs: 12_440,
  exitCode: 0,
  signal: null,
  policy: 'p.yaml: 1 rule, otherwise allow',
  traffic: summaryOf(
    flow('GET http://a.test/1', 'reused'),
    flow('GET http://a.test/2', 'forwarded'),
    flow('CONNECT b.test:443', 'tunnelled'),
    flow('GET http://ads.test/', 'denied'),
    flow('GET http://c.test/', 'failed', { error: new ProxyError('dns_error', 'The name c.test does not exist.') }),
  ),
};

test('the report is a few lines', () => {
  expect(reportText(REPORT, (text) => text)).toBe(
    `sallyport  npm ci exited with 0 after 12.4 s
traffic    3 requests, 1 tunnel; 3.9 KiB received, 40 B sent
cache      answered 1 of 3 requests; 1000 B not fetched again
hosts      a.test    2 requests (1 from the cache)
           b.test    1 tunnel
           ads.test  1 denied
           c.test    1 request, 1 failed
denied     GET http://ads.test/  rule 'Adverts'  p.yaml:5
failed     GET http://c.test/  dns_error: The name c.test does not exist.`,
  );
});

test('a long list is cut, and says so; nothing that a command chose steers the terminal', () => {
  const traffic = new Traffic();
  for (let i = 0; i < 13; i += 1) traffic.add(flow(`GET http://h${i}.test/`, 'forwarded'));
  const text = reportText({ ...REPORT, command: ['echo', '\x1b[2J'], signal: 'SIGKILL', traffic: traffic.summary }, (word) => word);
  expect(text).toContain('echo \\u001b[2J was ended by SIGKILL after 12.4 s');
  expect(text.trimEnd().split('\n').at(-1)).toBe('           and 3 more hosts; --report FILE has all of them');
});

test('a command that sent nothing is told so', () => {
  expect(reportText({ ...REPORT, traffic: summaryOf() }, (text) => text).split('\n')[1]).toBe('traffic    nothing passed the proxy');
});

test('the JSON has all of it', () => {
  expect(JSON.parse(reportJson(REPORT))).toMatchObject({
    command: ['npm', 'ci'],
    started_at: '2023-11-14T22:13:20.000Z',
    duration_ms: 12_440,
    exit_code: 0,
    signal: null,
    requests: 3,
    tunnels: 1,
    cache: { answered: 1, bytes: 1_000 },
    hosts: [
      { host: 'a.test', requests: 2, from_cache: 1 },
      { host: 'b.test' },
      { host: 'ads.test', denied: 1 },
      { host: 'c.test', failed: 1 },
    ],
    denied: [{ rule: 'Adverts', place: 'p.yaml:5', count: 1 }],
    failed: [{ error: 'dns_error' }],
    unlisted: 0,
  });
});
