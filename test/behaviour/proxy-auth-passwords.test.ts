// Users of a password file: hashes as other people's tools make them, files that change while the proxy runs, and guessing.
import { scryptSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Authentication, type Authenticator, createAuthenticator } from '../../src/auth/authenticate.ts';
import { AUTH_DEFAULTS, type AuthOptions } from '../../src/auth/options.ts';
import { StartError } from '../../src/errors/start-error.ts';
import { describeWith, succeed } from '../support/programs.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { threadMs } from '../support/thread-time.ts';

const NOW = Date.UTC(2026, 0, 1);
const CLIENT = '192.0.2.7';
/** `s3cret`, at the lowest cost there is. */
const QUICK = '$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG';
const REFUSED = {
  kind: 'refused',
  reason: 'the user name or the password is wrong',
  challenges: ['Basic realm="Sallyport", charset="UTF-8"'],
};

describeWith(['htpasswd', 'openssl'], 'passwords hashed by other programs', () => {
  test.each(['bcrypt', 'SHA-256', 'SHA-512', 'scrypt'] as const)(
    '%s: the right one is taken, a wrong one and an unknown user are not',
    async (kind) => {
      const { authenticator } = await started(`alice:${await HASHERS[kind]('pass wörd')}\n`);
      expect(await ask(authenticator, 'alice', 'pass wörd')).toEqual({
        kind: 'identified',
        principal: { user: 'alice', groups: [], claims: null, provedBy: 'basic' },
      });
      expect(await ask(authenticator, 'alice', 'pass word')).toEqual(REFUSED);
      expect(await ask(authenticator, 'alice', '')).toEqual(REFUSED);
      expect(await ask(authenticator, 'Alice', 'pass wörd')).toEqual(REFUSED);
      expect(await ask(authenticator, 'nobody', 'pass wörd')).toEqual(REFUSED);
    },
  );

  test('a password that htpasswd has changed ends what was remembered of the old one, and of nobody else', async () => {
    const file = path.join(temporaryFolder(onTestFinished), 'users');
    await succeed('htpasswd', ['-cbB', file, 'alice', 'old']);
    await succeed('htpasswd', ['-bB', file, 'bob', 'same']);
    chmodSync(file, 0o600);
    const { authenticator } = await startedWith({ htpasswdFile: file });
    expect(await ask(authenticator, 'alice', 'old')).toMatchObject({ kind: 'identified' });
    expect(await ask(authenticator, 'alice', 'new')).toMatchObject({ kind: 'refused' });
    const bob = await ask(authenticator, 'bob', 'same');
    await succeed('htpasswd', ['-bB', file, 'alice', 'new']);
    await vi.waitFor(async () => expect(await ask(authenticator, 'alice', 'old')).toEqual(REFUSED), WAITING);
    expect(await ask(authenticator, 'alice', 'new')).toMatchObject({ kind: 'identified', principal: { user: 'alice' } });
    expect(ask(authenticator, 'bob', 'same')).toBe(bob);
    await succeed('htpasswd', ['-D', file, 'bob']);
    await vi.waitFor(async () => expect(await ask(authenticator, 'bob', 'same')).toEqual(REFUSED), WAITING);
  });
});

describe('what is remembered', () => {
  test('a proof is, for ten minutes, and answers at once', async () => {
    const { authenticator } = await started(`alice:${QUICK}\n`);
    const first = ask(authenticator, 'alice', 's3cret');
    expect(first).toBeInstanceOf(Promise);
    expect(ask(authenticator, 'alice', 's3cret')).toBe(first);
    const identified = await first;
    expect(ask(authenticator, 'alice', 's3cret', NOW + 599_999)).toBe(identified);
    expect(ask(authenticator, 'alice', 's3cret', NOW + 600_000)).toBeInstanceOf(Promise);
  });

  test('nothing is once it is closed, and a check that is under way is finished', async () => {
    const { authenticator } = await started(`alice:${QUICK}\n`);
    await ask(authenticator, 'alice', 's3cret');
    const underway = ask(authenticator, 'alice', 'wrong');
    authenticator.close();
    expect(await underway).toEqual(REFUSED);
    expect(ask(authenticator, 'alice', 's3cret')).toBeInstanceOf(Promise);
  });

  test('a wrong password is, for half a minute', async () => {
    const { authenticator } = await started(`alice:${QUICK}\n`);
    const refused = await ask(authenticator, 'alice', 'wrong');
    expect(ask(authenticator, 'alice', 'wrong', NOW + 29_999)).toBe(refused);
    expect(ask(authenticator, 'alice', 'wrong', NOW + 30_000)).toBeInstanceOf(Promise);
  });
});

