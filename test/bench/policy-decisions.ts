// What a decision costs: `node test/bench/policy-decisions.ts`. CPU of the process and octets allocated for one decision, on 2,000 mixed rules
// where a rule near the front, near the end or none at all decides, and on the policies of one person and of a company. Every question is a new
// object, as every request makes one; that is in the figures. The goal is 5 us at most for each row, on a core that has nothing else to do.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Condition } from '../../src/match/condition.ts';
import type { Question } from '../../src/match/question.ts';
import { parseDays, parseHours, timeWindow } from '../../src/match/time-window.ts';
import { timeZone } from '../../src/match/time-zone.ts';
import type { CompiledPolicy } from '../../src/policy/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import type { Rule } from '../../src/policy/policy.ts';
import { formatProblem } from '../../src/policy/yaml-source.ts';
import * as q from '../support/questions.ts';
import { median } from './statistics.ts';

const RULES = 2_000;
const ROUNDS = 9;
const DECISIONS = 50_000;
/** Few enough that their garbage fits into the young generation and is not collected meanwhile. */
const MEASURED_ALLOCATIONS = 2_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

interface Row {
  readonly name: string;
  readonly compiled: CompiledPolicy;
  readonly questions: readonly Question[];
}

const OFFICE_HOURS = timeWindow(timeZone('Europe/Berlin'), [parseDays('mon-fri')], [parseHours('08:00-18:00')], null, null);
const FIELDS = q.fieldsOf(
  ['Host', 'www.example.test'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['Accept-Language', 'en-GB,en;q=0.5'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Cookie', 'session=0123456789abcdef'],
);

function mixedRules(): readonly Rule[] {
  return Array.from({ length: RULES }, (_, n) => q.rule(n % 3 === 0 ? 'deny' : 'allow', mixedCondition(n), { name: `rule ${n}` }));
}

/** A realistic mixture: of twenty rules, one asks for nothing that rules are filed under. */
function mixedCondition(n: number): Condition {
  const site = `site-${n}.test`;
  switch (n % 20) {
    case 0:
      return q.host(site, `www.${site}`, `static.${site}`);
    case 1:
      return q.all(q.host(`.${site}`), q.port(80, 443));
    case 2:
      return q.all(q.host(`*.${site}`), q.method('GET', 'HEAD'));
    case 3:
      return q.all(q.host(site), q.path('/pool/*', '/dists/*'));
    case 4:
      return q.all(q.host(`.${site}`), q.member(`team-${n % 50}`, 'admins'));
    case 5:
      return q.all(q.host(site), q.time(OFFICE_HOURS));
    case 6:
      return q.user(`user-${n}`, `deputy-${n}`);
    case 7:
      return q.all(q.member(`team-${n % 50}`), q.port(8000 + (n % 100)));
    case 8:
      return q.all(q.client(`10.${n % 250}.${(n >> 3) % 250}.0/24`), q.method('GET', 'HEAD', 'POST'));
    case 9:
      return q.all(q.client(`10.${n % 250}.0.0/16`, '172.16.0.0/12'), q.host(`.${site}`));
    case 10:
      return q.port(9000 + n);
    case 11:
      return q.all(q.host(site), q.pathRegex('^/api/v[0-9]+/'));
    case 12:
      return q.any(q.host(`a.${site}`), q.all(q.host(`b.${site}`), q.method('GET')));
    case 13:
      return q.all(q.host(`.${site}`), q.not(q.user('bot-*')));
    case 14:
      return q.all(q.domain(`company-${n}.test`), q.scheme('https', 'tunnel'));
    case 15:
      return q.all(q.host(`files.${site}`), q.field({ 'user-agent': ['curl/*', 'Wget/*'] }));
    case 16:
      return q.all(q.method('PROPFIND', 'MKCOL'), q.path('/dav/*'));
    case 17:
      return unfiledCondition(n / 20);
    default:
      return q.host(`.${site}`, `cdn-${n}.test`);
  }
}

/** Candidates for every request. */
function unfiledCondition(n: number): Condition {
  switch (Math.floor(n) % 5) {
    case 0:
      return q.hostRegex(`^ads?[0-9]*\\.net${Math.floor(n)}\\.`);
    case 1:
      return q.path(`/.well-known/private-${Math.floor(n)}/*`);
    case 2:
      return q.user(`bot-${Math.floor(n)}-*`);
    case 3:
      return q.pathRegex(`\\.(exe|scr|bat)\\.${Math.floor(n)}$`);
    default:
      return q.all(q.not(q.client('10.0.0.0/8')), q.requestSize(q.over(1 << 20)));
  }
}

/** What a company might write: sixty rules, a list, groups, office hours, and a rule that asks for the type of the answer. */
function companyRules(): readonly Rule[] {
  const office = q.group('office', q.client('10.0.0.0/8', '192.168.0.0/16'));
  const engineers = q.group('engineers', q.member('eng', 'sre'));
  const blocked = new Set(Array.from({ length: 10_000 }, (_, n) => `ads-${n}.test`));
  const list = { kind: 'domains', matchesHost: (host: string) => blocked.has(host), describeMatch: (host: string) => host } as const;
  return [
    q.rule('deny', q.inList('ads', list)),
    q.rule('deny', q.all(q.not(office), q.host('.intranet.test'))),
    q.rule('tunnel', q.host('.bank.test', '.health.test')),
    ...Array.from({ length: 40 }, (_, n) => q.rule('allow', q.all(q.host(`.partner-${n}.test`), q.port(80, 443)))),
    ...Array.from({ length: 12 }, (_, n) => q.rule('allow', q.all(q.host(`tool-${n}.test`), engineers))),
    q.rule('deny', q.all(q.host('.video.test'), q.time(OFFICE_HOURS))),
    q.rule('deny', q.all(q.method('POST', 'PUT'), q.host('.paste.test'))),
    q.rule('deny', q.all(q.path('*.exe', '*.msi'), q.not(engineers))),
    q.rule('deny', q.responseType('application/x-msdownload')),
    q.rule('allow', office),
  ];
}

function browsing(host: string, members: Partial<Question> = {}): Question {
  return q.question({
    host,
    pathAndQuery: '/assets/app.js?v=3',
    fields: FIELDS,
    clientAddress: '10.7.1.20',
    identity: q.identity('alice', { groups: ['staff', 'eng', 'team-4', 'readers'] }),
    ...members,
  });
}

const mixed = q.compiled('deny', mixedRules());
const open = await example('open');
const corporate = await example('corporate');
const company = q.compiled('deny', companyRules());
const asConnect = { method: 'CONNECT', scheme: 'tunnel', port: 443, pathAndQuery: null } as const;

const ROWS: readonly Row[] = [
  { name: 'mixed: early', compiled: mixed, questions: [0, 1, 18, 19].map((n) => browsing(`site-${n}.test`)) },
  { name: 'mixed: late', compiled: mixed, questions: [1980, 1981, 1998, 1999].map((n) => browsing(`site-${n}.test`)) },
  { name: 'mixed: late, by path', compiled: mixed, questions: [browsing('site-1983.test', { pathAndQuery: '/pool/a' })] },
  { name: 'mixed: default', compiled: mixed, questions: [browsing('www.nobody-named.test'), browsing('other.test', { method: 'POST' })] },
  { name: 'mixed: default, CONNECT', compiled: mixed, questions: [browsing('www.nobody-named.test', asConnect)] },
  { name: 'mixed: nobody asks', compiled: mixed, questions: [browsing('www.nobody-named.test', { identity: 'nobody' })] },
  { name: 'mixed: to be challenged', compiled: mixed, questions: [browsing('www.nobody-named.test', { identity: 'unasked' })] },
  { name: 'open.yaml', compiled: open, questions: [browsing('www.example.test'), browsing('www.example.test', asConnect)] },
  {
    name: 'corporate.yaml',
    compiled: corporate,
    questions: [browsing('www.example.test', { listener: 'lan' }), browsing('www.example.test', { ...asConnect, listener: 'lan' })],
  },
  { name: 'company: allowed', compiled: company, questions: [browsing('www.partner-20.test'), browsing('www.example.test')] },
  { name: 'company: CONNECT', compiled: company, questions: [browsing('www.partner-20.test', asConnect)] },
  { name: 'company: denied', compiled: company, questions: [browsing('ads-77.test')] },
];

async function example(name: string): Promise<CompiledPolicy> {
  const loaded = await loadPolicy(`policies/${name}.yaml`);
  if ('problems' in loaded) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.compiled;
}

/** Asks `count` times, a new question each time. @returns something that depends on each answer, so that none is left out */
function askTimes({ compiled, questions }: Row, count: number): number {
  let allowed = 0;
  for (let i = 0; i < count; i += 1) {
    if (decide(compiled, { ...questions[i % questions.length]! }).action !== 'deny') allowed += 1;
  }
  return allowed;
}

function cpuMicroseconds(row: Row): number {
  const { user, system } = process.cpuUsage();
  askTimes(row, DECISIONS);
  const used = process.cpuUsage({ user, system });
  return (used.user + used.system) / DECISIONS;
}

function allocatedBytes(row: Row): number {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  askTimes(row, MEASURED_ALLOCATIONS);
  return (process.memoryUsage().heapUsed - before) / MEASURED_ALLOCATIONS;
}

function measure(row: Row): void {
  for (let round = 0; round < 3; round += 1) askTimes(row, DECISIONS);
  const rounds = Array.from({ length: ROUNDS }, () => row);
  const micros = median(rounds.map(cpuMicroseconds))!;

  const bytes = median(rounds.map(allocatedBytes))!;
  const { decidedBy, rule, awaits } = decide(row.compiled, row.questions[0]!);
  const decided = `${rule?.name ?? decidedBy}${awaits === 'nothing' ? '' : `, awaits ${awaits}`}`;
  console.log(`${row.name.padEnd(26)}${micros.toFixed(2).padStart(8)}${bytes.toFixed(0).padStart(9)}   ${decided}`);
}

console.log(`${'policy and question'.padEnd(26)}${'us'.padStart(8)}${'octets'.padStart(9)}   decided by (the first question)`);
// All of them once, so that each is measured in the code that all of them made.
for (const row of ROWS) askTimes(row, DECISIONS);
for (const row of ROWS) measure(row);
