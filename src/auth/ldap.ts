// Owns whether a password is a user's according to a directory (LDAP simple bind, RFC 4513 §5.1), and which groups the user is in.
// Each check has a connection of its own. An empty password is never sent: directories answer it with success and mean nobody (§5.1.2).
// The user is named as the directory spells it, since it matches names loosely (case, blanks, invisible characters) and rules do not.
// A directory that is away, slow or set up wrongly lets nobody pass.
import type { Socket } from 'node:net';
import { Client, type Entry, ResultCodeError } from 'ldapts';
import { escapeInFilter, escapeInName, fillIn, firstValue, nameBelow } from './distinguished-name.ts';
import { connectToDirectory, type DirectoryAddress } from './ldap-connection.ts';
import type { LdapOptions, LdapSearch } from './options.ts';
import { Outage } from './outage.ts';
import type { Principal, Verdict } from './principal.ts';
import { Turns } from './turns.ts';

/** The contents of the files that the options name, as they are at the time. */
export interface LdapFiles {
  /** The password of the account that searches; `null` when users bind by template. */
  readonly bindPassword: { readonly content: string } | null;
  /** PEM of who vouches for the directory; `null` for the system's roots. */
  readonly ca: { readonly content: string } | null;
}

export class Directory {
  readonly #options: LdapOptions;
  readonly #files: LdapFiles;
  readonly #outage: Outage;
  readonly #turns = new Turns(AT_ONCE, MOST_WAITING);

  /** @param report a line for the operator */
  constructor(options: LdapOptions, files: LdapFiles, report: (line: string) => void) {
    this.#options = options;
    this.#files = files;
    this.#outage = new Outage(report);
  }

