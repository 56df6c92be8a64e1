// Owns who the users of the password file are, and whether a password is theirs. Both files take effect when they change (`watched-file.ts`).
// A name that is not in the file costs what a wrong password costs, so that time does not tell which names are: it is checked against the line of
// somebody else, always the same one for the same name, and the answer is thrown away.
import { createHmac, randomBytes } from 'node:crypto';
import { PasswordChecker } from './check-password.ts';
import { type GroupTable, parseGroups, parseHtpasswd, type UserTable } from './htpasswd.ts';
import type { Principal, Verdict } from './principal.ts';
import { WatchedFile } from './watched-file.ts';

export interface LocalUsersOptions {
  readonly htpasswdFile: string;
  readonly groupsFile: string | null;
  /** Called when a file has changed, with what has become of a principal that was proved before: `null` when it has to be proved again. */
  readonly onChange: (renew: (principal: Principal) => Principal | null) => void;
  /** A line for the operator. */
  readonly report: (line: string) => void;
}

export class LocalUsers {
  readonly #users: WatchedFile<UserTable>;
  readonly #groups: WatchedFile<GroupTable> | null;
  readonly #checker = new PasswordChecker();
  readonly #decoyKey = randomBytes(32);

  /** @throws StartError with every problem of the first file that has any */
  static async open({ htpasswdFile, groupsFile, onChange, report }: LocalUsersOptions): Promise<LocalUsers> {
    const users = await WatchedFile.open<UserTable>(htpasswdFile, {
      what: 'the password file',
      isSecret: true,
      parse: (text) => parseHtpasswd(text, htpasswdFile),
      onChange: (now, before) => onChange((principal) => (isSamePassword(principal, now, before) ? principal : null)),
      report,
    });
    if (groupsFile === null) return new LocalUsers(users, null);
    try {
      const groups = await WatchedFile.open<GroupTable>(groupsFile, {
        what: 'the groups file',
        isSecret: false,
        parse: (text) => parseGroups(text, groupsFile),
        onChange: (now) => onChange((principal) => (principal.provedBy === 'basic' ? principalOf(principal.user, now) : principal)),
        report,
      });
      return new LocalUsers(users, groups);
    } catch (error) {
      users.close();
      throw error;
    }
  }

  private constructor(users: WatchedFile<UserTable>, groups: WatchedFile<GroupTable> | null) {
    this.#users = users;
    this.#groups = groups;
  }

  has(user: string): boolean {
    return this.#users.content.has(user);
  }

  /** @param mayBegin asked when its turn has come @throws when the thread that would know has failed */
  async verify(user: string, password: string, mayBegin: () => boolean): Promise<Verdict> {
    if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return refused('the password is longer than 512 octets');
    const users = this.#users.content;
    const own = users.get(user);
    const line = own ?? this.#decoyFor(user, users);
    if (line === undefined) return WRONG;
    const isRight = await this.#checker.check(line.hash, password, mayBegin);
    if (isRight === null) return BUSY;
    if (!isRight || own === undefined) return WRONG;
    const groups = this.#groups?.content ?? null;
    return { kind: 'identified', principal: principalOf(user, groups), untilMs: Number.POSITIVE_INFINITY };
  }

  close(): void {
    this.#users.close();
    this.#groups?.close();
    this.#checker.close();
  }

  #decoyFor(user: string, users: UserTable): ReturnType<UserTable['get']> {
    let left = createHmac('sha256', this.#decoyKey).update(user).digest().readUInt32BE(0) % users.size;
    for (const line of users.values()) {
      if (left === 0) return line;
      left -= 1;
    }
    return undefined;
  }
}

function isSamePassword({ user, provedBy }: Principal, now: UserTable, before: UserTable): boolean {
  return provedBy !== 'basic' || (now.has(user) && now.get(user)?.text === before.get(user)?.text);
}

function principalOf(user: string, groups: GroupTable | null): Principal {
  return Object.freeze({ user, groups: groups?.get(user) ?? NO_GROUPS, claims: null, provedBy: 'basic' });
}

function refused(reason: string): Verdict {
  return { kind: 'refused', reason, isFinal: true };
}

const NO_GROUPS: readonly string[] = Object.freeze([]);
// One reason for both: which names there are is nobody's business.
const WRONG = refused('the user name or the password is wrong');
const BUSY: Verdict = { kind: 'unavailable', reason: 'too many passwords are being checked at the moment' };
/** What crypt implementations take; with SHA-crypt the cost grows with the square of the length. Bcrypt looks at the first 72 octets. */
const MAX_PASSWORD_BYTES = 512;
