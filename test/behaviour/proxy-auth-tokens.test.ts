// Tokens of an issuer (JWT, RFC 7519): which are good, and what becomes of its keys.
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Authentication, type Authenticator, createAuthenticator } from '../../src/auth/authenticate.ts';
import { AUTH_DEFAULTS, type JwtOptions } from '../../src/auth/options.ts';
import { keySetOf, makeKey, type SigningKey, signToken, startKeyServer } from '../support/jwks.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';

const NOW = Date.UTC(2026, 0, 1);
const NOW_SECONDS = NOW / 1_000;
const GOOD = {
  iss: 'https://id.example',
  aud: 'proxy',
  sub: 'repo:shop/web:ref:refs/heads/main',
  exp: NOW_SECONDS + 600,
  repository: 'shop/web',
  ref: 'refs/heads/main',
  workflow: 'release',
};
const CHALLENGES = ['Basic realm="Sallyport", charset="UTF-8"', 'Bearer realm="Sallyport", error="invalid_token"'];

const [rsa, ec, ed, other] = await Promise.all([
  makeKey('RS256', 'r'),
  makeKey('ES256', 'e'),
  makeKey('EdDSA', 'd'),
  makeKey('ES256', 'o'),
]);

describe('a good token', () => {
  test.each([rsa, ec, ed])('signed with $algorithm names its bearer, with every claim', async (key) => {
    const { authenticator } = await startedWithFile(keySetOf(rsa, ec, ed));
    expect(await ask(authenticator, await signToken(key, GOOD))).toEqual({
      kind: 'identified',
      principal: { user: GOOD.sub, groups: [], claims: GOOD, provedBy: 'jwt' },
    });
  });

  test.each([
    ['a list of groups', { roles: ['a', 'b'] }, ['a', 'b']],
    ['one group', { roles: 'a' }, ['a']],
    ['groups that are no names', { roles: ['a', 1, null, '', 'b\n'] }, ['a']],
    ['no groups', {}, []],
  ])('brings %s in the claim that is configured', async (_, claims, groups) => {
    const { authenticator } = await startedWithFile(keySetOf(ec), { userClaim: 'email', groupsClaim: 'roles' });
    const token = await signToken(ec, { ...GOOD, ...claims, email: 'alice@shop.example' });
    expect(await ask(authenticator, token)).toMatchObject({ principal: { user: 'alice@shop.example', groups } });
  });

  test.each(['jwt', 'oauth2', ''])('is taken as the password of the user %j, which is what a proxy URL has room for', async (user) => {
    const { authenticator } = await startedWithFile(keySetOf(ec));
    expect(await askAsPassword(authenticator, user, await signToken(ec, GOOD))).toMatchObject({ kind: 'identified' });
  });

  test('is not taken as the password of anybody else', async () => {
    const { authenticator } = await startedWithFile(keySetOf(ec));
    expect(await askAsPassword(authenticator, 'alice', await signToken(ec, GOOD))).toMatchObject({ kind: 'refused' });
    expect(await askAsPassword(authenticator, 'jwt', 's3cret')).toMatchObject({ kind: 'refused' });
  });

  test('is remembered until it expires, and five minutes at most', async () => {
    const { authenticator } = await startedWithFile(keySetOf(ec));
    const long = await signToken(ec, GOOD);
    const identified = await ask(authenticator, long);
    expect(ask(authenticator, long, NOW + 299_999)).toBe(identified);
    expect(ask(authenticator, long, NOW + 300_000)).toBeInstanceOf(Promise);
    const short = await signToken(ec, { ...GOOD, exp: NOW_SECONDS + 60 });
    expect(await ask(authenticator, short)).toMatchObject({ kind: 'identified' });
    expect(await ask(authenticator, short, NOW + 89_999)).toMatchObject({ kind: 'identified' });
    expect(await ask(authenticator, short, NOW + 91_000)).toMatchObject({ kind: 'refused', reason: 'the token has expired' });
  });
});

