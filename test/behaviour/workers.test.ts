// Several processes that serve as one proxy: who serves, what becomes of clients when one is killed or replaced, and how all of it starts and ends.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrimary } from '../../src/cluster/primary.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { testConfig } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { openTunnel } from '../support/tunnels.ts';
import { cpuTicks, isRunning, spawnWorkers, startCopiedWorkers, startWorkers } from '../support/workers.ts';

// Three processes to start take long where others use the machine.
vi.setConfig({ testTimeout: 180_000 });

const POLICY = 'version: 1\ndefault: allow\nconnect_ports: any\n';

test('two workers share the port, for requests and tunnels; a stop waits for what both have, and has the usual code', async () => {
  const late: (() => void)[] = [];
  await using slow = await startOrigin((_, reply) => {
    late.push(() => void reply.response({ body: 'late' }));
  });
  await using origin = await startOk();
  await using echo = await startEcho();
  const proxy = await startWorkers(allowing());
  const workers = proxy.workers();
  expect(workers).toHaveLength(2);
  const before = workers.map(cpuTicks);
  for (let round = 0; round < 120; round += 1) await getOnce(proxy, origin);
  expect(workers.map((worker, index) => cpuTicks(worker) > before[index]!)).toEqual([true, true]);
  using tunnel = await openTunnel(proxy, echo.authority);
  expect(await isOpen(tunnel)).toBe(true);
  tunnel.end();
  const answers = Array.from({ length: 8 }, () => getOnce(proxy, slow));
  await expect.poll(() => late.length).toBe(8);
  const stopped = proxy.stop();
  await proxy.says(/stopping on SIGTERM/);
  await expect.poll(() => connectRaw(proxy).then(close, (error: Error) => error.message)).toContain('ECONNREFUSED');
  for (const answer of late) answer();
  expect(new Set((await Promise.all(answers)).map(({ body }) => body.toString()))).toEqual(new Set(['late']));
  expect(await stopped).toBe(0);
  expect(proxy.said).toMatch(/workers {4}2, processes \d+, \d+\n/);
  expect(workers.some(isRunning)).toBe(false);
});

test('a second signal, a second later, ends it at once', async () => {
  await using silent = await startOrigin((_, reply) => reply.hang());
  const proxy = await startWorkers({ ...allowing(), SALLYPORT_TIMEOUTS_DRAIN: '60s' });
  using client = await connectRaw(proxy);
  await client.send(`GET ${silent.url}/ HTTP/1.1\r\nHost: ${silent.authority}\r\n\r\n`);
  await expect.poll(() => silent.requests.length).toBe(1);
  proxy.primary.kill('SIGINT');
  await proxy.says(/stopping on SIGINT/);
  // The time itself is what is tested; and one signal alone, or the next could meet a process that has stopped, and hears none any more.
  await setTimeout(1_100);
  proxy.primary.kill('SIGINT');
  await proxy.says(/stopping at once on SIGINT/);
  expect(await proxy.ended).toBe(0);
  expect(proxy.said).not.toContain('defect');
});

test('a killed worker takes its own connections along and no others, and is back at once', async () => {
  await using echo = await startEcho();
  await using origin = await startOk();
  const proxy = await startWorkers(allowing());
  const tunnels = await Promise.all(Array.from({ length: 12 }, () => openTunnel(proxy, echo.authority)));
  const [first, second] = proxy.workers();
  process.kill(first!, 'SIGKILL');
  await proxy.says(/worker 1 ended \(SIGKILL\) and is started again\n/);
  // What comes meanwhile is served by the other, or waits for the new one.
  await Promise.all(Array.from({ length: 12 }, () => getOnce(proxy, origin)));
  const answered = await Promise.all(tunnels.map(isOpen));
  expect(new Set(answered)).toEqual(new Set([true, false]));
  expect(isRunning(second!)).toBe(true);
  await expect.poll(() => proxy.workers().length).toBe(2);
  for (const tunnel of tunnels) tunnel.destroy();
});

