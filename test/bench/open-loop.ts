// A load at a fixed rate, a process of its own: so many requests a second through a proxy, whether or not those before have been answered, as many people
// make them. So an answer that is late makes no other one late that it has nothing to do with, and none is left out because of it.
// `node open-loop.ts PROXY_PORT URL RATE SECONDS [UNCOUNTED_SECONDS]` prints what came of it, a line of JSON. What it asks in the uncounted seconds before
// opens connections, and lets both sides compile their code.
import { MessageReader } from '../soak/message-reader.ts';
import { ProxyConnection } from '../soak/proxy-connection.ts';

export interface OpenLoopResult {
  readonly requests: number;
  /** Those before, in the uncounted seconds. */
  readonly uncounted: number;
  /** Of all. */
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
  /** In the order of the questions; NaN until they are answered, and for good where they fail. */
  readonly #tookMs: number[] = [];
  #errors = 0;

  constructor(port: number, url: string) {
    this.#port = port;
    this.#request = `GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`;
  }

  async run(rate: number, seconds: number, uncountedSeconds: number): Promise<OpenLoopResult> {
    const inAll = uncountedSeconds + seconds;
    const uncounted = Math.floor(uncountedSeconds * rate);
    const all: Promise<void>[] = [];
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      const tick = setInterval(() => {
        const elapsedMs = performance.now() - startedMs;
        for (const due = Math.min(elapsedMs / 1_000, inAll) * rate; all.length < due; ) all.push(this.#ask(all.length));
        if (elapsedMs < inAll * 1_000) return;
        clearInterval(tick);
        resolve();
      }, TICK_MS);
    });
    await Promise.all(all);
    const counted = this.#tookMs.slice(uncounted).filter((ms) => !Number.isNaN(ms));
    const sorted = counted.toSorted((a, b) => a - b);
    const quantile = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      requests: all.length - uncounted,
      uncounted,
      errors: this.#errors,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      worstMs: quantile(1),
    };
  }

  async #ask(index: number): Promise<void> {
    const startedMs = performance.now();
    this.#tookMs[index] = Number.NaN;
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
      this.#tookMs[index] = performance.now() - startedMs;
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

const [port, url = '', rate, seconds, uncounted = '0'] = process.argv.slice(2);
const result = await new OpenLoop(Number(port), url).run(Number(rate), Number(seconds), Number(uncounted));
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
