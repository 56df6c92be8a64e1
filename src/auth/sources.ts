// Owns what can prove who somebody is, opened as it is configured: the password file, the keys of tokens, the directory, and the files that these name.
// A file that changes takes effect without a reload; what was proved with its old content is given up.
import { StartError } from '../errors/start-error.ts';
import { TokenVerifier } from './jwt.ts';
import { FetchedKeySet, type KeySet, openKeyFile } from './key-set.ts';
import { Directory } from './ldap.ts';
import { LocalUsers } from './local-users.ts';
import type { AuthOptions, JwtOptions, LdapOptions } from './options.ts';
import type { Principal } from './principal.ts';
import { WatchedFile } from './watched-file.ts';

/** `null` for what is not configured. */
export interface Sources {
  readonly users: LocalUsers | null;
  readonly tokens: TokenVerifier | null;
  readonly directory: Directory | null;
  /** Stops watching files; checks that are under way are finished. */
  close(): void;
}

/** Is given what has become of a principal that was proved before: `null` when it has to be proved again. */
export type Renew = (renewed: (principal: Principal) => Principal | null) => void;

/**
 * @param renew called when a file or a key set has changed
 * @param report a line for the operator
 * @throws StartError with every problem of the first file that has any
 */
export async function openSources(options: AuthOptions, renew: Renew, report: (line: string) => void): Promise<Sources> {
  const { htpasswdFile, groupsFile, jwt, ldap } = options;
  if (htpasswdFile === null && jwt === null && ldap === null)
    throw new StartError('config', [
      'auth: nothing here can tell who a user is. Name a file as auth.htpasswd, or set auth.jwt or auth.ldap.',
    ]);
  if (groupsFile !== null && htpasswdFile === null)
    throw new StartError('config', ['auth.groups: it is for the users of auth.htpasswd, which is not set.']);
  const opening = new Opening(renew, report);
  try {
    return {
      tokens: jwt === null ? null : await opening.tokens(jwt),
      directory: ldap === null ? null : await opening.directory(ldap),
      users: htpasswdFile === null ? null : await opening.users(htpasswdFile, groupsFile),
      close: () => opening.close(),
    };
  } catch (error) {
    opening.close();
    throw error;
  }
}

/** Keeps what has been opened, so that it can be closed when the rest fails. */
class Opening {
  readonly #renew: Renew;
  readonly #report: (line: string) => void;
  readonly #opened: { close(): void }[] = [];

  constructor(renew: Renew, report: (line: string) => void) {
    this.#renew = renew;
    this.#report = report;
  }

  async users(htpasswdFile: string, groupsFile: string | null): Promise<LocalUsers> {
    return this.#keep(await LocalUsers.open({ htpasswdFile, groupsFile, onChange: this.#renew, report: this.#report }));
  }

  async tokens(jwt: JwtOptions): Promise<TokenVerifier> {
    return new TokenVerifier(jwt, await this.#keys(jwt));
  }

  async directory(ldap: LdapOptions): Promise<Directory> {
    const { users, caFile } = ldap;
    const bindPassword = users.kind === 'search' ? await this.#bindPassword(users.bindPasswordFile) : null;
    return new Directory(ldap, { bindPassword, ca: await this.#ca(caFile) }, this.#report);
  }

  close(): void {
    for (const each of this.#opened) each.close();
  }

  async #keys({ jwks, caFile }: JwtOptions): Promise<KeySet> {
    const onChange = (): void => this.#renew((principal) => (principal.provedBy === 'jwt' ? null : principal));
    if ('file' in jwks) return this.#keep(await openKeyFile(jwks.file, { onChange, report: this.#report }));
    const keys = new FetchedKeySet(jwks.url, { ca: await this.#ca(caFile), onChange, report: this.#report });
    // The start does not wait for somebody else's server; the first token does.
    void keys.renew(Date.now());
    return keys;
  }

  async #bindPassword(file: string): Promise<WatchedFile<string>> {
    const parse = (text: string): string => {
      const [password = ''] = text.split(/\r?\n/, 1);
      if (password === '') throw new StartError('data', [`${file}: there is no password on its first line.`]);
      return password;
    };
    const what = "the file of the directory's password";
    return this.#keep(await WatchedFile.open(file, { what, isSecret: true, parse, report: this.#report }));
  }

  async #ca(file: string | null): Promise<WatchedFile<string> | null> {
    if (file === null) return null;
    const parse = (text: string): string => {
      if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
      throw new StartError('data', [`${file}: there is no certificate in PEM form in it.`]);
    };
    return this.#keep(
      await WatchedFile.open(file, { what: 'the file of root certificates', isSecret: false, parse, report: this.#report }),
    );
  }

  #keep<T extends { close(): void }>(opened: T): T {
    this.#opened.push(opened);
    return opened;
  }
}
