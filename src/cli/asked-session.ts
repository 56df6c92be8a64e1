// Owns --session of the commands of `flows`: another session than the one that is recorded into, by its name, or as the file that somebody was given. A file
// is brought into the running proxy for as long as the command takes, under a name of its own, and removed again.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StartError } from '../errors/start-error.ts';
import { type AskedFlows, withQuery } from './asked-flows.ts';
import type { Arguments } from './command.ts';
import type { Terminal } from './terminal.ts';

/**
 * @param use  is told the name; `undefined` of the session that is recorded into
 * @throws StartError where there is neither a session nor a file of that name
 */
export async function inSession<T>(
  flows: AskedFlows,
  { flags }: Arguments,
  { workingDirectory }: Terminal,
  use: (session: string | undefined) => Promise<T>,
): Promise<T> {
  const wanted = flags.get('session')?.[0];
  if (wanted === undefined) return await use(undefined);
  const sessions = (await flows.get('/api/sessions')) as readonly { readonly name: string }[];
  const names = sessions.map(({ name }) => name);
  if (names.includes(wanted)) return await use(wanted);
  const file = path.resolve(workingDirectory, wanted);
  if (!(await isFile(file)))
    throw new StartError('usage', [`--session: "${wanted}" is no session, and no file of one. There are ${names.join(', ')}.`]);
  const session = await broughtIn(flows.socket, file);
  try {
    return await use(session);
  } finally {
    await flows.remove(`/api/sessions/${encodeURIComponent(session)}`);
  }
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** @returns the name that it has got */
async function broughtIn(socketPath: string, file: string): Promise<string> {
  const name = `from a file ${path.basename(file).replace(/[^\w.-]/g, '_')}`.slice(0, MOST_NAME);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = httpRequest({
    ...{ socketPath, method: 'POST', path: withQuery('/api/sessions/import', { name }) },
    headers: { 'Content-Type': 'application/octet-stream' },
  });
  request.once('response', resolve).once('error', reject);
  try {
    const [response] = await Promise.all([promise, pipeline(createReadStream(file), request)]);
    const text = Buffer.concat(await response.toArray()).toString('utf8');
    const answer = JSON.parse(text) as { readonly session: string; readonly error?: string };
    if (response.statusCode === 200) return answer.session;
    throw new StartError('usage', [`--session: ${file}: ${answer.error}`]);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartError('unavailable', [`--session: ${file} cannot be given to the running proxy (${reason}).`], { cause });
  }
}

/** Room is left for a number behind it. */
const MOST_NAME = 58;
