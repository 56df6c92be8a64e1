import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import type { ParentOptions } from '../../../src/upstream/options.ts';
import { createRoute, noProxyFromEnvironment, parseParentUrl } from '../../../src/upstream/route.ts';

const parent = (name: string, hosts: readonly string[] = []): ParentOptions => ({
  host: name,
  port: 3128,
  user: null,
  password: null,
  hosts,
});
const everywhere = parent('parent.example');

function isDirect(noProxy: readonly string[], host: string, port = 443): boolean {
  return createRoute({ parents: [everywhere], noProxy })(host, port).kind === 'direct';
}

test('everything is direct without parents', () => {
  expect(createRoute({ parents: [], noProxy: [] })('shop.example', 80)).toEqual({ kind: 'direct' });
});

test('the first parent that fits is taken, and none that fits means direct', () => {
  const route = createRoute({ parents: [parent('a', ['.shop.example']), parent('b', ['*.example', '192.0.2.0/24'])], noProxy: [] });
  const name = (host: string) => {
    const chosen = route(host, 443);
    return chosen.kind === 'parent' ? chosen.parent.host : 'direct';
  };
  expect(['www.shop.example', 'shop.example', 'news.example', '192.0.2.7', 'example', 'a.b.example'].map(name)).toEqual([
    'a',
    'a',
    'b',
    'b',
    'direct',
    'direct',
  ]);
});

test.each([
  { noProxy: 'shop.example', direct: ['shop.example'], parent: ['www.shop.example', 'xshop.example'] },
  { noProxy: 'SHOP.example.', direct: ['shop.example'], parent: [] },
  { noProxy: 'bücher.example', direct: ['xn--bcher-kva.example'], parent: [] },
  { noProxy: '.shop.example', direct: ['shop.example', 'www.shop.example', 'a.b.shop.example'], parent: ['xshop.example'] },
  { noProxy: '*.shop.example', direct: ['www.shop.example'], parent: ['shop.example', 'a.b.shop.example'] },
  { noProxy: '192.0.2.1', direct: ['192.0.2.1'], parent: ['192.0.2.10', '192.0.2.2'] },
  { noProxy: '192.0.2.0/24', direct: ['192.0.2.0', '192.0.2.255'], parent: ['192.0.3.0', '2001:db8::1', '192.0.2.example'] },
  { noProxy: '2001:DB8::/32', direct: ['2001:db8::1'], parent: ['2001:db9::1', '192.0.2.1'] },
  { noProxy: '::ffff:192.0.2.1', direct: ['192.0.2.1'], parent: [] },
  { noProxy: '[::1]', direct: ['::1'], parent: ['::2'] },
  { noProxy: '*', direct: ['shop.example', '192.0.2.1', '::1'], parent: [] },
])('$noProxy is an exception for $direct and not for $parent', ({ noProxy, direct, parent }) => {
  expect(direct.filter((host) => !isDirect([noProxy], host))).toEqual([]);
  expect(parent.filter((host) => isDirect([noProxy], host))).toEqual([]);
});

test.each([
  { noProxy: 'localhost:8080', host: 'localhost' },
  { noProxy: '[::1]:8080', host: '::1' },
  { noProxy: '127.0.0.0/8:8080', host: '127.0.0.1' },
  { noProxy: '*:8080', host: 'shop.example' },
])('$noProxy is an exception for that port alone, in either order of asking', ({ noProxy, host }) => {
  const route = createRoute({ parents: [everywhere], noProxy: [noProxy] });
  expect([80, 8080, 80, 8080].map((port) => route(host, port).kind)).toEqual(['parent', 'direct', 'parent', 'direct']);
});

test.each(['', '.', 'a..b', '10.0.0.1/8', 'shop.example/x', 'a:b', '1.2.3.4.5'])('refuses "%s" as an exception', (text) => {
  expect(() => createRoute({ parents: [everywhere], noProxy: [text] })).toThrow(
    expect.objectContaining({ code: 'proxy_configuration_error' }),
  );
});

test('sends credentials as UTF-8 in Base64, made once (RFC 7617 §2.1)', () => {
  const route = createRoute({ parents: [parseParentUrl('http://test:123%C2%A3@parent.example')], noProxy: [] });
  expect(route('shop.example', 80)).toMatchObject({ authorization: 'Basic dGVzdDoxMjPCow==' });
  expect(route('shop.example', 80)).toBe(route('news.example', 443));
  expect(createRoute({ parents: [everywhere], noProxy: [] })('shop.example', 80)).toMatchObject({ authorization: null });
});

