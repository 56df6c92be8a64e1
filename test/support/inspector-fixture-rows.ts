// Owns rows for the inspector's page, made up but plausible: an office that reads, shops, builds and chats through the proxy. The same number is
// always the same row, so that pictures and tests can be compared.
import type { Summary } from '../../src/flows/recorded.ts';

interface Site {
  readonly host: string;
  readonly scheme: 'http' | 'https';
  readonly paths: readonly string[];
  readonly type: string;
  readonly bytes: number;
  readonly method?: string;
}

/** @param id from 1 @param nowMs when the last of `count` rows began */
export function fixtureRow(id: number, count: number, nowMs: number): Summary {
  const chance = chances(id);
  const startedAtMs = Math.round(nowMs - (count - id) * 180 - chance() * 100);
  const site = SITES[Math.floor(chance() ** 1.6 * SITES.length)]!;
  const base = { id, startedAtMs, client: CLIENTS[Math.floor(chance() * CLIENTS.length)]!, user: chance() < 0.6 ? 'ada' : null };
  const roll = chance();
  if (roll < 0.03) return tunnel(base, chance);
  if (roll < 0.045) return webSocket(base, chance);
  return exchange(base, site, chance);
}

type Begun = Pick<Summary, 'id' | 'startedAtMs' | 'client' | 'user'>;

function exchange(begun: Begun, site: Site, chance: () => number): Summary {
  const path = site.paths[Math.floor(chance() * site.paths.length)]!.replace('*', String(Math.floor(chance() * 9000) + 1000));
  const resolveMs = chance() < 0.2 ? round(chance() * 12) : null;
  const connectMs = chance() < 0.25 ? round(6 + chance() * 30) : null;
  const tlsMs = connectMs !== null && site.scheme === 'https' ? round(9 + chance() * 40) : null;
  const firstByteMs = round((resolveMs ?? 0) + (connectMs ?? 0) + (tlsMs ?? 0) + 8 + chance() ** 5 * 900);
  const row: Summary = {
    ...EMPTY,
    ...begun,
    connectId: site.scheme === 'https' && begun.id > 3 ? begun.id - 2 : null,
    method: site.method ?? (chance() < 0.02 ? 'OPTIONS' : 'GET'),
    scheme: site.scheme,
    host: site.host,
    port: site.scheme === 'https' ? 443 : 80,
    path,
    status: 200,
    outcome: 'forwarded',
    decision: 'allow',
    rule: 'Office sites',
    cache: 'forwarded',
    contentType: site.type,
    requestBytes: site.method === 'POST' ? Math.floor(chance() * 4_000) : 0,
    responseBytes: Math.floor(site.bytes * (0.3 + chance() * 1.4)),
    ...{ resolveMs, connectMs, tlsMs, firstByteMs },
    totalMs: round(firstByteMs + (site.bytes / 40_000) * chance() * 12),
    touched: chance() < 0.01 ? ['Fields'] : [],
  };
  const fate = chance();
  if (site.host.startsWith('ads.') || site.host.startsWith('pixel.')) return denied(row);
  if (fate < 0.018)
    return { ...row, status: 502, outcome: 'failed', error: 'connection_refused', contentType: 'text/html', responseBytes: 3_120 };
  if (fate < 0.03) return { ...row, status: 504, outcome: 'failed', error: 'connection_timeout', totalMs: round(10_000 + chance() * 40) };
  if (fate < 0.04) return { ...row, outcome: 'aborted', status: 200 };
  if (fate < 0.07) return { ...row, status: 404, contentType: 'text/html; charset=utf-8', responseBytes: 512 };
  if (fate < 0.08) return { ...row, status: 500, contentType: 'application/json', responseBytes: 88 };
  if (fate < 0.12) return { ...row, status: 302, responseBytes: 0 };
  if (row.method === 'GET' && fate > 0.72 && fate < 0.9) return reused(row, 'hit', chance);
  if (row.method === 'GET' && fate >= 0.9 && fate < 0.95)
    return { ...reused(row, 'validated', chance), firstByteMs: row.firstByteMs, totalMs: row.totalMs };
  return row;
}

function denied(row: Summary): Summary {
  const isDefault = row.host.startsWith('pixel.');
  return {
    ...row,
    ...{ status: 403, outcome: 'denied', decision: 'deny', rule: isDefault ? null : 'Adverts', error: 'http_request_denied', cache: null },
    ...{ resolveMs: null, connectMs: null, tlsMs: null, firstByteMs: 0.4, totalMs: 0.6, contentType: 'text/html; charset=utf-8' },
    ...{ requestBytes: 0, responseBytes: 2_911 },
  };
}

function reused(row: Summary, cache: 'hit' | 'validated', chance: () => number): Summary {
  const firstByteMs = round(0.2 + chance());
  return {
    ...row,
    outcome: 'reused',
    cache,
    resolveMs: null,
    connectMs: null,
    tlsMs: null,
    firstByteMs,
    totalMs: round(firstByteMs + chance() * 2),
  };
}

