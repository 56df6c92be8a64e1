// A proxy that may open few files, and more clients than that: nobody who is there suffers, and newcomers wait, are served, or are told.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { requestAdmin } from '../../src/admin/ask-admin.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { failure, openTunnel } from '../support/tunnels.ts';

const folder = temporaryFolder(afterAll);

// On what bounds descriptors, and on what counts them and those who wait.
describe.runIf(process.platform === 'linux')('short of descriptors', () => {
  test('the proxy says so, and has all of them back once its clients have left', async () => {
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    const child = await startWithFew(64);
    // What a process opens once, it has opened with its first exchange.
    (await answered(child.port, origin)).destroy();
    const before = await settled(() => child.descriptors);
    const crowd = await Promise.all(Array.from({ length: 120 }, () => connectRaw({ port: child.port })));
    await child.said(
      /hardly any of the 64 files that may be open is left \(ulimit -n\); idle connections are closed .*, and new ones wait/,
    );
    for (const client of crowd) client.destroy();
    await expect.poll(() => child.descriptors).toBeLessThanOrEqual(before);
    for (let round = 0; round < 5; round += 1) (await answered(child.port, origin)).destroy();
  });

  test('clients that hold connections for nothing do not keep others out', async () => {
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    const child = await startWithFew(64);
    const idle: RawClient[] = [];
    for (let index = 0; index < 60; index += 1) idle.push(await answered(child.port, origin));
    expect(idle).toHaveLength(60);
    for (const client of idle) client.destroy();
  });

  test('while others need them all, newcomers wait to be accepted; as they leave, each is served, and none is reset', async () => {
    await using echo = await startEcho();
    const child = await startWithFew(64);
    const clients = await Promise.all(Array.from({ length: 30 }, () => connectRaw({ port: child.port })));
    const { promise: mayLeave, resolve: letLeave } = Promise.withResolvers<void>();
    const statuses = Promise.all(
      clients.map(async (client) => {
        await client.send(`CONNECT ${echo.authority} HTTP/1.1\r\nHost: x\r\n\r\n`);
        const { status } = await client.readResponse('CONNECT');
        await mayLeave;
        client.destroy();
        return status;
      }),
    );
    await expect.poll(() => waitingAt(child.port), { interval: 10 }).toBeGreaterThan(10);
    letLeave();
    expect(await statuses).toEqual(Array.from({ length: 30 }, () => 200));
    expect(waitingAt(child.port)).toBe(0);
  });

  test('when nobody leaves, all who wait are told 503; what is open stays and is served, and so is the admin API', async () => {
    await using echo = await startEcho();
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    const state = mkdtempSync(path.join(folder, 'state-'));
    const child = await startWithFew(96, state);
    using waiting = await openTunnel({ port: child.port }, echo.authority);
    using client = await connectRaw({ port: child.port });
    await client.send('GET ');
    const clients = await Promise.all(Array.from({ length: 60 }, () => connectRaw({ port: child.port, timeoutMs: PATIENCE_MS })));
    const responses = clients.map(async (each) => {
      await each.send(`CONNECT ${echo.authority} HTTP/1.1\r\nHost: x\r\n\r\n`);
      return await each.readResponse('CONNECT');
    });
    await expect.poll(() => metricsOf(state)).toContain('\nsallyport_accepting_paused 1\n');
    const told = (await Promise.all(responses)).filter(({ status }) => status !== 200);
    expect(told.length).toBeGreaterThan(20);
    for (const response of told) expect(failure(response)).toEqual({ status: 503, error: 'connection_limit_reached' });
    await client.send(request(origin).slice('GET '.length));
    expect((await client.readResponse()).status).toBe(200);
    await waiting.send('still open');
    expect((await waiting.readExactly(10)).toString()).toBe('still open');
    for (const each of clients) each.destroy();
    await expect.poll(() => metricsOf(state)).toContain('\nsallyport_accepting_paused 0\n');
    (await answered(child.port, origin)).destroy();
  });
});

function request(origin: Origin): string {
  return `GET ${origin.url}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`;
}

/** A client that was served once and stays. */
async function answered(port: number, origin: Origin): Promise<RawClient> {
  const client = await connectRaw({ port });
  await client.send(request(origin));
  expect((await client.readResponse()).status).toBe(200);
  return client;
}

/** A number, once it has stayed the same for a while. */
async function settled(count: () => number): Promise<number> {
  let last = count();
  for (let looks = 0; looks < 6; looks += 1) {
    await delay(100);
    if (count() !== last) looks = 0;
    last = count();
  }
  return last;
}

/** How many connections to a port of 127.0.0.1 the system holds that nobody has accepted. */
function waitingAt(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'latin1').split('\n');
  // Address, peer, state (0A listens), and two queues in hexadecimal.
  const row = rows.map((line) => line.trim().split(/\s+/)).find(([, address, , state]) => address === local && state === '0A');
  return Number.parseInt(row?.[4]?.split(':')[1] ?? '', 16);
}

async function metricsOf(state: string): Promise<string> {
  const socket = readdirSync(state, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('.sock'));
  const response = await requestAdmin(path.join(state, socket!), 'GET', '/metrics', null);
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

interface Child {
  readonly port: number;
  readonly descriptors: number;
  said(pattern: RegExp): Promise<void>;
}

/** The proxy in a process that may open so many files; killed at the end of the test. */
async function startWithFew(count: number, state = 'off'): Promise<Child> {
  const main = path.join(import.meta.dirname, '../../src/main.ts');
  const words = ['run', '--listen', '127.0.0.1:0', '--access-log', 'off'];
  const command = `ulimit -n ${count}; exec "$@"`;
  const child: ChildProcess = spawn('bash', ['-c', command, 'bash', process.execPath, main, ...words], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SALLYPORT_CACHE_DISK: '0', SALLYPORT_STATE_DIR: state },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stderr!.on('data', (bytes) => (text += bytes));
  const said = (pattern: RegExp): Promise<void> => expect.poll(() => text, { timeout: 60_000 }).toMatch(pattern);
  await said(/browser .*\n/);
  return {
    port: Number(/127\.0\.0\.1:(\d+)/.exec(text)![1]),
    get descriptors() {
      return readdirSync(`/proc/${child.pid}/fd`).length;
    },
    said,
  };
}

/** Longer than a newcomer waits before it is told. */
const PATIENCE_MS = 20_000;
