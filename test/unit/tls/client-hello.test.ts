// Hellos of real clients are in hellos/, as they were caught on loopback; a name tells whose.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ClientHello, type HelloRead, readClientHello } from '../../../src/tls/client-hello.ts';
import {
  alpn,
  clientHello,
  extension,
  fragmented,
  type HelloParts,
  helloMessage,
  record,
  serverName,
  signatureAlgorithms,
  supportedGroups,
  supportedVersions,
  uint16s,
  vector16,
} from '../../support/tls-hello.ts';

const ECDSA_P256 = 0x0403;
const RSA_PSS = 0x0804;
const GREASE = 0x3a3a;

describe('hellos of real clients', () => {
  const h2 = ['h2', 'http/1.1'];
  const upTo13 = [0x0304, 0x0303, 0x0302, 0x0301];
  it.each<[string, string | null, readonly string[], readonly number[], string]>([
    ['chromium', 'www.example.com', h2, [0x0304, 0x0303], 't13d1517h2_8daaf6152771_cb7bf5808d99'],
    ['curl', 'www.example.com', h2, upTo13, 't13d3112h2_e8f1e7e78f70_b26ce05bbdd6'],
    ['git-gnutls', 'localhost', h2, upTo13, 't13d2912h2_723694b0fccc_288f874c93d6'],
    ['java', null, [], [0x0304, 0x0303], 't13i371100_db35923f8641_7c76daad20ec'],
    ['node', 'www.example.com', h2, [0x0304, 0x0303], 't13d5212h2_b262b3658495_8e6e362c5eac'],
    ['openssl', 'www.example.com', [], upTo13, 't13d311000_e8f1e7e78f70_1f22a2ca17c4'],
    ['openssl-no-name', null, [], upTo13, 't13i310900_e8f1e7e78f70_1f22a2ca17c4'],
    ['openssl-rsa', 'www.example.com', [], [0x0303], 't12d020700_b06afd972a5c_e7e480e5a997'],
    ['openssl-tls12', 'www.example.com', [], [0x0303], 't12d280700_d943125447b4_e7e480e5a997'],
    ['python', 'www.example.com', [], [0x0304, 0x0303], 't13d181100_85036bcba153_d41ae481755e'],
    ['wget-gnutls', 'localhost', [], upTo13, 't13d291300_723694b0fccc_899037bd0b8c'],
  ])('%s', (client, name, protocols, versions, ja4) => {
    const hello = accepted(caught(client));
    // Only Chromium has one, and always: what it does not mean it sends as GREASE.
    const isEncrypted = client === 'chromium';
    expect(hello).toEqual({ serverName: name, alpn: protocols, versions, ja4, isEncrypted, needsRsa: client === 'openssl-rsa' });
  });

  it('cut off at any octet, more is needed, and never fewer octets than there will be', () => {
    for (const client of ['chromium', 'java', 'openssl-tls12']) {
      const bytes = caught(client);
      for (let cut = 0; cut < bytes.length; cut += 1) {
        const read = readClientHello(bytes.subarray(0, cut));
        expect(read.kind, `${client} after ${cut} octets`).toBe('need-more');
        if (read.kind === 'need-more') expect(read.octets > cut && read.octets <= bytes.length).toBe(true);
      }
    }
  });
});

describe('records (RFC 8446 §5.1)', () => {
  it('a hello may be spread over several, its own header too', () => {
    const message = helloMessage();
    const whole = accepted(record(message));
    for (const octets of [3, 4, 5, 50, message.length - 1]) expect(accepted(fragmented(message, octets)), `by ${octets}`).toEqual(whole);
  });

  it('what follows in records of its own is not looked at', () => {
    expect(accepted(Buffer.concat([clientHello(), record(Buffer.from('early'), 23)])).serverName).toBe('www.example.com');
  });

  it.each<[string, Buffer, string]>([
    [
      'an alert in the middle',
      Buffer.concat([record(helloMessage().subarray(0, 9)), record(Buffer.from([2, 40]), 21)]),
      'another record comes',
    ],
    ['a record of nothing', record(Buffer.alloc(0)), 'a handshake record of 0 octets'],
    ['a record that is too long', Buffer.from([22, 3, 1, 0x40, 1]), 'a handshake record of 16385 octets'],
    ['octets behind the hello in its own record', record(Buffer.concat([helloMessage(), Buffer.alloc(1)])), 'octets follow'],
    ['another message first', record(Buffer.from([2, 0, 0, 0])), 'handshake message 2 comes where the ClientHello (1) should'],
    ['a hello that is too long', record(Buffer.from([1, 1, 0, 1])), 'a ClientHello of 65537 octets'],
    ['the framing of SSL 2.0 (RFC 8446 §D.5)', Buffer.from([0x80, 0x2e, 1, 3, 1, 0, 0x15]), 'the framing of SSL 2.0'],
    ['too many records', fragmented(helloMessage(), 1), 'spread over more than 64 records'],
  ])('refuses %s', (_, bytes, reason) => {
    expect(refused(bytes)).toContain(reason);
  });

  it.each<[string, Buffer]>([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
    ['what begins like a record of SSL 2.0 and holds none of its hellos', Buffer.from([0x80, 0x2e, 1, 4])],
    ['a record of another protocol', Buffer.from([22, 2, 0])],
    ['an alert', record(Buffer.from([2, 40]), 21)],
  ])('%s is not TLS', (_, bytes) => {
    expect(readClientHello(bytes)).toEqual({ kind: 'not-tls' });
  });
});

