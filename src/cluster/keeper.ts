// Owns the keeper: the process that has what must be there once, and to which workers are linked. It runs a proxy without listeners: what the inspector
// sends goes on that one's line.
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import type { Config } from '../config/config.ts';
import { type RunningProxy, startProxy } from '../proxy.ts';
import { KeptForWorkers } from './kept-for-workers.ts';

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
  const kept = new KeptForWorkers(() => new Promise((resolve) => server.close(() => resolve())));
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

function listening(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => resolve());
  });
}
