// Owns ending a proxy that a soak has started.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Ends when it has. @param patienceMs after which it is killed */
export async function endChild(child: ChildProcess, patienceMs: number, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.removeAllListeners('exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await once(child, 'exit');
  clearTimeout(timer);
}

/** @throws Error when it has not ended in order */
export function expectOrderlyEnd({ exitCode, signalCode }: ChildProcess): void {
  if (exitCode !== 0) throw new Error(`the proxy ended with ${signalCode ?? exitCode}`);
}
