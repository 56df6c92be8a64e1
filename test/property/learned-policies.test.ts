// What `policy learn` promises, held against random logs: its text is a policy without a warning, passes its own tests, and allows what passed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalisePath } from '../../src/http/path.ts';
import { parseIpAddress } from '../../src/net/ip-address.ts';
import { ask, verdictOf } from '../../src/policy/ask.ts';
import { type CompiledPolicy, compilePolicy } from '../../src/policy/compile.ts';
import { learnedPolicy } from '../../src/policy/learn/learned-policy.ts';
import { ObservedTraffic } from '../../src/policy/learn/observed-traffic.ts';
import { lintPolicy } from '../../src/policy/lint/lint-policy.ts';
import { parseRecorded, type Recorded } from '../../src/policy/recorded.ts';
import { runPolicyTests } from '../../src/policy/run-tests.ts';
import { parsePolicy } from '../support/parse-policy.ts';

const host = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', 'a.', 'b.', 'c.', 'x.y.'),
      fc.constantFrom('one.example', 'two.test', 'me.github.io', 'co.uk', 'shop.co.uk', 'intra'),
    )
    .map((labels) => labels.join('')),
  fc.constantFrom('192.0.2.7', '[2001:db8::1]', 'github.io', 'a-b_c.example'),
);
const segment = fc.oneof(
  fc.constantFrom(
    'pool',
    'v2',
    '1.2.3',
    'lib-1.2.3.tgz',
    '42',
    '20261122',
    'deadbeef01',
    '0f8fad5b-d9cb-469f-a165-70867728950e',
    '%20',
    'a*b',
    "it's",
    '..',
    '',
  ),
  fc.string({ unit: fc.constantFrom(...'ab09-._~:@!$&()+,;=%'), maxLength: 6 }),
);
const path = fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`);
const target = fc.oneof(
  fc.tuple(host, fc.constantFrom(443, 443, 443, 8443, 80)).map(([name, port]) => ({ method: 'CONNECT', target: `${name}:${port}` })),
  fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'get', 'M-SEARCH'),
      scheme: fc.constantFrom('http', 'http', 'https'),
      name: host,
      port: fc.constantFrom('', '', ':8080', ':443'),
      path: fc.oneof(path, fc.constantFrom('', '/?token=secret')),
    })
    .map(({ method, scheme, name, port, path: rest }) => ({ method, target: `${scheme}://${name}${port}${rest}` })),
);
const line = fc
  .record({
    request: target,
    decision: fc.constantFrom('allow', 'allow', 'allow', 'allow', 'deny'),
    outcome: fc.constantFrom('forwarded', 'forwarded', 'forwarded', 'failed', 'aborted'),
    upstream: fc.constantFrom('93.184.216.34:80', '93.184.216.34:80', '93.184.216.34:80', '10.0.0.5:80', '[2606:2800:220:1::1]:443', null),
    client: fc.constantFrom('203.0.113.50', '127.0.0.1', ''),
    interception: fc.constantFrom('opened', 'opened', 'passed', null),
    second: fc.nat(100_000),
  })
  .map(({ request, second, ...members }) =>
    JSON.stringify({
      time: new Date(1_790_000_000_000 + second * 1000).toISOString(),
      listener: 'lan',
      user: null,
      status: 200,
      route: 'direct',
      ...request,
      ...members,
    }),
  );

/** Each line once or a few times. */
const log = fc
  .array(fc.tuple(line, fc.constantFrom(1, 1, 2, 5)), { maxLength: 60, size: 'max' })
  .map((lines) =>
    lines
      .flatMap(([text, times]) => Array.from({ length: times }, () => parseRecorded(text)))
      .filter((record) => typeof record === 'object'),
  );

