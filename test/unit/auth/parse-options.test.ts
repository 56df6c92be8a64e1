import { expect, test } from 'vitest';
import { parseFile } from '../../../src/config/parse.ts';

const problemsOf = (auth: string) => parseFile(`auth: ${auth}`, 's.yaml', (path) => `/etc/${path}`).problems;
const JWT = "issuer: 'https://id.example', audience: proxy";
const LDAP = 'url: ldaps://ldap.example';
const BIND = "bind: 'uid={user},ou=people,dc=example'";

test.each([
  '{}',
  '{ htpasswd: users }',
  '{ realm: "A \\"realm\\"", require: always }',
  `{ jwt: { jwks: keys.json, ${JWT} } }`,
  `{ jwt: { jwks: 'http://127.0.0.1:80/keys', ${JWT} } }`,
  `{ jwt: { jwks: 'http://[::1]/keys', issuer: i, audience: [a, b] } }`,
  `{ ldap: { ${LDAP}, ${BIND} } }`,
  `{ ldap: { url: 'ldap://ldap.example:389', start_tls: true, ${BIND} } }`,
  `{ ldap: { url: ldap://localhost, ${BIND}, groups: { base: 'ou=groups' } } }`,
])('%s is taken', (auth) => {
  expect(problemsOf(auth)).toEqual([]);
});

test.each([
  ['{ realm: "a\\nb" }', 'auth.realm: expected 1 to 100 printable ASCII characters'],
  ['{ require: never }', 'auth.require: expected one of always, by-policy; found "never"'],
  [`{ jwt: { jwks: 'http://id.example/keys', ${JWT} } }`, 'auth.jwt.jwks: expected https: keys that come over http:'],
  [`{ jwt: { jwks: 'ftp://id.example/keys', ${JWT} } }`, 'auth.jwt.jwks: expected a path or an https: URL'],
  [`{ jwt: { jwks: 'https://u:s3cret@id.example/keys', ${JWT} } }`, 'auth.jwt.jwks: expected a URL without a password'],
  ['{ jwt: { jwks: keys.json, audience: a } }', 'auth.jwt.issuer: expected one value; found nothing'],
  ['{ jwt: { jwks: keys.json, issuer: i, audience: [] } }', 'auth.jwt.audience: expected at least one in this list'],
  ['{ jwt: keys.json }', 'auth.jwt: expected a group of settings; found text'],
  [`{ ldap: { ${LDAP} } }`, 'auth.ldap: expected either "bind" or "search"'],
  [`{ ldap: { ${LDAP}, bind: '{user}' } }`, 'auth.ldap.bind: expected a name such as'],
  [`{ ldap: { ${LDAP}, bind: 'uid={user}' } }`, 'auth.ldap.bind: expected a name such as'],
  [`{ ldap: { url: ldap://ldap.example, ${BIND} } }`, 'auth.ldap: passwords would cross the network in the open'],
  [`{ ldap: { ${LDAP}, start_tls: true, ${BIND} } }`, 'auth.ldap: start_tls is for ldap: URLs'],
  [`{ ldap: { ${LDAP}, start_tls: yes, ${BIND} } }`, 'auth.ldap.start_tls: expected true or false; found text'],
  [`{ ldap: { url: 'ldaps://u:s3cret@ldap.example', ${BIND} } }`, 'auth.ldap.url: expected a server and nothing more'],
  [`{ ldap: { url: 'ldaps://ldap.example/dc=example', ${BIND} } }`, 'auth.ldap.url: expected a server and nothing more'],
  [
    `{ ldap: { ${LDAP}, search: { base: b, filter: '(uid={name})', bind_dn: 'cn=x', bind_password_file: f } } }`,
    'auth.ldap.search.filter: expected a filter in brackets with {user} in it',
  ],
  [
    `{ ldap: { ${LDAP}, ${BIND}, groups: { base: b, attribute: memberOf, filter: '(member={dn})' } } }`,
    'auth.ldap.groups: expected either "attribute" or "filter"',
  ],
])('%s is refused', (auth, problem) => {
  const problems = problemsOf(auth).join('\n');
  expect(problems).toContain(problem);
  expect(problems).not.toContain('s3cret');
});
