// Owns calls from the soak to its worker processes: one request, one reply, by name. One event loop could not keep the proxy busy.
import { fork } from 'node:child_process';
import path from 'node:path';

type Handlers = Readonly<Record<string, (value: never) => unknown>>;

interface Call {
  readonly number: number;
  readonly name: string;
  readonly value: unknown;
}

interface Reply {
  readonly number: number;
  readonly value?: unknown;
  readonly error?: string;
}

export interface Worker<T extends Handlers> {
  /** @throws Error with what the handler threw */
  call<K extends keyof T & string>(name: K, value: Parameters<T[K]>[0]): Promise<Awaited<ReturnType<T[K]>>>;
  stop(): void;
}

/** Starts a file of this folder that calls `serve`. @param onDeath  when it ends without having been stopped */
export function startWorker<T extends Handlers>(file: string, onDeath: (words: string) => void): Worker<T> {
  const child = fork(path.join(import.meta.dirname, file), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let calls = 0;
  let isStopped = false;
  child.on('message', ({ number, value, error }: Reply) => {
    const caller = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) caller?.resolve(value as never);
    else caller?.reject(new Error(`${file}: ${error}`));
  });
  child.once('exit', (code, signal) => {
    if (!isStopped) onDeath(`${file} ended with ${signal ?? code}`);
  });
  return {
    call: (name, value) =>
      new Promise((resolve, reject) => {
        calls += 1;
        waiting.set(calls, { resolve, reject });
        child.send({ number: calls, name, value } satisfies Call);
      }),
    stop: () => {
      isStopped = true;
      child.kill();
    },
  };
}

/** In the worker: answers calls until the soak goes away. */
export function serve(handlers: Handlers): void {
  process.on('message', async ({ number, name, value }: Call) => {
    const reply = await Promise.resolve()
      .then(() => handlers[name]!(value as never))
      .then(
        (result): Reply => ({ number, value: result }),
        (error: Error): Reply => ({ number, error: error.stack ?? error.message }),
      );
    process.send?.(reply);
  });
  process.on('disconnect', () => process.exit());
}
