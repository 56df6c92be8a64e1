import { describe, expect, test } from 'vitest';
import { parseCredentials } from '../../../src/auth/credentials.ts';

const basic = (text: string | Buffer): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('Basic (RFC 7617)', () => {
  test.each([
    ['user:pass', 'user', 'pass'],
    ['user:', 'user', ''],
    [':pass', '', 'pass'],
    [':', '', ''],
    ['a:b:c', 'a', 'b:c'],
    ['jürgen:пароль €', 'jürgen', 'пароль €'],
    ['\u{FEFF}user:pass', '\u{FEFF}user', 'pass'],
    ['  user : pass ', '  user ', ' pass '],
  ])('%j is a user name and a password, parted at the first colon', (text, user, password) => {
    expect(parseCredentials(basic(text))).toEqual({ scheme: 'basic', user, password });
  });

  test('the example of §2 and the one of §2.1 in UTF-8', () => {
    expect(parseCredentials('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==')).toEqual({ scheme: 'basic', user: 'Aladdin', password: 'open sesame' });
    expect(parseCredentials('Basic dGVzdDoxMjPCow==')).toEqual({ scheme: 'basic', user: 'test', password: '123£' });
  });

  test.each(['basic dTpw', 'BASIC dTpw', 'Basic   dTpw'])('%j: the scheme in any case, and more blanks (RFC 9110 §11.1)', (value) => {
    expect(parseCredentials(value)).toEqual({ scheme: 'basic', user: 'u', password: 'p' });
  });

  test.each([
    ['Basic', 'base64'],
    ['Basic ', 'base64'],
    ['Basic dTpw=', 'base64'],
    ['Basic dTp', 'base64'],
    ['Basic dTpwcQ', 'base64'],
    ['Basic dTpwcR==', 'base64'],
    ['Basic dT-w', 'base64'],
    ['Basic dTpw dTpw', 'base64'],
    ['Basic dTpw, Bearer x', 'base64'],
    ['Basic realm="x"', 'base64'],
    ['Basic\tdTpw', 'scheme'],
    [basic('nocolon'), 'colon'],
    [basic('u\n:p'), 'control'],
    [basic('u:p\0'), 'control'],
    [basic('u:p\u007f'), 'control'],
    [basic('u:p\u0085'), 'control'],
    [basic(Buffer.from('u:\xa3', 'latin1')), 'UTF-8'],
    [basic(Buffer.from('753ac080', 'hex')), 'UTF-8'],
    [basic(`u:${'p'.repeat(7_000)}`), '8 KiB'],
  ])('%s is malformed, and the reason repeats nothing of it', (value, reason) => {
    const parsed = parseCredentials(value);
    expect(parsed).toMatchObject({ scheme: 'malformed', reason: expect.stringContaining(reason) });
  });
});

describe('Bearer (RFC 6750 §2.1)', () => {
  test.each(['a', 'a.b.c', 'A-Za_z0~9+/x==', 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln'])('%s is a token', (token) => {
    expect(parseCredentials(`Bearer ${token}`)).toEqual({ scheme: 'bearer', token });
  });

  test.each(['Bearer', 'Bearer ', 'Bearer =', 'Bearer a b', 'Bearer a=b', 'Bearer a,b', 'Bearer "a"', 'Bearer ä'])(
    '%j is malformed',
    (value) => {
      expect(parseCredentials(value)).toMatchObject({ scheme: 'malformed' });
    },
  );
});

test.each([
  ['Negotiate abc', 'Negotiate'],
  ['Digest username="Mufasa"', 'Digest'],
  ['NTLM', 'NTLM'],
  ['Basicdtpw', 'Basicdtpw'],
])('%s is of another scheme', (value, name) => {
  expect(parseCredentials(value)).toEqual({ scheme: 'other', name });
});

test.each(['', ' Basic dTpw', ':', '"', `${'x'.repeat(33)} y`, 'Bäsic dTpw', 'a/b c'])('%j names no scheme', (value) => {
  expect(parseCredentials(value)).toMatchObject({ scheme: 'malformed' });
});
