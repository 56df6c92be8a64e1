// Owns the judgement whether a record is what clients saw: every exchange there, none twice, none other than it was.
import type { Summary } from '../../../src/flows/recorded.ts';
import { keyOf, type Made } from './names.ts';

export interface Comparison {
  /** By what is wrong with them. */
  readonly missing: readonly string[];
  readonly surplus: readonly string[];
  readonly different: readonly string[];
  /** Those with a digest, and the one row that each can be. */
  readonly digested: readonly (readonly [id: number, digest: string])[];
}

/** Exchanges with one key can be told apart by what came of them alone, so they are compared as they lie when sorted by that. */
export function compare(made: readonly Made[], rows: readonly Summary[]): Comparison {
  const missing: string[] = [];
  const surplus: string[] = [];
  const different: string[] = [];
  const digested: [number, string][] = [];
  const recorded = Map.groupBy(rows, keyOf);
  for (const [key, all] of Map.groupBy(made, (each) => each.key)) {
    const found = (recorded.get(key) ?? []).toSorted(byOutcome);
    recorded.delete(key);
    for (let lacking = all.length - found.length; lacking > 0; lacking -= 1) missing.push(key);
    for (let tooMany = found.length - all.length; tooMany > 0; tooMany -= 1) surplus.push(key);
    const [first] = found;
    if (all.length === 1 && found.length === 1 && all[0]!.digest !== null) digested.push([first!.id, all[0]!.digest]);
    for (const [at, each] of all.toSorted(byStatus).entries()) {
      const row = found[at];
      const problem = row === undefined ? null : problemOf(each, row);
      if (problem !== null) different.push(`${key}: ${problem}`);
    }
  }
  surplus.push(...[...recorded].flatMap(([key, left]) => left.map(() => key)));
  return { missing, surplus, different, digested };
}

function problemOf({ status, requestBytes, responseBytes, messages }: Made, row: Summary): string | null {
  if (row.state !== 'done') return 'it has not ended';
  if (status !== null && row.status !== status) return `status ${row.status}, and ${status} came`;
  if (requestBytes !== null && row.requestBytes !== requestBytes) return `${row.requestBytes} octets of request, and ${requestBytes} went`;
  if (responseBytes !== null && row.responseBytes !== responseBytes)
    return `${row.responseBytes} octets of response, and ${responseBytes} came`;
  if (messages !== null && row.messages !== messages) return `${row.messages} messages, and ${messages} passed`;
  return null;
}

function byOutcome(a: Summary, b: Summary): number {
  return a.status - b.status || a.responseBytes - b.responseBytes;
}

function byStatus(a: Made, b: Made): number {
  return (a.status ?? 0) - (b.status ?? 0) || (a.responseBytes ?? 0) - (b.responseBytes ?? 0);
}
