// Owns `flows export`: recorded exchanges as one HAR, straight from the proxy to where it is wanted.
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { requestAdmin } from '../admin/ask-admin.ts';
import { cannotWrite, StartError } from '../errors/start-error.ts';
import { askingFlows, filterOf, withQuery } from './asked-flows.ts';
import { inSession } from './asked-session.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

export async function exportFlows(given: Arguments, terminal: Terminal): Promise<number> {
  const flows = await askingFlows(given, terminal);
  return await inSession(flows, given, terminal, (session) => exportFrom(flows.socket, session, given, terminal));
}

async function exportFrom(socket: string, session: string | undefined, given: Arguments, terminal: Terminal): Promise<number> {
  const { flags } = given;
  const query = { filter: filterOf(given), session, reveal: flags.has('reveal') ? '1' : undefined };
  const response = await requestAdmin(socket, 'GET', withQuery('/api/export.har', query), null);
  if (response.statusCode !== 200) {
    const text = Buffer.concat(await response.toArray()).toString('utf8');
    const { error } = JSON.parse(text) as { readonly error: string };
    throw new StartError('usage', [error]);
  }
  const file = flags.get('output')?.[0];
  if (file === undefined) {
    await pipeline(response, process.stdout, { end: false });
    return EXIT_OK;
  }
  try {
    // Secrets may be in it.
    await pipeline(response, createWriteStream(path.resolve(terminal.workingDirectory, file), { mode: 0o600 }));
  } catch (cause) {
    throw cannotWrite(file, cause, 'Choose another file with --output.');
  }
  return EXIT_OK;
}
