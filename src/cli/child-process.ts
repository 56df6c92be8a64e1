// Owns a command that runs in our place: with our terminal and standard streams, told the signals that are sent to us, and its end as an exit code.
// Nothing of ours reads standard input meanwhile, and it stays in our process group, so that a shell or an editor in it has the terminal to itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { StartError } from '../errors/start-error.ts';

export interface ChildEnd {
  /** What we exit with: its own, or 128 and the number of the signal that ended it; 127 or 126 where it could not be started. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started; `null` when it was. */
  readonly problem: string | null;
}

/** @param environment  makes all of it @returns when it has ended @throws StartError where the system refuses more processes */
export function runChild(
  command: string,
  words: readonly string[],
  environment: () => Readonly<Record<string, string | undefined>>,
  cwd: string,
): Promise<ChildEnd> {
  return new Promise((resolve, reject) => {
    // First of all: a signal that comes while things are made and the command is started would end us and leave both. It is heard in a later turn.
    const stopForwarding = forwardSignals((signal) => child?.kill(signal));
    const onError = (error: NodeJS.ErrnoException): void => {
      stopForwarding();
      const problem = whyNotStarted(command, error);
      if (problem === null) reject(new StartError('unavailable', [`${command}: cannot be started (${error.code}).`], { cause: error }));
      else resolve({ ...problem, signal: null });
    };
    let child: ChildProcess | null = null;
    const env = environment();
    try {
      child = spawn(command, words, { stdio: 'inherit', env, cwd });
    } catch (error) {
      // What the system has against it: some of that Node throws, some it emits.
      onError(error as NodeJS.ErrnoException);
      return;
    }
    child.once('error', onError);
    child.once('exit', (code, signal) => {
      stopForwarding();
      const exitCode = signal === null ? (code ?? 0) : SIGNAL_BASE + constants.signals[signal];
      resolve({ exitCode, signal, problem: null });
    });
  });
}

/** The exit codes of a shell (POSIX, Shell Command Language §2.8.2). */
function whyNotStarted(command: string, { code }: NodeJS.ErrnoException): Pick<ChildEnd, 'exitCode' | 'problem'> | null {
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return { exitCode: 127, problem: `${command}: there is no such command. Check its spelling, or give its path.` };
  if (code === 'EACCES' || code === 'EPERM' || code === 'ENOEXEC')
    return { exitCode: 126, problem: `${command}: cannot be executed. Check that it is a program, and that this user may execute it.` };
  return null;
}

/** @returns a function that ends it */
function forwardSignals(forward: (signal: NodeJS.Signals) => void): () => void {
  const lastMs = new Map<NodeJS.Signals, number>();
  const onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    // The launcher forwards what a group was sent as a whole, so that we hear it twice.
    const isCopy = nowMs - (lastMs.get(signal) ?? Number.NEGATIVE_INFINITY) < COPY_MS;
    lastMs.set(signal, nowMs);
    if (!isCopy && !(FROM_KEYS.has(signal) && ownsTerminal())) forward(signal);
  };
  for (const signal of FORWARDED) process.on(signal, onSignal);
  return () => {
    for (const signal of FORWARDED) process.off(signal, onSignal);
  };
}

/**
 * Whether keys at the terminal signal our process group, and the command with us: it would hear a forwarded signal twice, and take a second Ctrl-C for
 * impatience. The kernel says which group is in the foreground; where there is no /proc, a standard stream that is a terminal has to do.
 */
function ownsTerminal(): boolean {
  try {
    // proc_pid_stat(5): what follows the name in parentheses is state, ppid, pgrp, session, tty_nr, tpgid.
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return terminal !== '0' && group === foreground;
  } catch {
    return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  }
}

const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;
const FROM_KEYS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT']);
const COPY_MS = 100;
const SIGNAL_BASE = 128;