test('a worker that hangs is killed and started again', async () => {
  const reports: string[] = [];
  const config = testConfig({ policyFile: allowing().SALLYPORT_POLICY, workers: 2 });
  const primary = await startPrimary(config, { workers: 2, askEveryMs: 1_000 }, (line) => reports.push(line));
  onTestFinished(() => primary.close());
  const [first, second] = primary.processes;
  process.kill(first!, 'SIGSTOP');
  await expect.poll(() => reports, { timeout: 60_000 }).toEqual(['worker 1 ended (no answer for 6 s) and is started again']);
  await expect.poll(() => primary.processes.length).toBe(2);
  expect(primary.processes[0]).not.toBe(first);
  expect(primary.processes[1]).toBe(second);
});

test('what is wrong is said once, and the code is the usual one', async () => {
  const policy = temporaryFile(onTestFinished, 'policy.yaml', 'version: 1\ndefault: maybe\n');
  const proxy = spawnWorkers({ SALLYPORT_LISTEN: '127.0.0.1:0', SALLYPORT_POLICY: policy });
  expect(await proxy.ended).toBe(65);
  expect(proxy.said.match(/default/g)).toHaveLength(1);
});

test.each([
  ['workers', '1', '3'],
  ['workers', '2', '3'],
  ['state_dir', 'state', 'elsewhere'],
])('a reload says that %s stays what it was, %s, as long as another is set', async (name, atStart, other) => {
  const config = temporaryFile(onTestFinished, 'sallyport.yaml', `${name}: ${atStart}\n`);
  const proxy = await startWorkers({ ...allowing(), [`SALLYPORT_${name.toUpperCase()}`]: undefined }, '--config', config, '--admin', 'off');
  const reload = async (set: string): Promise<boolean> => {
    const { length } = proxy.said;
    writeFileSync(config, `${name}: ${set}\n`);
    proxy.primary.kill('SIGHUP');
    await proxy.says(/reloaded on SIGHUP.*\n/);
    return proxy.said.slice(length).includes(`${name}: it stays as it was at the start; start anew to change it\n`);
  };
  expect(await reload(other)).toBe(true);
  expect(await reload(other)).toBe(true);
  expect(await reload(atStart)).toBe(false);
});

test('an address that another proxy of this user has is refused, though both could share it', async () => {
  const proxy = await startWorkers(allowing());
  const other = spawnWorkers({ SALLYPORT_LISTEN: `127.0.0.1:${proxy.port}` });
  expect(await other.ended).toBe(69);
  expect(other.said).toContain(`127.0.0.1:${proxy.port} is in use by another program`);
});

test('workers are started anew twice, and of hundreds of new connections a second none is lost', async () => {
  await using origin = await startOk();
  const proxy = await startWorkers(allowing());
  const before = proxy.workers();
  const load = new Load(proxy, origin);
  for (let round = 0; round < 2; round += 1) {
    proxy.primary.kill('SIGUSR2');
    await proxy.says(/started anew on SIGUSR2: 2 workers\n/);
  }
  const { connections } = await load.over();
  expect(connections).toBeGreaterThan(200);
  expect(proxy.workers().some((worker) => before.includes(worker))).toBe(false);
});

test('a new start takes up a program whose workers speak otherwise to the keeper, and no connection is lost', async () => {
  await using origin = await startOk();
  const proxy = await startCopiedWorkers(allowing());
  const messages = path.join(proxy.sources, 'cluster/link-messages.ts');
  const [before, ofBefore] = [readFileSync(messages, 'utf8'), /LINK_VERSION = \d+;/];
  expect(before).toMatch(ofBefore);
  writeFileSync(messages, before.replace(ofBefore, 'LINK_VERSION = 1_000;'));
  process.kill(proxy.workers()[0]!, 'SIGKILL');
  await proxy.says(/worker 1 cannot be started: .* Start all anew: sallyport reload --restart/);
  // Who waited for it is reset; from then on the other one gets who comes.
  const some = () => Promise.all(Array.from({ length: 12 }, () => getOnce(proxy, origin)));
  await expect.poll(() => some().then(Boolean, () => false)).toBe(true);
  const old = [...proxy.workers(), proxy.keeper()];
  const load = new Load(proxy, origin);
  proxy.primary.kill('SIGUSR2');
  await proxy.says(/started anew on SIGUSR2: 2 workers\n/);
  await load.over();
  const now = () => [...proxy.workers(), proxy.keeper()];
  await expect.poll(() => now().length).toBe(3);
  expect(now().some((each) => old.includes(each))).toBe(false);
});