describe('a token is refused', () => {
  test.each([
    ['that has expired', { ...GOOD, exp: NOW_SECONDS - 31 }, 'the token has expired'],
    ['that never expires', { ...GOOD, exp: undefined }, 'the token says not when it expires'],
    ['that is not valid yet', { ...GOOD, nbf: NOW_SECONDS + 31 }, 'the token is not valid yet'],
    ['for another audience', { ...GOOD, aud: 'shop' }, 'the token is for another audience'],
    ['for nobody', { ...GOOD, aud: undefined }, 'the token is for another audience'],
    ['of another issuer', { ...GOOD, iss: 'https://id.example.evil' }, 'the token is from another issuer'],
    ['of nobody', { ...GOOD, sub: undefined }, 'the token\'s claim "sub" names no user'],
    ['of nobody with a name', { ...GOOD, sub: '' }, 'the token\'s claim "sub" names no user'],
    ['of a list of names', { ...GOOD, sub: ['alice'] }, ''],
    ['of a name with a line end', { ...GOOD, sub: 'alice\nadmin' }, 'the token\'s claim "sub" names no user'],
  ])('%s', async (_, claims, reason) => {
    const { authenticator } = await startedWithFile(keySetOf(ec));
    const refused = await ask(authenticator, await signToken(ec, claims));
    expect(refused).toMatchObject({ kind: 'refused', reason: expect.stringContaining(reason), challenges: CHALLENGES });
  });

  test('signed with an algorithm that is not on the list, though the key would do', async () => {
    const [rs512, ps256, es384] = await Promise.all([makeKey('RS512', 'a'), makeKey('PS256', 'b'), makeKey('ES384', 'c')]);
    const { authenticator } = await startedWithFile(keySetOf(rs512, ps256, es384));
    for (const key of [rs512, ps256, es384])
      expect(await ask(authenticator, await signToken(key, GOOD))).toMatchObject({
        reason: 'the token is not signed with RS256, ES256, EdDSA',
      });
  });

  test('signed by nobody, or with the public key as a shared secret (RFC 8725 §2.1)', async () => {
    const { authenticator } = await startedWithFile(keySetOf(rsa));
    const payload = Buffer.from(JSON.stringify(GOOD)).toString('base64url');
    const unsigned = (alg: string) => `${Buffer.from(JSON.stringify({ alg, kid: 'r' })).toString('base64url')}.${payload}.`;
    for (const token of [unsigned('none'), unsigned('RS256'), `${unsigned('none')}AAAA`])
      expect(await ask(authenticator, token)).toMatchObject({ kind: 'refused' });
    const secret: SigningKey = { ...rsa, algorithm: 'HS256', privateKey: Buffer.from(rsa.jwk.n!, 'base64url') };
    expect(await ask(authenticator, await signToken(secret, GOOD))).toMatchObject({
      reason: 'the token is not signed with RS256, ES256, EdDSA',
    });
  });

  test('signed by another key under the name of a known one, or changed afterwards', async () => {
    const { authenticator } = await startedWithFile(keySetOf(ec));
    expect(await ask(authenticator, await signToken({ ...other, kid: 'e' }, GOOD))).toMatchObject({
      reason: 'the signature of the token is wrong',
    });
    const [head, , signature] = (await signToken(ec, GOOD)).split('.');
    const changed = Buffer.from(JSON.stringify({ ...GOOD, sub: 'admin' })).toString('base64url');
    expect(await ask(authenticator, `${head}.${changed}.${signature}`)).toMatchObject({ reason: 'the signature of the token is wrong' });
  });

  test('that names no key where there are two, or a key that is unknown, and takes none from its own head', async () => {
    const { authenticator } = await startedWithFile(keySetOf(ec, other));
    const nameless = await signToken(ec, GOOD, { kid: undefined });
    expect(await ask(authenticator, nameless)).toMatchObject({ reason: 'the token does not say which key it is signed with' });
    const own = await signToken({ ...other, kid: 'mine' }, GOOD, { jwk: other.jwk, jku: 'http://127.0.0.1:1/' });
    expect(await ask(authenticator, own)).toMatchObject({ reason: 'the token is signed with a key that its issuer does not publish' });
  });

  test.each(['a', 'a.b', 'a.b.c', 'eyJ.e30.x', '...', 'eyJhbGciOiJFUzI1NiIsImNyaXQiOlsieCJdLCJ4IjoxfQ.e30.AAAA'])(
    '%j, which is none',
    async (token) => {
      const { authenticator } = await startedWithFile(keySetOf(ec));
      expect(await ask(authenticator, token)).toMatchObject({ kind: 'refused' });
    },
  );
});

