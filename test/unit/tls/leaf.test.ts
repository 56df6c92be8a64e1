// What stands in a leaf, and what none is made for. That others believe it: test/e2e/leaves.test.ts.
import { describe, expect, test } from 'vitest';
import { certificateAuthority } from '../../../src/tls/authority.ts';
import { leafOf, ownAuthority } from '../../support/own-authority.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const { authority } = ownAuthority({ nowMs: NOW_MS - 10 * DAY_MS });

test('a leaf is for one name, for servers, and is no CA (RFC 5280 §4.2.1)', async () => {
  const leaf = await leafOf(authority, 'www.example.com', { nowMs: NOW_MS });
  expect(leaf.subject).toBe('CN=www.example.com');
  expect(leaf.subjectAltName).toBe('DNS:www.example.com');
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(leaf.ca).toBe(false);
  expect(leaf.checkIssued(authority.certificate)).toBe(true);
  expect(leaf.verify(authority.certificate.publicKey)).toBe(true);
});

test.each([
  ['192.0.2.1', 'IP Address:192.0.2.1'],
  ['2001:db8::1', 'IP Address:2001:DB8:0:0:0:0:0:1'],
  [`${'a'.repeat(60)}.example.com`, `DNS:${'a'.repeat(60)}.example.com`],
])('%s stands in the SAN alone: an address is no common name, and one has 64 characters at most', async (host, subjectAltName) => {
  const leaf = await leafOf(authority, host, { nowMs: NOW_MS });
  expect({ subject: leaf.subject, subjectAltName: leaf.subjectAltName }).toEqual({ subject: undefined, subjectAltName });
});

test.each([
  'localhost',
  'my_bucket.s3.example.com',
  'r3---sn-4g5e.example.com',
  'xn--mnchen-3ya.example',
  '-.example.com',
  `${'a'.repeat(63)}.example`,
])('a leaf is made for %s, which is met in real life', async (host) => {
  expect((await leafOf(authority, host, { nowMs: NOW_MS })).subjectAltName).toBe(`DNS:${host}`);
});

test.each([
  ['', 'nothing'],
  ['*.example.com', 'a wildcard'],
  ['WWW.example.com', 'no canonical form'],
  ['example.com.', 'a trailing dot'],
  ['.example.com', 'an empty label'],
  ['a..example.com', 'an empty label'],
  ['münchen.example', 'no A-label'],
  ['a\0.example.com', 'NUL'],
  ['a b.example.com', 'a blank'],
  ['a\n.example.com', 'a line end'],
  ['a.example.com:443', 'a port'],
  ['[2001:db8::1]', 'brackets'],
  ['2001:DB8::1', 'an address that is not canonical'],
  ['192.0.2.256', 'what a resolver might take for an address'],
  ['0x7f000001', 'what a resolver might take for an address'],
  [`${'a'.repeat(64)}.example`, 'a label of 64 octets'],
  [`${'a.'.repeat(127)}a`, '255 octets'],
])('no leaf is made for %j: %s', async (host) => {
  await expect(leafOf(authority, host, { nowMs: NOW_MS })).rejects.toMatchObject({ code: 'http_request_error' });
});

describe('validity', () => {
  const validity = async (nowMs: number, lifetimeDays: number, under = authority) => {
    const { validFromDate, validToDate } = await leafOf(under, 'example.com', { nowMs, lifetimeDays });
    return [validFromDate.getTime(), validToDate.getTime()];
  };

  test('begins an hour ago, for clients whose clocks are slow, and lasts as long as it is to', async () => {
    expect(await validity(NOW_MS, 30)).toEqual([NOW_MS - HOUR_MS, NOW_MS + 30 * DAY_MS]);
  });

  test('does not begin before that of the CA', async () => {
    const young = ownAuthority({ nowMs: NOW_MS }).authority;
    expect(await validity(NOW_MS - 1_800_000, 30, young)).toEqual([NOW_MS - HOUR_MS, NOW_MS - 1_800_000 + 30 * DAY_MS]);
  });

  test('ends with that of the CA, and a CA that has expired signs nothing', async () => {
    expect(await validity(authority.notAfterMs - DAY_MS, 30)).toEqual([authority.notAfterMs - DAY_MS - HOUR_MS, authority.notAfterMs]);
    await expect(validity(authority.notAfterMs, 30)).rejects.toMatchObject({ code: 'proxy_configuration_error' });
  });

  test('is written in four digits of a year from 2050 on (RFC 5280 §4.1.2.5)', async () => {
    const late = ownAuthority({ nowMs: Date.UTC(2049, 11, 1) }).authority;
    const leaf = await leafOf(late, 'example.com', { nowMs: Date.UTC(2049, 11, 20), lifetimeDays: 30 });
    expect(leaf.validTo).toBe('Jan 19 00:00:00 2050 GMT');
    expect(leaf.raw.includes(Buffer.from('20500119000000Z'))).toBe(true);
    expect(leaf.raw.includes(Buffer.from('\x17\x0d491219230000Z'))).toBe(true);
  });
});

test.each([
  [Buffer.alloc(16, 0xff), 'F'.repeat(32)],
  [Buffer.from('01'.padStart(32, '0'), 'hex'), '01'],
  [Buffer.from('0080'.padEnd(32, '0'), 'hex'), '80'.padEnd(30, '0')],
])('the serial number of octets %j is positive, and all of them (RFC 5280 §4.1.2.2)', async (serial, expected) => {
  expect((await leafOf(authority, 'example.com', { nowMs: NOW_MS, serial })).serialNumber).toBe(expected);
});

describe('a CA with name constraints', () => {
  const limited = ownAuthority({ only: ['example.com', '192.0.2.0/24'], nowMs: NOW_MS }).authority;

  test.each(['example.com', 'a.b.example.com', '192.0.2.77'])('signs for %s', async (host) => {
    await expect(leafOf(limited, host, { nowMs: NOW_MS })).resolves.toBeDefined();
  });

  test.each(['example.org', 'notexample.com', '198.51.100.1', '2001:db8::1'])(
    'does not sign for %s, which no client would believe',
    async (host) => {
      await expect(leafOf(limited, host, { nowMs: NOW_MS })).rejects.toMatchObject({
        code: 'proxy_configuration_error',
        message: expect.stringMatching(/limited to other hosts: only example\.com, 192\.0\.2\.0\/24\. No client would believe it for /),
      });
    },
  );
});

test('an RSA CA signs with RSA, on another thread', async () => {
  const rsa = ownAuthority({ keyType: 'rsa', nowMs: NOW_MS });
  expect(rsa.authority.sign(Buffer.from('x'))).toBeInstanceOf(Promise);
  expect((await leafOf(rsa.authority, 'example.com', { nowMs: NOW_MS })).verify(rsa.authority.certificate.publicKey)).toBe(true);
});

test('nothing of a CA leads to its private key', () => {
  const { authority: open, privateKey } = ownAuthority();
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
    seen.add(value);
    for (const key of Reflect.ownKeys(value)) visit(Reflect.get(value, key));
  };
  visit(open);
  expect(seen.has(privateKey)).toBe(false);
  expect(JSON.stringify(open)).not.toContain('PRIVATE');
});

test('a CA is known by its own key alone', () => {
  const [one, other] = [ownAuthority(), ownAuthority()];
  expect(() => certificateAuthority(other.privateKey, [one.authority.certificate], Date.now())).toThrow('is not that of the private key');
});
