import { describe, expect, test } from 'vitest';
import { parseIpAddress } from '../../../src/net/ip-address.ts';
import { createOwnSockets, type GuardContext, judgeAddress } from '../../../src/policy/address-guard.ts';

const nothingOwn = createOwnSockets([], () => []);
const local: GuardContext = { isLocalClient: true, allowPrivate: 'none', addresses: null };
const remote: GuardContext = { isLocalClient: false, allowPrivate: 'none', addresses: null };
const remoteWithPrivate: GuardContext = { isLocalClient: false, allowPrivate: 'private', addresses: null };

const isAllowed = (address: string, context: GuardContext) => judgeAddress(address, 80, context, nothingOwn).allowed;
const excepting = (...blocks: string[]): GuardContext => ({ isLocalClient: false, allowPrivate: blocks, addresses: null });

describe('judgeAddress', () => {
  test.each([
    // address, local client, client elsewhere, the same with allowPrivate: private
    ['93.184.216.34', true, true, true],
    ['2606:4700::1111', true, true, true],
    ['::ffff:93.184.216.34', true, true, true],
    ['64:ff9b::93.184.216.34', true, true, true],
    ['2002:5db8:d822::1', true, true, true],
    ['127.0.0.1', true, false, true],
    ['127.255.255.254', true, false, true],
    ['::1', true, false, true],
    ['::ffff:127.0.0.1', true, false, true],
    ['64:ff9b::127.0.0.1', true, false, true],
    ['2002:7f00:1::', true, false, true],
    ['10.0.0.1', true, false, true],
    ['172.16.0.1', true, false, true],
    ['192.168.255.255', true, false, true],
    ['::ffff:c0a8:1', true, false, true],
    ['100.64.0.1', true, false, true],
    ['fd12:3456::1', true, false, true],
    ['2600::5efe:10.0.0.1', true, false, true],
    ['198.18.0.1', true, false, false],
    ['2001:2::1', true, false, false],
    ['169.254.1.1', false, false, false],
    ['fe80::1', false, false, false],
    ['::ffff:169.254.1.1', false, false, false],
    ['169.254.169.254', false, false, false],
    ['::ffff:169.254.169.254', false, false, false],
    ['::169.254.169.254', false, false, false],
    ['64:ff9b::a9fe:a9fe', false, false, false],
    ['2002:a9fe:a9fe::', false, false, false],
    ['100.100.100.200', false, false, false],
    ['168.63.129.16', false, false, false],
    ['192.0.0.192', false, false, false],
    ['fd00:ec2::254', false, false, false],
    ['0.0.0.0', false, false, false],
    ['0.1.2.3', false, false, false],
    ['::', false, false, false],
    ['::ffff:0.0.0.0', false, false, false],
    ['192.0.2.1', true, false, false],
    ['198.51.100.1', true, false, false],
    ['203.0.113.1', true, false, false],
    ['2001:db8::1', true, false, false],
    ['3fff::1', true, false, false],
    ['224.0.0.1', false, false, false],
    ['ff02::1', false, false, false],
    ['240.0.0.1', false, false, false],
    ['255.255.255.255', false, false, false],
    ['192.0.0.1', false, false, false],
    ['64:ff9b:1::8.8.8.8', false, false, false],
    ['2001:0:808:808::f5ff:fffe', false, false, false],
    ['::127.0.0.1', false, false, false],
    ['fec0::1', false, false, false],
    ['100::1', false, false, false],
    ['', false, false, false],
    ['localhost', false, false, false],
    ['127.1', false, false, false],
    ['fe80::1%eth0', false, false, false],
    ['[::1]', false, false, false],
  ])('%s: local client %s, client elsewhere %s, with allowPrivate private %s', (address, byLocal, byRemote, byException) => {
    expect(isAllowed(address, local)).toBe(byLocal);
    expect(isAllowed(address, remote)).toBe(byRemote);
    expect(isAllowed(address, remoteWithPrivate)).toBe(byException);
  });

  test.each([
    ['10.1.2.3', ['10.1.0.0/16'], true],
    ['10.2.0.0', ['10.1.0.0/16'], false],
    ['10.2.0.0', ['10.1.0.0/16', '10.2.0.0'], true],
    ['127.0.0.1', ['10.0.0.0/8'], false],
    ['::ffff:10.1.2.3', ['10.1.0.0/16'], true],
    ['169.254.169.254', ['169.254.169.254'], true],
    ['169.254.169.254', ['169.254.0.0/16'], true],
    ['169.254.169.254', ['10.0.0.0/8'], false],
    ['fe80::1', ['fe80::/10'], true],
    ['224.0.0.1', ['224.0.0.0/4'], true],
    ['0.0.0.0', ['0.0.0.0'], true],
    ['fd00:1::1', ['fd00:1::/32'], true],
    ['fd00:2::1', ['fd00:1::/32'], false],
    ['10.0.0.1', [], false],
    ['10.0.0.1', ['10.0.0.1/8'], false],
    // Each special form has to be excepted: the outer block does not open what is inside, nor the other way round.
    ['64:ff9b:1::8.8.8.8', ['64:ff9b:1::/48'], true],
    ['64:ff9b:1::169.254.169.254', ['64:ff9b:1::/48'], false],
    ['64:ff9b:1::169.254.169.254', ['169.254.169.254'], false],
    ['64:ff9b:1::169.254.169.254', ['169.254.169.254', '64:ff9b:1::/48'], true],
  ])('%s with the exceptions %j: %s', (address, blocks, allowed) => {
    expect(isAllowed(address, excepting(...blocks))).toBe(allowed);
  });

  test('a list of blocks takes nothing away from a local client', () => {
    expect(isAllowed('127.0.0.1', { isLocalClient: true, allowPrivate: ['169.254.169.254'], addresses: null })).toBe(true);
    expect(isAllowed('169.254.169.254', { isLocalClient: true, allowPrivate: ['169.254.169.254'], addresses: null })).toBe(true);
    expect(isAllowed('169.254.169.254', { isLocalClient: true, allowPrivate: 'private', addresses: null })).toBe(false);
  });

  test.each([
    ['127.0.0.1', remote, '127.0.0.1 is a loopback address, which a client on another machine may not reach'],
    ['::ffff:10.0.0.1', remote, '::ffff:10.0.0.1 stands for 10.0.0.1, a private address, which a client on another machine may not reach'],
    ['169.254.169.254', local, '169.254.169.254 is a cloud metadata address, which no client may reach unless a rule names it'],
    ['localhost', local, 'localhost is not an IP address'],
    ['1.1.1.1', remote, ''],
  ])('says about %s why', (address, context, reason) => {
    expect(judgeAddress(address, 80, context, nothingOwn).reason).toBe(reason);
  });
});