describe('keys', () => {
  test('in a file take effect when it changes, and tokens of a key that is gone are no longer good', async () => {
    const { authenticator, file } = await startedWithFile(keySetOf(ec));
    const token = await signToken(ec, GOOD);
    expect(await ask(authenticator, token)).toMatchObject({ kind: 'identified' });
    writeFileSync(file, keySetOf(other));
    await vi.waitFor(async () => expect(await ask(authenticator, token)).toMatchObject({ kind: 'refused' }), PATIENTLY);
    expect(await ask(authenticator, await signToken(other, GOOD))).toMatchObject({ kind: 'identified' });
  });

  test('that are none stop the start', async () => {
    await expect(startedWithFile('{}')).rejects.toThrow('expected a JWK Set');
    await expect(startedWithFile('not JSON')).rejects.toThrow('expected a JWK Set');
  });

  test('are fetched once, and again when a token names another, but not for every such token', async () => {
    await using server = await startKeyServer(keySetOf(ec));
    const { authenticator } = await startedWithUrl(server.url);
    expect(await ask(authenticator, await liveToken(ec), Date.now())).toMatchObject({ kind: 'identified' });
    expect(server.requests).toBe(1);
    server.answer = keySetOf(ec, other);
    expect(await ask(authenticator, await liveToken(other), Date.now() + 31_000)).toMatchObject({ kind: 'identified' });
    expect(server.requests).toBe(2);
    for (const kid of ['x', 'y', 'z'])
      expect(await ask(authenticator, await liveToken({ ...other, kid }), Date.now() + 32_000)).toMatchObject({ kind: 'refused' });
    expect(server.requests).toBe(2);
  });

  test('are fetched again when they are ten minutes old, and nobody waits for it', async () => {
    await using server = await startKeyServer(keySetOf(ec));
    const { authenticator } = await startedWithUrl(server.url);
    await ask(authenticator, await liveToken(ec), Date.now());
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    server.answer = (response) => void held.then(() => response.end(keySetOf(other)));
    const token = await liveToken(ec, { n: 2 });
    expect(await ask(authenticator, token, Date.now() + 601_000)).toMatchObject({ kind: 'identified' });
    release();
    await vi.waitFor(
      async () => expect(await ask(authenticator, token, Date.now() + 602_000)).toMatchObject({ kind: 'refused' }),
      PATIENTLY,
    );
    expect(server.requests).toBe(2);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['an error', (response) => response.writeHead(500).end()],
    ['a redirection', (response) => response.writeHead(302, { Location: '/keys' }).end()],
    ['something else', (response) => response.end('<html>')],
    ['2 MiB', (response) => response.end('x'.repeat(2 * 1024 * 1024))],
    ['half an answer', (response) => response.writeHead(200, { 'Content-Length': 100 }).write('{', () => response.destroy())],
  ])('that cannot be fetched because of %s: nobody can tell, and the operator is told once', async (_, answer) => {
    await using server = await startKeyServer(answer);
    const { authenticator, reports } = await startedWithUrl(server.url);
    const token = await liveToken(ec);
    for (let i = 0; i < 2; i += 1)
      expect(await ask(authenticator, token, Date.now())).toMatchObject({
        kind: 'unavailable',
        reason: 'the keys that tokens are signed with cannot be fetched',
      });
    expect(reports).toEqual([expect.stringContaining(`${server.url}: the keys of tokens cannot be fetched (`)]);
    server.answer = keySetOf(ec);
    expect(await ask(authenticator, token, Date.now() + 31_000)).toMatchObject({ kind: 'identified' });
    expect(reports[1]).toBe(`${server.url}: the keys of tokens can be fetched again.`);
  });

  test('are fetched over TLS from a server that is trusted, and from no other', async () => {
    const ca = createTemporaryCa(temporaryFolder(onTestFinished));
    await using server = await startKeyServer(keySetOf(ec), ca.issue('127.0.0.1'));
    const trusting = await started({ jwks: { url: server.url } }, { caFile: ca.certFile });
    expect(await ask(trusting.authenticator, await liveToken(ec), Date.now())).toMatchObject({ kind: 'identified' });
    const strange = await startedWithUrl(server.url);
    expect(await ask(strange.authenticator, await liveToken(ec), Date.now())).toMatchObject({ kind: 'unavailable' });
    expect(server.requests).toBe(1);
  });

  test('are fetched from no other either where the environment says that certificates need not be checked', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    const ca = createTemporaryCa(temporaryFolder(onTestFinished));
    await using server = await startKeyServer(keySetOf(ec), ca.issue('127.0.0.1'));
    const { authenticator } = await startedWithUrl(server.url);
    expect(await ask(authenticator, await liveToken(ec), Date.now())).toMatchObject({ kind: 'unavailable' });
    expect(server.requests).toBe(0);
  });

  test('of before stay in force when they cannot be fetched again, for a day', async () => {
    await using server = await startKeyServer(keySetOf(ec));
    const { authenticator, reports } = await startedWithUrl(server.url);
    expect(await ask(authenticator, await liveToken(ec), Date.now())).toMatchObject({ kind: 'identified' });
    server.answer = (response) => response.writeHead(503).end();
    const askLater = async (laterMs: number) => ask(authenticator, await liveToken(ec, { laterMs }), Date.now() + laterMs);
    expect(await askLater(1_000_000)).toMatchObject({ kind: 'identified' });
    await vi.waitFor(() => expect(reports).toHaveLength(1), PATIENTLY);
    expect(await askLater(80_000_000)).toMatchObject({ kind: 'identified' });
    await vi.waitFor(() => expect(server.requests).toBe(3), PATIENTLY);
    expect(await askLater(90_000_000)).toMatchObject({ kind: 'unavailable' });
  });
});

