// Owns what SQLite's errors mean, by the primary code that Node gives in `errcode` (sqlite.org/rescode.html).

/** What was read is not what was written. Thrown by whoever finds out what SQLite itself cannot, with its code for that. */
export class DamagedDatabase extends Error {
  readonly errcode = CORRUPT;
}

/** What was read is not what was written, or no database at all. */
export function isDamage(error: unknown): boolean {
  const code = primaryCode(error);
  return code === CORRUPT || code === NOTADB;
}

/** Somebody else has it at the moment. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === BUSY || code === LOCKED;
}

/** A statement does not fit the tables: one of them is missing, or is another one. */
export function isWrongStatement(error: unknown): boolean {
  return primaryCode(error) === ERROR;
}

function primaryCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
}

const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const NOTADB = 26;
