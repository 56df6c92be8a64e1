// Owns `flows tail`: exchanges as they end. It looks at the end of the live list, as the page does, and moves on over what it has printed.
import { WebSocket } from 'ws';
import { StartError } from '../errors/start-error.ts';
import type { Summary } from '../flows/recorded.ts';
import { askingFlows, filterOf } from './asked-flows.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { summaryLine } from './flows-words.ts';
import type { Terminal } from './terminal.ts';

type Said =
  | { readonly type: 'window'; readonly total: number; readonly offset: number; readonly rows: readonly Summary[] }
  | { readonly type: 'filter-problem'; readonly column: number; readonly message: string }
  | { readonly type: 'problem'; readonly message: string }
  | { readonly type: 'status' };

/** @returns when the proxy ends */
export async function tailFlows(given: Arguments, terminal: Terminal): Promise<number> {
  const flows = await askingFlows(given, terminal);
  const filter = filterOf(given);
  const { total } = (await flows.get('/api/exchanges', { filter, limit: '0' })) as { readonly total: number };
  const print = (row: Summary) => terminal.print(given.flags.has('json') ? JSON.stringify(row) : summaryLine(row));
  await follow(new WebSocket(`ws+unix:${flows.socket}:/api/live`), filter, total, print);
  terminal.report('the proxy has ended.');
  return EXIT_OK;
}

/** Prints each row once, when it has ended. @param from  rows before it are old */
function follow(socket: WebSocket, filter: string, from: number, print: (row: Summary) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let offset = from;
  const printed = new Set<number>();
  const look = () => socket.send(JSON.stringify({ type: 'view', view: 0, filter, order: 'id', offset, limit: WINDOW }));
  socket.on('open', look);
  socket.on('close', () => resolve());
  socket.on('error', (cause) =>
    reject(new StartError('unavailable', [`the running proxy cannot be asked (${cause.message}).`], { cause })),
  );
  socket.on('message', (data) => {
    const said = JSON.parse(String(data)) as Said;
    if (said.type === 'problem' || said.type === 'filter-problem') {
      const where = said.type === 'filter-problem' ? `filter, column ${said.column}: ` : '';
      reject(new StartError('usage', [`${where}${said.message}`]));
      socket.terminate();
      return;
    }
    if (said.type !== 'window' || said.offset !== offset) return;
    for (const row of said.rows) {
      if (row.state !== 'done' || printed.has(row.id)) continue;
      printed.add(row.id);
      print(row);
    }
    // Over all that is behind us, up to the first that is still under way; one that never ends must not hold the others up.
    const firstOpen = said.rows.findIndex(({ state }) => state !== 'done');
    const over = firstOpen < 0 ? said.rows.length : said.rows.length === WINDOW ? Math.max(firstOpen, WINDOW / 2) : firstOpen;
    for (const { id } of said.rows.slice(0, over)) printed.delete(id);
    offset += over;
    if (over > 0) look();
  });
  return promise;
}

const WINDOW = 500;
