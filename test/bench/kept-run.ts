// Owns the file of a run: the machine and every measurement, each a line of JSON. Several runs may share one; of what they measured twice, the later counts.
import { BenchError } from './bench-error.ts';
import type { Machine } from './machine.ts';
import type { Measurement } from './plan.ts';

export interface KeptRun {
  readonly machine: Machine;
  readonly measurements: readonly Measurement[];
}

export function lineOf(fact: Machine | Measurement): string {
  return `${JSON.stringify(fact)}\n`;
}

/** @param name  of the file, for messages @throws BenchError for what no run has written */
export function parseRun(text: string, name: string): KeptRun {
  let machine: Machine | null = null;
  const measurements = new Map<string, Measurement>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const fact = parseFact(line, `${name}:${index + 1}`);
    if ('cpu' in fact) machine = fact;
    else measurements.set(`${fact.round} ${fact.workload} ${fact.peer}`, fact);
  }
  if (machine === null) throw new BenchError(`${name} does not say which machine was measured. Keep a run with --out.`);
  return { machine, measurements: [...measurements.values()] };
}

function parseFact(line: string, place: string): Machine | Measurement {
  try {
    const fact = JSON.parse(line) as Machine | Measurement;
    if ('cpu' in fact || 'workload' in fact) return fact;
  } catch {}
  throw new BenchError(`${place}: no measurement, and no machine. Keep a run with --out.`);
}
