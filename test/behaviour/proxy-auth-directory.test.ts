// Users of a directory: a real slapd, asked in every way that can be configured, away, slow, and lied to.
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Authentication, type Authenticator, createAuthenticator } from '../../src/auth/authenticate.ts';
import { AUTH_DEFAULTS, type AuthOptions, type LdapOptions } from '../../src/auth/options.ts';
import { describeWith } from '../support/programs.ts';
import { BASE, GROUPS, PEOPLE, SEARCHER, type Slapd, startSlapd } from '../support/slapd.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { closedPort } from '../support/tunnels.ts';

const NOW = Date.UTC(2026, 0, 1);
const WRONG = 'the user name or the password is wrong';
const AWAY = 'the directory that knows the users does not answer';
const BIND: LdapOptions['users'] = { kind: 'bind', template: `uid={user},${PEOPLE}` };
const BY_MEMBER: LdapOptions['groups'] = { base: GROUPS, from: { filter: '(member={dn})' } };
const MEMBER_OF: LdapOptions['groups'] = { base: GROUPS, from: { attribute: 'memberOf' } };

let directory: Slapd;
let ca: TemporaryCa;
let passwordFile: string;

describeWith(['slapd', 'ldapadd', 'openssl'], 'a directory', () => {
  beforeAll(async () => {
    ca = createTemporaryCa(temporaryFolder(afterAll));
    passwordFile = temporaryFile(afterAll, 'password', `${SEARCHER.password}\n`);
    chmodSync(passwordFile, 0o600);
    directory = await startSlapd(temporaryFolder(afterAll), ca.issue('127.0.0.1'));
  });
  afterAll(() => directory.stop());

  describe.each<[string, () => LdapOptions['users'], LdapOptions['groups']]>([
    ['users bind by their name', () => BIND, MEMBER_OF],
    ['users are searched for, and read their groups off memberOf', searching, MEMBER_OF],
    ['users are searched for, and so are their groups', searching, BY_MEMBER],
  ])('%s', (_, users, groups) => {
    test('the right password names the user and the groups below the base', async () => {
      const { authenticator } = await started({ users: users(), groups });
      expect(await ask(authenticator, 'alice', 'wonderland')).toMatchObject({
        kind: 'identified',
        principal: { user: 'alice', provedBy: 'ldap' },
      });
      expect(groupsOf(await ask(authenticator, 'alice', 'wonderland'))).toEqual(['admins', 'staff']);
      // The other group of the name `admins` stands elsewhere.
      expect(groupsOf(await ask(authenticator, 'bob', 'builder'))).toEqual(['staff']);
      expect(await ask(authenticator, 'jürgen', 'straße')).toMatchObject({ kind: 'identified', principal: { user: 'jürgen', groups: [] } });
    });

    test.each([
      ['alice', 'builder'],
      ['alice', ''],
      ['alice', 'Wonderland'],
      ['nobody', 'wonderland'],
      ['nopassword', 'x'],
      ['', 'wonderland'],
      ['*', 'wonderland'],
      ['*)(uid=*', 'wonderland'],
      ['alice)(objectClass=*', 'wonderland'],
      ['a*', 'wonderland'],
      [`alice,${PEOPLE}`, 'wonderland'],
      ['alice,ou=people', 'wonderland'],
      [`alice+cn=alice`, 'wonderland'],
      ['al\\69ce', 'wonderland'],
      ['\\61lice', 'wonderland'],
      [`uid=alice,${PEOPLE}`, 'wonderland'],
      ['EXTERNAL', 'x'],
      ['{user}', 'wonderland'],
      ['both', 'one'],
    ])('%j with %j is refused', async (user, password) => {
      const { authenticator, reports } = await started({ users: users(), groups });
      expect(await ask(authenticator, user, password)).toMatchObject({ kind: 'refused', reason: WRONG });
      expect(reports).toEqual([]);
    });

    test('a name that is matched loosely is the one that stands in the directory', async () => {
      const { authenticator } = await started({ users: users(), groups });
      for (const spelling of ['ALICE', 'Alice', ' alice ', 'al\u00adice'])
        expect(await ask(authenticator, spelling, 'wonderland')).not.toMatchObject({ kind: 'identified', principal: { user: spelling } });
      expect(await ask(authenticator, 'ALICE', 'wonderland')).toMatchObject({ kind: 'identified', principal: { user: 'alice' } });
    });
  });

  test.each<[string, () => Partial<LdapOptions>]>([
    ['over TLS', () => ({ url: directory.secureUrl, caFile: ca.certFile })],
    ['after StartTLS (RFC 4511 §4.14)', () => ({ startTls: true, caFile: ca.certFile })],
  ])('is asked %s when it shows a certificate that is trusted, and not else', async (_, options) => {
    const { authenticator } = await started(options());
    expect(await ask(authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'identified' });
    expect(await ask(authenticator, 'alice', 'wrong')).toMatchObject({ kind: 'refused' });
    const stranger = await started({ ...options(), caFile: null });
    expect(await ask(stranger.authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'unavailable', reason: AWAY });
    const url = options().url ?? directory.url;
    const misnamed = await started({ ...options(), url: url.replace('127.0.0.1', 'localhost') });
    expect(await ask(misnamed.authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'unavailable', reason: AWAY });
    expect(misnamed.reports.join()).toContain("Hostname/IP does not match certificate's altnames");
  });

  test('one that has stopped lets nobody new pass and whom it has proved go on; the operator hears of its end and its return once', async () => {
    const { authenticator, reports } = await started({});
    const alice = await ask(authenticator, 'alice', 'wonderland');
    await directory.stop();
    for (let i = 0; i < 3; i += 1)
      expect(await ask(authenticator, 'bob', 'builder')).toEqual({ kind: 'unavailable', reason: AWAY, retryAfterSeconds: 5 });
    expect(ask(authenticator, 'alice', 'wonderland')).toBe(alice);
    expect(reports).toEqual([
      expect.stringContaining(`${directory.url}: the directory cannot be asked who users are: connect ECONNREFUSED`),
    ]);
    await directory.start();
    expect(await ask(authenticator, 'bob', 'builder')).toMatchObject({ kind: 'identified' });
    expect(reports.slice(1)).toEqual([`${directory.url}: the directory answers again.`]);
  });

  test('one that does not answer is not waited for', async () => {
    const { authenticator, reports } = await started({ timeoutMs: 200 });
    directory.freeze();
    try {
      expect(await ask(authenticator, 'bob', 'builder')).toMatchObject({ kind: 'unavailable', reason: AWAY });
    } finally {
      directory.thaw();
    }
    expect(reports).toEqual([`${directory.url}: the directory cannot be asked who users are: no answer in 200 ms`]);
    expect(await ask(authenticator, 'bob', 'builder')).toMatchObject({ kind: 'identified' });
  });

  test('that refuses the account which searches is the operator’s to mend, and lets nobody pass', async () => {
    const wrongFile = temporaryFile(onTestFinished, 'password', 'wrong\n');
    chmodSync(wrongFile, 0o600);
    const { authenticator, reports } = await started({ users: { ...searching(), bindPasswordFile: wrongFile } });
    expect(await ask(authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'unavailable', reason: AWAY });
    expect(reports).toEqual([expect.stringContaining(`it refuses ${SEARCHER.dn} with the password from its file`)]);
    writeFileSync(wrongFile, `${SEARCHER.password}\n`);
    await vi.waitFor(async () => expect(await ask(authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'identified' }), 15_000);
  });

  test('that does not show a user’s name lets the user not pass, and the operator hears why', async () => {
    const { authenticator, reports } = await started({ userAttribute: 'mail' });
    expect(await ask(authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'unavailable' });
    expect(reports.join()).toContain('shows no "mail"');
  });

  test('is not asked about the names of the password file, in any spelling', async () => {
    const htpasswdFile = temporaryFile(onTestFinished, 'users', 'alice:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n');
    const { authenticator } = await started({}, { htpasswdFile });
    expect(await ask(authenticator, 'alice', 's3cret')).toMatchObject({ principal: { provedBy: 'basic' } });
    expect(await ask(authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'refused', reason: WRONG });
    expect(await ask(authenticator, 'ALICE', 'wonderland')).toMatchObject({ kind: 'refused' });
    expect(await ask(authenticator, 'bob', 'builder')).toMatchObject({ principal: { provedBy: 'ldap' } });
  });

  test('an empty password file stops the start', async () => {
    const bindPasswordFile = temporaryFile(onTestFinished, 'password', '\n');
    await expect(started({ users: { ...searching(), bindPasswordFile } })).rejects.toThrow('there is no password on its first line');
  });
});

