// What the resolver answers without asking anybody, and the order of addresses; the asking is in test/behaviour/resolve.test.ts.
import { afterEach, expect, test } from 'vitest';
import { orderAddresses } from '../../../src/upstream/address-order.ts';
import { RESOLVER_DEFAULTS } from '../../../src/upstream/options.ts';
import { Resolver } from '../../../src/upstream/resolve.ts';

const resolver = new Resolver({ ...RESOLVER_DEFAULTS, hostsFile: '' });
afterEach(() => resolver.close());

test.each(['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', '0.0.0.0'])('an address stands for itself, at once: %s', (host) => {
  expect(resolver.resolve(host)).toEqual({ addresses: [host], from: 'literal' });
});

test.each(['localhost', 'app.localhost', 'a.b.localhost'])('%s is loopback, at once (RFC 6761 §6.3)', (host) => {
  expect(resolver.resolve(host)).toEqual({ addresses: ['::1', '127.0.0.1'], from: 'hosts' });
});

test.each(['dns.example', '192.0.2.53:0x35', '[2001:db8::53', ''])('does not start with "%s" for a DNS server', (server) => {
  expect(() => new Resolver({ ...RESOLVER_DEFAULTS, hostsFile: '', servers: ['192.0.2.53', server] })).toThrow(
    expect.objectContaining({ code: 'proxy_configuration_error', message: expect.stringContaining('Write 192.0.2.53') }),
  );
});

test.each([
  { name: 'none', given: [], ordered: [] },
  { name: 'one family', given: ['192.0.2.2', '192.0.2.1'], ordered: ['192.0.2.2', '192.0.2.1'] },
  {
    name: 'IPv6 first',
    given: ['2001:db8::1', '2001:db8::2', '2001:db8::3', '192.0.2.1', '192.0.2.2'],
    ordered: ['2001:db8::1', '192.0.2.1', '2001:db8::2', '192.0.2.2', '2001:db8::3'],
  },
  { name: 'IPv4 first', given: ['192.0.2.1', '192.0.2.2', '2001:db8::1'], ordered: ['192.0.2.1', '2001:db8::1', '192.0.2.2'] },
  { name: 'repetitions', given: ['192.0.2.1', '2001:db8::1', '192.0.2.1', '2001:db8::1'], ordered: ['192.0.2.1', '2001:db8::1'] },
])('puts the families in turn, beginning with the first (RFC 8305 §4): $name', ({ given, ordered }) => {
  expect(orderAddresses(given)).toEqual(ordered);
});

test('keeps 32 addresses of both families', () => {
  const given = Array.from({ length: 300 }, (_, index) => (index < 200 ? `2001:db8::${index}` : `192.0.2.${index - 200}`));
  const ordered = orderAddresses(given);
  expect(ordered).toHaveLength(32);
  expect(ordered.filter((address) => address.includes(':'))).toHaveLength(16);
});
