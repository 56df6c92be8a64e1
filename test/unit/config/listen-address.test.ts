import { expect, test } from 'vitest';
import { formatListenAddress, parseAdminAddress, parseListenAddress } from '../../../src/config/listen-address.ts';

const inEtc = (path: string) => (path.startsWith('/') ? path : `/etc/${path}`);

test.each([
  ['127.0.0.1:8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
  ['0.0.0.0:0', { kind: 'tcp', host: '0.0.0.0', port: 0 }],
  ['[::1]:8080', { kind: 'tcp', host: '::1', port: 8080 }],
  ['[fe80::1%eth0]:8080', { kind: 'tcp', host: 'fe80::1%eth0', port: 8080 }],
  ['localhost:3128', { kind: 'tcp', host: 'localhost', port: 3128 }],
  ['http://127.0.0.1:8080/', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
  ['8080', { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
  [8080, { kind: 'tcp', host: '127.0.0.1', port: 8080 }],
  ['unix:/run/s.sock', { kind: 'unix', path: '/run/s.sock' }],
  ['unix:s.sock', { kind: 'unix', path: '/etc/s.sock' }],
])('%j is an address', (text, address) => {
  expect(parseListenAddress(text, inEtc)).toEqual(address);
});

test.each([
  [':8080', 'write 127.0.0.1:8080 for this machine only, or 0.0.0.0:8080 for every interface'],
  ['*:8080', 'or 0.0.0.0:8080 for every interface'],
  ['::1:8080', 'found "::1:8080"'],
  ['127.0.0.1', 'found "127.0.0.1"'],
  ['127.0.0.1:', 'found "127.0.0.1:"'],
  ['127.0.0.1:65536', '65536 is above the last port'],
  ['socks5://127.0.0.1:1080', 'found "socks5://127.0.0.1:1080"'],
  ['a b:80', 'found "a b:80"'],
  ['unix:', 'expected a path after "unix:"'],
])('%j is refused: %s', (text, problem) => {
  expect(() => parseListenAddress(text, inEtc)).toThrow(problem);
});

test('an address is written as the operator would', () => {
  for (const text of ['127.0.0.1:8080', '[::1]:8080', 'unix:/run/s.sock'])
    expect(formatListenAddress(parseListenAddress(text, inEtc))).toBe(text);
});

test('the admin API is served to this machine alone', () => {
  expect(parseAdminAddress('127.0.0.1:8081')).toEqual({ host: '127.0.0.1', port: 8_081 });
  expect(parseAdminAddress('[::1]:8081')).toEqual({ host: '::1', port: 8_081 });
  for (const text of ['0.0.0.0:8081', '[::]:8081', '192.0.2.1:8081', 'localhost:8081', 'unix:/run/admin.sock'])
    expect(() => parseAdminAddress(text)).toThrow('expected a loopback address and a port');
});
