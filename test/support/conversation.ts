// A behaviour test as what is said on the wire, in order, between one client, the proxy and one origin. Every octet counts: what either end
// was sent and no step asked for fails the test, and a difference is shown line by line.
//
//   await conversation(proxy, [
//     { 'client sends': lines`
//       GET http://{origin}/a HTTP/1.1
//       Host: {origin}
//
//       ` },
//     { 'origin sees': /^GET \/a HTTP\/1\.1\r\n/ },
//     { 'origin sends': lines`
//       HTTP/1.1 200 OK
//       Content-Length: 2
//
//       hi` },
//     { 'client sees': (response) => expect(response.body.toString()).toBe('hi') },
//   ]);
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { type RawServer, startRawServer } from './origin.ts';
import { connectRaw, type Destination, type RawClient } from './raw-client.ts';
import { BrokenOffError, type RawConnection, ResetError, visible } from './raw-connection.ts';
import { type RawRequest, type RawResponse, readMessage, readRequestHead } from './strict-message.ts';

/**
 * In texts `{origin}` and `{proxy}` stand for `127.0.0.1:port`. What is seen may be
 * - a text: exactly these octets come next, where `{any}` stands for the rest of a line or up to the text after it;
 * - a pattern or a function: the next whole message, read by the strict reader, has to match it, or is judged by it.
 */
export type Step =
  | { readonly 'client sends': string | Uint8Array }
  | { readonly 'origin sends': string | Uint8Array }
  | { readonly 'client sees': string | RegExp | ((response: RawResponse) => unknown) }
  | { readonly 'origin sees': string | RegExp | ((request: RawRequest) => unknown) }
  | Event;

type Event =
  | `${'client' | 'origin'} ${'ends' | 'resets' | 'sees the end' | 'sees a reset'}`
  /** From here on the origin's side is the next connection to it. */
  | 'origin is connected to again'
  /** Nobody connected to the origin from the beginning to here. */
  | 'origin is never connected to';

/** Plays the steps with a fresh client and a fresh origin. @throws at the first step that goes otherwise, naming it */
export async function conversation(proxy: Destination, steps: readonly Step[]): Promise<void> {
  await using origin = await startQueueingServer();
  using client = await connectRaw(proxy);
  const ends = new Ends(client, origin, 'port' in proxy ? `127.0.0.1:${proxy.port}` : 'localhost');
  for (const [index, step] of steps.entries()) {
    try {
      await ends.perform(step);
    } catch (error) {
      if (error instanceof Error) error.message = `step ${index + 1}, "${nameOf(step)}": ${error.message}`;
      throw error;
    }
  }
  await ends.expectNothingLeft();
}

/**
 * Text for the wire: the indentation that all lines share goes, and every line end becomes CRLF. Blanks before the closing quote are dropped,
 * so a head ends with an empty line and then the quote. For line ends that are wrong on purpose write a plain string.
 */
export function lines(strings: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  const text = String.raw({ raw: strings }, ...values).replace(/^\n/, '');
  const rows = text.split('\n');
  const margin = Math.min(...rows.filter((row) => row.trim() !== '').map((row) => row.search(/\S/)));
  return rows.map((row) => (row.trim() === '' ? '' : row.slice(margin))).join('\r\n');
}

/** Both ends of the conversation, and what has been asked on each. */
class Ends {
  readonly #client: RawClient;
  readonly #origin: QueueingServer;
  readonly #proxyAuthority: string;
  #accepted: RawConnection | null = null;
  /** Methods of the requests that wait for their answer: the framing of a response depends on it. */
  readonly #asked: string[] = [];

  constructor(client: RawClient, origin: QueueingServer, proxyAuthority: string) {
    this.#client = client;
    this.#origin = origin;
    this.#proxyAuthority = proxyAuthority;
  }

