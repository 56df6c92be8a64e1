// Owns the long search for an input that breaks the codec: messages of the kept corpus spoiled by chance, each read whole and in two pieces,
// what is accepted written and read again; and request targets. `npm run fuzz -- --inputs 10000000 --seed 7`; the same seed gives the same inputs.
// It sees no coverage; it knows structure instead (mutation.ts). An input that breaks a rule is kept as a file and the run ends with status 1.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { formatAuthority } from '../../src/http/authority.ts';
import type { Framing } from '../../src/http/framing.ts';
import type { Fields } from '../../src/http/message.ts';
import { normalisePath } from '../../src/http/path.ts';
import { parseTarget } from '../../src/http/target.ts';
import { Http1Reader, type ReaderEvent, type ReaderLimits } from '../../src/http1/reader.ts';
import { MessageWriter, type Output, requestHeadText, responseHeadText } from '../../src/http1/writer.ts';
import { CORPUS, type KeptMessage } from './corpus/messages.ts';
import { Chance, Spoiled } from './mutation.ts';

const KINDS = ['request', 'response', 'chunked', 'target'] as const;
type Kind = (typeof KINDS)[number];

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

type Verdict = 'accepted' | 'refused' | 'unfinished';

function check(kind: Kind, bytes: Buffer, answers: readonly string[], cut: number): Verdict {
  if (kind === 'target') return checkTarget(bytes.toString('latin1'));
  const role = kind === 'response' ? 'response' : 'request';
  WHOLE.read(role, answers, bytes, bytes.length);
  IN_TWO.read(role, answers, bytes, cut);
  const difference = WHOLE.differenceTo(IN_TWO);
  if (difference !== null) throw new Error(`cut after ${cut} octets it reads differently: ${difference}`);
  const accepted = WHOLE.writeAgain(role, answers);
  return WHOLE.error !== null ? 'refused' : accepted ? 'accepted' : 'unfinished';
}

/** Everything a reader made of an input. Used again for the next input. */
class Reading {
  readonly events: Exclude<ReaderEvent, { kind: 'content' }>[] = [];
  /** Where in `content` it stood at each event. */
  readonly marks: number[] = [];
  readonly content: Buffer = Buffer.alloc(CONTENT_ROOM);
  contentLength = 0;
  rest = '';
  ending = '';
  error: ProxyError | null = null;
  #answer = 0;

  read(role: 'request' | 'response', answers: readonly string[], bytes: Buffer, cut: number, limits = FUZZ_LIMITS): void {
    this.events.length = 0;
    this.marks.length = 0;
    this.contentLength = 0;
    this.rest = '';
    this.error = null;
    this.#answer = 0;
    const reader = new Http1Reader(role, limits);
    if (role === 'response') reader.expectResponseTo(answers[0] ?? 'GET');
    let hasLeft = false;
    try {
      reader.feed(bytes.subarray(0, cut));
      hasLeft = this.#pull(reader, role, answers, bytes.length);
      if (cut < bytes.length && !hasLeft) {
        reader.feed(bytes.subarray(cut));
        hasLeft = this.#pull(reader, role, answers, bytes.length);
      } else if (hasLeft) this.rest += bytes.toString('latin1', cut);
      this.ending = hasLeft ? 'other' : reader.finish();
      if (this.ending === 'complete') this.#pull(reader, role, answers, bytes.length);
    } catch (error) {
      if (!(error instanceof ProxyError) || error.code === 'proxy_internal_error') throw error;
      this.error = error;
      this.ending = 'refused';
      if (reader.next() !== null) throw new Error('it reads on after an error');
    }
  }

