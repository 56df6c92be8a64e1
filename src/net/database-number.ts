// Owns asking a database for one number: a count, or a PRAGMA of it.
import type { DatabaseSync } from 'node:sqlite';

/** @returns NaN where the answer is none @throws what SQLite has against it */
export function numberOf(database: DatabaseSync, sql: string): number {
  return Number(Object.values(database.prepare(sql).get() ?? {})[0]);
}
