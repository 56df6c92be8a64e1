// What the rows of the inspector's list tell while exchanges last, and of what was refused: over the API and the WebSocket of its pages.
import { readFileSync } from 'node:fs';
import { request as httpRequest, type ServerResponse } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { RECORD_DEFAULTS } from '../../src/flows/options.ts';
import type { Summary } from '../../src/flows/recorded.ts';
import { denialWords, failureWords } from '../../src/inspector/ui/traffic/refusal.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const POLICY = `version: 1
default: deny
rules:
  - name: Few
    allow: { host: 127.0.0.1, path: /few }
    limits: { per_day: 1B, per: client }
  - name: No secrets
    deny: { host: 127.0.0.1, path: /secret }
  - name: Own machine
    allow: { host: 127.0.0.1 }
  - name: Odd port
    allow: { port: 81 }
`;

const folder = temporaryFolder(afterAll);
let origin: WebOrigin;
let streaming: ServerResponse | null = null;
let proxy: TestProxy;
let admin: string;
let headers: Readonly<Record<string, string>>;

beforeAll(async () => {
  origin = await startWebOrigin((request, response) => {
    request.resume();
    if (request.url !== '/stream') response.end('.');
    else {
      streaming = response;
      response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).write('x'.repeat(1_000));
    }
  });
  proxy = await startTestProxy({
    stateFolder: folder,
    record: RECORD_DEFAULTS,
    admin: { host: '127.0.0.1', port: 0 },
    policyFile: temporaryFile(afterAll, 'policy.yaml', POLICY),
  });
  admin = new URL(proxy.running.newInspectorLink()!).origin;
  headers = { authorization: `Bearer ${readFileSync(path.join(folder, 'running', `${process.pid}.token`), 'utf8').trim()}` };
});
afterAll(async () => {
  await proxy?.close();
  await origin.close();
});

interface Told {
  readonly type: string;
  readonly rows?: readonly Summary[];
}

async function openView(
  filter: string,
): Promise<{ readonly page: WebSocket; readonly told: Told[]; until(isTrue: (said: Told) => boolean): Promise<void> }> {
  const page = new WebSocket(`${admin.replace('http', 'ws')}/api/live`, { headers });
  await new Promise((resolve, reject) => page.once('open', resolve).once('error', reject));
  const told: Told[] = [];
  page.on('message', (data) => told.push(JSON.parse(String(data))));
  page.send(JSON.stringify({ type: 'view', view: 0, filter }));
  return {
    page,
    told,
    until: (isTrue) => expect.poll(() => told.some(isTrue), { timeout: 10_000 }).toBe(true),
  };
}

const hasRow = (isTrue: (row: Summary) => boolean) => (said: Told) => said.rows?.some(isTrue) ?? false;

test('a row under way grows with its content while a page shows it, and what the page has been told stays', async () => {
  const { page, told, until } = await openView('path:/stream OR path:/short');
  const asked = httpRequest({ host: '127.0.0.1', port: proxy.port, path: `${origin.url}/stream`, agent: false });
  asked.on('error', () => {});
  asked.on('response', (response) => response.resume()).end();
  await until(hasRow(({ path: of, state }) => of === '/stream' && state === 'pending'));

  streaming!.write('x'.repeat(99_000));
  await until(({ type, rows }) => type === 'rows' && rows!.some(({ responseBytes }) => responseBytes === 100_000));
  const grown = told.filter(({ type }) => type === 'rows').length;
  for (let i = 0; i < 40; i += 1) {
    streaming!.write('x'.repeat(1_000));
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await until(({ type, rows }) => type === 'rows' && rows!.some(({ responseBytes }) => responseBytes === 140_000));
  // Forty steps in a second or two: told of once a second.
  expect(told.filter(({ type }) => type === 'rows').length - grown).toBeLessThanOrEqual(4);

  // A window that comes for another reason has what the page knows already, and not what the exchange began with.
  const from = told.length;
  await through('GET', '/short');
  await until(hasRow(({ path: of, state }) => of === '/short' && state === 'done'));
  const later = told.slice(from).filter(({ type }) => type === 'window');
  expect(later.flatMap(({ rows }) => rows!.filter(({ path: of }) => of === '/stream').map(({ responseBytes }) => responseBytes))).toEqual(
    later.map(() => 140_000),
  );

  streaming!.end('!');
  await until(hasRow(({ state, responseBytes }) => state === 'done' && responseBytes === 140_001));
  page.terminate();
}, 30_000);

test('nobody is told of rows that no page shows', async () => {
  const { page, told, until } = await openView('path:/elsewhere');
  const asked = httpRequest({ host: '127.0.0.1', port: proxy.port, path: `${origin.url}/stream`, agent: false });
  asked.on('error', () => {});
  asked.on('response', (response) => response.resume()).end();
  await expect.poll(async () => (await list('path:/stream & is:pending')).length).toBe(1);
  const seconds = told.filter(({ type }) => type === 'status').length;
  streaming!.write('x'.repeat(5_000));
  await expect.poll(() => told.filter(({ type }) => type === 'status').length, { timeout: 10_000 }).toBeGreaterThan(seconds + 2);
  expect(told.filter(({ type }) => type === 'rows')).toEqual([]);
  await until(({ type }) => type === 'window');
  asked.destroy();
  page.terminate();
}, 30_000);

test.each([
  ['a rule', 'GET', '/secret', 403, 'Denied by rule ‘No secrets’'],
  ['the default', 'GET', 'http://elsewhere.test/', 403, 'Denied by the default'],
  ['a method that nobody has registered', 'BREW', '/', 403, 'Denied: BREW is not a registered method'],
  ['a path that cannot be judged', 'GET', '/%2e%2e%2f..%2fsecret', 403, 'Denied: rule ‘Few’ cannot judge its path'],
  ['the guard of addresses', 'GET', 'http://169.254.169.254:81/', 502, 'Refused: its address is not one to connect to'],
  ['a port that tunnels may not go to', 'CONNECT', '127.0.0.1:25', 403, 'Denied: CONNECT to port 25 is not in connect_ports'],
  ['a form of target that is for no proxy', 'GET', '*', 400, 'Refused: bad request'],
  ['what it expects', 'EXPECT', '/', 417, 'Refused: it expects what nobody here does'],
])('what refused it is told as what it was: %s', async (_, method, target, status, words) => {
  const before = (await list('')).length;
  const client = await connectRaw({ port: proxy.port });
  const url = target.startsWith('/') ? `${origin.url}${target}` : target;
  const host = new URL(origin.url).host;
  const expecting = method === 'EXPECT' ? 'Expect: the-impossible\r\n' : '';
  await client.send(`${method === 'EXPECT' ? 'GET' : method} ${url} HTTP/1.1\r\nHost: ${host}\r\n${expecting}Connection: close\r\n\r\n`);
  expect((await client.readResponse(method)).status).toBe(status);
  client.destroy();
  await expect.poll(async () => (await list('')).length).toBe(before + 1);
  await expect.poll(async () => (await list('', '-id'))[0]).toMatchObject({ state: 'done', status });
  expect(wordsOf((await list('', '-id'))[0]!)).toBe(words);
});

test('a limit of a rule that lets pass is told as one', async () => {
  for (let i = 0; i < 2; i += 1) await through('GET', '/few');
  await expect.poll(async () => (await list('path:/few', '-id')).map(({ status }) => status)).toEqual([429, 200]);
  expect((await list('path:/few', '-id')).map((row) => wordsOf(row))).toEqual(['Over a limit of rule ‘Few’', null]);
});

function wordsOf(row: Summary): string | null {
  if (row.outcome === 'denied') return denialWords(row);
  return row.outcome === 'failed' ? failureWords(row) : null;
}

function through(method: string, at: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port: proxy.port, method, path: origin.url + at, agent: false });
    asked.on('response', (response) => response.resume().on('end', resolve));
    asked.on('error', reject).end();
  });
}

async function list(filter: string, order = 'id'): Promise<readonly Summary[]> {
  const answer = await fetch(`${admin}/api/exchanges?${new URLSearchParams({ filter, order })}`, { headers });
  return ((await answer.json()) as { readonly rows: readonly Summary[] }).rows;
}
