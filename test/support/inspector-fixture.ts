// Owns a stand-in for the proxy behind the inspector's page: the real page, over real HTTP and a real WebSocket, with 100,000 made-up rows behind it.
// It is for what is hard to have a proxy do on demand; that page and proxy fit together is for the tests that run both.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ContentKind } from '../../src/flows/content/content-view.ts';
import type { Summary } from '../../src/flows/recorded.ts';
import type { FromServer, ToServer, Window } from '../../src/inspector/ui/wire.ts';
import {
  fixtureAllowing,
  fixtureContent,
  fixtureDiff,
  fixtureExchange,
  fixtureMessages,
  fixtureView,
  fixtureWhy,
} from './inspector-fixture-details.ts';
import {
  FIXTURE_RULES,
  fixtureBreakpoints,
  fixtureCacheEntries,
  fixtureCacheStats,
  fixtureCertificates,
  fixtureClients,
  fixtureExplained,
  fixtureOverview,
  fixturePolicy,
  fixtureRules,
  fixtureSessions,
  fixtureStatus,
  fixtureStored,
} from './inspector-fixture-pages.ts';
import { fixtureRow } from './inspector-fixture-rows.ts';

export interface InspectorFixture {
  readonly url: string;
  /** With a code that works once. */
  readonly link: string;
  /** Everything that the page has written: `POST /api/exchanges/1/replay {...}`. */
  readonly written: string[];
  /** Its name and value let a page in without the link. */
  readonly cookie: readonly [name: string, value: string];
  /** How many rows there are. */
  total(): number;
  /** Adds so many rows now. */
  add(count: number): void;
  /** How many windows pages have open. */
  views(): number;
  /** Drops every WebSocket, as a restart does. */
  disconnect(): void;
  close(): Promise<void>;
}

/** @param keep  which rows a filter leaves; the page's own language in tests that need more than a part of the URL */
export async function startInspectorFixture(
  count = 100_000,
  keep: (text: string) => (row: Summary) => boolean = isPartOfUrl,
): Promise<InspectorFixture> {
  const nowMs = Date.now();
  const rows = Array.from({ length: count }, (_, index) => fixtureRow(index + 1, count, nowMs));
  const written: string[] = [];
  const state: State = {
    rows,
    nowMs,
    keep,
    written,
    rules: FIXTURE_RULES,
    codes: new Set(['first']),
    found: new Map(),
    breakpoints: fixtureBreakpoints(nowMs),
    views: new Set(),
  };
  const server = createServer((request, response) => void answer(state, request, response));
  const sockets = new WebSocketServer({ server, path: '/api/live' });
  sockets.on('connection', (socket) => serveLive(socket, state));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dropSockets = () => {
    for (const socket of sockets.clients) socket.terminate();
  };
  return {
    url,
    link: `${url}/#open=first`,
    written,
    cookie: ['sallyport', 'yes'],
    total: () => rows.length,
    add(more) {
      const from = rows.length;
      for (let id = from + 1; id <= from + more; id++) rows.push({ ...fixtureRow(id, id, Date.now()), startedAtMs: Date.now() });
    },
    views: () => [...state.views].reduce((sum, views) => sum + views.size, 0),
    disconnect: dropSockets,
    close: () => closeAll(server, sockets, dropSockets),
  };
}

interface State {
  readonly rows: Summary[];
  readonly nowMs: number;
  readonly keep: (text: string) => (row: Summary) => boolean;
  readonly written: string[];
  readonly codes: Set<string>;
  readonly found: Map<string, { upTo: number; readonly rows: Summary[] }>;
  /** Of each page. */
  readonly views: Set<ReadonlyMap<number, unknown>>;
  rules: string;
  breakpoints: ReturnType<typeof fixtureBreakpoints>;
}

function isPartOfUrl(text: string): (row: Summary) => boolean {
  const words = text.replaceAll(/[()]|host:/g, ' ').split(/\s+/);
  return (row) => words.every((word) => `${row.method} ${row.host}${row.path}`.includes(word));
}