describe('own sockets', () => {
  const interfaces = () => ['127.0.0.1', '192.168.7.7', '::1', 'fd00::7'];
  const everything = ['0.0.0.0/0', '::/0'];

  test.each([
    // listening on, destination, own
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '::ffff:127.0.0.1', true],
    ['127.0.0.1', '64:ff9b::127.0.0.1', true],
    ['127.0.0.1', '0.0.0.0', true],
    ['127.0.0.1', '::', true],
    ['127.0.0.1', '::ffff:0.0.0.0', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['127.0.0.1', '192.168.7.7', false],
    ['::ffff:127.0.0.1', '127.0.0.1', true],
    ['::1', '::1', true],
    ['::1', '127.0.0.1', false],
    ['192.168.7.7', '192.168.7.7', true],
    ['192.168.7.7', '192.168.7.8', false],
    ['0.0.0.0', '127.0.0.1', true],
    ['0.0.0.0', '127.9.9.9', true],
    ['0.0.0.0', '192.168.7.7', true],
    ['0.0.0.0', '::ffff:192.168.7.7', true],
    ['0.0.0.0', '192.168.7.8', false],
    ['0.0.0.0', '93.184.216.34', false],
    ['::', '127.0.0.1', true],
    ['::', '::1', true],
    ['::', 'fd00::7', true],
    ['::', 'fd00:0:0::0:7', true],
    ['::', 'fd00::8', false],
    ['::ffff:0.0.0.0', '192.168.7.7', true],
    ['localhost', '127.0.0.1', true],
    ['', '192.168.7.7', true],
  ])('a listener on %s makes %s its own: %s', (host, destination, isOwn) => {
    const own = createOwnSockets([{ host, port: 8080 }], interfaces);
    expect(own.has(parseIpAddress(destination)!, 8080)).toBe(isOwn);
    expect(own.has(parseIpAddress(destination)!, 8081)).toBe(false);
    if (isOwn) {
      expect(judgeAddress(destination, 8080, { isLocalClient: true, allowPrivate: everything, addresses: null }, own).allowed).toBe(false);
      expect(judgeAddress(destination, 8081, { isLocalClient: true, allowPrivate: everything, addresses: null }, own).allowed).toBe(true);
    }
  });

  test('several listeners on one port all count, and the reason names the address and the port', () => {
    const own = createOwnSockets(
      [
        { host: '127.0.0.1', port: 8080 },
        { host: '::1', port: 8080 },
        { host: '127.0.0.1', port: 9090 },
      ],
      interfaces,
    );
    for (const [address, port] of [
      ['127.0.0.1', 8080],
      ['::1', 8080],
      ['127.0.0.1', 9090],
    ] as const) {
      expect(judgeAddress(address, port, local, own)).toEqual({ allowed: false, reason: `${address} port ${port} is this proxy itself` });
    }
    expect(judgeAddress('::1', 9090, local, own).allowed).toBe(true);
  });

  test('interfaces are asked for only when the port is one that a wildcard listener has', () => {
    let asked = 0;
    const own = createOwnSockets([{ host: '0.0.0.0', port: 8080 }], () => {
      asked += 1;
      return interfaces();
    });
    own.has(parseIpAddress('93.184.216.34')!, 443);
    expect(asked).toBe(0);
    own.has(parseIpAddress('93.184.216.34')!, 8080);
    expect(asked).toBe(1);
  });
});
