// What a policy costs a request, as a program: `node test/bench/policy-forward.ts [--rounds N] [--seconds N]`. GET of 1 KiB in absolute-form over kept
// connections, as in the benchmark beside Squid: under open.yaml, under corporate.yaml with a user whose password is checked, and under the latter with
// a list of a million domains before everything else. Neighbours in time are compared, and the ratio is what counts. Linux, nginx, wrk.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { hashSync } from 'bcryptjs';
import { BenchError } from './bench-error.ts';
import { Children } from './children.ts';
import { type Cores, chooseCores } from './machine.ts';
import { type LoadSide, measure } from './measure.ts';
import { startOrigin } from './origin.ts';
import { findPrograms } from './programs.ts';
import { freePort, startServer } from './server-process.ts';
import { median, medianRatio } from './statistics.ts';

const SUBJECTS = ['open.yaml', 'corporate.yaml', 'with a list'] as const;
type Subject = (typeof SUBJECTS)[number];
/** Ratio to open.yaml. A list of a million must be lost in the noise. */
const GOAL: Readonly<Partial<Record<Subject, number>>> = { 'corporate.yaml': 1.15 };

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' }, seconds: { type: 'string', default: '3' } } });
  const cores = chooseCores();
  const { nginx, wrk } = findPrograms([], cores.proxy !== null);
  const children = new Children();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-bench-'));
  try {
    writeFiles(folder);
    const { signal } = new AbortController();
    const originPort = await startOrigin(children, folder, nginx, cores.load, signal);
    const authorization = Buffer.from('ada:secret').toString('base64');
    const fields = [`Proxy-Authorization: Basic ${authorization}`];
    const side: LoadSide = { children, originPort, wrk, core: cores.load, seconds: Number(values.seconds), signal, fields };
    const costs = new Map(SUBJECTS.map((subject) => [subject, new Map<number, number>()]));
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      for (const subject of round % 2 === 1 ? SUBJECTS : SUBJECTS.toReversed()) {
        costs.get(subject)!.set(round, await measureOnce(subject, folder, cores, side));
      }
    }
    for (const subject of SUBJECTS) report(subject, costs.get(subject)!, costs.get('open.yaml')!);
  } finally {
    await children.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeFiles(folder: string): void {
  writeFileSync(path.join(folder, 'users'), `ada:${hashSync('secret', 6)}\n`);
  writeFileSync(
    path.join(folder, 'million.txt'),
    Array.from({ length: 1_000_000 }, (_, i) => `host-${i}.blocked-${i % 977}.example\n`).join(''),
  );
  cpSync(path.join(ROOT, 'policies/lists'), path.join(folder, 'lists'), { recursive: true });
  const corporate = readFileSync(path.join(ROOT, 'policies/corporate.yaml'), 'utf8');
  // The list is asked first, and for every request.
  const withList = corporate
    .replace(/^lists:\n/m, 'lists:\n  million: { file: million.txt, format: domains }\n')
    .replace(/^rules:\n/m, 'rules:\n  - deny: { in: million }\n');
  writeFileSync(path.join(folder, 'with-list.yaml'), withList);
}

async function measureOnce(subject: Subject, folder: string, cores: Cores, side: LoadSide): Promise<number> {
  const port = await freePort();
  const policy = {
    'open.yaml': path.join(ROOT, 'policies/open.yaml'),
    'corporate.yaml': path.join(ROOT, 'policies/corporate.yaml'),
    'with a list': path.join(folder, 'with-list.yaml'),
  }[subject];
  const auth = subject === 'open.yaml' ? '' : 'auth: { htpasswd: users, require: by-policy }\n';
  const configuration = path.join(folder, `${port}.yaml`);
  const log = `access_log: { file: ${port}.jsonl }\nstate_dir: state\ncache: { folder: cache }\n`;
  writeFileSync(configuration, `listen: 127.0.0.1:${port}\npolicy: ${policy}\n${auth}${log}`);
  const args = ['--max-semi-space-size=8', path.join(ROOT, 'src/bin.cjs'), 'run', '--config', configuration];
  const child = await startServer(side.children, { name: subject, program: process.execPath, args, core: cores.proxy }, port, side.signal);
  try {
    const { cost, errors, firstError } = await measure('forward', { pid: child.pid, port }, side);
    if (errors > 0) throw new BenchError(`${subject}: ${errors} errors, first: ${firstError}`);
    return cost;
  } finally {
    await child.stop();
  }
}

function report(subject: Subject, costs: ReadonlyMap<number, number>, open: ReadonlyMap<number, number>): void {
  const cost = median([...costs.values()]) ?? Number.NaN;
  const ratio = medianRatio(costs, open) ?? Number.NaN;
  const goal = GOAL[subject];
  const verdict = goal === undefined ? '' : ratio <= goal ? `  reached (${goal})` : `  missed (${goal})`;
  if (verdict.includes('missed')) process.exitCode = 1;
  console.log(`${subject.padEnd(16)} ${cost.toFixed(1).padStart(6)} us/request  ${ratio.toFixed(3)} of open.yaml${verdict}`);
}

const ROOT = path.join(import.meta.dirname, '../..');

await main();