describe('files that change', () => {
  test('groups take effect without proving anybody anew', async () => {
    const groupsFile = temporaryFile(onTestFinished, 'groups', 'staff: alice\n');
    const { authenticator } = await started(`alice:${QUICK}\n`, { groupsFile });
    expect(await ask(authenticator, 'alice', 's3cret')).toMatchObject({ principal: { groups: ['staff'] } });
    writeFileSync(groupsFile, 'staff: alice\nadmins: alice\n');
    await vi.waitFor(
      () => expect(ask(authenticator, 'alice', 's3cret')).toMatchObject({ principal: { groups: ['staff', 'admins'] } }),
      WAITING,
    );
  });

  test('a file that has become bad leaves the users of before, and is told of once', async () => {
    const { authenticator, file, reports } = await started(`alice:${QUICK}\n`);
    writeFileSync(file, 'alice:hunter2\n');
    await vi.waitFor(() => expect(reports).toHaveLength(2), WAITING);
    expect(reports).toEqual([
      `${file}:1: the password of "alice" is in a form that is not known here, or in plain text. Make a new one: htpasswd -B ${file} alice`,
      `${file}: the password file stays in force as it was before.`,
    ]);
    expect(await ask(authenticator, 'alice', 's3cret')).toMatchObject({ kind: 'identified' });
    writeFileSync(file, `alice:${QUICK}\nbob:${QUICK}\n`);
    await vi.waitFor(async () => expect(await ask(authenticator, 'bob', 's3cret')).toMatchObject({ kind: 'identified' }), WAITING);
    expect(reports).toHaveLength(2);
  });

  test('one that others may read is told of', async () => {
    const { file, reports } = await started(`alice:${QUICK}\n`, {}, 0o644);
    expect(reports).toEqual([`${file}: the password file is open to every user of this machine. Run: chmod o= ${file}`]);
  });

  test.each([
    ['a line that is none', 'alice\n', ':1: expected "user:hash"'],
    ['text that is not UTF-8', Buffer.from('alice\xff:x\n', 'latin1'), ' is not UTF-8 text'],
  ])('%s stops the start', async (_, content, problem) => {
    await expect(started(content)).rejects.toThrow(problem);
    await expect(started(content)).rejects.toBeInstanceOf(StartError);
  });

  test.each([
    [{}, 'auth: nothing here can tell who a user is'],
    [{ htpasswdFile: '/nonexistent/users' }, '/nonexistent/users: the password file does not exist. Check the path.'],
    [{ htpasswdFile: '/dev/null' }, '/dev/null: the password file is not a regular file'],
    [{ groupsFile: '/nonexistent/groups', ldap: null, jwt: tokensOfNobody() }, 'auth.groups: it is for the users of auth.htpasswd'],
  ] as const)('%j stops the start', async (options, problem) => {
    await expect(startedWith(options)).rejects.toThrow(problem);
  });
});

describe('guessing', () => {
  test('after twenty wrong passwords from one place no other is tried from there for two seconds; who is remembered goes on', async () => {
    const { authenticator } = await started(`alice:${QUICK}\nbob:${QUICK}\n`);
    const alice = await ask(authenticator, 'alice', 's3cret');
    for (let i = 0; i < 20; i += 1) expect(await ask(authenticator, 'bob', `guess ${i}`)).toEqual(REFUSED);
    expect(ask(authenticator, 'bob', 's3cret')).toEqual({
      kind: 'unavailable',
      reason: 'too many wrong passwords came from this address',
      retryAfterSeconds: 2,
    });
    expect(ask(authenticator, 'alice', 's3cret')).toBe(alice);
    expect(await ask(authenticator, 'bob', 's3cret', NOW, '192.0.2.8')).toMatchObject({ kind: 'identified' });
    expect(await ask(authenticator, 'carol', 's3cret', NOW + 2_000)).toEqual(REFUSED);
  });

  test('guesses that wait together are dropped once the first twenty were wrong', async () => {
    const { authenticator } = await started(`alice:${QUICK}\n`);
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(authenticator, 'alice', `guess ${i}`)));
    const tried = answers.filter(({ kind }) => kind === 'refused').length;
    expect(tried).toBeGreaterThanOrEqual(20);
    expect(tried).toBeLessThan(30);
    expect(answers.filter(({ kind }) => kind === 'unavailable')).toHaveLength(200 - tried);
  });

  test('when too many passwords wait, the next is told to come again', async () => {
    const { authenticator } = await started(`alice:${QUICK}\n`);
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, i) => ask(authenticator, 'alice', `guess ${i}`, NOW, `192.0.2.${i % 250}`)),
    );
    expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['refused', 'unavailable']));
    expect(answers.find(({ kind }) => kind === 'unavailable')).toMatchObject({
      reason: 'too many passwords are being checked at the moment',
    });
  });

  test('an unknown user costs as much time as a wrong password', async () => {
    const { authenticator } = await started(`alice:${QUICK.replace('$04$', '$10$')}\n`);
    await ask(authenticator, 'alice', 'the thread is started');
    const wrongMs: number[] = [];
    const unknownMs: number[] = [];
    // The quickest of each: others may have the machine for a while.
    for (let i = 0; i < 4; i += 1) {
      wrongMs.push(await timed(() => ask(authenticator, 'alice', `wrong ${i}`)));
      unknownMs.push(await timed(() => ask(authenticator, `nobody ${i}`, 'wrong')));
    }
    expect(Math.min(...unknownMs)).toBeGreaterThan(Math.min(...wrongMs) / 4);
  });

  test('twenty passwords that are checked together do not hold the event loop up', async () => {
    const { authenticator } = await started(`alice:${QUICK.replace('$04$', '$10$')}\n`);
    const [ownMs, all] = [threadMs(), process.cpuUsage()];
    await Promise.all(Array.from({ length: 20 }, (_, i) => ask(authenticator, 'alice', `guess ${i}`)));
    const { user, system } = process.cpuUsage(all);
    expect(threadMs() - ownMs).toBeLessThan((user + system) / 1_000 / 2);
  });
});