test('the text is stable, without a warning, and passes a test for each of its rules', () => {
  fc.assert(
    fc.property(log, (records) => {
      const text = learn(records);
      expect(learn(records)).toBe(text);
      const compiled = compiledFrom(text);
      expect(lintPolicy(compiled, { nowMs: 0 })).toEqual([]);
      expect(runPolicyTests(compiled, 0).filter(({ failure }) => failure !== null)).toEqual([]);
      const { rules, tests } = compiled.policy;
      expect(tests.map(({ expectedRule }) => expectedRule)).toEqual(rules.map(({ name }) => name));
      expect(text).not.toContain('secret');
    }),
    { numRuns: 200 },
  );
});

test('every request that passed is allowed, or its rule is commented out with good reason', () => {
  let allowed = 0;
  let doubted = 0;
  fc.assert(
    fc.property(log, (records) => {
      const text = learn(records);
      const learned = compiledFrom(text);
      const whole = compiledFrom(uncommented(text));
      for (const record of records) {
        if (record.ending !== 'passed' || isUnruly(record)) continue;
        if (isAllowed(learned, record)) allowed += 1;
        else {
          doubted += 1;
          expect(isAllowed(whole, record), `${record.question.method} ${record.question.host} in\n${text}`).toBe(true);
          expect(isDoubtful(record, records), `${record.question.method} ${record.question.host} in\n${text}`).toBe(true);
        }
      }
    }),
    { numRuns: 200 },
  );
  expect(allowed).toBeGreaterThan(1_000);
  expect(doubted).toBeGreaterThan(1_000);
});

test('a rule that allows what was denied says so', () => {
  fc.assert(
    fc.property(log, (records) => {
      const text = learn(records);
      const learned = compiledFrom(text);
      for (const record of records) {
        if (record.ending === 'denied' && !isUnruly(record) && isAllowed(learned, record)) expect(text).toContain('Mind: it also allows');
      }
    }),
    { numRuns: 200 },
  );
});

function learn(records: readonly Recorded[]): string {
  const traffic = new ObservedTraffic();
  for (const record of records) traffic.add(record);
  return learnedPolicy(traffic);
}

function compiledFrom(text: string): CompiledPolicy {
  const parsed = parsePolicy(text, 'learned.yaml');
  if (!('policy' in parsed)) throw new Error(`${JSON.stringify(parsed.problems)}\n${text}`);
  return compilePolicy(parsed.policy);
}

function isAllowed(compiled: CompiledPolicy, record: Recorded): boolean {
  return ['allow', 'intercept'].includes(verdictOf(ask(compiled, { ...record, addresses: [] }).decision));
}

/** The text with its doubtful rules in force. */
function uncommented(text: string): string {
  return text
    .replace(/^ {2}# No rule can be written.*\n(?: {2}# {3}.*\n?)*/m, '')
    .replace(/^connect_ports: .*$/m, 'connect_ports: any')
    .replace('rules: []', text.includes('# - name: ') ? 'rules:' : 'rules: []')
    .replace(/^ {2}# (- name: | {2,6}[^ ])/gm, '  $1');
}

/** No rule can be written for these. */
function isUnruly({ question: { method, pathAndQuery } }: Recorded): boolean {
  return method === 'get' || (pathAndQuery !== null && !normalisePath(pathAndQuery).isUsable);
}

/** An address in place of a name, what was opened, a private address, or the only request of its kind to its host and port. */
function isDoubtful(record: Recorded, records: readonly Recorded[]): boolean {
  const { host, port, scheme, method, pathAndQuery } = record.question;
  if (parseIpAddress(host) !== null || isPrivate(record)) return true;
  // What was opened is as doubtful as what was seen inside.
  if (record.isOpened && scheme === 'tunnel') return true;
  const same = records
    .filter(({ question: other }) => other.host === host && other.port === port && other.scheme === scheme)
    .filter(
      (other) =>
        other.ending === 'passed' && !isPrivate(other) && other.question.method === method && other.question.pathAndQuery === pathAndQuery,
    );
  return same.length === 1;
}

function isPrivate({ addresses, clientAddress }: Recorded): boolean {
  return addresses.some((address) => address.startsWith('10.')) && clientAddress === '203.0.113.50';
}