  /** @param mayBegin asked when its turn has come @throws never */
  async verify(user: string, password: string, mayBegin: () => boolean): Promise<Verdict> {
    if (user === '' || password === '') return WRONG;
    return (await this.#turns.take(async () => (mayBegin() ? this.#ask(user, password) : BUSY))) ?? BUSY;
  }

  async #ask(user: string, password: string): Promise<Verdict> {
    const { url, timeoutMs } = this.#options;
    const signal = AbortSignal.timeout(timeoutMs);
    let client: Client | null = null;
    try {
      client = clientOn(await connectToDirectory(addressOf(this.#options, this.#files.ca?.content ?? null), signal), url, timeoutMs);
      const principal = await unlessAborted(this.#prove(client, user, password), signal);
      this.#outage.end(`${url}: the directory answers again.`);
      return principal === null ? WRONG : { kind: 'identified', principal, untilMs: Number.POSITIVE_INFINITY };
    } catch (error) {
      const reason = signal.aborted ? `no answer in ${timeoutMs} ms` : error instanceof Error ? error.message : String(error);
      // Some directories end their messages with NUL.
      this.#outage.begin(`${url}: the directory cannot be asked who users are: ${reason.replace(/[\0-\x1f\x7f]+/g, ' ').trim()}`);
      return AWAY;
    } finally {
      // It says goodbye and closes the connection; whether the directory hears it is all the same.
      void client?.unbind().catch(() => {});
    }
  }

  /** @returns `null` when nobody has this name and password */
  async #prove(client: Client, user: string, password: string): Promise<Principal | null> {
    const { users, groups } = this.#options;
    const entry =
      users.kind === 'bind' ? await this.#bind(client, users.template, user, password) : await this.#find(client, users, user, password);
    if (entry === null) return null;
    const name = this.#nameOf(entry);
    if (groups === null) return principalOf(name, []);
    if ('attribute' in groups.from) return principalOf(name, belowBase(valuesOf(entry, groups.from.attribute), groups.base));
    // Users may not be allowed to see who else is a member.
    if (users.kind === 'search') await this.#bindToSearch(client, users);
    const filter = fillIn(groups.from.filter, { dn: entry.dn, user: name }, escapeInFilter);
    const { searchEntries } = await client.search(groups.base, { scope: 'sub', filter, attributes: NO_ATTRIBUTES });
    const names = searchEntries.map(({ dn }) => dn);
    return principalOf(name, belowBase(names, groups.base));
  }

  async #bind(client: Client, template: string, user: string, password: string): Promise<Entry | null> {
    const name = fillIn(template, { user }, escapeInName);
    if (!(await isPasswordOf(client, name, password))) return null;
    const { searchEntries } = await client.search(name, { scope: 'base', filter: '(objectClass=*)', attributes: this.#attributes() });
    return searchEntries[0] ?? null;
  }

  async #find(client: Client, options: LdapSearch, user: string, password: string): Promise<Entry | null> {
    const { base, filter } = options;
    await this.#bindToSearch(client, options);
    const search = {
      scope: 'sub',
      filter: fillIn(filter, { user }, escapeInFilter),
      attributes: this.#attributes(),
      sizeLimit: 2,
    } as const;
    const { searchEntries } = await client.search(base, search);
    const [entry, another] = searchEntries;
    // An empty name would be bound anonymously, with any password.
    if (entry !== undefined && another === undefined && entry.dn.includes('='))
      return (await isPasswordOf(client, entry.dn, password)) ? entry : null;
    // One question more, as for a user who exists, so that time does not tell who does.
    await isPasswordOf(client, base, password);
    return null;
  }

  async #bindToSearch(client: Client, { bindDn }: LdapSearch): Promise<void> {
    if (!(await isPasswordOf(client, bindDn, this.#files.bindPassword?.content ?? '')))
      throw new Error(`it refuses ${bindDn} with the password from its file`);
  }

  #attributes(): string[] {
    const { userAttribute, groups } = this.#options;
    return groups !== null && 'attribute' in groups.from ? [userAttribute, groups.from.attribute] : [userAttribute];
  }

  /** Of several values the one that stands in the entry's name, else the first in the alphabet: always the same. */
  #nameOf(entry: Entry): string {
    const { userAttribute } = this.#options;
    const values = valuesOf(entry, userAttribute).sort();
    const inName = firstValue(entry.dn)?.toLowerCase();
    const name = values.find((value) => value.toLowerCase() === inName) ?? values[0];
    if (name === undefined)
      throw new Error(`the entry ${entry.dn} shows no "${userAttribute}"; name another user_attribute, or let users read it`);
    return name;
  }
}

/** The library would connect again by itself, and would not know to start TLS: this one has its one connection. */
function clientOn(socket: Socket, url: string, timeoutMs: number): Client {
  let isTaken = false;
  const createConnection = (): Socket => {
    if (isTaken) throw new Error('it closed the connection');
    isTaken = true;
    return socket;
  };
  return new Client({ url: url.replace(/^ldaps:/, 'ldap:'), timeout: timeoutMs, createConnection });
}

/** @throws when the directory cannot tell */
async function isPasswordOf(client: Client, name: string, password: string): Promise<boolean> {
  try {
    await client.bind(name, password);
    return true;
  } catch (error) {
    if (error instanceof ResultCodeError && REFUSALS.has(error.code)) return false;
    throw error;
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

function addressOf({ url, startTls }: LdapOptions, ca: string | null): DirectoryAddress {
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === 'ldaps:';
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (isSecure ? 636 : 389) : Number(port),
    tls: isSecure ? 'from-the-start' : startTls ? 'start-tls' : 'none',
    ca,
  };
}

function belowBase(names: readonly string[], base: string): string[] {
  return [...new Set(names.flatMap((name) => nameBelow(name, base) ?? []))];
}

/** Attribute names are compared without regard to case (RFC 4512 §2.5). */
function valuesOf(entry: Entry, attribute: string): string[] {
  const key = Object.keys(entry).find((each) => each.toLowerCase() === attribute.toLowerCase());
  const values = key === undefined ? [] : entry[key]!;
  return (Array.isArray(values) ? values : [values]).map(String).filter((value) => value !== '');
}

function principalOf(user: string, groups: readonly string[]): Principal {
  return Object.freeze({ user, groups: Object.freeze(groups), claims: null, provedBy: 'ldap' });
}

const NO_ATTRIBUTES = ['1.1']; // RFC 4511 §4.5.1.8
/** RFC 4511 §4.1.9, as the answer to a user's bind: not this name with this password, or an account that may not be used. */
const REFUSALS = new Set([
  19, // constraintViolation: locked
  32, // noSuchObject
  34, // invalidDNSyntax
  48, // inappropriateAuthentication: it has no password
  49, // invalidCredentials
  50, // insufficientAccessRights
  53, // unwillingToPerform: disabled
]);
const WRONG: Verdict = { kind: 'refused', reason: 'the user name or the password is wrong', isFinal: true };
const BUSY: Verdict = { kind: 'unavailable', reason: 'too many passwords are being checked at the moment' };
const AWAY: Verdict = { kind: 'unavailable', reason: 'the directory that knows the users does not answer' };
const AT_ONCE = 8;
const MOST_WAITING = 256;