describe('credentials that are none', () => {
  test('without any, a request is nobody’s', async () => {
    const { authenticator } = await started(`alice:${QUICK}\n`);
    expect(authenticator.authenticate([], CLIENT, NOW)).toEqual({ kind: 'anonymous' });
    expect(authenticator.challenges).toEqual(['Basic realm="Sallyport", charset="UTF-8"']);
    expect(authenticator.isRequired).toBe(true);
  });

  test.each([
    [[basic('alice', 's3cret'), basic('alice', 's3cret')], 'Proxy-Authorization is there more than once'],
    [['Negotiate YII='], 'this proxy does not speak the scheme Negotiate'],
    [['Bearer abc'], 'this proxy takes no tokens'],
    [['Basic !'], 'Proxy-Authorization cannot be read: what follows Basic is not base64'],
    [[`Basic ${'A'.repeat(10_000)}`], 'Proxy-Authorization is longer than 8 KiB'],
  ])('%j is refused at once', async (values, reason) => {
    const { authenticator } = await started(`alice:${QUICK}\n`);
    expect(authenticator.authenticate(values, CLIENT, NOW)).toEqual({ kind: 'refused', reason, challenges: authenticator.challenges });
  });

  test('a realm is quoted in the challenge', async () => {
    const { authenticator } = await started(`alice:${QUICK}\n`, { realm: 'Our "proxy" \\ 1', require: 'by-policy' });
    expect(authenticator.challenges).toEqual(['Basic realm="Our \\"proxy\\" \\\\ 1", charset="UTF-8"']);
    expect(authenticator.isRequired).toBe(false);
  });
});

const HASHERS = {
  async bcrypt(password: string) {
    const line = await succeed('htpasswd', ['-niB', 'x'], { input: password });
    return line.toString().trim().slice(2);
  },
  async 'SHA-256'(password: string) {
    return (await succeed('openssl', ['passwd', '-5', '-stdin'], { input: password })).toString().trim();
  },
  async 'SHA-512'(password: string) {
    return (await succeed('openssl', ['passwd', '-6', '-stdin'], { input: password })).toString().trim();
  },
  async scrypt(password: string) {
    const salt = Buffer.from('a salt of ours');
    const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
    return `$scrypt$ln=12,r=8,p=2$${unpadded(salt)}$${unpadded(scryptSync(password, salt, 32, { N: 4_096, r: 8, p: 2 }))}`;
  },
};

interface Started {
  readonly authenticator: Authenticator;
  readonly reports: readonly string[];
}

async function started(
  content: string | Uint8Array,
  options: Partial<AuthOptions> = {},
  mode = 0o600,
): Promise<Started & { readonly file: string }> {
  const file = temporaryFile(onTestFinished, 'users', content);
  chmodSync(file, mode);
  return { ...(await startedWith({ htpasswdFile: file, ...options })), file };
}

async function startedWith(options: Partial<AuthOptions>): Promise<Started> {
  const reports: string[] = [];
  const authenticator = await createAuthenticator({ ...AUTH_DEFAULTS, ...options }, (line) => reports.push(line));
  onTestFinished(() => authenticator.close());
  return { authenticator, reports };
}

function ask(
  authenticator: Authenticator,
  user: string,
  password: string,
  nowMs = NOW,
  address = CLIENT,
): Authentication | Promise<Authentication> {
  return authenticator.authenticate([basic(user, password)], address, nowMs);
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function tokensOfNobody() {
  return { jwks: { file: '/nonexistent/keys' }, caFile: null, issuer: 'i', audiences: ['a'], userClaim: 'sub', groupsClaim: null };
}

async function timed(action: () => unknown): Promise<number> {
  const startMs = performance.now();
  await action();
  return performance.now() - startMs;
}

const WAITING = { timeout: 15_000, interval: 20 };