describe('a server in the place of the directory', () => {
  test.each([
    ['that does not start TLS', '300c02010178070a010204000400', 'it does not start TLS'],
    ['that is none', Buffer.from('HTTP/1.1 400 Bad Request\r\n').toString('hex'), 'its answer to StartTLS is not LDAP'],
    // The rest of a bind response that says success, for the first octet that comes over TLS to complete.
    ['that puts something behind its answer', '300c02010178070a0100040004003010', 'its answer to StartTLS is followed by something else'],
    // Lengths in four octets, as Active Directory writes them; then it should speak TLS, and does not.
    ['that agrees and closes', '3084000000100201017884000000070a010004000400', 'before secure TLS connection was established'],
    ['that never ends its answer', `3084000fffff${'00'.repeat(5_000)}`, 'its answer to StartTLS is not LDAP'],
    ['that closes', '', 'it closed the connection instead of starting TLS'],
  ])('%s gets no password', async (_, answer, problem) => {
    const received: Buffer[] = [];
    await using server = await startServer((socket) => {
      socket.on('data', (bytes: Buffer) => received.push(bytes)).once('data', () => socket.end(Buffer.from(answer, 'hex')));
    });
    const { authenticator, reports } = await started({ url: server.url, startTls: true });
    expect(await ask(authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'unavailable', reason: AWAY });
    expect(reports).toEqual([expect.stringContaining(problem)]);
    expect(Buffer.concat(received).toString('latin1')).not.toContain('wonderland');
  });

  test('nobody there is an outage', async () => {
    const { authenticator } = await started({ url: `ldap://127.0.0.1:${await closedPort()}` });
    expect(await ask(authenticator, 'alice', 'wonderland')).toMatchObject({ kind: 'unavailable', reason: AWAY });
  });
});

