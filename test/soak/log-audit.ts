// Owns the judgement of an access log after a soak: every line parses, every exchange whose end the client saw has exactly one line, one that the
// client broke off has one at most, and nothing is in it that nobody asked for.
import { parsePath } from './names.ts';

export interface LoggedExpectation {
  /** Numbers from 0 up to this were given to exchanges with a path. */
  readonly ids: number;
  /** Those of them that were never given out, or whose exchange was broken off by its client. */
  readonly maybeMissing: ReadonlySet<number>;
  readonly connects: number;
  readonly maybeMissingConnects: number;
  /** Requests for what may be stored, which have no number of their own. */
  readonly storables: number;
  readonly maybeMissingStorables: number;
}

export interface LogAudit {
  readonly lines: number;
  readonly connectLines: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

interface Line {
  readonly method: string;
  readonly target: string;
  readonly outcome: string;
  readonly status: number | null;
  readonly total_ms: number | null;
}

export function auditLog(text: string, expected: LoggedExpectation): LogAudit {
  const failures: string[] = [];
  const outcomes: Record<string, number> = {};
  const seen = new Uint8Array(expected.ids);
  let connectLines = 0;
  let storableLines = 0;
  const lines = text.split('\n');
  if (lines.pop() !== '') failures.push('the last line is cut');
  for (const text of lines) {
    const line = parse(text);
    if (line === null) failures.push(`not a line of the log: ${text.slice(0, 200)}`);
    else {
      outcomes[line.outcome] = (outcomes[line.outcome] ?? 0) + 1;
      if (line.method === 'CONNECT') connectLines += 1;
      else if (line.target.includes('/storable/')) storableLines += 1;
      else failures.push(...note(line, seen));
    }
  }
  failures.push(...missing(seen, expected.maybeMissing));
  failures.push(...miscounted('CONNECT', connectLines, expected.connects, expected.maybeMissingConnects));
  failures.push(...miscounted('what is storable', storableLines, expected.storables, expected.maybeMissingStorables));
  return { lines: lines.length, connectLines, outcomes, failures: failures.slice(0, MOST_FAILURES) };
}

function miscounted(what: string, lines: number, least: number, maybe: number): string[] {
  return lines < least || lines > least + maybe ? [`${lines} lines for ${what}; there were from ${least} to ${least + maybe}`] : [];
}

function parse(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Line;
    return typeof line.method === 'string' && typeof line.target === 'string' && typeof line.total_ms === 'number' ? line : null;
  } catch {
    return null;
  }
}

function note({ target }: Line, seen: Uint8Array): string[] {
  try {
    const { id } = parsePath(new URL(target).pathname);
    seen[id]! += 1;
    return seen[id] === 1 ? [] : [`a second line for ${target}`];
  } catch (error) {
    return [(error as Error).message];
  }
}

function missing(seen: Uint8Array, maybe: ReadonlySet<number>): string[] {
  const failures: string[] = [];
  for (const [id, count] of seen.entries()) {
    if (count === 0 && !maybe.has(id)) failures.push(`no line for exchange ${id}`);
  }
  return failures;
}

const MOST_FAILURES = 20;
