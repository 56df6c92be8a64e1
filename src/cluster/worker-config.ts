// Owns what of the configuration is another one for each of several workers: what is kept for all is shared out among them, or is the keeper's.
// Counted by each worker for itself, and so in all up to as many times: limits.connections_per_client and the limits of idle connections to origins.
import type { Config } from '../config/config.ts';
import { StartError } from '../errors/start-error.ts';

/**
 * @param viaName one of the whole proxy, so that a loop through two workers is one
 * @throws StartError for what needs one process
 */
export function workerConfig(config: Config, workers: number, viaName: string): Config {
  const { cache, listener } = config;
  if (cache?.offline) throw new StartError('config', [OFFLINE]);
  const memory = cache?.memory ?? null;
  return {
    ...config,
    viaName: config.viaName ?? viaName,
    // As a bound of what the machine can bear, it holds for the sum.
    listener: { ...listener, connections: Math.ceil(listener.connections / workers) },
    cache:
      cache === null || memory === null
        ? null
        : { ...cache, memory: { ...memory, maxBytes: Math.ceil(memory.maxBytes / workers) }, disk: null, isDiskRequired: false },
  };
}

const OFFLINE =
  'cache.offline (or --offline): it answers from the disk, which is not used with more than one worker. Set workers to 1 to go offline.';
