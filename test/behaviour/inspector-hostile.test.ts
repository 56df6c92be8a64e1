// Those who would harm the inspector, or the proxy by it: programs on this machine that misuse its port, clients that would get there through the proxy,
// origins whose content is made to be looked at, and archives made to be opened. Traffic goes on, recording goes on, and nothing is a defect.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RECORD_DEFAULTS } from '../../src/flows/options.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
let origin: WebOrigin;
let proxy: TestProxy;
let admin: { readonly port: number; readonly url: string; readonly token: string };

const BOMB = gzipSync(`[${'{"password":1},'.repeat(1_100_000)}`);
beforeAll(async () => {
  origin = await startWebOrigin((request, response) => {
    const isBomb = request.url === '/bomb';
    response.writeHead(200, { 'Content-Type': 'application/json', ...(isBomb && { 'Content-Encoding': 'gzip' }) });
    response.end(isBomb ? BOMB : request.url === '/deep' ? '['.repeat(500_000) : '{}');
  });
  const config = { stateFolder: folder, record: RECORD_DEFAULTS, admin: { host: '127.0.0.1', port: 0 } };
  proxy = await startTestProxy(config);
  const { origin: url, port } = new URL(proxy.running.newInspectorLink()!);
  const token = readFileSync(path.join(folder, 'running', `${process.pid}.token`), 'utf8').trim();
  admin = { url, port: Number(port), token };
});
afterAll(async () => {
  await proxy?.close();
  await origin.close();
});

async function api<T = Record<string, unknown>>(method: string, at: string, content?: string | Buffer): Promise<T> {
  const type = typeof content === 'string' ? 'application/json' : 'application/octet-stream';
  const headers = { authorization: `Bearer ${admin.token}`, ...(content !== undefined && { 'content-type': type }) };
  const body = typeof content === 'string' ? content : content === undefined ? undefined : new Uint8Array(content);
  const answer = await fetch(admin.url + at, { method, headers, ...(body !== undefined && { body }) });
  return (await answer.json()) as T;
}

/** What comes back until the other end closes, or has said enough. */
function told(port: number, text: string, isEnough: (heard: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(text));
    const done = () => {
      socket.destroy();
      resolve(heard);
    };
    socket.on('data', (bytes) => {
      heard += String(bytes);
      if (isEnough(heard)) done();
    });
    // Whoever has closed both ways answers more with a reset.
    socket.on('end', () => setInterval(() => socket.destroyed || socket.write('x'), 10).unref());
    socket.on('close', done).on('error', done);
  });
}

const healthy = async () => (await fetch(`${admin.url}/healthz`)).status;
const upgrade = (host: string) =>
  `GET /api/live HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://evil.test\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

test('a WebSocket that is refused is closed, whoever leaves it open, and may be reset at any moment', async () => {
  // The other end never closes: without a close from here this would not end.
  expect(await told(admin.port, upgrade(`127.0.0.1:${admin.port}`))).toMatch(/^HTTP\/1\.1 401 /);
  for (let i = 0; i < 20; i += 1) {
    await new Promise<void>((resolve) => {
      const socket = connect(admin.port, '127.0.0.1', () => {
        socket.write(upgrade('evil.test'));
        if (i % 2 === 0) socket.resetAndDestroy();
      });
      socket.on('data', () => socket.resetAndDestroy());
      socket.on('close', () => resolve()).on('error', () => {});
    });
  }
  expect(await healthy()).toBe(200);
  expect(proxy.reports).toEqual([]);
});

test('who breaks off a question is no defect', async () => {
  const head = `POST /api/sign-in HTTP/1.1\r\nHost: 127.0.0.1:${admin.port}\r\nOrigin: ${admin.url}\r\nContent-Type: application/json\r\n`;
  for (const end of ['destroy', 'resetAndDestroy'] as const) {
    const socket = connect(admin.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise<void>((resolve) => socket.write(`${head}Content-Length: 100\r\n\r\n{"code`, () => resolve()));
    socket[end]();
  }
  expect(await healthy()).toBe(200);
  expect(proxy.reports).toEqual([]);
});

test.each([
  ['127.0.0.1'],
  ['localhost'],
  ['[::ffff:127.0.0.1]'],
  ['[::ffff:7f00:1]'],
  ['2130706433'],
  ['0x7f000001'],
  ['0177.0.0.1'],
  ['127.1'],
  ['0.0.0.0'],
  ['[::]'],
  ['127.0.0.1.'],
])(
  'nobody gets to the inspector through the proxy as %s: not with GET, not with CONNECT, not by sending from the inspector',
  async (host) => {
    const authority = `${host}:${admin.port}`;
    const isWhole = (heard: string) => heard.includes('\r\n\r\n');
    const got = await told(proxy.port, `GET http://${authority}/healthz HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, isWhole);
    expect(got).toMatch(/^HTTP\/1\.1 502 /);
    expect(await told(proxy.port, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`, isWhole)).toMatch(/^HTTP\/1\.1 502 /);
    const { id } = await api<{ id: number }>('POST', '/api/send', JSON.stringify({ method: 'GET', url: `http://${authority}/healthz` }));
    const summary = async () => (await api<{ summary?: Record<string, unknown> }>('GET', `/api/exchanges/${id}`)).summary;
    await expect.poll(summary).toMatchObject({ state: 'done', outcome: 'failed', status: 502 });
  },
);