function tunnel(begun: Begun, chance: () => number): Summary {
  const fate = chance();
  const isOpened = fate < 0.6;
  return {
    ...EMPTY,
    ...begun,
    kind: 'tunnel',
    method: 'CONNECT',
    scheme: 'tunnel',
    host: SITES[Math.floor(chance() * SITES.length)]!.host,
    port: 443,
    status: 200,
    outcome: isOpened ? 'opened' : 'tunnelled',
    decision: isOpened ? 'intercept' : 'tunnel',
    rule: isOpened ? 'Look inside' : 'Banks stay closed',
    interception: isOpened ? 'opened' : 'passed',
    requestBytes: Math.floor(chance() * 40_000),
    responseBytes: Math.floor(chance() * 900_000),
    resolveMs: round(chance() * 9),
    connectMs: round(5 + chance() * 30),
    firstByteMs: round(20 + chance() * 30),
    totalMs: round(4_000 + chance() * 50_000),
  };
}

function webSocket(begun: Begun, chance: () => number): Summary {
  return {
    ...EMPTY,
    ...begun,
    ...{ kind: 'websocket', method: 'GET', scheme: 'https', host: 'chat.example', port: 443, path: '/socket?room=42', status: 101 },
    ...{ outcome: 'forwarded', decision: 'allow', rule: 'Office sites', requestBytes: 8_122, responseBytes: 91_233, firstByteMs: 31 },
    totalMs: round(60_000 * chance()),
    messages: 4 + Math.floor(chance() * 200),
  };
}

/** A row that has just begun, or that has gone on. */
export function pending(row: Summary): Summary {
  return {
    ...row,
    state: 'pending',
    status: 0,
    outcome: null,
    totalMs: null,
    firstByteMs: null,
    responseBytes: 0,
    contentType: null,
    cache: null,
    error: null,
  };
}

/** Mulberry32: small, even enough, and the same everywhere. */
function chances(seed: number): () => number {
  let state = (seed * 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

const EMPTY: Summary = {
  ...{
    id: 0,
    state: 'done',
    kind: 'exchange',
    connectId: null,
    replayOf: null,
    startedAtMs: 0,
    client: '',
    user: null,
    method: '',
    scheme: '',
  },
  ...{
    host: '',
    port: 0,
    path: '',
    version: '1.1',
    status: 0,
    outcome: null,
    error: null,
    decision: null,
    rule: null,
    reported: 0,
    cache: null,
  },
  ...{ interception: null, contentType: null, requestBytes: 0, responseBytes: 0, resolveMs: null, connectMs: null, tlsMs: null },
  ...{ firstByteMs: null, totalMs: null, messages: 0, touched: [] },
};

const CLIENTS = ['127.0.0.1', '127.0.0.1', '192.168.1.20', '192.168.1.31', '[fd00::12]'];

const SITES: readonly Site[] = [
  {
    host: 'shop.example',
    scheme: 'https',
    paths: ['/', '/products/*', '/cart', '/search?q=tea+cups'],
    type: 'text/html; charset=utf-8',
    bytes: 42_000,
  },
  {
    host: 'api.shop.example',
    scheme: 'https',
    paths: ['/v2/products/*', '/v2/cart?include=items', '/v2/me'],
    type: 'application/json',
    bytes: 3_400,
  },
  {
    host: 'cdn.shop.example',
    scheme: 'https',
    paths: ['/assets/app.4f1c.js', '/assets/vendor.91ab.js'],
    type: 'text/javascript',
    bytes: 180_000,
  },
  { host: 'images.shop.example', scheme: 'https', paths: ['/p/*.webp', '/p/*.webp?w=480', '/hero.jpg'], type: 'image/webp', bytes: 64_000 },
  { host: 'ads.tracker.example', scheme: 'https', paths: ['/banner/*.js', '/v1/bid'], type: 'text/javascript', bytes: 20_000 },
  {
    host: 'cdn.shop.example',
    scheme: 'https',
    paths: ['/assets/app.77d0.css', '/assets/fonts/inter.woff2'],
    type: 'text/css',
    bytes: 31_000,
  },
  {
    host: 'api.shop.example',
    scheme: 'https',
    paths: ['/v2/events', '/v2/cart/items'],
    type: 'application/json',
    bytes: 600,
    method: 'POST',
  },
  { host: 'pixel.metrics.example', scheme: 'https', paths: ['/collect?e=view&n=*'], type: 'image/gif', bytes: 43 },
  { host: 'login.example', scheme: 'https', paths: ['/oauth/token', '/session'], type: 'application/json', bytes: 900, method: 'POST' },
  { host: 'news.example', scheme: 'http', paths: ['/', '/world/*', '/feed.xml'], type: 'text/html', bytes: 58_000 },
  { host: 'docs.internal.example', scheme: 'https', paths: ['/guide/*', '/search.json?q=proxy'], type: 'text/html', bytes: 22_000 },
  {
    host: 'packages.example',
    scheme: 'https',
    paths: ['/left-pad/-/left-pad-1.*.tgz', '/index.json'],
    type: 'application/octet-stream',
    bytes: 900_000,
  },
  { host: 'video.example', scheme: 'https', paths: ['/hls/segment-*.ts', '/hls/main.m3u8'], type: 'video/mp2t', bytes: 1_800_000 },
  {
    host: 'grpc.internal.example',
    scheme: 'https',
    paths: ['/inventory.Stock/List'],
    type: 'application/grpc+proto',
    bytes: 1_200,
    method: 'POST',
  },
  { host: 'xn--bcher-kva.example', scheme: 'https', paths: ['/gr%C3%B6%C3%9Fe/*'], type: 'text/html', bytes: 8_000 },
];
