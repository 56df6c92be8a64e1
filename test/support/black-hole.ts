// An address that never answers: a listening socket whose queue is full, so that the kernel drops every further SYN. Nothing leaves the machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface BlackHole {
  readonly host: string;
  readonly port: number;
  close(): void;
}

/** @param host  an address of this machine @param port  0 lets the system choose */
export async function startBlackHole(host: string, port = 0): Promise<BlackHole> {
  // A process of its own that listens and then never looks again.
  const program = `
    const server = require('node:net').createServer();
    server.listen({ host: ${JSON.stringify(host)}, port: ${port}, backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [told] = (await once(child.stdout, 'data')) as [Buffer];
  const at = { host, port: Number(told) };
  const fillers: Socket[] = [];
  while (await isAccepted(at, fillers));
  return {
    ...at,
    close() {
      child.kill('SIGKILL');
      for (const filler of fillers) filler.destroy();
    },
  };
}

/** Whether the queue had room for one more. */
async function isAccepted(at: { host: string; port: number }, fillers: Socket[]): Promise<boolean> {
  const socket = connect(at);
  fillers.push(socket);
  socket.on('error', () => {});
  return await new Promise((resolve) => {
    // What has connected meanwhile is heard of before: where this process was held up, both wait for it.
    const timer = setTimeout(() => setImmediate(() => resolve(false)), PATIENCE_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

const PATIENCE_MS = 300;