  async perform(step: Step): Promise<unknown> {
    if (typeof step === 'string') return this.#happen(step);
    if ('client sends' in step) return this.#clientSends(step['client sends']);
    if ('origin sends' in step) return (await this.#connection()).send(this.#onWire(step['origin sends']));
    if ('client sees' in step) return this.#clientSees(step['client sees']);
    const wanted = step['origin sees'];
    const connection = await this.#connection();
    if (typeof wanted === 'string') return expectText(connection, this.#filled(wanted));
    const { complete } = await readRequestHead(connection);
    return judge(await complete(), wanted);
  }

  /** Ends the client's side, and looks at all that came before the proxy's own end. */
  async expectNothingLeft(): Promise<void> {
    this.#client.end();
    const origin = this.#accepted;
    origin?.closed.then(() => origin.end());
    // A proxy that still waits for an answer need not end: then what has come by now has to do.
    await Promise.race([this.#client.closed, delay(GRACE_MS, null, { ref: false })]);
    expect(visible(this.#client.unread), 'what the client was sent beyond the last step').toBe('');
    if (origin) expect(visible(origin.unread), 'what the origin was sent beyond the last step').toBe('');
    expect(this.#origin.waiting, 'connections to the origin that no step used').toBe(0);
  }

  async #happen(event: Event): Promise<unknown> {
    if (event === 'origin is never connected to') return expect(this.#origin.accepted, 'connections to the origin').toBe(0);
    if (event === 'origin is connected to again') return (this.#accepted = await this.#origin.next());
    const end = event.startsWith('client') ? this.#client : await this.#connection();
    if (event.endsWith('ends')) return end.end();
    if (event.endsWith('resets')) return end.reset();
    return expectEnd(end, event.endsWith('reset'));
  }

  #clientSends(what: string | Uint8Array): Promise<void> {
    const requestLines = Buffer.from(this.#onWire(what))
      .toString('latin1')
      .matchAll(/^([A-Z]+) \S+ HTTP\/1\.[01]$/gm);
    for (const [, method] of requestLines) this.#asked.push(method!);
    return this.#client.send(this.#onWire(what));
  }

  async #clientSees(wanted: string | RegExp | ((response: RawResponse) => unknown)): Promise<unknown> {
    if (typeof wanted === 'string') {
      if (/^HTTP\/1\.[01] (?:101|[2-5])/.test(wanted)) this.#asked.shift();
      return expectText(this.#client, this.#filled(wanted));
    }
    const response = await readMessage(this.#client, this.#asked[0] ?? 'GET');
    if (response.status >= 200 || response.status === 101) this.#asked.shift();
    return judge(response, wanted);
  }

  async #connection(): Promise<RawConnection> {
    this.#accepted ??= await this.#origin.next();
    return this.#accepted;
  }

  #onWire(what: string | Uint8Array): string | Uint8Array {
    return typeof what === 'string' ? this.#filled(what) : what;
  }

  #filled(text: string): string {
    return text.replaceAll('{origin}', this.#origin.authority).replaceAll('{proxy}', this.#proxyAuthority);
  }
}

function nameOf(step: Step): string {
  return typeof step === 'string' ? step : Object.keys(step).join();
}

/** Reads exactly the octets of `expected`; fails at the first that differs, without waiting for the rest. */
async function expectText(connection: RawConnection, expected: string): Promise<void> {
  let found = compare('', expected);
  const compareAgain = (unread: Buffer): number => {
    found = compare(unread.toString('latin1'), expected);
    return found.verdict === 'short' ? -1 : found.end;
  };
  const failure = await connection.readUntil(compareAgain).then(
    () => null,
    (error: Error) => error,
  );
  // A difference says more than "it did not come", unless there is nothing to show.
  if (failure && connection.unread.length === 0) throw failure;
  const what = failure === null ? 'other octets came' : failure instanceof BrokenOffError ? 'it broke off' : 'no more came';
  if (found.verdict !== 'equal') expect(visible(connection.unread), what).toBe(visible(Buffer.from(found.filled, 'latin1')));
}

interface Comparison {
  readonly verdict: 'equal' | 'short' | 'differs';
  /** Where the expected text ends in the actual one; 0 unless equal. */
  readonly end: number;
  /** The expected text, with what `{any}` stood for so far. */
  readonly filled: string;
}

function compare(actual: string, expected: string): Comparison {
  const pieces = expected.split('{any}');
  let at = 0;
  const unequal = (isShort: boolean, from: number): Comparison => {
    return { verdict: isShort ? 'short' : 'differs', end: 0, filled: actual.slice(0, at) + pieces.slice(from).join('{any}') };
  };
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) {
      // `{any}` ends where the text after it stands, and at the end of its line at the latest.
      const stop = actual.indexOf(/^.*(?:\r\n)?/.exec(piece)?.[0] ?? '', at);
      const lineEnd = actual.indexOf('\r\n', at);
      if (stop === -1 || (lineEnd !== -1 && lineEnd < stop)) {
        return { ...unequal(lineEnd === -1, index), filled: `${actual.slice(0, at)}{any}${pieces.slice(index).join('{any}')}` };
      }
      at = stop;
    }
    const there = actual.slice(at, at + piece.length);
    if (there !== piece) return unequal(piece.startsWith(there), index);
    at += piece.length;
  }
  return { verdict: 'equal', end: at, filled: expected };
}

function judge<T extends RawRequest | RawResponse>(message: T, wanted: RegExp | ((message: T) => unknown)): unknown {
  if (typeof wanted === 'function') return wanted(message);
  return expect(message.raw.toString('latin1')).toMatch(wanted);
}

async function expectEnd(connection: RawConnection, isReset: boolean): Promise<void> {
  const rest = await connection.readToEnd().catch((error: unknown) => {
    if (isReset && error instanceof ResetError) return null;
    throw error;
  });
  if (rest === null) return;
  expect(visible(rest), 'before the end').toBe('');
  if (isReset) throw new Error('saw a clean end');
}

interface QueueingServer extends RawServer {
  /** Connections that nobody has taken yet. */
  readonly waiting: number;
  next(): Promise<RawConnection>;
}

/** An origin that hands its connections out one by one, in the order in which they came. */
async function startQueueingServer(): Promise<QueueingServer> {
  const queue: RawConnection[] = [];
  let arrived = Promise.withResolvers<void>();
  const accept = (connection: RawConnection): void => {
    queue.push(connection);
    arrived.resolve();
    arrived = Promise.withResolvers<void>();
  };
  const server = await startRawServer(accept, { timeoutMs: DEADLINE_MS });
  const next = async (): Promise<RawConnection> => {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    while (queue.length === 0) {
      await Promise.race([arrived.promise, once(deadline, 'abort')]);
      if (deadline.aborted) throw new Error(`nobody connected to the origin in ${DEADLINE_MS} ms`);
    }
    return queue.shift()!;
  };
  return Object.defineProperties(server as QueueingServer, {
    waiting: { get: () => queue.length },
    next: { value: next },
  });
}

const DEADLINE_MS = 20_000;
const GRACE_MS = 1_000;
