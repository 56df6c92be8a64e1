// Owns the runs of wrk, the load of plain requests: its command and what it says.
import path from 'node:path';
import { BenchError } from './bench-error.ts';
import { LOAD_GRACE_MS } from './load.ts';
import type { LoadSide, Subject } from './measure.ts';
import { parseWrkOutput, type WrkResult } from './wrk-output.ts';

/** What requests are for, at the origin. */
export interface Target {
  readonly path: string;
  /** See request.lua; without it there is one URL. */
  readonly urls?: number;
}

/** @throws BenchError when nothing was answered, or nothing well */
export async function runWrk({ port }: Subject, side: LoadSide, seconds: number, { path: target, urls }: Target): Promise<WrkResult> {
  const authority = `127.0.0.1:${side.originPort}`;
  const flags = ['-t1', '-c64', `-d${seconds}s`, '--timeout', '5s', '-s', path.join(import.meta.dirname, 'request.lua')];
  const fields = (side.fields ?? []).map(({ name, value }) => `${name}: ${value}`);
  for (const field of fields) flags.push('-H', field);
  const environment = { URL: `http://${authority}${target}`, AUTHORITY: authority, FIELDS: fields.map((field) => `${field}\r\n`).join('') };
  const output = await side.children.run(
    {
      name: 'wrk',
      program: side.wrk,
      args: [...flags, `http://127.0.0.1:${port}/`],
      environment: urls === undefined ? environment : { ...environment, URLS: String(urls) },
      cores: side.cores,
    },
    seconds * 1_000 + LOAD_GRACE_MS,
  );
  const result = parseWrkOutput(output);
  if (result === null || result.requests === 0) throw new BenchError('no request was answered');
  if (result.errors >= result.requests) throw new BenchError('every request was refused');
  return result;
}
