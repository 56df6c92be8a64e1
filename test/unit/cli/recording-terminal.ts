// A terminal that remembers what was said, for tests of the commands.
import type { Terminal } from '../../../src/cli/terminal.ts';

export interface RecordingTerminal extends Terminal {
  readonly printed: string[];
  readonly reported: string[];
}

export function recordingTerminal(workingDirectory: string, environment: Terminal['environment'] = {}): RecordingTerminal {
  const printed: string[] = [];
  const reported: string[] = [];
  return {
    environment,
    workingDirectory,
    printed,
    reported,
    print: (text) => void printed.push(text),
    report: (line) => void reported.push(line),
    tell: (text) => void reported.push(text),
    bold: (text) => text,
    isGone: () => false,
  };
}