test('a new start to a program that this one cannot lead changes nothing, and says what to do', async () => {
  await using origin = await startOk();
  const proxy = await startCopiedWorkers(allowing());
  const messages = path.join(proxy.sources, 'cluster/messages.ts');
  const [before, ofBefore] = [readFileSync(messages, 'utf8'), /ORDER_VERSION = \d+;/];
  expect(before).toMatch(ofBefore);
  writeFileSync(messages, before.replace(ofBefore, 'ORDER_VERSION = 1_000;'));
  const old = [...proxy.workers(), proxy.keeper()];
  proxy.primary.kill('SIGUSR2');
  await proxy.says(
    /cannot be led by process \d+, which began with another\. Stop that one, and start again\.\n.*: what is running goes on\n/,
  );
  await expect.poll(() => [...proxy.workers(), proxy.keeper()]).toEqual(old);
  await getOnce(proxy, origin);
});

test('while one that was asked to stop finishes its tunnels, the next one serves on the same address, with the same folders', async () => {
  await using echo = await startEcho();
  await using origin = await startOk();
  const [state, cache] = [temporaryFolder(onTestFinished), temporaryFolder(onTestFinished)];
  const folders = { SALLYPORT_STATE_DIR: state, SALLYPORT_CACHE: 'on', SALLYPORT_CACHE_FOLDER: cache, SALLYPORT_TIMEOUTS_DRAIN: '60s' };
  const first = await startWorkers({ ...allowing(), ...folders });
  using tunnel = await openTunnel(first, echo.authority);
  expect(await isOpen(tunnel)).toBe(true);
  const ended = first.stop();
  await first.says(/stopping on SIGTERM/);
  await expect.poll(() => connectRaw(first).then(close, (error: Error) => error.message)).toContain('ECONNREFUSED');
  const next = await startWorkers({ ...allowing(), ...folders, SALLYPORT_LISTEN: `127.0.0.1:${first.port}` });
  expect(next.port).toBe(first.port);
  for (let round = 0; round < 10; round += 1) await getOnce(next, origin);
  expect(await isOpen(tunnel)).toBe(true);
  tunnel.end();
  expect(await ended).toBe(0);
  await getOnce(next, origin);
  expect(first.said + next.said).not.toMatch(/WARNING|cache:|defect/);
});

test('where all workers accept from one socket, a new start of them loses no connection', async () => {
  await using origin = await startOk();
  const reports: string[] = [];
  const config = testConfig({ policyFile: allowing().SALLYPORT_POLICY, workers: 2 });
  const primary = await startPrimary(config, { workers: 2, sharesSockets: true }, (line) => reports.push(line));
  onTestFinished(() => primary.close());
  const load = new Load({ port: Number(new URL(primary.listening[0]!.url).port) }, origin);
  await primary.restart();
  await load.over();
  expect(reports).toEqual([]);
});

test('an open tunnel goes on in the worker that it began in, which ends when it does', async () => {
  await using echo = await startEcho();
  const proxy = await startWorkers({ ...allowing(), SALLYPORT_TIMEOUTS_DRAIN: '60s' });
  using tunnel = await openTunnel(proxy, echo.authority);
  proxy.primary.kill('SIGUSR2');
  await proxy.says(/started anew/);
  await expect.poll(() => proxy.workers().length).toBe(3);
  expect(await isOpen(tunnel)).toBe(true);
  tunnel.end();
  await expect.poll(() => proxy.workers().length).toBe(2);
});

test('workers that leave take up a new policy and open the log anew; a next start waits for them, and no reload does', async () => {
  const folder = temporaryFolder(onTestFinished);
  const policy = writeAs(path.join(folder, 'policy.yaml'), POLICY);
  const log = path.join(folder, 'access.log');
  const asked = Promise.withResolvers<() => void>();
  await using slow = await startOrigin((_, reply) => asked.resolve(() => void reply.response({ body: 'late' })));
  await using echo = await startEcho();
  const patient = { SALLYPORT_TIMEOUTS_DRAIN: '60s', SALLYPORT_TIMEOUTS_DENIED_TUNNEL: '10ms' };
  const proxy = await startWorkers({ ...patient, SALLYPORT_POLICY: policy, SALLYPORT_ACCESS_LOG: log });
  using tunnel = await openTunnel(proxy, echo.authority);
  const answer = getOnce(proxy, slow);
  const letGo = await asked.promise;
  const before = proxy.workers();
  proxy.primary.kill('SIGUSR2');
  await proxy.says(/started anew on SIGUSR2/);
  proxy.primary.kill('SIGUSR2');
  await proxy.says(/SIGUSR2: waits until those have left/);
  renameSync(log, `${log}.1`);
  writeFileSync(policy, 'version: 1\ndefault: deny\n');
  proxy.primary.kill('SIGHUP');
  await proxy.says(/: reloaded on SIGHUP/);
  expect(before.some(isRunning)).toBe(true);
  await expect.poll(() => isOpen(tunnel)).toBe(false);
  letGo();
  await answer;
  await proxy.says(/started anew on SIGUSR2/);
  expect(before.some(isRunning)).toBe(false);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  expect(new Set(lines.map((line) => JSON.parse(line).target))).toEqual(new Set([`${slow.url}/`, echo.authority]));
});

