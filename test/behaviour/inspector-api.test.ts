// What the inspector's API gives away: whoever asks without wanting to see secrets gets none, whichever way they were recorded, and all that is written
// down is this user's alone.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { RECORD_DEFAULTS } from '../../src/flows/options.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
/** Of each place that has a secret in it, one that stands nowhere else. */
const SECRETS = [
  ...['in-authorization', 'in-cookie', 'in-referer', 'in-query', 'in-form', 'in-set-cookie', 'in-location', 'in-fragment', 'in-json'],
  ...['in-gzip', 'in-event'],
];
let origin: WebOrigin;
let proxy: TestProxy;
let admin: string;
let headers: Readonly<Record<string, string>>;

beforeAll(async () => {
  origin = await startWebOrigin((request, response) => {
    request.resume();
    if (request.url === '/packed') {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' });
      response.end(gzipSync('{"access_token":"in-gzip"}'));
    } else if (request.url === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: {"password":"in-event"}\n\n');
    } else {
      response.writeHead(200, {
        'Content-Type': 'application/json',
        'Set-Cookie': 'sid=in-set-cookie; Path=/',
        Location: 'http://a.test/?access_token=in-location#id_token=in-fragment',
      });
      response.end('{"user":{"password":"in-json"}}');
    }
  });
  proxy = await startTestProxy({ stateFolder: folder, record: RECORD_DEFAULTS, admin: { host: '127.0.0.1', port: 0 } });
  admin = new URL(proxy.running.newInspectorLink()!).origin;
  const running = path.join(folder, 'running');
  headers = { authorization: `Bearer ${readFileSync(path.join(running, `${process.pid}.token`), 'utf8').trim()}` };
  await through('POST', '/form?token=in-query', 'password=in-form&a=b');
  await through('GET', '/packed');
  await through('GET', '/events');
  while ((await list()).filter(({ state }) => state === 'done').length < 3);
});
afterAll(async () => {
  await proxy?.close();
  await origin.close();
});

function through(method: string, at: string, content = ''): Promise<void> {
  const fields = {
    Host: new URL(origin.url).host,
    Authorization: 'Bearer in-authorization',
    'Proxy-Authorization': 'Basic aW4tcHJveHk6cGFzcw==',
    Cookie: 'a=in-cookie',
    Referer: 'http://b.test/?code=in-referer',
    'Content-Type': 'application/x-www-form-urlencoded',
    'Content-Length': content.length,
  };
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port: proxy.port, method, path: origin.url + at, headers: fields, agent: false });
    asked.on('response', (response) => response.resume().on('end', resolve));
    asked.on('error', reject).end(content);
  });
}

async function list(): Promise<{ readonly id: number; readonly path: string; readonly state: string }[]> {
  const answer = await fetch(`${admin}/api/exchanges`, { headers });
  return ((await answer.json()) as { rows: [] }).rows;
}

/** As text, without codings. */
async function answered(at: string): Promise<string> {
  const answer = await fetch(admin + at, { headers });
  expect([at, answer.status]).toEqual([at, 200]);
  const octets = Buffer.from(await answer.arrayBuffer());
  return (octets[0] === 0x1f ? gunzipSync(octets) : octets).toString('latin1');
}

const found = (text: string) => [...SECRETS, 'in-proxy', 'aW4tcHJveHk6cGFzcw'].filter((secret) => text.includes(secret));

