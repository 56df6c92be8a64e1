// Owns what may be configured about identity, each with its unit. Secrets are named by the files they stand in.

export interface AuthOptions {
  /** What clients show to people who are asked for a password; printable ASCII. */
  readonly realm: string;
  /** `always` demands credentials for every request; `by-policy` when a rule asks who it is. */
  readonly require: 'always' | 'by-policy';
  /** Milliseconds that a proof by password is remembered. */
  readonly rememberMs: number;
  /** Path of a file of `user:hash` lines. */
  readonly htpasswdFile: string | null;
  /** Path of a file of `group: user user` lines, for the users of the password file. */
  readonly groupsFile: string | null;
  readonly jwt: JwtOptions | null;
  readonly ldap: LdapOptions | null;
}

export const AUTH_DEFAULTS: AuthOptions = {
  realm: 'Sallyport',
  require: 'always',
  rememberMs: 600_000,
  htpasswdFile: null,
  groupsFile: null,
  jwt: null,
  ldap: null,
};

export interface JwtOptions {
  /** A JWK Set (RFC 7517 §5): the path of a file, or an `https:` URL; `http:` on this machine only. */
  readonly jwks: { readonly file: string } | { readonly url: string };
  /** Path of a PEM file that vouches for the server of `jwks`, instead of the system's roots. */
  readonly caFile: string | null;
  /** What `iss` must be, and one of which `aud` must name (RFC 7519 §4.1). */
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly userClaim: string;
  /** `null`: tokens bring no groups. */
  readonly groupsClaim: string | null;
}

export interface LdapOptions {
  /** `ldaps://host[:port]`, or `ldap://host[:port]` with StartTLS or on this machine. */
  readonly url: string;
  readonly startTls: boolean;
  /** Path of a PEM file that vouches for the directory, instead of the system's roots. */
  readonly caFile: string | null;
  /** How a user name becomes the name to bind with. */
  readonly users: LdapBind | LdapSearch;
  /** The attribute whose value is the user's name from then on: directories match names loosely, and rules do not. */
  readonly userAttribute: string;
  readonly groups: LdapGroups | null;
  /** Milliseconds for one user, with every step. */
  readonly timeoutMs: number;
}

/** `uid={user},ou=people,dc=example,dc=org` */
export interface LdapBind {
  readonly kind: 'bind';
  readonly template: string;
}

export interface LdapSearch {
  readonly kind: 'search';
  readonly base: string;
  /** `(uid={user})` */
  readonly filter: string;
  readonly bindDn: string;
  readonly bindPasswordFile: string;
}

/** Only groups below `base` count, by the value of the first part of their name, so that nobody makes an `admins` elsewhere. */
export interface LdapGroups {
  readonly base: string;
  /** `memberOf` reads the user's entry; else a filter with `{dn}` or `{user}` is searched for below `base`. */
  readonly from: { readonly attribute: string } | { readonly filter: string };
}

export const LDAP_TIMEOUT_MS = 5_000;
