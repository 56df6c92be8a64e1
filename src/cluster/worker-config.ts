// Owns what of the configuration is another one for each of several workers: what the machine has to bear is shared out among them. What is stored on disk is
// there for all at once (cache/stores/disk.ts), and its bound holds for all together.
// Counted by each worker for itself, and so in all up to as many times: limits.connections_per_client and the limits of idle connections to origins.
import type { Config } from '../config/config.ts';

/** @param viaName one of the whole proxy, so that a loop through two workers is one */
export function workerConfig(config: Config, workers: number, viaName: string): Config {
  const { accessLog, cache, listener } = config;
  const memory = cache?.memory ?? null;
  return {
    ...config,
    viaName: config.viaName ?? viaName,
    accessLog: accessLog === null ? null : { ...accessLog, isShared: true },
    listener: {
      ...listener,
      connections: Math.ceil(listener.connections / workers),
      tunnels: Math.ceil(listener.tunnels / workers),
      http2Requests: Math.ceil(listener.http2Requests / workers),
    },
    cache: cache === null || memory === null ? cache : { ...cache, memory: { ...memory, maxBytes: Math.ceil(memory.maxBytes / workers) } },
  };
}
