// A program in a terminal of its own, with somebody who types: Python's pty makes the terminal, whose first process the program is.
import { spawn } from 'node:child_process';
import { CLEAN_ENVIRONMENT } from './programs.ts';

export interface TerminalSession {
  /** As if it were typed: `\x03` is Ctrl-C. */
  type(text: string): void;
  /** Everything on the screen, once the pattern is in it; waits for it. */
  shows(pattern: RegExp): Promise<string>;
  /** To the program alone. */
  signal(signal: NodeJS.Signals): void;
  /** @returns its exit code, and everything it has shown */
  readonly ended: Promise<{ readonly code: number | null; readonly shown: string }>;
}

/** @param words  program and arguments; ended when the test takes too long */
export async function inTerminal(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<TerminalSession> {
  const child = spawn('python3', ['-c', PTY, ...words], { env: { ...CLEAN_ENVIRONMENT, TERM: 'xterm', ...env }, timeout: PATIENCE_MS });
  const waiting = new Set<() => void>();
  let shown = '';
  let isOver = false;
  const look = (): void => {
    for (const each of [...waiting]) each();
  };
  child.stdout.on('data', (bytes: Buffer) => {
    shown += bytes;
    look();
  });
  const ended = new Promise<{ code: number | null; shown: string }>((resolve) => {
    child.once('close', (code) => {
      isOver = true;
      look();
      resolve({ code, shown });
    });
  });
  const pid = await new Promise<number>((resolve) => child.stderr.once('data', (bytes) => resolve(Number(bytes))));
  return {
    type: (text) => void child.stdin.write(text),
    signal: (signal) => void process.kill(pid, signal),
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (pattern.test(shown)) resolve(shown);
          else if (isOver) reject(new Error(`${pattern} not shown; there is ${shown}`));
          else return;
          waiting.delete(check);
        };
        waiting.add(check);
        check();
      }),
    ended,
  };
}

/** Passes octets both ways, says the program's process first, and exits as it did. */
const PTY = `
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
sys.stderr.write(str(pid))
sys.stderr.flush()
sources = [terminal, 0]
while True:
    for source in select.select(sources, [], [])[0]:
        try:
            octets = os.read(source, 65536)
        except OSError:
            octets = b''
        if octets:
            os.write(terminal if source == 0 else 1, octets)
        elif source == 0:
            sources.remove(0)
        else:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            sys.exit(code if code >= 0 else 128 - code)
`;
const PATIENCE_MS = 180_000;