test('twenty reloads under load fail nothing; a policy with a mistake changes no worker', async () => {
  const folder = temporaryFolder(onTestFinished);
  const policy = path.join(folder, 'policy.yaml');
  writeFileSync(policy, POLICY);
  await using origin = await startOk();
  const proxy = await startWorkers({ SALLYPORT_POLICY: policy });
  const load = new Load(proxy, origin);
  for (let round = 0; round < 20; round += 1) {
    proxy.primary.kill('SIGHUP');
    await proxy.says(/: reloaded on SIGHUP/);
  }
  writeFileSync(policy, 'version: 1\ndefault: maybe\n');
  await proxy.says(/not reloaded on a change of .*policy.yaml/);
  expect(proxy.said.match(/default/g)).toHaveLength(1);
  await load.over();
  writeFileSync(policy, 'version: 1\ndefault: deny\n');
  await proxy.says(/: reloaded on a change of/);
  const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await getOnce(proxy, origin, 403)).status));
  expect(new Set(statuses)).toEqual(new Set([403]));
});

test('a TLS session that began with one worker is resumed with the other', async () => {
  const folder = temporaryFolder(onTestFinished);
  const policy = writeAs(path.join(folder, 'policy.yaml'), `${POLICY}rules:\n  - intercept: { host: localhost }\n`);
  const proxy = await startWorkers({ SALLYPORT_POLICY: policy, SALLYPORT_TLS_CA_DIR: path.join(folder, 'ca') });
  const shake = async (session?: Buffer): Promise<TLSSocket> => {
    const asked = request({ port: proxy.port, method: 'CONNECT', path: 'localhost:443' }).end();
    const [, socket] = (await once(asked, 'connect')) as [unknown, Socket];
    return connectTls({ socket, servername: 'localhost', rejectUnauthorized: false, ...(session && { session }) });
  };
  const first = await shake();
  // The ticket goes out with the first octets of an answer.
  first.resume().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [ticket] = (await once(first, 'session')) as [Buffer];
  first.destroy();
  for (let round = 0; round < 10; round += 1) {
    const again = await shake(ticket);
    await once(again, 'secureConnect');
    expect(again.isSessionReused()).toBe(true);
    again.destroy();
  }
});

