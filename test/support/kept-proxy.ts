// One proxy as several real processes, without a primary: a keeper and workers, each of which can be killed and started again.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { askAdmin, requestAdmin } from '../../src/admin/ask-admin.ts';
import type { Config } from '../../src/config/config.ts';
import { RECORD_DEFAULTS } from '../../src/flows/options.ts';
import type { Summary } from '../../src/flows/recorded.ts';
import type { Order, Told } from './keeper-process.ts';
import { testConfig } from './start-proxy.ts';

export interface OneOfSeveral {
  readonly port: number;
  readonly adminSocket: string | null;
  readonly inspectorLink: string | null;
  readonly process: ChildProcess;
  readonly reports: readonly string[];
  /** At once, and waits until it is gone. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export interface KeptProxy {
  keeper: OneOfSeveral;
  readonly workers: OneOfSeveral[];
  startKeeper(): Promise<void>;
  startWorker(number: number): Promise<OneOfSeveral>;
  /** The keeper's admin API. */
  ask(method: string, at: string, question?: unknown): Promise<unknown>;
  /** The same, as it is. */
  page(at: string): Promise<string>;
  /** All that is recorded, by id. */
  recorded(): Promise<readonly Summary[]>;
  close(): Promise<void>;
}

/** @param folder for its state */
export async function startKeptProxy(folder: string, overrides: Partial<Config> = {}, workers = 2): Promise<KeptProxy> {
  const config = { ...testConfig({ stateFolder: folder, record: RECORD_DEFAULTS }), ...overrides };
  const socketPath = path.join(folder, 'keeper.sock');
  const proxy: KeptProxy = {
    keeper: await startOne({ number: 0, config, socketPath }),
    workers: [],
    async startKeeper() {
      proxy.keeper = await startOne({ number: 0, config, socketPath });
    },
    startWorker: (number) => startOne({ number, config, socketPath }),
    ask: (method, at, question = null) => askAdmin(proxy.keeper.adminSocket!, method, at, question),
    async page(at) {
      const response = await requestAdmin(proxy.keeper.adminSocket!, 'GET', at, null);
      return String(Buffer.concat(await response.toArray()));
    },
    async recorded() {
      return ((await proxy.ask('GET', '/api/exchanges?limit=500')) as { rows: readonly Summary[] }).rows;
    },
    async close() {
      await Promise.all(proxy.workers.map((worker) => worker.close()));
      await proxy.keeper.close();
    },
  };
  proxy.workers.push(...(await Promise.all(Array.from({ length: workers }, (_, i) => proxy.startWorker(i + 1)))));
  return proxy;
}

async function startOne(order: Order): Promise<OneOfSeveral> {
  const child = fork(path.join(import.meta.dirname, 'keeper-process.ts'), { serialization: 'advanced', execArgv: [] });
  const reports: string[] = [];
  const started = Promise.withResolvers<Extract<Told, { kind: 'runs' }>>();
  child.on('message', (message) => {
    const told = message as Told;
    if (told.kind === 'report') reports.push(told.line);
    else if (told.kind === 'runs') started.resolve(told);
    else started.reject(new Error(told.message));
  });
  const gone = once(child, 'exit');
  child.send(order);
  const { url, adminSocket, inspectorLink } = await started.promise;
  return {
    port: url === '' ? 0 : Number(new URL(url).port),
    adminSocket,
    inspectorLink,
    process: child,
    reports,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.send('close');
      await gone;
    },
  };
}
