// Owns which cache a command is about: that of the running proxy, asked over its admin API, else the folder on disk, opened for the command alone.
import path from 'node:path';
import { remoteCache } from '../admin/remote-cache.ts';
import { type CacheAdmin, createCacheAdmin, WrongQuestion } from '../cache/cache-admin.ts';
import type { CacheConfig } from '../cache/options.ts';
import { type DiskStore, openDiskStore, readDiskStore } from '../cache/stores/disk.ts';
import { loadConfig } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import { socketOf } from './asked-proxy.ts';
import type { Arguments } from './command.ts';
import { chooseRunning, readRunning } from './running.ts';
import type { Terminal } from './terminal.ts';

export interface AskedCache {
  readonly cache: CacheAdmin;
  /** For people: `process 18371`, or the folder. */
  readonly where: string;
  readonly close: () => Promise<void>;
}

/** Whether the command only looks into the folder, as it may beside others, or changes it. */
type Access = 'look' | 'change';

/** Asks, and lets go of the cache whatever comes of it. @throws StartError where there is none, and `usage` for what it cannot be asked */
export async function askingCache(
  given: Arguments,
  terminal: Terminal,
  access: Access,
  ask: (asked: AskedCache) => Promise<number>,
): Promise<number> {
  const asked = await openCache(given, access, terminal);
  try {
    return await ask(asked);
  } catch (error) {
    if (error instanceof WrongQuestion) throw new StartError('usage', [error.message], { cause: error });
    throw error;
  } finally {
    await asked.close();
  }
}

async function openCache({ flags }: Arguments, access: Access, { environment, workingDirectory, report }: Terminal): Promise<AskedCache> {
  const config = await loadConfig({ config: flags.get('config')?.[0] }, environment, workingDirectory);
  const { stateFolder } = config;
  const asked = flags.get('process')?.[0];
  if (asked !== undefined && stateFolder === null)
    throw new StartError('config', ['--process: state_dir is off, so running proxies cannot be found.']);
  const running = stateFolder === null ? null : chooseRunning(readRunning(stateFolder), asked, stateFolder);
  if (running === null) return openFolder(config.cache, access, report);
  return { cache: remoteCache(socketOf(running)), where: `process ${running.processId}`, close: async () => {} };
}

async function openFolder(config: CacheConfig | null, access: Access, report: (line: string) => void): Promise<AskedCache> {
  const disk = config?.disk ?? null;
  if (config === null || disk === null)
    throw new StartError('unavailable', [
      "no proxy of this user is running, and the settings keep no cache on disk. Start one with 'sallyport run'.",
    ]);
  const store: DiskStore = access === 'look' ? readDiskStore(disk, report) : await openDiskStore(disk, report, 'refuse');
  const cache = createCacheAdmin({
    store,
    rules: config.rules,
    now: Date.now,
    lastVerdict: () => null,
    answers: null,
    mode: { offline: false, staleOk: false },
    outdateAll: null,
    termsOf: null,
    verify: () => store.verify(),
  });
  return { cache, where: path.resolve(disk.folder), close: () => store.close() };
}
