// Owns the thread of the store: what it is sent, in order.
import { parentPort } from 'node:worker_threads';
import type { FromStore } from './protocol.ts';

parentPort?.postMessage({ kind: 'failed', problems: ['the store of recorded traffic is not there yet'] } satisfies FromStore);
