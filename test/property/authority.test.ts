import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { type Authority, formatAuthority, parseAuthority, parseHost } from '../../src/http/authority.ts';
import { endsInNumber } from '../../src/net/ip-address.ts';

/** The authority, or `null` when it was refused; anything else that is thrown fails the test. */
function parsed(text: string, defaultPort: number | null): Authority | null {
  try {
    return parseAuthority(text, defaultPort);
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'http_request_error' && error.status === 400) return null;
    throw error;
  }
}

const port = fc.integer({ min: 1, max: 65535 });
const octets = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)), maxLength: 60 });
const nearAuthority = fc.string({ unit: fc.constantFrom(...'abAZ019xX.:-_[]@%/ \u00ad\u00c3\u00a9'), maxLength: 40 });
const unicodeName = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .map((text) => Buffer.from(`${text}.example:80`).toString('latin1'));
const anyText = fc.oneof(octets, nearAuthority, unicodeName, fc.string({ unit: 'binary', maxLength: 40 }));

describe('authorities', () => {
  test('any text is an authority or a 400, never another error', () => {
    fc.assert(
      fc.property(anyText, fc.option(port), (text, defaultPort) => {
        parsed(text, defaultPort);
      }),
      { numRuns: 10_000 },
    );
  });

  test('what is accepted is canonical: written and read again, it is the same', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.tuple(fc.domain(), port).map(([name, n]) => `${name.toUpperCase()}:${n}`),
        ),
        (text) => {
          const authority = parsed(text, 443);
          if (authority === null) return;
          expect(parseAuthority(formatAuthority(authority), null)).toEqual(authority);
          expect(parseAuthority(formatAuthority(authority, authority.port), authority.port)).toEqual(authority);
          expect(parseHost(authority.host)).toEqual({ host: authority.host, kind: authority.kind });
        },
      ),
      { numRuns: 10_000 },
    );
  });

  test('a host is a dotted quad, IPv6 text, or a name that no resolver takes for an address', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const authority = parsed(text, 443);
        if (authority === null) return;
        expect(isIP(authority.host)).toBe({ name: 0, ipv4: 4, ipv6: 6 }[authority.kind]);
        if (authority.kind === 'name') {
          expect(endsInNumber(authority.host)).toBe(false);
          expect(authority.host).toMatch(/^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/);
          expect(authority.host.length).toBeLessThanOrEqual(253);
        }
      }),
      { numRuns: 10_000 },
    );
  });

  test('IPv4 in any spelling is the same authority', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), port, (value, n) => {
        const quad = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
        const hex = value.toString(16);
        const expected = { host: quad, kind: 'ipv4', port: n };
        for (const spelling of [
          quad,
          `${quad}.`,
          String(value),
          `0x${hex}`,
          `0X${hex.toUpperCase()}`,
          `0${value.toString(8)}`,
          `[::ffff:${quad}]`,
        ]) {
          expect(parseAuthority(`${spelling}:${n}`, null), spelling).toEqual(expected);
        }
      }),
    );
  });

  test('no refusal repeats what stands before an @', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'QXZ79:[].'), minLength: 4, maxLength: 20 }), nearAuthority, (secret, rest) => {
        try {
          parseAuthority(`${secret}@${rest}`, 80);
          expect.unreachable();
        } catch (error) {
          expect(error).toBeInstanceOf(ProxyError);
          expect((error as ProxyError).message).not.toContain(secret);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