  /** Whether the connection went on with another protocol. */
  #pull(reader: Http1Reader, role: 'request' | 'response', answers: readonly string[], fed: number): boolean {
    for (;;) {
      const event = reader.next();
      if (event === null) return false;
      if (event.kind === 'content') {
        if (event.bytes.length === 0) throw new Error('a content event has no octets');
        this.contentLength += event.bytes.copy(this.content, this.contentLength);
        if (this.contentLength > fed) throw new Error('it reports more content than it was fed');
        continue;
      }
      this.events.push(event);
      this.marks.push(this.contentLength);
      if (this.events.length > fed + 2) throw new Error('it reports more events than it was fed octets');
      const answered = role === 'response' ? (answers[this.#answer] ?? 'GET') : '';
      if (hasLeftHttp(event, answered)) {
        this.rest = reader.takeRest().toString('latin1');
        return true;
      }
      if (event.kind === 'end' && role === 'response') {
        this.#answer += 1;
        reader.expectResponseTo(answers[this.#answer] ?? 'GET');
      }
    }
  }

  /** Null when both are the same. */
  differenceTo(other: Reading): string | null {
    if (this.ending !== other.ending) return `${this.ending}, ${other.ending}`;
    if (
      this.error?.message !== other.error?.message ||
      this.error?.status !== other.error?.status ||
      this.error?.code !== other.error?.code
    ) {
      return `${this.error}, ${other.error}`;
    }
    if (this.rest !== other.rest) return 'what is left for the other protocol';
    if (
      this.contentLength !== other.contentLength ||
      this.content.compare(other.content, 0, this.contentLength, 0, this.contentLength) !== 0
    ) {
      return 'content';
    }
    if (this.events.length !== other.events.length) return `${this.events.length} events, ${other.events.length}`;
    for (let i = 0; i < this.events.length; i += 1) {
      if (this.marks[i] !== other.marks[i] || !isSameEvent(this.events[i]!, other.events[i]!)) return `event ${i}`;
    }
    return null;
  }

  /** Writes every whole message and reads it back. Whether there was one. */
  writeAgain(role: 'request' | 'response', answers: readonly string[]): boolean {
    let written = 0;
    for (let i = 0; i + 1 < this.events.length; i += 1) {
      const event = this.events[i]!;
      const end = this.events[i + 1]!;
      if (event.kind === 'end' || event.kind === 'interim' || end.kind !== 'end') continue;
      const content = this.content.subarray(this.marks[i], this.marks[i + 1]);
      checkRoundTrip(event, role === 'response' ? (answers[written] ?? 'GET') : '', content, end.trailers);
      written += 1;
    }
    return written > 0;
  }
}

function hasLeftHttp(event: ReaderEvent, answered: string): boolean {
  if (event.kind === 'request') return event.head.method === 'CONNECT';
  return event.kind === 'response' && (event.head.status === 101 || (answered === 'CONNECT' && event.head.status < 300));
}

function checkRoundTrip(event: ReaderEvent & { kind: 'request' | 'response' }, answered: string, content: Buffer, trailers: Fields): void {
  const fields = withoutWriterFields(event.head.fields);
  const { framing } = event;
  const head = headTextOf(event, fields, hasNoContent(event, answered) ? null : framing);
  WIRE.length = 0;
  let outcome: ProxyError | null | undefined;
  const writer = new MessageWriter(WIRE, head, framing, (error) => {
    outcome = error;
  });
  const half = content.length >> 1;
  writer.write(content.subarray(0, half));
  writer.write(content.subarray(half));
  writer.end(trailers);
  if (outcome !== null) throw new Error(`the writer did not finish: ${outcome}`);
  if (writer.bytesWritten !== WIRE.length) throw new Error('the writer miscounts its octets');
  AGAIN.read(event.kind, [answered], WIRE.bytes.subarray(0, WIRE.length), WIRE.length, WRITTEN_LIMITS);
  const [first, last] = AGAIN.events;
  if (AGAIN.error !== null || AGAIN.events.length !== 2 || first === undefined || last?.kind !== 'end')
    throw new Error(`written, it reads as ${AGAIN.error ?? AGAIN.ending}`);
  if (!isSameStart(event, first)) throw new Error('written, its start line reads differently');
  if (first.kind === 'end' || !isSameFields(withoutWriterFields(first.head.fields), fields))
    throw new Error('written, its fields read differently');
  if (AGAIN.contentLength !== content.length || AGAIN.content.compare(content, 0, content.length, 0, content.length) !== 0)
    throw new Error('written, its content reads differently');
  if (!isSameFields(last.trailers, trailers)) throw new Error('written, its trailers read differently');
}

function headTextOf(event: ReaderEvent & { kind: 'request' | 'response' }, fields: Fields, framing: Framing | null): string {
  if (event.kind === 'request') return requestHeadText(event.head.method, event.head.target, 'a.example', fields, event.framing);
  return responseHeadText(event.head.status, event.head.reason, fields, framing, 'close');
}

function hasNoContent(event: ReaderEvent & { kind: 'request' | 'response' }, answered: string): boolean {
  return event.kind === 'response' && (answered === 'HEAD' || event.head.status === 204 || event.head.status === 304);
}

/** Less what the writer makes itself. */
function withoutWriterFields(fields: Fields): Fields {
  return fields.filter(({ name }) => !WRITER_FIELDS.has(name.toLowerCase()));
}

function isSameEvent(a: Reading['events'][number], b: Reading['events'][number]): boolean {
  if (a.kind === 'end') return b.kind === 'end' && isSameFields(a.trailers, b.trailers);
  return b.kind !== 'end' && isSameStart(a, b) && a.head.version === b.head.version && isSameFields(a.head.fields, b.head.fields);
}

function isSameStart(a: Reading['events'][number], b: Reading['events'][number]): boolean {
  if (a.kind === 'request') return b.kind === 'request' && a.head.method === b.head.method && a.head.target === b.head.target;
  if (a.kind === 'end' || b.kind === 'end' || b.kind === 'request') return false;
  return a.kind === b.kind && a.head.status === b.head.status && a.head.reason === b.head.reason;
}

function isSameFields(a: Fields, b: Fields): boolean {
  return a.length === b.length && a.every((field, i) => field.name === b[i]!.name && field.value === b[i]!.value);
}

/** `METHOD target`: refused, or of one meaning that its own spelling gives again. */
function checkTarget(input: string): Verdict {
  const blank = input.indexOf(' ');
  const method = blank < 0 ? 'GET' : input.slice(0, blank);
  const text = input.slice(blank + 1);
  try {
    const target = parseTarget(method, text);
    const spelled = spell(target);
    if (/[\x00-\x20\x7f-\uffff]/.test(spelled)) throw new Error(`it has a character that cannot be sent: ${JSON.stringify(spelled)}`);
    const again = JSON.stringify(parseTarget(method, spelled));
    if (again !== JSON.stringify(target)) throw new Error(`${JSON.stringify(target)} reads again as ${again}`);
    if ('pathAndQuery' in target) checkPath(target.pathAndQuery);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ProxyError) || error.code !== 'http_request_error') throw error;
    return 'refused';
  }
}

function spell(target: ReturnType<typeof parseTarget>): string {
  switch (target.form) {
    case 'absolute-form':
      return `${target.scheme}://${formatAuthority(target.authority)}${target.pathAndQuery === '*' ? '' : target.pathAndQuery}`;
    case 'authority-form':
      return formatAuthority(target.authority);
    case 'origin-form':
      return target.pathAndQuery;
    case 'asterisk-form':
      return '*';
    default:
      return target satisfies never;
  }
}

function checkPath(pathAndQuery: string): void {
  const { isUsable, pathAndQuery: normal } = normalisePath(pathAndQuery);
  if (isUsable && normalisePath(normal).pathAndQuery !== normal)
    throw new Error(`the normal form of a path has another: ${JSON.stringify(normal)}`);
}

/** An `Output` in memory that always takes everything. */
class Wire implements Output {
  readonly bytes: Buffer = Buffer.alloc(2 * CONTENT_ROOM);
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  length = 0;

