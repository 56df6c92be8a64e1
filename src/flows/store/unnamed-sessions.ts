// Owns which sessions nobody has named: the one that every start records into, and those beside it of proxies that ran at the same time. Once nothing is
// recorded into one of them any more, only the bounds of the recording make it go: what is too old, and the oldest where all of them together are too
// much. Sessions that a user has named, saved or brought in are theirs to remove.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from '../../errors/from-node.ts';
import { RECORD_DEFAULTS } from '../options.ts';
import type { SessionBounds } from './flow-session.ts';

export interface UnnamedSession {
  readonly name: string;
  readonly bytes: number;
  /** When its records were written, milliseconds since the epoch: the oldest segment's last, and the newest's. */
  readonly oldestMs: number;
  readonly newestMs: number;
}

/** @returns those in the folder, the newest first */
export function unnamedSessions(folder: string): UnnamedSession[] {
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory() && isUnnamed(entry.name));
  return names.flatMap(({ name }) => unlessGone(() => factsOf(folder, name)) ?? []).sort((a, b) => b.newestMs - a.newestMs);
}

export function isUnnamed(name: string): boolean {
  return name === RECORD_DEFAULTS.session || BESIDE.test(name);
}

/** What the bounds make of one, where the others have left so many octets: it goes as a whole, or what is too much of it, or nothing. */
export function fateOf({ bytes, oldestMs, newestMs }: UnnamedSession, { maxAgeMs }: SessionBounds, leftBytes: number, nowMs: number) {
  if (newestMs < nowMs - maxAgeMs || leftBytes <= 0) return 'goes';
  return oldestMs < nowMs - maxAgeMs || bytes > leftBytes ? 'shrinks' : 'stays';
}

/** @param look at a session that another process may remove meanwhile @returns `null` where it has */
export function unlessGone<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function factsOf(folder: string, name: string): UnnamedSession {
  const place = path.join(folder, name);
  const files = readdirSync(place).flatMap((file) => {
    const facts = statSync(path.join(place, file), { throwIfNoEntry: false });
    return facts === undefined ? [] : [{ file, size: facts.size, mtimeMs: facts.mtimeMs }];
  });
  const times = files.filter(({ file }) => file.endsWith('.frames')).map(({ mtimeMs }) => mtimeMs);
  // Without records, it is as old as its folder.
  if (times.length === 0) times.push(statSync(place).mtimeMs);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return { name, bytes, oldestMs: Math.min(...times), newestMs: Math.max(...times) };
}

const BESIDE = new RegExp(`^${RECORD_DEFAULTS.session}-\\d{1,2}$`);
