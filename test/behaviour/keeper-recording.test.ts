// One list and one session for all workers: what they record is kept by the keeper, under ids of which none is used twice; and what happens to that when
// one of the processes dies.
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { RecordedExchange, Summary } from '../../src/flows/recorded.ts';
import { fetchVia } from '../support/cached.ts';
import { type KeptProxy, startKeptProxy } from '../support/kept-proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
let origin: WebOrigin;
let proxy: KeptProxy;
let letGo: () => void = () => {};

beforeAll(async () => {
  origin = await startWebOrigin((request, response) => {
    if (request.url?.startsWith('/slow')) letGo = () => response.end('at last');
    else response.end(`content of ${request.url}`);
  });
  proxy = await startKeptProxy(folder, { admin: { host: '127.0.0.1', port: 0 } });
}, 180_000);
afterAll(async () => {
  await proxy?.close();
  await origin.close();
});

/** The worker with this index is asked, and its answer is there. */
async function through(worker: number, at: string): Promise<void> {
  expect((await fetchVia(proxy.workers[worker]!, origin.url + at)).body.toString()).toBe(`content of ${at}`);
}

async function recordedWhere(hasCome: (rows: readonly Summary[]) => boolean): Promise<readonly Summary[]> {
  for (;;) {
    const rows = await proxy.recorded();
    if (hasCome(rows)) return rows;
  }
}

async function exchange(id: number): Promise<RecordedExchange> {
  return (await proxy.ask('GET', `/api/exchanges/${id}`)) as RecordedExchange;
}

test('exchanges of all workers are in one list, each once, with its content', async () => {
  await Promise.all(Array.from({ length: 40 }, (_, i) => through(i % 2, `/all/${i}`)));
  const rows = await recordedWhere((all) => all.filter(({ state }) => state === 'done').length >= 40);
  expect(new Set(rows.map(({ path }) => path))).toEqual(new Set(Array.from({ length: 40 }, (_, i) => `/all/${i}`)));
  expect(new Set(rows.map(({ id }) => id)).size).toBe(40);
  const connections = await Promise.all(rows.map(async ({ id }) => (await exchange(id)).facts.connectionId));
  expect(new Set(connections).size).toBe(40);
  const { id } = rows.find(({ path }) => path === '/all/7')!;
  const view = (await proxy.ask('GET', `/api/exchanges/${id}/response/view`)) as { readonly text?: string };
  expect(JSON.stringify(view)).toContain('content of /all/7');
});

test('an exchange that is under way in a worker is shown as far as it has come', async () => {
  using client = await connectRaw(proxy.workers[1]!);
  await client.send(`GET ${origin.url}/slow HTTP/1.1\r\nHost: x\r\nX-Seen: yes\r\n\r\n`);
  const rows = await recordedWhere((all) => all.some(({ path }) => path === '/slow'));
  const { id, state } = rows.find(({ path }) => path === '/slow')!;
  expect(state).toBe('pending');
  expect((await exchange(id)).request?.fields).toContainEqual(['X-Seen', 'yes']);
  letGo();
  expect((await client.readResponse()).body.toString()).toBe('at last');
  await recordedWhere((all) => all.some((row) => row.id === id && row.state === 'done'));
});

test('a page is told of what workers record as it happens', async () => {
  using page = await openPage();
  page.show('path:/live');
  await page.rowsWhere((rows) => rows.length === 0);
  await through(0, '/live/a');
  await through(1, '/live/b');
  const rows = await page.rowsWhere(({ length }) => length === 2);
  expect(rows.map(({ path }) => path).toSorted()).toEqual(['/live/a', '/live/b']);
});

test("a request is sent again on the keeper's own line, and is in the same list", async () => {
  await through(0, '/once-more');
  const [first] = (await recordedWhere((all) => all.some(({ path }) => path === '/once-more'))).filter(({ path }) => path === '/once-more');
  const { id } = (await proxy.ask('POST', `/api/exchanges/${first!.id}/replay`, {})) as { readonly id: number };
  const rows = await recordedWhere((all) => all.some((row) => row.id === id && row.state === 'done'));
  expect(rows.find((row) => row.id === id)).toMatchObject({ path: '/once-more', replayOf: first!.id, status: 200 });
});

