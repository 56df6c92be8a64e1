// Owns the keeper: the process that has what must be there once, and to which workers are linked. It runs a proxy without listeners: what the inspector
// sends goes on that one's line.
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { type RunningProxy, startProxy } from '../proxy.ts';
import { ClaimColumns } from './claim-table.ts';
import { KeptForWorkers } from './kept-for-workers.ts';
import type { KeeperEnd } from './link-messages.ts';

/** `close` is for when no worker is left: what they still record is dropped from then on. */
export type Keeper = RunningProxy;

/**
 * @param config that of the workers; where they listen is left out of account
 * @param socketPath of a Unix socket that is made here, in a folder of this user alone
 * @param report a line for the operator
 * @throws StartError with every problem
 */
export async function startKeeper(config: Config, socketPath: string, report: (line: string) => void): Promise<Keeper> {
  // What a keeper that was killed has left.
  await rm(socketPath, { force: true });
  const server = createServer();
  const kept = new KeptForWorkers(() => new Promise((resolve) => server.close(() => resolve())), claimColumns(config, socketPath));
  const keeper = await startProxy(config, report, undefined, null, kept);
  server.on('connection', (socket) => kept.welcome(socket));
  try {
    await listening(server, socketPath);
  } catch (error) {
    await keeper.close();
    throw error;
  }
  return keeper;
}

/** @returns `null` where it cannot be had: workers ask about every key */
function claimColumns({ workers }: Config, socketPath: string) {
  try {
    const count = workers === 'auto' ? availableParallelism() : workers;
    return new ClaimColumns<KeeperEnd>(path.dirname(socketPath), COLUMNS_A_WORKER * count);
  } catch {
    return null;
  }
}

function listening(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => resolve());
  });
}

/** Its own, and that of who takes its place while it still drains. */
const COLUMNS_A_WORKER = 2;
