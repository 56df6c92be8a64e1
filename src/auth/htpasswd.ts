// Owns the two files of local users in Apache's forms: `user:hash` lines, and `group: user user` lines. `#` begins a comment at the start of a line.
// Names are compared octet by octet. Every problem is told at once, with its line, and no hash is repeated.
import { StartError } from '../errors/start-error.ts';
import { hasControlCharacter } from './credentials.ts';
import { type PasswordHash, parsePasswordHash } from './password-hash.ts';

export type UserTable = ReadonlyMap<string, UserLine>;
export type GroupTable = ReadonlyMap<string, readonly string[]>;

export interface UserLine {
  /** As it is written; two lines with the same text have the same password. */
  readonly text: string;
  readonly hash: PasswordHash;
}

/** @param file its path, for the problems @throws StartError with every problem */
export function parseHtpasswd(text: string, file: string): UserTable {
  const users = new Map<string, UserLine>();
  const problems: string[] = [];
  for (const [number, line] of meaningfulLines(text)) {
    const problem = addUser(users, line, file);
    if (problem !== null) problems.push(`${file}:${number}: ${problem}`);
  }
  if (problems.length > 0) throw new StartError('data', shortened(problems, file));
  return users;
}

/** @returns the groups of each user, in the order of the file @throws StartError with every problem */
export function parseGroups(text: string, file: string): GroupTable {
  const groups = new Map<string, string[]>();
  const problems: string[] = [];
  for (const [number, line] of meaningfulLines(text)) {
    const colon = line.indexOf(':');
    const group = line.slice(0, colon).trim();
    if (colon < 0 || group === '' || hasControlCharacter(group)) {
      problems.push(`${file}:${number}: expected "group: user user"`);
      continue;
    }
    for (const user of line.slice(colon + 1).split(/[ \t]+/)) {
      if (user === '') continue;
      const known = groups.get(user);
      if (known === undefined) groups.set(user, [group]);
      else if (!known.includes(group)) known.push(group);
    }
  }
  if (problems.length > 0) throw new StartError('data', shortened(problems, file));
  return groups;
}

function addUser(users: Map<string, UserLine>, line: string, file: string): string | null {
  // What follows a second colon is a comment there, as Apache has it.
  const [user = '', text] = line.split(':', 2);
  if (user === '' || text === undefined) return 'expected "user:hash"';
  if (hasControlCharacter(user) || user.length > MAX_USER_LENGTH)
    return 'a user name has at most 255 characters, and no control characters';
  if (users.has(user)) return `"${user}" has a line already; remove one of them`;
  const hash = parsePasswordHash(text.trim());
  if ('problem' in hash)
    return `the password of "${user}" is ${hash.problem}. Make a new one: htpasswd -B ${file} ${/^[\w.@-]+$/.test(user) ? user : 'USER'}`;
  users.set(user, { text, hash });
  return null;
}

function* meaningfulLines(text: string): Generator<[number, string]> {
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    const content = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (content.trim() !== '' && !content.startsWith('#')) yield [number, content];
  }
}

/** A file of another kind has a problem in each of its lines. */
function shortened(problems: readonly string[], file: string): readonly string[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  return [...problems.slice(0, MAX_PROBLEMS), `${file}: ${problems.length - MAX_PROBLEMS} more problems like these`];
}

const MAX_USER_LENGTH = 255;
const MAX_PROBLEMS = 20;
