// Owns the long search for an input that breaks the codec: messages and targets of the kept corpus, and requests as HTTP/2 has them, spoiled by chance,
// each held to the rules of codec-rules.ts. `npm run fuzz -- --inputs 10000000 --seed 7`; the same seed gives the same inputs.
// It sees no coverage; it knows structure instead (mutation.ts). An input that breaks a rule is kept as a file and the run ends with status 1.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { check, KINDS, type Kind } from './codec-rules.ts';
import { CORPUS, type KeptMessage } from './corpus/messages.ts';
import { Chance, Spoiled } from './mutation.ts';

export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly maxMs: number;
  /** Called every few seconds. */
  readonly onProgress?: (totals: FuzzTotals) => void;
}

export interface FuzzTotals {
  inputs: number;
  /** Inputs in which at least one whole message, or a target, was accepted; each was written and read again. */
  accepted: number;
  /** Inputs that were refused with a `ProxyError`. */
  refused: number;
  ms: number;
}

/** An input that broke a rule. */
export class Finding extends Error {
  readonly kind: Kind;
  readonly input: Buffer;

  constructor(kind: Kind, input: Buffer, cause: unknown) {
    super(`${kind}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.kind = kind;
    this.input = Buffer.from(input);
  }
}

/** @throws Finding for the first input that breaks a rule */
export async function fuzz(options: FuzzOptions): Promise<FuzzTotals> {
  const chance = new Chance(options.seed);
  const spoiled = new Spoiled(chance);
  const totals: FuzzTotals = { inputs: 0, accepted: 0, refused: 0, ms: 0 };
  const start = performance.now();
  let nextReport = REPORT_MS;
  // A stack trace costs more than reading the message; most inputs end in an error.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    while (totals.inputs < options.inputs && totals.ms < options.maxMs) {
      const batch = Math.min(BATCH, options.inputs - totals.inputs);
      for (let i = 0; i < batch; i += 1) fuzzOne(chance, spoiled, totals);
      // The writer puts work into the microtask queue, which is emptied here.
      await null;
      totals.ms = performance.now() - start;
      if (totals.ms < nextReport) continue;
      nextReport = totals.ms + REPORT_MS;
      options.onProgress?.(totals);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return totals;
}

function fuzzOne(chance: Chance, spoiled: Spoiled, totals: FuzzTotals): void {
  const kind = KINDS[chance.below(KINDS.length)]!;
  const seeds = SEEDS[kind];
  // What is refused as it stands leads nowhere deep: mostly good messages are spoiled.
  const seed = chance.pick(chance.below(4) === 0 ? seeds.bad : seeds.good);
  spoiled.begin(seed.bytes, kind === 'chunked' ? seed.bytes.indexOf('\r\n\r\n') + 4 : 0);
  spoiled.spoil(chance.pick(seeds.bad).bytes);
  const { bytes } = spoiled;
  try {
    const verdict = check(kind, bytes, seed.answers, chance.below(bytes.length + 1));
    if (verdict === 'refused') totals.refused += 1;
    else if (verdict === 'accepted') totals.accepted += 1;
  } catch (cause) {
    throw new Finding(kind, bytes, cause);
  }
  totals.inputs += 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { inputs: { type: 'string' }, seed: { type: 'string' }, seconds: { type: 'string' }, replay: { type: 'string' } },
  });
  if (values.replay !== undefined) {
    replay(values.replay);
    console.log(`${values.replay}: nothing breaks`);
    return;
  }
  const seed = Number(values.seed ?? 1);
  const options = { inputs: Number(values.inputs ?? 1e6), seed, maxMs: 1000 * Number(values.seconds ?? 'Infinity') };
  try {
    const totals = await fuzz({ ...options, onProgress: (sofar) => console.log(describe(sofar)) });
    console.log(`seed ${seed}: ${describe(totals)}; nothing broke`);
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    const file = keep(error, seed);
    console.error(
      `${error.stack}\n${JSON.stringify(error.input.toString('latin1'))}\nkept; replay it with: npm run fuzz -- --replay ${file}`,
    );
    process.exitCode = 1;
  }
}

function describe({ inputs, accepted, refused, ms }: FuzzTotals): string {
  const unfinished = inputs - accepted - refused;
  return `${inputs} inputs (${accepted} accepted, ${refused} refused, ${unfinished} unfinished) in ${(ms / 1000).toFixed(1)} s, ${Math.round((1000 * inputs) / ms)} a second`;
}

/** The file's name begins with the kind, which `replay` reads. */
function keep(finding: Finding, seed: number): string {
  const folder = path.join(import.meta.dirname, 'corpus', 'crashes');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${finding.kind}-${seed}-${Date.now()}.bin`);
  writeFileSync(file, finding.input);
  return path.relative(process.cwd(), file);
}

/** Cuts a kept input everywhere and lets it answer every method that matters. @throws what breaks */
export function replay(file: string): void {
  const kind = KINDS.find((each) => path.basename(file).startsWith(`${each}-`));
  if (kind === undefined) throw new Error(`The name of ${file} does not begin with one of ${KINDS.join(', ')}.`);
  const bytes = readFileSync(file);
  for (const answers of [[], ['HEAD', 'GET'], ['CONNECT']]) {
    for (let cut = 0; cut <= bytes.length; cut += 1) check(kind, bytes, answers, cut);
  }
}

const BATCH = 2000;
const REPORT_MS = 5000;

interface Seed {
  readonly bytes: Buffer;
  readonly answers: readonly string[];
}

/** `bad` holds every message, `good` what is accepted; the two are mixed with one another. */
interface Seeds {
  readonly good: readonly Seed[];
  readonly bad: readonly Seed[];
}

function seedsOf(isMeant: (message: KeptMessage) => boolean): Seeds {
  const seed = ({ bytes, answers }: KeptMessage): Seed => ({ bytes: Buffer.from(bytes, 'latin1'), answers: answers ?? [] });
  const meant = CORPUS.filter(isMeant);
  return { good: meant.filter(({ outcome }) => outcome === 'accepted').map(seed), bad: meant.map(seed) };
}

const TARGETS = [
  'GET http://example.com/',
  'GET http://example.com:8080/a/b?c=d',
  'GET https://user:pw@example.com/',
  'OPTIONS *',
  'GET /a/../b/%2e%2e/c',
  'OPTIONS http://a.example',
  'CONNECT example.com:443',
  'CONNECT [2001:db8::1]:443',
  'CONNECT [::ffff:192.0.2.1]:443',
  'CONNECT 192.0.2.1:8443',
  'GET HTTP://EXAMPLE.com.:080/?q',
  'GET http://[fe80::1%25eth0]/',
  'GET http://0x7f.1/',
  'GET http://2130706433/',
  'GET http://017700000001/%7Euser',
  'GET http://xn--mnchen-3ya.example/',
  'GET http://m\xc3\xbcnchen.example/\xc3\xa9',
  'GET http://a_b.example?x#y',
  'GET ftp://example.com/',
  'GET http://a..b/',
  'GET http:///x',
  'GET //a/b\\c//d/%2F%5c%00',
].map((text): Seed => ({ bytes: Buffer.from(text, 'latin1'), answers: [] }));

const STREAM_HEAD = ':scheme: https\n:authority: a.example\n:path: /a/b?c=d\n';
const STREAMS = [
  `:method: GET\n${STREAM_HEAD}accept: */*\ncookie: a=1\ncookie: b=2\n`,
  `:method: POST\n${STREAM_HEAD}content-length: 5\ncontent-type: text/plain\nte: trailers\n`,
  `:method: PUT\n${STREAM_HEAD}via: 1.1 other\nx-a: 1\nx-a: caf\xe9\nexpect: 100-continue\n`,
  ':method: GET\n:scheme: https\n:path: /\nhost: a.example\nrange: bytes=0-1\n',
  ':method: OPTIONS\n:scheme: https\n:authority: a.example:443\n:path: *\nhost: a.example\n',
  `:method: CONNECT\n${STREAM_HEAD}:protocol: websocket\nsec-websocket-version: 13\norigin: https://a.example\n`,
  `:method: DELETE\n${STREAM_HEAD}authorization: Basic eDp5\nproxy-authorization: Basic eDp5\nforwarded: for=x\n`,
].map((text): Seed => ({ bytes: Buffer.from(text, 'latin1'), answers: [] }));

const SEEDS: Readonly<Record<Kind, Seeds>> = {
  request: seedsOf(({ role }) => role === 'request'),
  response: seedsOf(({ role }) => role === 'response'),
  chunked: seedsOf(({ role, bytes }) => role === 'request' && bytes.includes('Transfer-Encoding: chunked\r\n\r\n')),
  target: { good: TARGETS, bad: TARGETS },
  stream: { good: STREAMS, bad: STREAMS },
};

if (import.meta.main) await main();
