// What somebody who looks at the inspector's page costs everybody else: latency of traffic at a fixed rate, recorded on disk, with the page open and without,
// in turn, within one proxy. `node test/bench/inspector-cost.ts --help`. Linux only.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { LookingBrowser } from '../soak/inspector/browser.ts';
import { LivePage } from '../soak/inspector/live-page.ts';
import { RecordedProxy } from '../soak/inspector/recorded-proxy.ts';
import { Children } from './children.ts';
import type { OpenLoopResult } from './open-loop.ts';
import { startOrigin } from './origin.ts';
import { findPrograms } from './programs.ts';
import { median, medianRatio } from './statistics.ts';

/** Somebody who looks: nobody, a stand-in that is pushed what the page is, and the page itself in Chromium on the same machine. */
const LOOKS = ['nobody', 'stand-in', 'chromium'] as const;
type Look = (typeof LOOKS)[number];

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly rate: number;
  readonly looks: readonly Look[];
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) return console.log(HELP);
  const children = new Children();
  // What is asked of a process that has ended fails, and then everything is cleared away.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void children.close());
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sallyport-bench-inspector-'));
  chmodSync(folder, 0o711);
  let proxy: RecordedProxy | null = null;
  let browser: LookingBrowser | null = null;
  try {
    const originPort = await startOrigin(children, folder, findPrograms([], false).nginx, null, new AbortController().signal);
    proxy = await RecordedProxy.start({ folder: path.join(folder, 'proxy'), ports: [originPort], roots: null, maxSize: 2 ** 31 });
    if (options.looks.includes('chromium')) browser = await LookingBrowser.open(proxy);
    await browser?.lookAway();
    await run(options, children, proxy, browser, `http://127.0.0.1:${originPort}/1k`);
  } finally {
    await browser?.close();
    await proxy?.stop();
    await children.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(
  { rounds, seconds, rate, looks }: Options,
  children: Children,
  proxy: RecordedProxy,
  browser: LookingBrowser | null,
  url: string,
): Promise<void> {
  const load = async (forSeconds: number): Promise<OpenLoopResult> => {
    const args = [path.join(import.meta.dirname, 'open-loop.ts'), String(proxy.port), url, String(rate), String(forSeconds)];
    const command = { name: 'the load', program: process.execPath, args, cores: null };
    return JSON.parse(await children.run(command, (forSeconds + GRACE_SECONDS) * 1_000)) as OpenLoopResult;
  };
  await load(WARM_UP_SECONDS);
  const byRound = (): Map<Look, Map<number, number>> => new Map(looks.map((look) => [look, new Map()]));
  const [p99s, costs] = [byRound(), byRound()];
  for (let round = 1; round <= rounds; round += 1) {
    // Nobody is always first.
    for (const look of round % 2 === 1 ? looks : looks.toReversed()) {
      const close = await openPage(look, proxy, browser);
      await sleep(SETTLE_MS);
      const cpuBefore = proxy.cpuSeconds;
      const { requests, errors, p50Ms, p99Ms, worstMs } = await load(seconds);
      const cost = ((proxy.cpuSeconds - cpuBefore) * 1e6) / requests;
      await close();
      p99s.get(look)!.set(round, p99Ms);
      costs.get(look)!.set(round, cost);
      const [p50, p99, worst] = [p50Ms, p99Ms, worstMs].map((ms) => ms.toFixed(2));
      console.log(
        `round ${round}  ${look.padEnd(8)}  ${requests} requests, ${errors} errors: p50 ${p50} ms, p99 ${p99} ms, worst ${worst} ms`,
      );
    }
  }
  for (const look of looks) {
    const [p99, cost] = [p99s.get(look)!, costs.get(look)!];
    const [nobodysP99, nobodysCost] = [p99s.get('nobody')!, costs.get('nobody')!];
    const [quiet, nobodysQuiet] = [median(quietest(p99)), median(quietest(nobodysP99))];
    const figures = [
      `p99 ${shown(median([...p99.values()]))} ms, ratio to nobody ${shown(medianRatio(p99, nobodysP99))}`,
      `in the quietest half ${shown(quiet)} ms, ratio ${shown((quiet ?? 0) / (nobodysQuiet ?? 0))}`,
      `CPU ${shown(median([...cost.values()]))} us/request, ratio ${shown(medianRatio(cost, nobodysCost))}`,
    ];
    console.log(`${look.padEnd(8)}  ${figures.join('; ')}`);
  }
}

function shown(value: number | null): string {
  return value?.toFixed(2) ?? 'unknown';
}

/** What others do on the machine only ever adds to a round: the half of the rounds with the lowest values. */
function quietest(byRound: ReadonlyMap<number, number>): readonly number[] {
  const sorted = [...byRound.values()].toSorted((a, b) => a - b);
  return sorted.slice(0, Math.ceil(sorted.length / 2));
}

/** @returns what closes it */
async function openPage(look: Look, proxy: RecordedProxy, browser: LookingBrowser | null): Promise<() => Promise<void>> {
  switch (look) {
    case 'nobody':
      return async () => {};
    case 'stand-in': {
      const page = await LivePage.open(proxy);
      page.follow();
      return async () => page.close();
    }
    case 'chromium':
      await browser?.look(proxy.inspectorUrl);
      return async () => browser?.lookAway();
    default:
      return look satisfies never;
  }
}

/** @returns `null` when help was asked for @throws Error for what cannot be done */
function parseOptions(words: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      rounds: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '5' },
      rate: { type: 'string', default: '2000' },
      chromium: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const count = (flag: 'rounds' | 'seconds' | 'rate'): number => {
    const value = Number(values[flag]);
    if (!(Number.isInteger(value) && value > 0)) throw new Error(`--${flag}: expected a whole number above 0; found "${values[flag]}"`);
    return value;
  };
  return {
    ...{ rounds: count('rounds'), seconds: count('seconds'), rate: count('rate') },
    looks: LOOKS.filter((look) => look !== 'chromium' || values.chromium),
  };
}

const HELP = `Usage: node test/bench/inspector-cost.ts [--rounds N] [--seconds N] [--rate N] [--chromium]

Sends GETs of 1 KiB at a fixed rate through a proxy that records them, in rounds with nobody at the
inspector's page, with a stand-in that is pushed the end of the list as the page is, and with
--chromium the page itself. Prints the median p99 of each, and its ratio to nobody's in the same
round; the goal is 1.5. The quietest half of the rounds, and the CPU time of the proxy, are for
machines that others use.
10 rounds of 5 s at 2000 a second unless told.`;
const WARM_UP_SECONDS = 5;
const GRACE_SECONDS = 30;
const SETTLE_MS = 1_000;

await main();
