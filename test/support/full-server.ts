// A server that never accepts, and whose queue is full: the kernel leaves every further attempt to connect unanswered.
import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';

export interface FullServer {
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  [Symbol.dispose](): void;
}

export async function startFullServer(): Promise<FullServer> {
  // In a thread of its own, which stands still once it listens: only so does Node leave connections in the queue.
  const worker = new Worker(
    `const server = require('node:net').createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      require('node:worker_threads').parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`,
    { eval: true },
  );
  const [port] = (await once(worker, 'message')) as [number];
  const queued = Array.from({ length: 8 }, () => connect({ host: '127.0.0.1', port }).on('error', () => {}));
  await Promise.all(queued.slice(0, 2).map((socket) => once(socket, 'connect')));
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.dispose]() {
      for (const socket of queued) socket.destroy();
      void worker.terminate();
    },
  };
}
