// Owns the group `auth`: who asks, and how that is proved.
import type * as z from 'zod';
import { type JwtOptions, LDAP_TIMEOUT_MS, type LdapOptions } from '../auth/options.ts';
import {
  parseBindTemplate,
  parseDirectoryUrl,
  parseFilter,
  parseKeySource,
  parseRealm,
  problemOfDirectory,
} from '../auth/parse-options.ts';
import { flag, group, list, oneOf, pathFrom, type ResolvePath, scalar, text, timer, wholeGroup } from './setting-values.ts';

export function authSettings(resolvePath: ResolvePath) {
  const path = pathFrom(resolvePath);
  return group({
    realm: scalar((value) => parseRealm(String(value))),
    require: scalar((value) => oneOf(value, ['always', 'by-policy'] as const)),
    remember: timer,
    htpasswd: path,
    groups: path,
    jwt: jwt(resolvePath),
    ldap: ldap(resolvePath),
  });
}

/** Who issues tokens, and for whom. */
function jwt(resolvePath: ResolvePath) {
  return wholeGroup({
    jwks: scalar((value) => parseKeySource(String(value), resolvePath)),
    ca: pathFrom(resolvePath).optional(),
    issuer: text,
    audience: list(text),
    user_claim: text.optional(),
    groups_claim: text.optional(),
  }).transform(
    ({ jwks, ca, issuer, audience, user_claim, groups_claim }): JwtOptions => ({
      jwks,
      caFile: ca ?? null,
      issuer,
      audiences: audience,
      userClaim: user_claim ?? 'sub',
      groupsClaim: groups_claim ?? null,
    }),
  );
}

/** A directory, and how it is asked. */
function ldap(resolvePath: ResolvePath) {
  return ldapGroup(resolvePath).transform((given, context): LdapOptions => {
    const { url, start_tls: startTls = false, bind, search, groups } = given;
    const problem = problemOfDirectory({ url, startTls });
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
    if ((bind === undefined) === (search === undefined))
      context.addIssue({ code: 'custom', message: 'expected either "bind" or "search", which say how a user is found' });
    if (groups?.attribute !== undefined && groups.filter !== undefined)
      context.addIssue({
        code: 'custom',
        message: 'expected either "attribute" or "filter", which say how groups are found',
        path: ['groups'],
      });
    return {
      url,
      startTls,
      caFile: given.ca ?? null,
      users: usersIn(given),
      userAttribute: given.user_attribute ?? 'uid',
      groups: groupsIn(given),
      timeoutMs: given.timeout ?? LDAP_TIMEOUT_MS,
    };
  });
}

function ldapGroup(resolvePath: ResolvePath) {
  const path = pathFrom(resolvePath);
  return wholeGroup({
    url: scalar((value) => parseDirectoryUrl(String(value))),
    start_tls: flag.optional(),
    ca: path.optional(),
    bind: scalar((value) => parseBindTemplate(String(value))).optional(),
    search: wholeGroup({ base: text, filter: userFilter, bind_dn: text, bind_password_file: path }).optional(),
    user_attribute: text.optional(),
    groups: wholeGroup({ base: text, attribute: text.optional(), filter: groupFilter.optional() }).optional(),
    timeout: timer.optional(),
  });
}

type LdapSettings = z.output<ReturnType<typeof ldapGroup>>;

function usersIn({ bind, search }: LdapSettings): LdapOptions['users'] {
  if (search === undefined) return { kind: 'bind', template: bind ?? '' };
  const { base, filter, bind_dn: bindDn, bind_password_file: bindPasswordFile } = search;
  return { kind: 'search', base, filter, bindDn, bindPasswordFile };
}

function groupsIn({ groups }: LdapSettings): LdapOptions['groups'] {
  if (groups === undefined) return null;
  const { base, attribute, filter } = groups;
  return { base, from: filter === undefined ? { attribute: attribute ?? 'memberOf' } : { filter } };
}

const userFilter = scalar((value) => parseFilter(String(value), ['user']));
const groupFilter = scalar((value) => parseFilter(String(value), ['dn', 'user']));
