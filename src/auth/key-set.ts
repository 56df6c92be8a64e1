// Owns the keys that tokens are signed with: a JWK Set (RFC 7517 §5) from a file or from a URL.
// From a URL it is fetched again when it is ten minutes old, without anybody waiting, and when a token names a key that is not in it, at most
// once in 30 seconds. A fetch that fails leaves the keys of before in force for a day; after that, and before the first one, nobody can tell.
// Fetched without redirects and proxies, in 5 seconds and 1 MiB, over TLS; only from this machine itself without.
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { StartError } from '../errors/start-error.ts';
import { Outage } from './outage.ts';
import { WatchedFile } from './watched-file.ts';

export interface KeySet {
  /** The keys now; `null` when there are none that could be relied on. */
  current(nowMs: number): JWTVerifyGetKey | null;
  /** Asked when a token names a key that is not among them. @returns whether `current` has what the issuer publishes, as far as can be told */
  renew(nowMs: number): Promise<boolean>;
}

export interface KeySetOptions {
  /** PEM of who vouches for the URL's server, as it is at the time; `null` for the system's roots. */
  readonly ca: { readonly content: string } | null;
  /** Called when there are other keys. */
  readonly onChange: () => void;
  /** A line for the operator. */
  readonly report: (line: string) => void;
}

/** @throws StartError with every problem of the file */
export async function openKeyFile(path: string, { onChange, report }: Omit<KeySetOptions, 'ca'>): Promise<KeySet & { close(): void }> {
  const file = await WatchedFile.open<JWTVerifyGetKey>(path, {
    what: 'the file of token keys',
    isSecret: false,
    parse(text) {
      const keys = parseKeySet(text);
      if (keys === null) throw new StartError('data', [`${path}: expected a JWK Set: {"keys": [...]}.`]);
      return keys;
    },
    onChange,
    report,
  });
  return { current: () => file.content, renew: () => Promise.resolve(true), close: () => file.close() };
}

export class FetchedKeySet implements KeySet {
  readonly #url: string;
  readonly #options: KeySetOptions;
  readonly #outage: Outage;
  #text = '';
  #keys: JWTVerifyGetKey | null = null;
  /** Milliseconds since the epoch. */
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #underway: Promise<boolean> | null = null;

  constructor(url: string, options: KeySetOptions) {
    this.#url = url;
    this.#options = options;
    this.#outage = new Outage(options.report);
  }

  current(nowMs: number): JWTVerifyGetKey | null {
    // From the future means that the clock was set back, and that the age is not known.
    const ageMs = Math.abs(nowMs - this.#fetchedMs);
    if (ageMs > FRESH_MS && this.#mayTry(nowMs)) void this.#fetch(nowMs);
    return ageMs > USABLE_MS ? null : this.#keys;
  }

  async renew(nowMs: number): Promise<boolean> {
    return this.#underway ?? (this.#mayTry(nowMs) ? this.#fetch(nowMs) : !this.#outage.isOn);
  }

  #mayTry(nowMs: number): boolean {
    // A clock that was set back does not hold the next attempt off.
    return this.#underway === null && Math.abs(nowMs - this.#triedMs) > PAUSE_MS;
  }

  /** @returns whether there are keys from now @throws never */
  #fetch(nowMs: number): Promise<boolean> {
    this.#triedMs = nowMs;
    this.#underway = this.#fetchOnce(nowMs).finally(() => (this.#underway = null));
    return this.#underway;
  }

  async #fetchOnce(nowMs: number): Promise<boolean> {
    try {
      const text = await fetchText(this.#url, this.#options.ca?.content ?? null);
      const keys = parseKeySet(text);
      if (keys === null) throw new Error('the answer is no JWK Set');
      this.#fetchedMs = nowMs;
      this.#outage.end(`${this.#url}: the keys of tokens can be fetched again.`);
      if (text !== this.#text) {
        [this.#text, this.#keys] = [text, keys];
        this.#options.onChange();
      }
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message || ('code' in error ? String(error.code) : error.name) : String(error);
      this.#outage.begin(`${this.#url}: the keys of tokens cannot be fetched (${reason}).`);
      return false;
    }
  }
}

/** @returns `null` when it is none */
function parseKeySet(text: string): JWTVerifyGetKey | null {
  try {
    return createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
  } catch {
    return null;
  }
}

function fetchText(url: string, ca: string | null): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const headers = { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' };
  // The last is said so that no environment variable can unsay it.
  const options = { headers, signal, agent: false, ...(ca !== null && { ca }), rejectUnauthorized: true };
  const request = (url.startsWith('https:') ? getSecure : getPlain)(url, options, (response) => {
    if (response.statusCode !== 200) {
      request.destroy();
      reject(new Error(`the answer is ${response.statusCode}`));
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_BYTES) request.destroy(new Error('the answer is larger than 1 MiB'));
      else chunks.push(chunk);
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('error', reject);
  });
  request.on('error', (error) => reject(signal.aborted ? new Error(`no whole answer in ${TIMEOUT_MS} ms`) : error));
  // It does not keep a process alive that has nothing else to do.
  request.on('socket', (socket) => socket.unref());
  return promise;
}

const FRESH_MS = 600_000;
const PAUSE_MS = 30_000;
const USABLE_MS = 24 * 3_600_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 1024 * 1024;