test('no answer has a secret in it, whatever the place, and each is there for whoever asks to see them', async () => {
  const ids = (await list()).map(({ id }) => id);
  const ofOne = (id: number) => [
    `/api/exchanges/${id}`,
    `/api/exchanges/${id}/messages`,
    `/api/exchanges/${id}/why`,
    `/api/exchanges/${id}/diff/${ids[0]}`,
    ...['request', 'response'].flatMap((side) => [`/api/exchanges/${id}/${side}/view`, `/api/exchanges/${id}/${side}/view?as=hex`]),
    ...['curl', 'fetch', 'python'].map((form) => `/api/exchanges/${id}/as/${form}`),
  ];
  const contents = [`/api/exchanges/${ids[0]}/request/content`, ...ids.map((id) => `/api/exchanges/${id}/response/content`)];
  const places = [...ids.flatMap(ofOne), ...contents, '/api/export.har', '/api/sessions/default/file'];
  const revealed = new Set<string>();
  for (const place of places) {
    expect([place, found(await answered(place))]).toEqual([place, []]);
    for (const secret of found(await answered(`${place}${place.includes('?') ? '&' : '?'}reveal=1`))) revealed.add(secret);
  }
  expect([...revealed].sort()).toEqual(SECRETS.toSorted());
  for (const place of [
    '/api/exchanges',
    '/api/hosts',
    '/api/overview',
    '/api/clients',
    '/api/status',
    '/api/policy',
    '/metrics',
    `/api/exchanges/${ids[0]}/allow`,
  ])
    expect([place, found(await answered(place))]).toEqual([place, []]);
});

test('whatever is written is for this user alone, and nothing of an export stays', async () => {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name));
  expect(all.length).toBeGreaterThan(5);
  // The folders close what is in them, whatever its own bits.
  const open = all.filter((name) => statSync(name).isDirectory() && (statSync(name).mode & 0o077) !== 0);
  expect(open).toEqual([]);
  expect(all.filter((name) => /\.(?:frames|token|sock)$/.test(name) && (statSync(name).mode & 0o077) !== 0)).toEqual([]);
});

test('a view that is replaced before it is open shows what was asked for last, whatever was wrong with the first', async () => {
  const page = new WebSocket(`${admin.replace('http', 'ws')}/api/live`, { headers });
  await new Promise((resolve, reject) => page.once('open', resolve).once('error', reject));
  const told: { readonly type: string; readonly total?: number }[] = [];
  const came = new Promise<void>((resolve) =>
    page.on('message', (data) => {
      told.push(JSON.parse(String(data)));
      if (told.at(-1)!.type === 'window' && told.at(-1)!.total === 1) resolve();
    }),
  );
  const view = (filter: string) => page.send(JSON.stringify({ type: 'view', view: 0, filter }));
  view('~no-such');
  view('path:/events');
  await came;
  await through('GET', '/events');
  // A window that was closed by the problem of the one before would stay as it was.
  await expect.poll(() => told.some(({ type, total }) => type === 'window' && total === 2)).toBe(true);
  page.terminate();
});

test('more views than there may be are refused, and those of pages that left make room', async () => {
  const pages = await Promise.all(
    Array.from({ length: 9 }, async () => {
      const page = new WebSocket(`${admin.replace('http', 'ws')}/api/live`, { headers });
      await new Promise((resolve, reject) => page.once('open', resolve).once('error', reject));
      return page;
    }),
  );
  const refused = Promise.withResolvers<string>();
  for (const page of pages) {
    page.on('message', (data) => {
      const { type, message } = JSON.parse(String(data)) as { readonly type: string; readonly message?: string };
      if (type === 'problem') refused.resolve(message ?? '');
    });
    for (let view = 0; view < 8; view += 1) page.send(JSON.stringify({ type: 'view', view }));
  }
  expect(await refused.promise).toBe('There are too many views open. Close one.');
  for (const page of pages) page.terminate();
  const page = new WebSocket(`${admin.replace('http', 'ws')}/api/live`, { headers });
  await new Promise((resolve) => page.once('open', resolve));
  const shown = new Promise((resolve) => page.on('message', (data) => String(data).includes('"type":"window"') && resolve(true)));
  const asking = setInterval(() => page.send(JSON.stringify({ type: 'view', view: 0, filter: `path:/${Math.random()}` })), 50);
  expect(await shown).toBe(true);
  clearInterval(asking);
  page.terminate();
});
