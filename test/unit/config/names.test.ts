import { expect, test } from 'vitest';
import { parseDestination, parseDnsServer, parsePseudonym, parseTargetedField } from '../../../src/config/names.ts';

test.each(['example.com', '.example.com', '*.example.com', '192.0.2.1', '2001:db8::1', '10.0.0.0/8', 'fd00::/8', 'localhost:8080', '*'])(
  '%s is a destination',
  (text) => {
    expect(parseDestination(text)).toBe(text);
  },
);

test.each(['10.0.0.1/8', 'a b', '', 'exa_mple..com', 'http://example.com/', 'example.com:0', '10.0.0.0/8:65536'])(
  '%j is no destination',
  (text) => {
    expect(() => parseDestination(text)).toThrow('expected a host such as example.com');
  },
);

test.each(['192.0.2.53', '192.0.2.53:5353', '2001:db8::53', '[2001:db8::53]', '[2001:db8::53]:53'])('%s is a DNS server', (text) => {
  expect(parseDnsServer(text)).toBe(text);
});

test.each(['dns.example', '192.0.2.053', '192.0.2.53:0', '192.0.2.53:65536', '[192.0.2.53]:53', '2001:db8::53:', '300.1.1.1', ''])(
  '%j is no DNS server',
  (text) => {
    expect(() => parseDnsServer(text)).toThrow('expected the address of a DNS server');
  },
);

test('a pseudonym for Via is a token, with a port if it is a host (RFC 9110 §7.6.3)', () => {
  for (const text of ['proxy-1', 'proxy.example:8080', '~']) expect(parsePseudonym(text)).toBe(text);
  for (const text of ['a b', '', 'a, b', 'a(b)', 'a\r\nb', 'é', 'a:b'])
    expect(() => parsePseudonym(text)).toThrow('expected a name for the Via field');
});

test('a targeted field is any but Cache-Control, and its name has no case (RFC 9213 §2)', () => {
  expect(parseTargetedField('CDN-Cache-Control')).toBe('cdn-cache-control');
  for (const text of ['Cache-Control', 'a b', '', 'a:'])
    expect(() => parseTargetedField(text)).toThrow('expected the name of a targeted field');
});
