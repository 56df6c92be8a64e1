// Owns `top`: what passes at the moment, and who sends most of it, in a screen that is drawn anew each second.
import { setTimeout as wait } from 'node:timers/promises';
import type { NamedCounts, Overview } from '../flows/store/protocol.ts';
import { sizeText } from '../match/units.ts';
import { askingFlows } from './asked-flows.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { oneLine, type Terminal } from './terminal.ts';

export async function top(given: Arguments, terminal: Terminal): Promise<number> {
  const flows = await askingFlows(given, terminal);
  const isOnce = given.flags.has('once') || !process.stdout.isTTY;
  for (;;) {
    const overview = (await flows.get('/api/overview')) as Overview | null;
    const screen =
      overview === null
        ? 'Nothing is recorded; turn it on with record: on in the settings.'
        : screenOf(overview, Date.now(), rowsOf(isOnce));
    terminal.print(isOnce ? screen : drawn(screen, process.stdout.columns || 80, process.stdout.rows || 24));
    if (isOnce) return EXIT_OK;
    await wait(EVERY_MS);
  }
}

/** Over what was there before: each line to its end, and all that is below. Nothing is cleared that is not drawn anew, so that nothing flickers. */
export function drawn(screen: string, columns: number, rows: number): string {
  const shown = screen.split('\n').slice(0, rows - 1);
  const lines = shown.map((line) => `${line.slice(0, columns - 1)}${REST_OF_LINE}`);
  return `${TO_CORNER}${lines.join('\n')}${REST_OF_SCREEN}`;
}

/** @param most  rows of each table */
export function screenOf(overview: Overview, nowMs: number, most: number): string {
  const { exchanges, denied, failed, hits, savedBytes, bytes, statuses } = overview;
  const from = Math.floor(nowMs / 1_000) - RECENT_SECONDS;
  const recent = overview.seconds.filter(({ second }) => second >= from);
  const rate = (of: (each: (typeof recent)[number]) => number) => recent.reduce((sum, each) => sum + of(each), 0) / RECENT_SECONDS;
  return [
    `exchanges  ${rate((each) => each.exchanges).toFixed(1)}/s  ${sizeText(rate((each) => each.bytes))}/s  (last ${RECENT_SECONDS} s)`,
    `in all     ${count(exchanges)}: ${count(denied)} denied, ${count(failed)} failed, ${count(hits)} from the cache`,
    `content    ${sizeText(bytes)}, ${sizeText(savedBytes)} saved by the cache`,
    `statuses   ${statuses
      .map((each, i) => (each === 0 ? null : `${i === 0 ? 'none' : `${i}xx`} ${count(each)}`))
      .filter(Boolean)
      .join('  ')}`,
    '',
    ...table('host', overview.hosts, most),
    '',
    ...table('client', overview.clients, Math.ceil(most / 2)),
    ...(overview.users.length === 0 ? [] : ['', ...table('user', overview.users, Math.ceil(most / 2))]),
  ].join('\n');
}

function table(what: string, rows: readonly NamedCounts[], most: number): readonly string[] {
  const line = (name: string, ...columns: readonly string[]) =>
    oneLine(`${shortened(name).padEnd(NAME_COLUMNS)}${columns.map((each) => each.padStart(12)).join('')}`);
  return [
    line(what, 'exchanges', 'denied', 'octets'),
    ...rows
      .slice(0, most)
      .map(({ name, exchanges, denied, bytes }) =>
        line(name === '' ? `(no ${what})` : name, count(exchanges), count(denied), sizeText(bytes)),
      ),
  ];
}

function shortened(name: string): string {
  return name.length > NAME_COLUMNS ? `${name.slice(0, NAME_COLUMNS - 1)}…` : name;
}

function rowsOf(isOnce: boolean): number {
  return isOnce ? 20 : Math.max(3, Math.floor(((process.stdout.rows || 24) - 9) / 2));
}

function count(of: number): string {
  return of.toLocaleString('en-US');
}

/** With the other columns a line is 78 wide: a terminal of 80 has room for it, and for the cursor behind it. */
const NAME_COLUMNS = 42;
const EVERY_MS = 1_000;
const RECENT_SECONDS = 10;
const TO_CORNER = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';
