// A load at a fixed rate, a process of its own: so many requests a second through a proxy, whether or not those before have been answered, as many people
// make them. So an answer that is late makes no other one late that it has nothing to do with, and none is left out because of it.
// `node open-loop.ts PROXY_PORT URL RATE SECONDS` prints what came of it, a line of JSON.
import { MessageReader } from '../soak/message-reader.ts';
import { ProxyConnection } from '../soak/proxy-connection.ts';

export interface OpenLoopResult {
  readonly requests: number;
  readonly errors: number;
  /** From sending a request to the last octet of its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

class OpenLoop {
  readonly #port: number;
  readonly #request: string;
  readonly #free: ProxyConnection[] = [];
  readonly #tookMs: number[] = [];
  #errors = 0;

  constructor(port: number, url: string) {
    this.#port = port;
    this.#request = `GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`;
  }

  async run(rate: number, seconds: number): Promise<OpenLoopResult> {
    const all: Promise<void>[] = [];
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      const tick = setInterval(() => {
        const elapsedMs = performance.now() - startedMs;
        for (const due = Math.min(elapsedMs / 1_000, seconds) * rate; all.length < due; ) all.push(this.#ask());
        if (elapsedMs < seconds * 1_000) return;
        clearInterval(tick);
        resolve();
      }, TICK_MS);
    });
    await Promise.all(all);
    const sorted = this.#tookMs.toSorted((a, b) => a - b);
    const quantile = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { requests: all.length, errors: this.#errors, p50Ms: quantile(0.5), p99Ms: quantile(0.99), worstMs: quantile(1) };
  }

  async #ask(): Promise<void> {
    const startedMs = performance.now();
    try {
      const connection = this.#takeFree() ?? (await ProxyConnection.open(this.#port));
      let isRight = false;
      const reader = new MessageReader(
        'response',
        ({ startLine }) => {
          isRight = startLine.startsWith('HTTP/1.1 200 ');
        },
        () => {},
      );
      connection.send(this.#request);
      await connection.read(reader);
      if (!isRight) this.#errors += 1;
      this.#tookMs.push(performance.now() - startedMs);
      this.#free.push(connection);
    } catch {
      this.#errors += 1;
    }
  }

  #takeFree(): ProxyConnection | null {
    const connection = this.#free.pop();
    return connection?.isFree === true ? connection : null;
  }
}

const TICK_MS = 1;

const [port, url = '', rate, seconds] = process.argv.slice(2);
const result = await new OpenLoop(Number(port), url).run(Number(rate), Number(seconds));
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
