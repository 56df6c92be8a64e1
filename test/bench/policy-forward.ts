// What a policy costs a request, as a program: `node test/bench/policy-forward.ts [--rounds N] [--windows N] [--seconds N]`. GET of 1 KiB in absolute-form
// over kept connections, as in the benchmark beside Squid: under open.yaml, under corporate.yaml with a user whose password is checked, and under the
// latter with a list of a million domains before everything else. Linux, nginx, wrk.
// A round starts a process for each and loads them in turn, window after window: what the machine does meanwhile happens to all of them, and what the
// start of a process leaves to chance (where its memory lies) is told apart from the policy by starting anew. The ratio of neighbours is what counts.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { BenchError } from './bench-error.ts';
import { Children } from './children.ts';
import { CORPORATE_AUTH, CORPORATE_POLICY, CREDENTIALS, writeUsers } from './corporate.ts';
import { type Cores, chooseCores } from './machine.ts';
import { type LoadSide, measure } from './measure.ts';
import { startOrigin } from './origin.ts';
import { findPrograms } from './programs.ts';
import { freePort, startServer } from './server-process.ts';
import { median, medianRatio } from './statistics.ts';

/** Of several windows the median counts. */
const WARM_UP_SECONDS = 2;
const SUBJECTS = ['open.yaml', 'corporate.yaml', 'with a list'] as const;
type Subject = (typeof SUBJECTS)[number];
/** What each is compared with, and how much of it it may cost. A list of a million must be lost in the noise. */
const GOALS = [
  { subject: 'corporate.yaml', of: 'open.yaml', most: 1.15 },
  { subject: 'with a list', of: 'corporate.yaml', most: 1.05 },
] as const;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '7' },
      windows: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '1' },
    },
  });
  const cores = chooseCores();
  const { nginx, wrk } = findPrograms([], cores.proxy !== null);
  const children = new Children();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-bench-'));
  try {
    writeFiles(folder);
    const { signal } = new AbortController();
    const originPort = await startOrigin(children, folder, nginx, cores.origin, signal);
    const fields = [CREDENTIALS];
    const side: LoadSide = {
      children,
      originPort,
      tls: null,
      wrk,
      cores: cores.load,
      seconds: Number(values.seconds),
      warmUpSeconds: WARM_UP_SECONDS,
      signal,
      fields,
      rate: null,
    };
    const costs = new Map(SUBJECTS.map((subject) => [subject, new Map<number, number>()]));
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      for (const [subject, cost] of await measureRound(round, Number(values.windows), folder, cores, side))
        costs.get(subject)!.set(round, cost);
    }
    for (const subject of SUBJECTS) console.log(`${subject.padEnd(16)} ${spread([...costs.get(subject)!.values()])} us/request`);
    for (const { subject, of, most } of GOALS) report(subject, of, most, costs);
  } finally {
    await children.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeFiles(folder: string): void {
  writeUsers(folder);
  writeFileSync(
    path.join(folder, 'million.txt'),
    Array.from({ length: 1_000_000 }, (_, i) => `host-${i}.blocked-${i % 977}.example\n`).join(''),
  );
  cpSync(path.join(ROOT, 'policies/lists'), path.join(folder, 'lists'), { recursive: true });
  const corporate = readFileSync(CORPORATE_POLICY, 'utf8');
  // The list is asked first, and for every request.
  const withList = corporate
    .replace(/^lists:\n/m, 'lists:\n  million: { file: million.txt, format: domains }\n')
    .replace(/^rules:\n/m, 'rules:\n  - deny: { in: million }\n');
  writeFileSync(path.join(folder, 'with-list.yaml'), withList);
}

/** One process each, and for each the median of its windows. */
async function measureRound(
  round: number,
  windows: number,
  folder: string,
  cores: Cores,
  side: LoadSide,
): Promise<ReadonlyMap<Subject, number>> {
  const subjects = round % 2 === 1 ? SUBJECTS : SUBJECTS.toReversed();
  const running = new Map<Subject, Running>();
  try {
    for (const subject of subjects) running.set(subject, await startProxy(subject, folder, cores, side));
    for (let window = 0; window < windows; window += 1) {
      for (const [subject, { pid, port, costs }] of running) {
        const { cost, errors, firstError } = await measure('forward', { pid, port }, side);
        if (errors > 0) throw new BenchError(`${subject}: ${errors} errors, first: ${firstError}`);
        costs.push(cost);
      }
    }
    return new Map([...running].map(([subject, { costs }]) => [subject, median(costs) ?? Number.NaN]));
  } finally {
    for (const { stop } of running.values()) await stop();
  }
}

interface Running {
  readonly pid: number;
  readonly port: number;
  readonly costs: number[];
  readonly stop: () => Promise<void>;
}

async function startProxy(subject: Subject, folder: string, cores: Cores, side: LoadSide): Promise<Running> {
  const port = await freePort();
  const policy = {
    'open.yaml': path.join(ROOT, 'policies/open.yaml'),
    'corporate.yaml': CORPORATE_POLICY,
    'with a list': path.join(folder, 'with-list.yaml'),
  }[subject];
  const auth = subject === 'open.yaml' ? '' : CORPORATE_AUTH;
  const configuration = path.join(folder, `${port}.yaml`);
  const log = `access_log: { file: ${port}.jsonl }\nstate_dir: state\ncache: { folder: cache-${port} }\n`;
  writeFileSync(configuration, `listen: 127.0.0.1:${port}\npolicy: ${policy}\n${auth}${log}`);
  const args = ['--max-semi-space-size=8', path.join(ROOT, 'src/bin.cjs'), 'run', '--config', configuration];
  const child = await startServer(side.children, { name: subject, program: process.execPath, args, cores: cores.proxy }, port, side.signal);
  return { pid: child.pid, port, costs: [], stop: () => child.stop() };
}

function spread(costs: readonly number[]): string {
  const figures = [median(costs) ?? Number.NaN, Math.min(...costs), Math.max(...costs)].map((cost) => cost.toFixed(1));
  return `${figures[0]!.padStart(6)} (${figures[1]} to ${figures[2]})`;
}

function report(subject: Subject, of: Subject, most: number, costs: ReadonlyMap<Subject, ReadonlyMap<number, number>>): void {
  const ratio = medianRatio(costs.get(subject)!, costs.get(of)!) ?? Number.NaN;
  const isReached = ratio <= most;
  if (!isReached) process.exitCode = 1;
  console.log(`${subject}: ${ratio.toFixed(3)} of ${of}, ${isReached ? 'reached' : 'missed'} (${most})`);
}

const ROOT = path.join(import.meta.dirname, '../..');

await main();
