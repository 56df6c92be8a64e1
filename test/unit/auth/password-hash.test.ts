import { describe, expect, test } from 'vitest';
import { parsePasswordHash } from '../../../src/auth/password-hash.ts';
import { shaCrypt } from '../../../src/auth/sha-crypt.ts';

const BCRYPT_TAIL = '$tevFy2fM5YwAK6ysXcu3s.v.hJKrIqosN.K602Ytd6vk0n6qhN1/W';
const SCRYPT_TAIL = '$TmFDbC1zYWx0LTE2Ynl0ZQ$SWWF3UmeZQl+TDCDcI+t7cGIBtEGobpSHhrG/gyn8fQ';
const SHA256_TAIL = '$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5';

describe('SHA-crypt', () => {
  test.each([
    // From Drepper's specification, and from `openssl passwd` and crypt(3) of glibc.
    ['sha256', 'Hello world!', 5_000, 'saltstring', '5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
    ['sha256', 'Hello world!', 10_000, 'saltstringsaltst', '3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
    [
      'sha512',
      'Hello world!',
      5_000,
      'saltstring',
      'svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    ],
    [
      'sha512',
      'Hello world!',
      10_000,
      'saltstringsaltst',
      'OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
    ],
    [
      'sha256',
      'pässword with a long tail, longer than sixty-four octets so that blocks are crossed twice over',
      5_000,
      'abcdefgh',
      'OM2Y4us/Bc1JpCxezmLRq1FhknsTgBpV/WvBt6ZV8H/',
    ],
  ] as const)('%s of %j in %d rounds', (digest, password, rounds, salt, encoded) => {
    expect(shaCrypt(password, { digest, rounds, salt })).toBe(encoded);
  });
});

test.each([
  [`$2a$04${BCRYPT_TAIL}`, { kind: 'bcrypt' }],
  [`$2b$12${BCRYPT_TAIL}`, { kind: 'bcrypt' }],
  [`$2y$15${BCRYPT_TAIL}`, { kind: 'bcrypt' }],
  [`$5${SHA256_TAIL}`, { kind: 'sha-crypt', parameters: { digest: 'sha256', rounds: 5_000, salt: 'saltstring' } }],
  [`$5$rounds=1000000${SHA256_TAIL}`, { kind: 'sha-crypt', parameters: { rounds: 1_000_000 } }],
  [`$scrypt$ln=14,r=8,p=1${SCRYPT_TAIL}`, { kind: 'scrypt', cost: 16_384, r: 8, p: 1 }],
  [`$scrypt$ln=17,r=8,p=4${SCRYPT_TAIL}`, { kind: 'scrypt', cost: 131_072 }],
])('%s is taken', (text, hash) => {
  expect(parsePasswordHash(text)).toMatchObject(hash);
});

test.each([
  [`$2y$16${BCRYPT_TAIL}`, 'a bcrypt cost from 4 to 15'],
  [`$2y$03${BCRYPT_TAIL}`, 'a bcrypt cost from 4 to 15'],
  [`$2y$05${BCRYPT_TAIL}x`, 'not well formed'],
  [`$2x$05${BCRYPT_TAIL}`, 'not known'],
  [`$5$rounds=1000001${SHA256_TAIL}`, 'from 1000 to 1000000 rounds'],
  [`$5$rounds=999${SHA256_TAIL}`, 'from 1000 to 1000000 rounds'],
  [`$5$rounds=9999999999${SHA256_TAIL}`, 'not well formed'],
  [`$6${SHA256_TAIL}`, 'not well formed'],
  [`$5$abcdefghijklmnopq$${SHA256_TAIL.slice(-43)}`, 'not well formed'],
  [`$scrypt$ln=9,r=8,p=1${SCRYPT_TAIL}`, 'ln=10 or more'],
  [`$scrypt$ln=18,r=8,p=1${SCRYPT_TAIL}`, 'at most 128 MiB'],
  [`$scrypt$ln=99,r=1,p=1${SCRYPT_TAIL}`, 'at most 128 MiB'],
  [`$scrypt$ln=17,r=8,p=5${SCRYPT_TAIL}`, 'p=4 at most'],
  [`$scrypt$ln=14,r=0,p=1${SCRYPT_TAIL}`, 'ln=10 or more'],
  ['$scrypt$ln=14,r=8,p=1$c2FsdA$aGFzaA', 'not well formed'],
  ['$apr1$czU.tXOk$vYeuHNj/N/4ooh6rX2GCO0', 'MD5'],
  ['$1$czU.tXOk$vYeuHNj/N/4ooh6rX2GCO0', 'MD5'],
  ['{SHA}/vNB+F2HQ559kaLUZbmHHvZrXpg=', 'SHA-1'],
  ['QWG6Z/I2WFW/U', 'a crypt hash'],
  ['$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA', 'not known'],
  ['hunter2', 'plain text'],
  ['', 'plain text'],
])('%s is refused, and not repeated', (text, problem) => {
  const found = parsePasswordHash(text);
  expect(found).toMatchObject({ problem: expect.stringContaining(problem) });
  if (text !== '') expect(JSON.stringify(found)).not.toContain(text);
});