test.each([
  { url: 'http://parent.example:3128', host: 'parent.example', port: 3128, user: null, password: null },
  { url: 'http://parent.example:3128/', host: 'parent.example', port: 3128, user: null, password: null },
  { url: 'HTTP://Parent.Example.', host: 'parent.example', port: 80, user: null, password: null },
  { url: 'parent.example:3128', host: 'parent.example', port: 3128, user: null, password: null },
  { url: 'http://[2001:DB8::1]:3128', host: '2001:db8::1', port: 3128, user: null, password: null },
  { url: 'http://192.0.2.1', host: '192.0.2.1', port: 80, user: null, password: null },
  { url: 'http://user:p%40ss@parent.example:3128', host: 'parent.example', port: 3128, user: 'user', password: 'p@ss' },
  { url: 'http://user:p@ss@parent.example:3128', host: 'parent.example', port: 3128, user: 'user', password: 'p@ss' },
  { url: 'http://user:a:b@parent.example', host: 'parent.example', port: 80, user: 'user', password: 'a:b' },
  { url: 'http://user@parent.example', host: 'parent.example', port: 80, user: 'user', password: null },
  { url: 'http://user:@parent.example', host: 'parent.example', port: 80, user: 'user', password: '' },
  { url: 'http://@parent.example', host: 'parent.example', port: 80, user: null, password: null },
])('reads $url', ({ url, ...expected }) => {
  expect(parseParentUrl(url)).toEqual({ ...expected, hosts: [] });
});

test.each([
  { url: 'https://user:s3cret@parent.example', part: 'begin its URL with http://' },
  { url: 'socks5://user:s3cret@parent.example', part: 'begin its URL with http://' },
  { url: 'http://user:s3cret/x@parent.example', part: 'write / as %2F' },
  { url: 'http://user:s3cret#x@parent.example', part: 'write / as %2F' },
  { url: 'http://parent.example/s3cret', part: 'ends with the port' },
  { url: 'http://user:s3cret%@parent.example', part: "parent proxy's password is not percent-encoded" },
  { url: 'http://user:s3cret%FF@parent.example', part: "parent proxy's password is not percent-encoded" },
  { url: 'http://us%er:s3cret@parent.example', part: "parent proxy's user is not percent-encoded" },
  { url: 'http://user:s3cret%0D%0AX@parent.example', part: "parent proxy's password holds a control character" },
  { url: 'http://us%3Aer:s3cret@parent.example', part: 'user holds a colon' },
  { url: 'http://user:s3cret@', part: 'needs a host' },
  { url: 'http://user:s3cret@parent.example:port', part: 'needs a host' },
  { url: 'http://user:s3cret@2001:db8::1', part: 'needs a host' },
  { url: 'http://user:s3cret@parent.example:65536', part: 'port is not from 1 to 65535' },
  { url: 'http://user:s3cret@parent.example:0', part: 'port is not from 1 to 65535' },
  { url: 'http://user:s3cret@pa rent.example', part: 'no host name may hold' },
  { url: 'user:s3cret', part: 'needs a host' },
  { url: '', part: 'needs a host' },
])('refuses $url, naming the part and keeping the password to itself', ({ url, part }) => {
  const error = thrownBy(() => parseParentUrl(url));
  expect(error).toMatchObject({ code: 'proxy_configuration_error', message: expect.stringContaining(part) });
  // The error with its causes and stack, as a log would have it.
  expect(inspect(error)).not.toContain('s3cret');
});

test.each([
  { value: '', entries: [] },
  { value: 'shop.example,.news.example *.mail.example', entries: ['.shop.example', '.news.example', '.mail.example'] },
  { value: ' localhost , 127.0.0.1,::1,[::1], 10.0.0.0/8 ', entries: ['.localhost', '127.0.0.1', '::1', '[::1]', '10.0.0.0/8'] },
  { value: '*', entries: ['*'] },
  { value: 'localhost:8080,[::1]:8080', entries: ['.localhost:8080', '[::1]:8080'] },
  { value: '192.168.*,10.0.0.1/8,a..b,<local>', entries: [] },
])('NO_PROXY "$value" means $entries', ({ value, entries }) => {
  expect(noProxyFromEnvironment(value)).toEqual(entries);
  expect(() => createRoute({ parents: [everywhere], noProxy: noProxyFromEnvironment(value) })).not.toThrow();
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
