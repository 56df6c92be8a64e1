// A proxy that changes what passes, by rules or by hand: it opens tunnels to localhost, records, and answers its API on the Unix socket.

import { writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders, type RequestOptions } from 'node:http';
import path from 'node:path';
import { RECORD_DEFAULTS } from '../../src/flows/options.ts';
import type { RecordedExchange } from '../../src/flows/recorded.ts';
import { type OpeningProxy, startOpeningProxy } from './opened-tunnels.ts';
import type { TestConfig } from './start-proxy.ts';
import type { TemporaryCa } from './temp-ca.ts';

export interface RewritingProxy {
  readonly proxy: OpeningProxy;
  readonly rulesFile: string;
  /** @throws Error with the API's sentence, unless it answers 2xx */
  api<T = Record<string, unknown>>(method: string, path: string, content?: unknown): Promise<T>;
  /** The status and whatever the API answers. */
  tryApi(method: string, path: string, content?: unknown): Promise<{ readonly status: number; readonly value: Record<string, unknown> }>;
  /** The exchange with this path, once it has ended. */
  recorded(path: string): Promise<RecordedExchange>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly content: Buffer;
}

export async function startRewritingProxy(
  folder: string,
  ca: TemporaryCa,
  rules: string,
  rest: { policyRules?: string; config?: TestConfig } = {},
): Promise<RewritingProxy> {
  const rulesFile = path.join(folder, 'rewrite.yaml');
  writeFileSync(rulesFile, rules);
  const proxy = await startOpeningProxy(folder, ca, {
    policy: `version: 1\ndefault: allow\nconnect_ports: any\nrules:\n${rest.policyRules ?? ''}  - intercept: { host: localhost }\n`,
    config: { stateFolder: folder, record: RECORD_DEFAULTS, rewrite: { file: rulesFile, isNamed: true }, ...rest.config },
  });
  const socketPath = proxy.running.adminSocket!;
  const tryApi: RewritingProxy['tryApi'] = async (method, at, content) => {
    const text = content === undefined && method === 'GET' ? undefined : JSON.stringify(content ?? {});
    const headers = text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
    const answer = await asked({ socketPath, method, path: at, headers }, text);
    return { status: answer.status, value: answer.content.length === 0 ? {} : JSON.parse(answer.content.toString()) };
  };
  const api = async <T>(method: string, at: string, content?: unknown): Promise<T> => {
    const { status, value } = await tryApi(method, at, content);
    if (status >= 300) throw new Error(`${method} ${at}: ${status} ${JSON.stringify(value)}`);
    return value as T;
  };
  const recorded = async (wanted: string): Promise<RecordedExchange> => {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const { rows } = await api<{ rows: { id: number; state: string; path: string }[] }>('GET', '/api/exchanges?order=-id&limit=500');
      const row = rows.find((each) => each.path === wanted && each.state === 'done');
      if (row !== undefined) return await api<RecordedExchange>('GET', `/api/exchanges/${row.id}?reveal=1`);
      if (performance.now() > deadline) throw new Error(`${wanted} was not recorded`);
    }
  };
  return { proxy, rulesFile, api, tryApi, recorded };
}

/** One request of HTTP/1.1 through the proxy, to its end. @throws Node's error when the connection breaks */
export function fetchThrough(
  { port }: { readonly port: number },
  url: string,
  { method = 'GET', headers = {}, content }: { method?: string; headers?: OutgoingHttpHeaders; content?: string | Buffer } = {},
): Promise<Answer> {
  return asked({ host: '127.0.0.1', port, method, path: url, headers: { Host: new URL(url).host, ...headers }, agent: false }, content);
}

function asked(options: RequestOptions, content?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (bytes: Buffer) => chunks.push(bytes));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, content: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(content);
  });
}
