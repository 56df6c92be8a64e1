// Owns the spellings of what may be configured about identity. Refuses what would send a password or fetch a key over an open network.
// Each throws an Error whose message is fit to print: it says what was expected, and shows no more of the value than its kind of mistake.
import { isLoopbackAddress } from '../net/ip-address.ts';
import type { LdapOptions } from './options.ts';

/** Printable ASCII, as a quoted string can carry it everywhere. */
export function parseRealm(text: string): string {
  if (!/^[ -~]{1,100}$/.test(text)) throw new Error('expected 1 to 100 printable ASCII characters');
  return text;
}

/** A URL, or a path that `resolvePath` makes absolute. */
export function parseKeySource(text: string, resolvePath: (path: string) => string): { readonly file: string } | { readonly url: string } {
  if (text === '' || text.includes('\0')) throw new Error('expected a path or an https: URL');
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { file: resolvePath(text) };
  const url = parseUrl(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw new Error('expected a path or an https: URL');
  if (url.username !== '' || url.password !== '') throw new Error('expected a URL without a password: keys are public');
  if (url.protocol === 'http:' && !isThisMachine(url)) throw new Error('expected https: keys that come over http: could be from anybody');
  return { url: url.href };
}

/** `ldaps://host`, `ldap://host:389` */
export function parseDirectoryUrl(text: string): string {
  const url = parseUrl(text);
  const isDirectory = url !== null && (url.protocol === 'ldap:' || url.protocol === 'ldaps:') && url.hostname !== '';
  if (!isDirectory || (url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.username !== '' || url.hash !== '')
    throw new Error('expected a server and nothing more: ldaps://ldap.example.org, or with a port');
  return `${url.protocol}//${url.host}`;
}

/** `uid={user},ou=people,dc=example,dc=org`: the user stands for one value, so that nobody can name an entry elsewhere. */
export function parseBindTemplate(text: string): string {
  if (!/^[A-Za-z][\w-]*=\{user\},[^{}]+$/.test(text)) throw new Error('expected a name such as uid={user},ou=people,dc=example,dc=org');
  return text;
}

/** `(uid={user})`. @param placeholders of which there has to be one, and no others */
export function parseFilter(text: string, placeholders: readonly string[]): string {
  const found = [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  if (!text.startsWith('(') || !text.endsWith(')') || found.length === 0 || !found.every((name) => placeholders.includes(name)))
    throw new Error(`expected a filter in brackets with ${placeholders.map((name) => `{${name}}`).join(' or ')} in it`);
  return text;
}

/** What is wrong with a directory's options together; `null` when nothing is. */
export function problemOfDirectory({ url, startTls }: Pick<LdapOptions, 'url' | 'startTls'>): string | null {
  if (url.startsWith('ldaps:')) return startTls ? 'start_tls is for ldap: URLs; ldaps: begins with TLS' : null;
  return startTls || isThisMachine(new URL(url))
    ? null
    : 'passwords would cross the network in the open: use ldaps:, or set start_tls: true';
}

function isThisMachine({ hostname }: URL): boolean {
  return hostname === 'localhost' || isLoopbackAddress(hostname.replace(/^\[|\]$/g, ''));
}

function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
