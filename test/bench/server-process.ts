// Owns the start of a server on a port of 127.0.0.1 that nobody else uses.
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from './bench-error.ts';
import type { Child, Children, Command } from './children.ts';
import { holdsPort } from './process-tree.ts';

/** @returns a port that was free a moment ago and has not been given before, below those that the kernel gives to outgoing connections */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (GIVEN.has(port) || !(await isFree(port))) continue;
    GIVEN.add(port);
    return port;
  }
}

/** @returns the process once it listens @throws BenchError when it ends first, takes too long, or the port is another's */
export async function startServer(children: Children, command: Command, port: number, signal: AbortSignal): Promise<Child> {
  const child = children.start(command);
  const giveUpMs = performance.now() + START_DEADLINE_MS;
  while (!(await accepts(port))) {
    signal.throwIfAborted();
    if (child.hasEnded) throw new BenchError(`${command.name} did not start: ${child.lastWords()}`);
    if (performance.now() > giveUpMs) {
      await child.stop();
      throw new BenchError(`${command.name} did not listen on port ${port} after ${START_DEADLINE_MS / 1_000} s: ${child.lastWords()}`);
    }
    await sleep(POLL_MS);
  }
  if (holdsPort(child.pid, port)) return child;
  await child.stop();
  throw new BenchError(`${command.name} did not start: another program took port ${port}. Try again.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

const GIVEN = new Set<number>();
const FIRST_PORT = 12_000;
const PORTS = 18_000;
/** A proxy that reads a list of a million names takes its time. */
const START_DEADLINE_MS = 60_000;
const POLL_MS = 30;