  write(piece: Buffer | string): void {
    this.length += typeof piece === 'string' ? this.bytes.write(piece, this.length, 'latin1') : piece.copy(this.bytes, this.length);
  }
  cork(): void {}
  uncork(): void {}
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
const CONTENT_ROOM = 8192;
const FUZZ_LIMITS: ReaderLimits = { headBytes: 1024, targetBytes: 256, fieldCount: 16, trailerBytes: 256 };
// With room for what the writer adds.
const WRITTEN_LIMITS: ReaderLimits = { headBytes: 2048, targetBytes: 256, fieldCount: 20, trailerBytes: 1024 };
const WRITER_FIELDS: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'connection']);
const WHOLE = new Reading();
const IN_TWO = new Reading();
const AGAIN = new Reading();
const WIRE = new Wire();

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
  ...[
    'GET http://example.com/',
    'GET http://example.com:8080/a/b?c=d',
    'GET https://user:pw@example.com/',
    'OPTIONS *',
    'GET /a/../b/%2e%2e/c',
    'OPTIONS http://a.example',
  ],
  ...[
    'CONNECT example.com:443',
    'CONNECT [2001:db8::1]:443',
    'CONNECT [::ffff:192.0.2.1]:443',
    'CONNECT 192.0.2.1:8443',
    'GET HTTP://EXAMPLE.com.:080/?q',
  ],
  ...[
    'GET http://[fe80::1%25eth0]/',
    'GET http://0x7f.1/',
    'GET http://2130706433/',
    'GET http://017700000001/%7Euser',
    'GET http://xn--mnchen-3ya.example/',
  ],
  ...[
    'GET http://m\xc3\xbcnchen.example/\xc3\xa9',
    'GET http://a_b.example?x#y',
    'GET ftp://example.com/',
    'GET http://a..b/',
    'GET http:///x',
    'GET //a/b\\c//d/%2F%5c%00',
  ],
].map((text): Seed => ({ bytes: Buffer.from(text, 'latin1'), answers: [] }));

const SEEDS: Readonly<Record<Kind, Seeds>> = {
  request: seedsOf(({ role }) => role === 'request'),
  response: seedsOf(({ role }) => role === 'response'),
  chunked: seedsOf(({ role, bytes }) => role === 'request' && bytes.includes('Transfer-Encoding: chunked\r\n\r\n')),
  target: { good: TARGETS, bad: TARGETS },
};

if (import.meta.main) await main();
