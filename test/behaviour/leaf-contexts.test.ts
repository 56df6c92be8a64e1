// The contexts of opened tunnels in real handshakes: which certificate a client meets, which sessions can be resumed, and what is kept.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import { type ConnectionOptions, connect, type SecureContext, TLSSocket } from 'node:tls';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { certificateAuthority } from '../../src/tls/authority.ts';
import { LeafContexts, type LeafKeyType } from '../../src/tls/contexts.ts';
import { makeCaChain } from '../support/ca-chain.ts';
import { ownAuthority } from '../support/own-authority.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const own = ownAuthority();
const DAY_MS = 86_400_000;
const options = { lifetimeDays: 30, contexts: 10 };
const SECRET = Buffer.alloc(32, 7);
const contextsOf = (authority = own.authority, { now = Date.now, secret = SECRET, contexts = 10 } = {}) =>
  new LeafContexts(authority, { ...options, contexts }, now, secret);

afterEach(() => {
  vi.restoreAllMocks();
});

/** A server that shows the context of one host to all who come, and sends back what they send. */
async function serve(contexts: LeafContexts, host: string, keyType: LeafKeyType = 'ec'): Promise<number> {
  const context = await contexts.contextFor(host, keyType);
  const server: Server = createServer((socket) => {
    const secured = new TLSSocket(socket, { isServer: true, secureContext: context });
    secured.on('error', () => {});
    secured.pipe(secured);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

interface Met {
  readonly socket: TLSSocket;
  readonly certificate: X509Certificate;
  readonly isReused: boolean;
  readonly session: Buffer;
}

/** Connects, has one octet sent back, and takes the session that comes with or before it. */
async function meet(port: number, servername: string, more: ConnectionOptions = {}): Promise<Met> {
  const socket = connect({ host: '127.0.0.1', port, servername, ca: own.certificate, ...more });
  onTestFinished(() => void socket.destroy());
  let session: Buffer = Buffer.alloc(0);
  socket.on('session', (given: Buffer) => (session = given));
  await once(socket, 'secureConnect');
  await echo(socket);
  return { socket, certificate: socket.getPeerX509Certificate()!, isReused: socket.isSessionReused(), session };
}

async function echo(socket: TLSSocket): Promise<void> {
  socket.write('x');
  await once(socket, 'data');
}

test.each(['TLSv1.2', 'TLSv1.3'] as const)('a client that trusts the CA believes the leaf (%s)', async (version) => {
  const { certificate, socket } = await meet(await serve(contextsOf(), 'example.com'), 'example.com', {
    minVersion: version,
    maxVersion: version,
  });
  expect(certificate.subjectAltName).toBe('DNS:example.com');
  expect(socket.authorized).toBe(true);
});

test('a client is offered nothing below TLS 1.2', async () => {
  const port = await serve(contextsOf(), 'example.com');
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
  await expect(meet(port, 'example.com', old)).rejects.toThrow(/protocol version/i);
});

test('a client without ECDSA is shown an RSA leaf', async () => {
  const contexts = contextsOf();
  const withoutEcdsa = { sigalgs: 'RSA-PSS+SHA256:RSA+SHA256', maxVersion: 'TLSv1.2' } as const;
  // Who signs the leaf is another question: such a client trusts an RSA CA.
  const rsa = ownAuthority({ keyType: 'rsa' });
  const { certificate } = await meet(await serve(contextsOf(rsa.authority), 'example.com', 'rsa'), 'example.com', {
    ...withoutEcdsa,
    ca: rsa.certificate,
  });
  expect(certificate.publicKey.asymmetricKeyType).toBe('rsa');
  await expect(meet(await serve(contexts, 'example.com'), 'example.com', withoutEcdsa)).rejects.toThrow();
});

test('a CA below another one is sent along, so that who trusts the root believes the leaf', async () => {
  const { intermediate, intermediateKey, root } = makeCaChain(temporaryFolder(onTestFinished));
  const certificates = [new X509Certificate(root), new X509Certificate(intermediate)];
  const authority = certificateAuthority(createPrivateKey(intermediateKey), certificates, Date.now());
  const { socket } = await meet(await serve(contextsOf(authority), 'example.com'), 'example.com', { ca: root });
  expect(socket.authorized).toBe(true);
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a session of %s', (version) => {
  const only = { minVersion: version, maxVersion: version } as const;

  test('is resumed at the same host, and at another process that shares the secret', async () => {
    const { session } = await meet(await serve(contextsOf(), 'example.com'), 'example.com', only);
    expect((await meet(await serve(contextsOf(), 'example.com'), 'example.com', { ...only, session })).isReused).toBe(true);
  });

  test('is worth nothing at another host', async () => {
    const contexts = contextsOf();
    const { session } = await meet(await serve(contexts, 'example.com'), 'example.com', only);
    const other = await meet(await serve(contexts, 'example.org'), 'example.org', { ...only, session });
    expect(other.isReused).toBe(false);
    expect(other.certificate.subjectAltName).toBe('DNS:example.org');
  });

  test('is worth nothing at a process with a secret of its own', async () => {
    const { session } = await meet(await serve(contextsOf(), 'example.com'), 'example.com', only);
    const port = await serve(contextsOf(own.authority, { secret: Buffer.alloc(32, 8) }), 'example.com');
    expect((await meet(port, 'example.com', { ...only, session })).isReused).toBe(false);
  });
});

describe('what is kept', () => {
  test('is bounded, and what was asked for lately stays', () => {
    const contexts = contextsOf();
    const first = contexts.contextFor('kept.example');
    for (let number = 0; number < 100; number += 1) {
      contexts.contextFor(`host${number}.example`);
      expect(contexts.contextFor('kept.example')).toBe(first);
    }
    expect(contexts.size).toBe(10);
    contexts.close();
    expect(contexts.size).toBe(0);
  });

  test('is made once for all who ask at the same time', async () => {
    const { authority } = ownAuthority({ keyType: 'rsa' });
    const sign = vi.spyOn(authority, 'sign');
    const contexts = contextsOf(authority);
    const [one, other, third] = await Promise.all(['a.example', 'a.example', 'b.example'].map((host) => contexts.contextFor(host)));
    expect(one).toBe(other);
    expect(third).not.toBe(one);
    expect(sign).toHaveBeenCalledTimes(2);
  });

  test('a refusal is not: the next one is judged anew', () => {
    const limited = contextsOf(ownAuthority({ only: ['example.com'] }).authority);
    for (let time = 0; time < 2; time += 1) expect(() => limited.contextFor('example.org')).toThrow('limited to other hosts');
    expect(limited.size).toBe(0);
  });

  test('is made anew when two thirds of its life are over', () => {
    let nowMs = Date.now();
    const contexts = contextsOf(own.authority, { now: () => nowMs });
    const first = contexts.contextFor('example.com');
    nowMs += 20 * DAY_MS - 1;
    expect(contexts.contextFor('example.com')).toBe(first);
    nowMs += 1;
    expect(contexts.contextFor('example.com')).not.toBe(first);
  });

  test('may be replaced under a connection, which goes on, and whose session is still good', async () => {
    const contexts = contextsOf(own.authority, { contexts: 1 });
    const { socket, session } = await meet(await serve(contexts, 'example.com'), 'example.com');
    contexts.contextFor('example.org');
    const later = performance.now() + 10_000;
    vi.spyOn(performance, 'now').mockImplementation(() => later);
    contexts.contextFor('example.net');
    await echo(socket);
    expect((await meet(await serve(contexts, 'example.com'), 'example.com', { session })).isReused).toBe(true);
  });

  test('serves no new connection once it was replaced a second ago, and ends no process', () => {
    const contexts = contextsOf(own.authority, { contexts: 1 });
    const replaced = contexts.contextFor('example.com') as SecureContext;
    contexts.contextFor('example.org');
    const later = performance.now() + 1_001;
    vi.spyOn(performance, 'now').mockImplementation(() => later);
    contexts.contextFor('example.net');
    expect(() => new TLSSocket(new Socket(), { isServer: true, secureContext: replaced })).toThrow('context');
  });
});