test('counts of all workers are one sum, and those of one that has died stay in it', async () => {
  const before = await exchangesCounted();
  const [, dying] = proxy.workers;
  await through(1, '/before-its-death');
  expect(await exchangesCounted()).toBe(before + 1);
  await dying!.kill();
  proxy.workers[1] = await proxy.startWorker(2);
  await through(0, '/beside');
  await through(1, '/in-its-place');
  expect(await exchangesCounted()).toBe(before + 3);
  await recordedWhere((all) => all.some(({ path }) => path === '/in-its-place'));
});

test('what was under way in a worker that died is under way no more', async () => {
  const [, dying] = proxy.workers;
  using client = await connectRaw(dying!);
  await client.send(`GET ${origin.url}/slow?dying HTTP/1.1\r\nHost: x\r\n\r\n`);
  await recordedWhere((all) => all.some(({ path, state }) => path === '/slow?dying' && state === 'pending'));
  await dying!.kill();
  const rows = await recordedWhere((all) => all.some(({ path, state }) => path === '/slow?dying' && state === 'done'));
  const { id, outcome } = rows.find(({ path }) => path === '/slow?dying')!;
  expect(outcome).toBe('aborted');
  expect((await exchange(id)).facts.errorMessage).toContain('ended');
  proxy.workers[1] = await proxy.startWorker(2);
});

test('without a keeper workers serve, and count what is not recorded; another one is joined, and no id is used again', async () => {
  const known = (await proxy.recorded()).map(({ id }) => id);
  await proxy.keeper.kill();
  for (let i = 0; i < 5; i += 1) await through(i % 2, `/unseen/${i}`);
  await proxy.startKeeper();
  for (let i = 0, rows: readonly Summary[] = []; rows.filter(({ path }) => path.startsWith('/again/')).length < 2; i += 1) {
    await through(i % 2, `/again/${i % 2}`);
    rows = (await proxy.recorded()).filter(({ path }, place, all) => all.findIndex((each) => each.path === path) === place);
  }
  const rows = await proxy.recorded();
  expect(rows.map(({ id }) => id).slice(0, known.length)).toEqual(known);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  expect(rows.some(({ path }) => path.startsWith('/unseen/'))).toBe(false);
  const { dropped } = (await proxy.ask('GET', '/api/status')) as { readonly dropped: { readonly exchanges: number } };
  expect(dropped.exchanges).toBeGreaterThanOrEqual(5);
  expect([...proxy.keeper.reports, ...proxy.workers.flatMap(({ reports }) => reports)]).toEqual([]);
}, 180_000);

test('where the keeper listens is no destination for clients of workers', async () => {
  const response = await fetchVia(proxy.workers[0]!, new URL('/api/status', proxy.keeper.inspectorLink!).href);
  expect(response.status).toBe(502);
  expect(response.head).toContain('destination_ip_prohibited');
});

interface Page extends Disposable {
  show(filter: string): void;
  rowsWhere(isSo: (rows: readonly Summary[]) => boolean): Promise<readonly Summary[]>;
}

async function openPage(): Promise<Page> {
  const socket = new WebSocket(`ws+unix:${proxy.keeper.adminSocket}:/api/live`);
  let rows: readonly Summary[] | null = null;
  let told: () => void = () => {};
  socket.on('message', (data) => {
    const said = JSON.parse(String(data)) as { readonly type: string; readonly rows?: readonly Summary[] };
    if (said.type === 'window') rows = said.rows ?? [];
    told();
  });
  await once(socket, 'open');
  return {
    show: (filter) => socket.send(JSON.stringify({ type: 'view', view: 0, filter })),
    async rowsWhere(isSo) {
      while (rows === null || !isSo(rows)) await new Promise<void>((resolve) => (told = resolve));
      return rows;
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}

/** Finished exchanges of all processes, as they are measured. */
async function exchangesCounted(): Promise<number> {
  const page = await proxy.page('/metrics');
  return Number(/^sallyport_exchange_duration_seconds_count (\d+)$/m.exec(page)![1]);
}
