// Owns how the commands speak: results to standard output, everything else to standard error, so that a pipe gets results alone.
// A report is one line whatever it quotes: control characters are escaped, so that no name in a message can forge a line or steer a terminal.
import { closeSync, constants, openSync } from 'node:fs';
import { styleText } from 'node:util';
import type { Environment } from '../config/load.ts';

export interface Terminal {
  readonly environment: Environment;
  readonly workingDirectory: string;
  /** A result, to standard output. */
  print(text: string): void;
  /** One line about the program itself, to standard error, after its name. */
  report(line: string): void;
  /** Lines made by us for a person, to standard error as they are. */
  tell(text: string): void;
  /** Bold on standard error, where that is a terminal and NO_COLOR is not set. */
  bold(text: string): string;
  /** Whether the terminal that the program was started in, and talks to, was closed since. */
  isGone(): boolean;
}

export function processTerminal(): Terminal {
  // A reader that left (`sallyport help | head -1`) is no failure of ours, and there is nobody left to tell.
  process.stdout.on('error', ignore);
  process.stderr.on('error', ignore);
  const isInteractive = process.stderr.isTTY && hasTerminal();
  return {
    environment: process.env,
    workingDirectory: process.cwd(),
    print: (text) => void process.stdout.write(`${text}\n`),
    report: (line) => void process.stderr.write(`sallyport: ${oneLine(line)}\n`),
    tell: (text) => void process.stderr.write(`${text}\n`),
    bold: (text) => styleText('bold', text, { stream: process.stderr }),
    isGone: () => isInteractive && !hasTerminal(),
  };
}

/** Line ends become ` | `, other control characters and the marks that turn the direction of text become visible escapes. */
export function oneLine(text: string): string {
  return text
    .replace(/\s*\n\s*/g, ' | ')
    .replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Whether the process has a controlling terminal: the system lets it open /dev/tty for exactly as long. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDONLY | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

function ignore(): void {}
