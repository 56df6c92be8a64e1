// Owns the thread that reads one HTTP Archive: a whole file of JSON in memory, which would neither fit the store's thread nor be worth its time, with what
// checks it. It is started by read-har.ts with a `HarTask`, says what it has found once all of the file is right, and ends.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { type ImportedExchange, importHar } from '../har-import.ts';
import type { AppendedExchange } from './protocol.ts';

export interface HarTask {
  readonly file: string;
  /** Of the file, for messages. */
  readonly name: string;
}

export interface HarExchanges {
  /** Some of them, in order. */
  readonly exchanges: readonly AppendedExchange[];
  /** How many entries of the whole archive are none that a proxy forwards. */
  readonly leftOut: number;
}

/** Some of the exchanges, or why there are none. */
export type HarReport = HarExchanges | { readonly problem: string };

/** Says some, and the next when it is asked for more: whoever takes them keeps them one by one. What was left out is said even where there are none. */
function sayAll({ exchanges, leftOut }: HarExchanges): void {
  let said = 0;
  const saySome = (): void => {
    if (said > 0 && said >= exchanges.length) {
      parentPort?.close();
      return;
    }
    say({ exchanges: exchanges.slice(said, said + AT_ONCE), leftOut });
    said += AT_ONCE;
  };
  parentPort?.on('message', saySome);
  saySome();
}

function say(report: HarReport): void {
  parentPort?.postMessage(report);
}

function allOf(entries: ReturnType<typeof importHar>): HarExchanges {
  const exchanges: AppendedExchange[] = [];
  let next = entries.next();
  for (; !next.done; next = entries.next()) exchanges.push(appended(next.value));
  return { exchanges, leftOut: next.value };
}

function appended({ exchange, requestOctets, responseOctets, messages }: ImportedExchange): AppendedExchange {
  return { exchange, requestContent: requestOctets, responseContent: responseOctets, messages };
}

function read({ file, name }: HarTask): void {
  try {
    sayAll(allOf(importHar(readFileSync(file, 'utf8'), path.basename(name), 1)));
  } catch (error) {
    say({ problem: error instanceof Error ? error.message : String(error) });
  }
}

const AT_ONCE = 50;

read(workerData as HarTask);