function searching(): Extract<LdapOptions['users'], { readonly kind: 'search' }> {
  return {
    kind: 'search',
    base: BASE,
    filter: '(&(objectClass=inetOrgPerson)(uid={user}))',
    bindDn: SEARCHER.dn,
    bindPasswordFile: passwordFile,
  };
}

interface Started {
  readonly authenticator: Authenticator;
  readonly reports: readonly string[];
}

async function started(options: Partial<LdapOptions>, others: Partial<AuthOptions> = {}): Promise<Started> {
  const reports: string[] = [];
  const ldap: LdapOptions = {
    url: options.url ?? directory.url,
    startTls: false,
    caFile: null,
    users: BIND,
    userAttribute: 'uid',
    groups: null,
    timeoutMs: 5_000,
    ...options,
  };
  const authenticator = await createAuthenticator({ ...AUTH_DEFAULTS, ...others, ldap }, (line) => {
    if (!line.includes('chmod')) reports.push(line);
  });
  onTestFinished(() => authenticator.close());
  return { authenticator, reports };
}

function ask(authenticator: Authenticator, user: string, password: string): Authentication | Promise<Authentication> {
  return authenticator.authenticate([`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`], '192.0.2.7', NOW);
}

function groupsOf(authentication: Authentication): readonly string[] {
  return authentication.kind === 'identified' ? authentication.principal.groups.toSorted() : [];
}

async function startServer(onSocket: (socket: Socket) => void): Promise<{ url: string; [Symbol.asyncDispose](): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  return {
    url: `ldap://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