async function closeAll(server: Server, sockets: WebSocketServer, dropSockets: () => void): Promise<void> {
  dropSockets();
  sockets.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Rows that a filter leaves, of all that are there now. What was looked at once is not looked at again. */
function kept({ rows, keep, found }: State, filter: string): readonly Summary[] {
  if (filter.trim() === '') return rows;
  const known = found.get(filter) ?? { upTo: 0, rows: [] };
  found.set(filter, known);
  const isKept = keep(filter);
  for (; known.upTo < rows.length; known.upTo += 1) if (isKept(rows[known.upTo]!)) known.rows.push(rows[known.upTo]!);
  return known.rows;
}

function select(state: State, filter: string, order: string, offset: number, limit: number): Pick<Window, 'total' | 'rows'> {
  const all = kept(state, filter);
  const total = all.length;
  if (order === 'id') return { total, rows: all.slice(offset, offset + limit) };
  if (order === '-id') return { total, rows: all.slice(Math.max(0, total - offset - limit), total - offset).reverse() };
  const key = order.replace('-', '') as keyof Summary;
  const sign = order.startsWith('-') ? -1 : 1;
  return { total, rows: all.toSorted((a, b) => sign * compare(a[key], b[key])).slice(offset, offset + limit) };
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a ?? -1) - Number(b ?? -1);
  return String(a ?? '').localeCompare(String(b ?? ''));
}

function serveLive(socket: WebSocket, state: State): void {
  const views = new Map<number, Extract<ToServer, { type: 'view' }>>();
  state.views.add(views);
  const lastSent = new Map<number, string>();
  const say = (message: FromServer) => socket.send(JSON.stringify(message));
  let wantsOverview = false;
  const push = () => {
    for (const [view, { filter, order, offset, limit }] of views) {
      const { total, rows } = select(state, filter, order, offset, limit);
      const sum = `${total} ${offset} ${rows[0]?.id} ${rows.length}`;
      if (lastSent.get(view) === sum) continue;
      lastSent.set(view, sum);
      say({ type: 'window', view, total, offset, rows, progress: null });
    }
  };
  const slowly = () => {
    say({ type: 'status', ...fixtureStatus(Date.now(), state.rows.length) });
    if (wantsOverview) say({ type: 'overview', ...fixtureOverview(Date.now()) });
  };
  const timers = [setInterval(push, 100), setInterval(slowly, 1_000)];
  slowly();
  say({ type: 'breakpoints', held: state.breakpoints.held });
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as ToServer;
    if (message.type === 'overview') {
      wantsOverview = message.on;
      slowly();
    }
    if (message.type === 'close-view') views.delete(message.view);
    if (message.type !== 'view') return;
    views.set(message.view, message);
    lastSent.delete(message.view);
    push();
  });
  socket.on('close', () => {
    timers.forEach(clearInterval);
    state.views.delete(views);
  });
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fixture.invalid');
  if (!url.pathname.startsWith('/api/')) return serveFile(url.pathname, response);
  let content = '';
  for await (const chunk of request) content += chunk;
  const isSignIn = url.pathname === '/api/sign-in';
  if (request.method !== 'GET' && !isSignIn) state.written.push(`${request.method} ${url.pathname} ${content}`);
  if (isSignIn) return signIn(state, content, response);
  if (!(request.headers.cookie ?? '').includes('sallyport=yes')) return send(response, 401, { error: 'Sign in first.' });
  const found = isPlain(url.pathname) ? plain(state, url, request.method ?? '', content) : ofExchange(state, url);
  if (found === undefined) return send(response, 404, { error: `There is nothing at ${url.pathname}.` });
  if (Buffer.isBuffer(found)) {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Security-Policy': 'sandbox' });
    response.end(found);
    return;
  }
  send(response, isProblem(found) ? 400 : 200, found);
}

function isPlain(pathname: string): boolean {
  return !/^\/api\/exchanges\/\d/.test(pathname);
}

function isProblem(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'error' in value;
}

function signIn(state: State, content: string, response: ServerResponse): void {
  const { code } = JSON.parse(content) as { code: string };
  const isGood = state.codes.delete(code);
  if (isGood) response.setHeader('Set-Cookie', 'sallyport=yes; HttpOnly; SameSite=Strict; Path=/');
  send(response, isGood ? 200 : 401, isGood ? { key: 'fixture' } : { error: 'This link has been used, or is not of this start.' });
}

