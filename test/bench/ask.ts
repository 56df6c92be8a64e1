// Owns single questions, outside of any measurement: to fill a cache, and to see whether what answers is what a workload is about.
import { Agent, type IncomingMessage, request } from 'node:http';
import { BenchError } from './bench-error.ts';

export interface Asked {
  /** Answers whose Cache-Status says something other than a hit (RFC 9211 section 2); a proxy that does not say has none. */
  readonly saidForwarded: number;
}

/**
 * Asks a proxy on 127.0.0.1 for every URL once, some at a time.
 *
 * @param octets  of the content that each answer must have
 * @throws BenchError for the first answer that is not 200 with that content
 */
export async function askForAll(
  proxyPort: number,
  urls: readonly string[],
  octets: number,
  fields: readonly { readonly name: string; readonly value: string }[] = [],
): Promise<Asked> {
  const given = Object.fromEntries(fields.map(({ name, value }) => [name, value]));
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const left = urls.values();
  let saidForwarded = 0;
  const lane = async () => {
    for (const url of left) {
      const answer = await exchange(agent, { port: proxyPort, path: url, headers: { Host: new URL(url).host, ...given } });
      const length = await contentLength(answer);
      if (answer.statusCode !== 200 || length !== octets)
        throw new BenchError(`${url} is answered ${answer.statusCode} with ${length} octets; expected 200 with ${octets}`);
      if (isSaidForwarded(answer.headersDistinct['cache-status'])) saidForwarded += 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  } finally {
    agent.destroy();
  }
  return { saidForwarded };
}

/** @returns the status of what a proxy on 127.0.0.1 answers */
export async function askStatus(proxyPort: number, url: string): Promise<number> {
  const answer = await exchange(new Agent(), { port: proxyPort, path: url, headers: { Host: new URL(url).host } });
  await contentLength(answer);
  return answer.statusCode ?? 0;
}

/** The content of a URL, asked for on a connection of its own. */
export async function askText(url: string): Promise<string> {
  const { hostname, port, pathname } = new URL(url);
  const answer = await exchange(new Agent(), { host: hostname, port: Number(port), path: pathname });
  return (await answer.setEncoding('latin1').toArray()).join('');
}

/** The member of the cache nearest to the client is the last one. A key that holds a comma is taken for a member, so say no key. */
export function isSaidForwarded(cacheStatus: readonly string[] | undefined): boolean {
  const last = cacheStatus?.at(-1)?.split(',').at(-1);
  return last !== undefined && !/; *hit(?:;|$)/.test(last);
}

/** A content that is cut off ends where it was cut off. */
function contentLength(answer: IncomingMessage): Promise<number> {
  let octets = 0;
  answer.on('data', (chunk: Buffer) => {
    octets += chunk.length;
  });
  return new Promise((resolve) => {
    answer.on('error', () => {});
    answer.on('close', () => resolve(octets));
  });
}

interface Question {
  readonly host?: string;
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function exchange(agent: Agent, { host = '127.0.0.1', ...question }: Question): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...question, host, agent, timeout: PATIENCE_MS });
    asked.on('response', resolve);
    asked.on('timeout', () => asked.destroy(new Error(`no answer in ${PATIENCE_MS / 1_000} s`)));
    asked.on('error', (cause) => reject(new BenchError(`${host}:${question.port} ${question.path}: ${cause.message}`, { cause })));
    asked.end();
  });
}

const AT_ONCE = 8;
const PATIENCE_MS = 10_000;