describe('server_name (RFC 6066 §3)', () => {
  it.each([
    ['WWW.Example.COM', 'www.example.com'],
    ['example.com.', 'example.com'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['_dns.example', '_dns.example'],
    ['localhost', 'localhost'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
  ])('%s is %s', (sent, name) => {
    expect(accepted(clientHello({ extensions: [serverName(sent)] })).serverName).toBe(name);
  });

  it.each<[string, Buffer, string]>([
    ['NUL', serverName('good.example\0.evil.example'), 'holds the octet 0x00'],
    ['a blank', serverName('good.example evil'), 'holds the octet 0x20'],
    ['a line break', serverName('good\r\n.example'), 'holds the octet 0x0d'],
    ['UTF-8', serverName('bücher.example'), 'holds the octet 0xc3'],
    ['a slash', serverName('a/b'), 'holds the octet 0x2f'],
    ['a wildcard', serverName('*.example'), 'holds the octet 0x2a'],
    ['an empty label', serverName('a..example'), 'label that is empty or too long'],
    ['a label of 64 octets', serverName(`${'a'.repeat(64)}.example`), 'label that is empty or too long'],
    ['a dot alone', serverName('.'), 'label that is empty or too long'],
    ['two dots at the end', serverName('example.com..'), 'label that is empty or too long'],
    ['254 octets', serverName(`${'a.'.repeat(126)}aa`), 'longer than 253 octets'],
    ['an IPv4 address', serverName('192.0.2.1'), 'holds an address'],
    ['an IPv4 address in another spelling', serverName('0x7f.1'), 'holds an address'],
    ['an IPv6 address', serverName('2001:db8::1'), 'holds an address'],
    ['two names', serverName('good.example', 'evil.example'), 'more than one name'],
    ['no name', extension(0, vector16(Buffer.alloc(0))), 'server_name is too short'],
    ['an empty name', serverName(''), 'server_name is too short'],
    ['no list', extension(0, Buffer.alloc(0)), 'ends in the middle'],
    ['a name of another kind', extension(0, vector16(Buffer.concat([Buffer.from([1]), vector16(Buffer.from('a'))]))), 'something else'],
    [
      'octets behind the list',
      extension(0, Buffer.concat([vector16(Buffer.from([0, 0, 1, 97])), Buffer.alloc(1)])),
      'longer than what it holds',
    ],
  ])('refuses %s', (_, bytes, reason) => {
    expect(refused(clientHello({ extensions: [bytes] }))).toContain(reason);
  });
});

describe('what it offers', () => {
  it('GREASE is left out of every list (RFC 8701)', () => {
    const hello = accepted(
      clientHello({
        cipherSuites: [GREASE, 0x1301],
        extensions: [
          extension(GREASE, Buffer.alloc(0)),
          serverName('a.example'),
          alpn(uint16s(GREASE), 'h2', 'http/1.1'),
          supportedVersions(GREASE, 0x0303, 0x0304),
          signatureAlgorithms(GREASE, ECDSA_P256),
          extension(0x1a1a, Buffer.alloc(1)),
        ],
      }),
    );
    expect(hello).toMatchObject({ alpn: ['h2', 'http/1.1'], versions: [0x0304, 0x0303] });
    expect(hello.ja4).toMatch(/^t13d0104h2_/);
  });

  it('without extensions it is TLS 1.2 or older (RFC 5246 §7.4.1.2)', () => {
    const hello = accepted(clientHello({ extensions: null, legacyVersion: 0x0301 }));
    expect(hello).toMatchObject({ serverName: null, alpn: [], versions: [0x0301], isEncrypted: false, needsRsa: true });
    expect(hello.ja4).toMatch(/^t10i020000_[0-9a-f]{12}_000000000000$/);
  });

  it('an encrypted_client_hello is noticed', () => {
    expect(accepted(clientHello({ extensions: [serverName('outer.example'), extension(0xfe0d, Buffer.from([0]))] })).isEncrypted).toBe(
      true,
    );
  });

  it.each<[string, HelloParts, boolean]>([
    ['TLS 1.3 with ecdsa_secp256r1_sha256', { extensions: [supportedVersions(0x0304), signatureAlgorithms(ECDSA_P256)] }, false],
    ['TLS 1.3 without it', { extensions: [supportedVersions(0x0304), signatureAlgorithms(RSA_PSS, 0x0503)] }, true],
    ['TLS 1.2 with suite, curve and algorithm', { extensions: [signatureAlgorithms(ECDSA_P256), supportedGroups(29, 23)] }, false],
    ['TLS 1.2 that names no curves', { extensions: [signatureAlgorithms(ECDSA_P256)] }, false],
    ['TLS 1.2 with suites for RSA alone', { cipherSuites: [0xc02f, 0x9c], extensions: [signatureAlgorithms(ECDSA_P256)] }, true],
    ['TLS 1.2 with other curves', { extensions: [signatureAlgorithms(ECDSA_P256), supportedGroups(24, 25)] }, true],
    ['TLS 1.2 that names no algorithms', { extensions: [supportedGroups(23)] }, true],
  ])('%s', (_, parts, needsRsa) => {
    expect(accepted(clientHello(parts)).needsRsa).toBe(needsRsa);
  });

  it.each<[string, Buffer, string]>([
    [
      'an extension that comes twice',
      clientHello({ extensions: [serverName('a.example'), serverName('b.example')] }),
      'extension 0 comes twice',
    ],
    [
      'a GREASE extension twice',
      clientHello({ extensions: [extension(GREASE, Buffer.alloc(0)), extension(GREASE, Buffer.alloc(0))] }),
      'twice',
    ],
    [
      'something behind pre_shared_key',
      clientHello({ extensions: [extension(41, Buffer.alloc(0)), alpn('h2')] }),
      'which must be the last',
    ],
    [
      'an empty list of protocols',
      clientHello({ extensions: [extension(16, vector16(Buffer.alloc(0)))] }),
      'the list of ALPN is too short',
    ],
    ['an empty protocol', clientHello({ extensions: [alpn('')] }), 'the list of ALPN is too short'],
    ['an empty protocol among others', clientHello({ extensions: [alpn('h2', '')] }), 'a protocol of ALPN is too short'],
    ['half a version', clientHello({ extensions: [extension(43, Buffer.from([3, 3, 4, 3]))] }), 'supported_versions has an odd length'],
    [
      'half a cipher suite',
      record(withBody(Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(33), vector16(Buffer.alloc(3))]))),
      'odd length',
    ],
    ['compression alone', clientHello({ compression: Buffer.from([1]) }), 'insists on compression'],
    ['a session identifier of 33 octets', clientHello({ sessionId: Buffer.alloc(33) }), 'session identifier is too long'],
    ['a version that is not of TLS', clientHello({ legacyVersion: 0x0203 }), 'version 0x203 is none of TLS'],
    [
      'octets behind the extensions',
      record(withBody(Buffer.concat([helloMessage().subarray(4), Buffer.alloc(1)]))),
      'longer than what it holds',
    ],
    ['an extension that is cut off', clientHello({ extensions: [uint16s(5, 9)] }), 'the list of extensions ends in the middle'],
  ])('refuses %s', (_, bytes, reason) => {
    expect(refused(bytes)).toContain(reason);
  });
});

function caught(client: string): Buffer {
  return readFileSync(path.join(import.meta.dirname, 'hellos', `${client}.bin`));
}

function withBody(body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  header[0] = 1;
  return Buffer.concat([header, body]);
}

function accepted(bytes: Buffer): ClientHello {
  const read: HelloRead = readClientHello(bytes);
  if (read.kind !== 'hello') throw new Error(JSON.stringify(read));
  return read.hello;
}

function refused(bytes: Buffer): string {
  const read = readClientHello(bytes);
  if (read.kind !== 'malformed') throw new Error(JSON.stringify(read));
  return read.reason;
}