test('content that is made to be too much to look at is looked at within bounds, and recording goes on', async () => {
  const ids: number[] = [];
  for (const at of ['/bomb', '/deep']) {
    const { id } = await api<{ id: number }>('POST', '/api/send', JSON.stringify({ method: 'GET', url: origin.url + at }));
    await expect
      .poll(async () => (await api<{ summary?: Record<string, unknown> }>('GET', `/api/exchanges/${id}`)).summary)
      .toMatchObject({ state: 'done' });
    ids.push(id);
  }
  for (const id of ids) {
    const view = await api('GET', `/api/exchanges/${id}/response/view`);
    // On a machine that is very slow it is said that it took too long.
    if (view['kind'] === 'hex') expect(view).toMatchObject({ problem: expect.stringMatching(/^It cannot be shown: it took longer than/) });
    else expect(view).toMatchObject({ kind: 'json', text: expect.any(String) });
  }
  expect(await api('GET', '/api/status')).toMatchObject({ recording: { problem: null }, dropped: { exchanges: 0 } });
  expect(proxy.reports).toEqual([]);
});

test('a record in an archive that is none is left out, and the session can be listed, filtered, counted and exported', async () => {
  const entry = {
    startedDateTime: '2026-01-01T00:00:00Z',
    request: { method: 'GET', url: 'http://a.test/', headers: [] },
    response: { status: 200, headers: [] },
  };
  const own = {
    summary: { state: 'done', kind: 'exchange', host: 'h', path: '/', touched: 5, status: '<b>', totalMs: 'url(x)', contentType: {} },
    request: { method: 'G', target: '/', version: '1.1' },
    facts: { connectionId: 1, judged: 'x', decision: { a: 1 }, cache: 7 },
  };
  const entries = [
    { ...entry, _sallyport: own },
    { ...entry, _sallyport: { ...own, facts: { connectionId: 1, changes: 7 } } },
  ];
  const archive = `{"__proto__":{"polluted":1},${JSON.stringify({ log: { entries } }).slice(1)}`;
  expect(await api('POST', '/api/import.har?name=made', Buffer.from(archive))).toEqual({ session: 'made', exchanges: 2, leftOut: 0 });
  for (const at of ['?', '?order=-totalMs&', '?order=host&', '?filter=is:rewritten | ~t x | time:>1ms&', '?filter=~d a&'])
    expect([at, await api('GET', `/api/exchanges${at}session=made`)]).toEqual([at, expect.objectContaining({ rows: expect.any(Array) })]);
  expect(await api('GET', '/api/overview?session=made')).toMatchObject({ exchanges: 2 });
  expect(await api('GET', '/api/export.har?session=made')).toMatchObject({ log: { version: '1.2' } });
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
});

test('an archive becomes a session of its own, though its name is taken', async () => {
  const entry = {
    startedDateTime: '2026-01-01T00:00:00Z',
    request: { method: 'GET', url: 'http://a.test/', headers: [] },
    response: { status: 200, headers: [] },
  };
  const archive = Buffer.from(JSON.stringify({ log: { entries: [entry] } }));
  expect(await api('POST', '/api/import.har?name=default', archive)).toEqual({ session: 'default-2', exchanges: 1, leftOut: 0 });
  expect(await api('POST', '/api/import.har?name=default', archive)).toEqual({ session: 'default-3', exchanges: 1, leftOut: 0 });
});

test('an archive without an exchange is refused, since nothing comes of it', async () => {
  expect(await api('POST', '/api/import.har?name=none', Buffer.from('{"log":{"entries":[]}}'))).toEqual({
    error: 'The archive has no exchange in it.',
  });
});

test('entries that no proxy forwards are left out of an archive and counted; where there are no others nothing comes of it', async () => {
  const entry = (url: string): object => ({
    startedDateTime: '2026-01-01T00:00:00Z',
    request: { method: 'GET', url, headers: [] },
    response: { status: 200, headers: [] },
  });
  const archive = (...urls: string[]): Buffer => Buffer.from(JSON.stringify({ log: { entries: urls.map(entry) } }));
  const mixed = archive('data:,x', 'http://a.test/', 'blob:http://a.test/1');
  expect(await api('POST', '/api/import.har?name=mixed', mixed)).toEqual({ session: 'mixed', exchanges: 1, leftOut: 2 });
  expect(await api('POST', '/api/import.har?name=others', archive('data:,x'))).toEqual({
    error: 'The archive has no exchange of http, https, ws or wss in it; entries of other schemes are left out.',
  });
  const sessions = (await api('GET', '/api/sessions')) as { readonly sessions: readonly { readonly name: string }[] };
  expect(JSON.stringify(sessions)).not.toContain('"others"');
});

test('names of sessions and files lead nowhere else', async () => {
  for (const name of ['..', '.', '../x', 'a/../..', '\0', '.hidden', '-a', 'x'.repeat(65)]) {
    const spelled = encodeURIComponent(name);
    expect(await api('GET', `/api/exchanges?session=${spelled}`)).toEqual({ error: expect.stringMatching(/no name for a session/) });
    expect(await api('POST', `/api/import.har?name=${spelled}`, Buffer.from('{"log":{"entries":[]}}'))).toEqual({
      error: expect.stringMatching(/no name for a session/),
    });
  }
  expect(await api('DELETE', '/api/sessions/default', '{}')).toEqual({ error: expect.stringMatching(/is being recorded into/) });
});
