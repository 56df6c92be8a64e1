// What lists cost, as a program: `node test/bench/lists.ts`. Each start is a process of its own, and its CPU time is that of the whole process,
// threads included. Made for Linux; the figures to reach are printed beside those measured, and an exit code of 1 says that one was missed.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildAddressSet, hasAddress } from '../../src/match/address-set.ts';
import { type Cidr, parseIpAddress } from '../../src/net/ip-address.ts';
import type { DomainList, ListSpec } from '../../src/policy/lists/list.ts';
import { loadList } from '../../src/policy/lists/load-list.ts';
import { domainName } from './list-names.ts';

const DOMAINS = 1_000_000;
const BLOCKS = 100_000;
const LOOKUPS = 1_000_000;

interface Start {
  readonly cpuSeconds: number;
  readonly mebibytes: number;
  readonly microseconds: number;
}

async function main([mode, file, cacheFolder]: readonly string[]): Promise<void> {
  if (mode === 'start' && file !== undefined) return console.log(JSON.stringify(await start(file, cacheFolder ?? null)));
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-lists-'));
  try {
    const list = path.join(folder, 'domains.txt');
    writeFileSync(list, Array.from({ length: DOMAINS }, (_, i) => `${domainName(i)}\n`).join(''));
    const cache = path.join(folder, 'compiled');
    // As the program does at its start, or the time to strip types from our own source would be most of the second start.
    process.env['NODE_COMPILE_CACHE'] = path.join(folder, 'code');
    const cold = startProcess(list);
    const first = startProcess(list, cache);
    const second = startProcess(list, cache);
    report('1,000,000 domains, process start and load', cold.cpuSeconds, 1.5, 's CPU');
    report('the same, and the compiled form kept', first.cpuSeconds, 1.5, 's CPU');
    report('the same from the compiled form', second.cpuSeconds, 0.2, 's CPU');
    report('memory above base after the load', cold.mebibytes, 70, 'MiB');
    report('memory above base from the compiled form', second.mebibytes, 70, 'MiB');
    report('one host', cold.microseconds, 2, 'us CPU');
    report('100,000 blocks of IPv4 and IPv6, one address', addressMicroseconds(), 2, 'us CPU');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function startProcess(...args: readonly string[]): Start {
  return JSON.parse(execFileSync(process.execPath, [import.meta.filename, 'start', ...args], { encoding: 'utf8' })) as Start;
}

async function start(file: string, cacheFolder: string | null): Promise<Start> {
  const base = process.memoryUsage.rss();
  const position = { file: 'bench', line: 1, column: 1 };
  const spec: ListSpec = { name: 'bench', file, format: 'domains', subdomains: true, mayBeEmpty: false, position };
  const loaded = await loadList(spec, { cacheFolder });
  const cpu = process.cpuUsage();
  const mebibytes = (process.memoryUsage.rss() - base) / 2 ** 20;
  if ('problem' in loaded || loaded.list.kind !== 'domains' || loaded.list.entries !== DOMAINS) throw new Error(JSON.stringify(loaded));
  return { cpuSeconds: (cpu.user + cpu.system) / 1e6, mebibytes, microseconds: hostMicroseconds(loaded.list) };
}

/** Every second host is listed, in no order that a processor's caches could profit from. */
function hostMicroseconds(list: DomainList): number {
  const hosts = Array.from({ length: LOOKUPS }, (_, i) => `www.${domainName((i * 7919) % (2 * DOMAINS))}`);
  return perLookup(hosts, (host) => list.matchesHost(host));
}

function addressMicroseconds(): number {
  const blocks = Array.from({ length: BLOCKS }, (_, i): Cidr => ({ address: address(i), prefixLength: i % 2 === 0 ? 24 : 48 }));
  const set = buildAddressSet(blocks);
  const asked = Array.from({ length: LOOKUPS }, (_, i) => address((i * 7919) % (2 * BLOCKS)));
  return perLookup(asked, (ip) => hasAddress(set, ip));
}

/** CPU time of one lookup; half of them have to hit. */
function perLookup<T>(asked: readonly T[], isListed: (one: T) => boolean): number {
  const before = process.cpuUsage();
  let hits = 0;
  for (const one of asked) if (isListed(one)) hits += 1;
  const { user, system } = process.cpuUsage(before);
  if (Math.abs(hits / asked.length - 0.5) > 0.01) throw new Error(`${hits} hits of ${asked.length}`);
  return (user + system) / asked.length;
}

/** IPv4 for even numbers and IPv6 for odd ones; each is in a block of its own. */
function address(i: number): NonNullable<ReturnType<typeof parseIpAddress>> {
  const text =
    i % 2 === 0 ? `${1 + (i >>> 16)}.${(i >>> 8) & 0xff}.${i & 0xff}.0` : `2001:${(i >>> 16).toString(16)}:${(i & 0xffff).toString(16)}::`;
  return parseIpAddress(text)!;
}

function report(what: string, measured: number, atMost: number, unit: string): void {
  const isReached = measured <= atMost;
  if (!isReached) process.exitCode = 1;
  console.log(`${what}: ${measured.toFixed(measured < 10 ? 2 : 1)} ${unit} (at most ${atMost})${isReached ? '' : '  MISSED'}`);
}

await main(process.argv.slice(2));