/** Of the machine's own time, which is when keys are first fetched. */
function liveToken(key: SigningKey, claims: Record<string, unknown> = {}): Promise<string> {
  return signToken(key, { ...GOOD, exp: Math.ceil(Date.now() / 1_000) + 1_000_000, ...claims });
}

interface Started {
  readonly authenticator: Authenticator;
  readonly reports: readonly string[];
}

async function startedWithFile(keys: string, options: Partial<JwtOptions> = {}): Promise<Started & { readonly file: string }> {
  const file = temporaryFile(onTestFinished, 'keys.json', keys);
  return { ...(await started({ jwks: { file } }, options)), file };
}

function startedWithUrl(url: string): Promise<Started> {
  return started({ jwks: { url } }, {});
}

async function started(source: Pick<JwtOptions, 'jwks'>, options: Partial<JwtOptions>): Promise<Started> {
  const reports: string[] = [];
  const jwt = { ...source, caFile: null, issuer: GOOD.iss, audiences: ['other', 'proxy'], userClaim: 'sub', groupsClaim: null, ...options };
  const authenticator = await createAuthenticator({ ...AUTH_DEFAULTS, jwt }, (line) => reports.push(line));
  onTestFinished(() => authenticator.close());
  return { authenticator, reports };
}

function ask(authenticator: Authenticator, token: string, nowMs = NOW): Authentication | Promise<Authentication> {
  return authenticator.authenticate([`Bearer ${token}`], '192.0.2.7', nowMs);
}

function askAsPassword(authenticator: Authenticator, user: string, token: string): Authentication | Promise<Authentication> {
  return authenticator.authenticate([`Basic ${Buffer.from(`${user}:${token}`).toString('base64')}`], '192.0.2.7', NOW);
}

const PATIENTLY = { timeout: 15_000, interval: 20 };