function plain(state: State, url: URL, method: string, content: string): unknown {
  const { pathname, searchParams } = url;
  const nowMs = Date.now();
  if (pathname === '/api/status') return fixtureStatus(nowMs, state.rows.length);
  if (pathname === '/api/hosts') return hostsOf(kept(state, searchParams.get('filter') ?? ''));
  if (pathname === '/api/policy') return fixturePolicy(nowMs);
  if (pathname === '/api/policy/explain') return fixtureExplained((JSON.parse(content) as { url: string }).url);
  if (pathname === '/api/overview') return fixtureOverview(nowMs);
  if (pathname === '/api/cache') return fixtureCacheStats;
  if (pathname === '/api/cache/entries') return { entries: fixtureCacheEntries, isCut: false };
  if (pathname === '/api/cache/entry') return fixtureStored(url.searchParams.get('url'));
  if (pathname === '/api/cache/why') return { lines: ['It would be a hit: a stored response is fresh for 3120 s more (RFC 9111 §4.2).'] };
  if (pathname === '/api/cache/purge') return { purged: 12 };
  if (pathname === '/api/clients') return fixtureClients();
  if (pathname === '/api/certificates') return fixtureCertificates(nowMs);
  if (pathname === '/api/sessions') return fixtureSessions(nowMs);
  if (pathname.startsWith('/api/sessions/')) return {};
  if (pathname === '/api/send') return { id: state.rows.length };
  if (pathname === '/api/breakpoints' && method === 'PUT') state.breakpoints = { ...state.breakpoints, breakpoints: JSON.parse(content) };
  if (pathname === '/api/breakpoints') return state.breakpoints;
  if (pathname.startsWith('/api/breakpoints/held/')) {
    const held = state.breakpoints.held.filter(({ number }) => `/api/breakpoints/held/${number}` !== pathname);
    state.breakpoints = { ...state.breakpoints, held };
    return {};
  }
  if (pathname === '/api/rules' && method === 'PUT') return putRules(state, content, nowMs);
  if (pathname.startsWith('/api/rules')) return fixtureRules(state.rules, nowMs);
  return undefined;
}

function putRules(state: State, content: string, nowMs: number): unknown {
  const checked = fixtureRules((JSON.parse(content) as { text: string }).text, nowMs);
  if (checked.problems.length > 0) return { error: 'The rules cannot be used as they are.', problems: checked.problems };
  state.rules = checked.text;
  return checked;
}

function ofExchange(state: State, { pathname, searchParams }: URL): unknown {
  const [, , , id = '', what = '', more = ''] = pathname.split('/');
  const row = state.rows[Number(id) - 1];
  if (row === undefined) return undefined;
  const isRevealed = searchParams.get('reveal') === '1';
  const side = what === 'request' ? 'request' : 'response';
  if (what === '') return fixtureExchange(row, isRevealed);
  if (what === 'why') return fixtureWhy(row);
  if (more === 'content') return fixtureContent(row, side);
  if (more === 'view') return fixtureView(row, side, searchParams.get('as') as ContentKind | null);
  if (what === 'messages') return fixtureMessages(row, Number(searchParams.get('after') ?? 0), Number(searchParams.get('limit') ?? 200));
  if (what === 'as') return { text: `${more} '${row.scheme}://${row.host}${row.path}'` };
  if (what === 'allow') return fixtureAllowing(row);
  if (what === 'diff') return fixtureDiff(row, state.rows[Number(more) - 1] ?? row);
  if (what === 'replay') return { id: state.rows.length };
  return undefined;
}

function hostsOf(rows: readonly Summary[]): unknown {
  const hosts = new Map<string, { host: string; exchanges: number; denied: number; failed: number; bytes: number }>();
  for (const { host, outcome, responseBytes } of rows) {
    const of = hosts.get(host) ?? { host, exchanges: 0, denied: 0, failed: 0, bytes: 0 };
    hosts.set(host, of);
    of.exchanges += 1;
    of.denied += Number(outcome === 'denied');
    of.failed += Number(outcome === 'failed');
    of.bytes += responseBytes;
  }
  return [...hosts.values()];
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(value));
}

function serveFile(pathname: string, response: ServerResponse): void {
  const name = pathname === '/' ? 'index.html' : pathname.slice(1);
  try {
    const octets = readFileSync(path.join(BUILT, path.normalize(`/${name}`)));
    response.writeHead(200, {
      'Content-Type': TYPES[path.extname(name)] ?? 'application/octet-stream',
      'Content-Security-Policy': CSP,
      'X-Content-Type-Options': 'nosniff',
    });
    response.end(octets);
  } catch {
    send(response, 404, { error: 'no such file' });
  }
}

const BUILT = path.join(import.meta.dirname, '../../dist/inspector');
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