test('lines of both workers are whole where the access log is a pipe', async () => {
  await using origin = await startOk();
  const fifo = path.join(temporaryFolder(onTestFinished), 'log');
  execFileSync('mkfifo', [fifo]);
  const reader = createReadStream(fifo, { highWaterMark: 500 });
  const proxy = await startWorkers({ ...allowing(), SALLYPORT_ACCESS_LOG: fifo });
  const target = `${origin.url}/`.padEnd(1_500, 'x');
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      using client = await connectRaw(proxy);
      for (let round = 0; round < 25; round += 1) {
        await client.send(`GET ${target} HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
        await client.readResponse();
      }
    }),
  );
  // Read once it is full, and both wait for room.
  const [log] = await Promise.all([text(reader), proxy.stop()]);
  const lines = log.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).target === target)).toEqual(Array.from({ length: 300 }, () => true));
});

test('without their primary, workers end, and nothing is left in the folder for temporary files', async () => {
  const folder = temporaryFolder(onTestFinished);
  const proxy = await startWorkers({ ...allowing(), TMPDIR: folder });
  const workers = proxy.workers();
  expect(workers).toHaveLength(2);
  expect(readdirSync(folder)).toHaveLength(1);
  proxy.primary.kill('SIGKILL');
  await proxy.ended;
  // Standard error is closed a little before the process is gone.
  await expect.poll(() => workers.some(isRunning)).toBe(false);
  await expect.poll(() => readdirSync(folder)).toEqual([]);
});

test('a reload that listens elsewhere puts new workers there, and closes what is not wanted any more', async () => {
  const folder = temporaryFolder(onTestFinished);
  mkdirSync(path.join(folder, 's'));
  const config = (listen: string): string =>
    writeAs(path.join(folder, 'config.yaml'), `listen: [${listen}]\npolicy: ${allowing().SALLYPORT_POLICY}\n`);
  await using origin = await startOk();
  const file = config('127.0.0.1:0');
  const proxy = await startWorkers({ SALLYPORT_LISTEN: '' }, '--config', file);
  const socket = path.join(folder, 's', 'p.sock');
  config(`127.0.0.1:0, "unix:${socket}"`);
  proxy.primary.kill('SIGHUP');
  await proxy.says(/: reloaded on SIGHUP/);
  for (const destination of [{ path: socket }, { path: socket }, { port: proxy.port }]) await getOnce(destination, origin);
  config(`"unix:${socket}"`);
  proxy.primary.kill('SIGHUP');
  await proxy.says(/: reloaded on SIGHUP/);
  await getOnce({ path: socket }, origin);
  await expect.poll(() => connectRaw(proxy).then(close, (error: Error) => error.message)).toContain('ECONNREFUSED');
});

/** Clients of a short life and of a long one, for as long as it takes. */
class Load {
  readonly #startedMs = performance.now();
  readonly #clients: Promise<void>[];
  #isOver = false;
  #connections = 0;
  #requests = 0;

  constructor(proxy: { readonly port: number }, origin: Origin) {
    const once = async (): Promise<void> => {
      await getOnce(proxy, origin);
      this.#requests += 1;
      this.#connections += 1;
    };
    const repeated = async (client: () => Promise<void>): Promise<void> => {
      // A pace that leaves the processes that start some of the machine.
      for (; !this.#isOver; await setTimeout(PACE_MS)) await client();
    };
    const keeping = (): Promise<void> => this.#useUntilClosed(proxy, origin);
    this.#clients = [...Array.from({ length: 6 }, () => repeated(once)), ...Array.from({ length: 3 }, () => repeated(keeping))];
    // Told when it is over.
    for (const client of this.#clients) client.catch(() => {});
  }

  /** @throws what the first client met that was not served */
  async over(): Promise<{ readonly connections: number; readonly requests: number; readonly ms: number }> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    return { connections: this.#connections, requests: this.#requests, ms: performance.now() - this.#startedMs };
  }

  async #useUntilClosed(proxy: { readonly port: number }, origin: Origin): Promise<void> {
    using client = await connectRaw(proxy);
    this.#connections += 1;
    while (!this.#isOver) {
      const { fields } = await get(client, origin);
      this.#requests += 1;
      if (valuesOf(fields, 'connection').includes('close')) return;
      await setTimeout(PACE_MS);
    }
  }
}

const PACE_MS = 20;

function allowing(): { readonly SALLYPORT_POLICY: string } {
  return { SALLYPORT_POLICY: temporaryFile(onTestFinished, 'policy.yaml', POLICY) };
}

function startOk(): Promise<Origin> {
  return startOrigin((_, reply) => reply.response({ body: 'ok' }));
}

async function getOnce(proxy: { readonly port: number } | { readonly path: string }, origin: Origin, status = 200) {
  using client = await connectRaw('path' in proxy ? { path: proxy.path } : { port: proxy.port });
  return await get(client, origin, status);
}

async function get(client: RawClient, origin: Origin, status = 200) {
  await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
  const response = await client.readResponse();
  expect(response.status).toBe(status);
  return response;
}

/** Whether octets come back. */
async function isOpen(tunnel: RawClient): Promise<boolean> {
  try {
    await tunnel.send('x');
    return (await tunnel.readExactly(1)).toString() === 'x';
  } catch {
    return false;
  }
}

function close(client: RawClient): string {
  client.destroy();
  return 'open';
}

function writeAs(file: string, text: string): string {
  writeFileSync(file, text);
  return file;
}
