// What handlers cost, as a program: `node test/bench/mitm-adapter.ts [--requests N] [--rounds N] [--profile FOLDER]`. The same handlers run under the package
// http-mitm-proxy and under our adapter of its API, each in a process of its own, with kept connections on both sides; what is told is the processor
// time of that process for a request. Rounds alternate between the two, and the ratio of neighbours is what counts. Linux.
// An exit code of 1 says that data handlers cost more here than in the package.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Proxy as PackageProxy } from 'http-mitm-proxy';
import { Proxy as AdapterProxy } from '../../src/adapters/http-mitm-proxy.ts';
import { cpuMicrosecondsOf } from './process-tree.ts';
import { median, medianRatio } from './statistics.ts';

const SIDES = ['http-mitm-proxy', 'adapter'] as const;
type Side = (typeof SIDES)[number];

interface Workload {
  readonly name: string;
  readonly handlers: 'none' | 'heads' | 'data';
  /** Of the answer, and of the request, octets. */
  readonly download: number;
  readonly upload: number;
}

const WORKLOADS: readonly Workload[] = [
  { name: 'no handler, 10 KB', handlers: 'none', download: 10_000, upload: 0 },
  { name: 'onRequest and onResponse, 10 KB', handlers: 'heads', download: 10_000, upload: 0 },
  { name: 'onResponseData, 10 KB', handlers: 'data', download: 10_000, upload: 0 },
  { name: 'onResponseData, 1 MB', handlers: 'data', download: 1_000_000, upload: 0 },
  { name: 'onRequestData, 10 KB each way', handlers: 'data', download: 10_000, upload: 10_000 },
];
const LANES = 8;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { requests: { type: 'string', default: '5000' }, rounds: { type: 'string', default: '5' }, profile: { type: 'string' } },
  });
  const origin = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end(CONTENT.subarray(0, Number(request.headers['x-download']))));
  });
  origin.listen({ host: '127.0.0.1', port: 0 });
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  for (const workload of WORKLOADS) {
    const costs = new Map(SIDES.map((side) => [side, new Map<number, number>()]));
    const requests = Math.ceil(Number(values.requests) / (workload.download > 100_000 ? 20 : 1));
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const side of SIDES) costs.get(side)!.set(round, await measure(side, workload, port, requests, values.profile ?? null));
    }
    const [theirs, ours] = SIDES.map((side) => costs.get(side)!) as [Map<number, number>, Map<number, number>];
    const ratio = medianRatio(ours, theirs) ?? Number.NaN;
    const words = [theirs, ours].map((each) => `${(median([...each.values()]) ?? Number.NaN).toFixed(0).padStart(6)} us`);
    console.log(`${workload.name.padEnd(34)} package ${words[0]}  adapter ${words[1]}  ratio ${ratio.toFixed(2)}`);
    if (workload.handlers === 'data' && ratio > 1) process.exitCode = 1;
  }
  origin.close();
  origin.closeAllConnections();
}

/** @returns microseconds of processor time for a request, once the process is warm */
async function measure(side: Side, workload: Workload, originPort: number, requests: number, profile: string | null): Promise<number> {
  const execArgv = profile === null || side !== 'adapter' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const child = fork(import.meta.filename, ['serve', side, workload.handlers], { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [port] = (await once(child, 'message')) as [number];
  const agent = new http.Agent({ keepAlive: true, maxSockets: LANES });
  const ask = () => request(agent, port, originPort, workload);
  try {
    await inLanes(ask, requests);
    const before = cpuMicrosecondsOf(child.pid!);
    await inLanes(ask, requests);
    return (cpuMicrosecondsOf(child.pid!) - before) / requests;
  } finally {
    agent.destroy();
    child.send('stop');
    await once(child, 'exit');
  }
}

async function inLanes(ask: () => Promise<void>, requests: number): Promise<void> {
  let left = requests;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function request(agent: http.Agent, port: number, originPort: number, { download, upload }: Workload): Promise<void> {
  const host = `127.0.0.1:${originPort}`;
  const headers = { host, 'x-download': String(download), ...(upload > 0 && { 'content-length': String(upload) }) };
  return new Promise((resolve, reject) => {
    const method = upload > 0 ? 'POST' : 'GET';
    const asked = http.request({ agent, host: '127.0.0.1', port, method, path: `http://${host}/`, headers }, (response) => {
      let octets = 0;
      response.on('data', (bytes: Buffer) => (octets += bytes.length));
      response.on('end', () => (octets === download ? resolve() : reject(new Error(`${octets} of ${download} octets came`))));
    });
    asked.on('error', reject).end(CONTENT.subarray(0, upload));
  });
}

/** The other process. */
async function serve(side: Side, handlers: Workload['handlers']): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-bench-'));
  const proxy = side === 'adapter' ? new AdapterProxy() : (new PackageProxy() as unknown as AdapterProxy);
  const agents =
    side === 'adapter' ? {} : { httpAgent: new http.Agent({ keepAlive: true }), httpsAgent: new https.Agent({ keepAlive: true }) };
  if (handlers !== 'none') {
    proxy.onRequest((_ctx, done) => done());
    proxy.onResponse((_ctx, done) => done());
  }
  if (handlers === 'data') {
    proxy.onRequestData((_ctx, chunk, done) => done(null, chunk));
    proxy.onResponseData((_ctx, chunk, done) => done(null, chunk));
  }
  proxy.listen({ host: '127.0.0.1', port: 0, sslCaDir: path.join(folder, 'ca'), keepAlive: true, ...agents }, () => {
    process.send?.(proxy.httpPort);
  });
  await once(process, 'message');
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}

const CONTENT = Buffer.alloc(1_000_000, 'content');

if (process.argv[2] === 'serve') await serve(process.argv[3] as Side, process.argv[4] as Workload['handlers']);
else await main();
