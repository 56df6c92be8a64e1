// Handshakes with other people's clients, from octets that have been read before: those that believe our certificate, and those that do not.
import { createCipheriv, createHmac } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Distrust, distrustAtEnd, distrustOf, type OpenedEnd } from '../../src/tls/alerts.ts';
import type { Handshake } from '../../src/tls/handshake.ts';
import { describeWith, type Ended, run } from '../support/programs.ts';
import { createTemporaryCa, type Leaf, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { clientHello, serverName, signatureAlgorithms, supportedGroups } from '../support/tls-hello.ts';
import { type Opener, type OpenerOptions, startOpener } from '../support/tls-opener.ts';

const HOST = 'opened.example';
/** Enough for a server to answer with its certificate: a suite, a curve, and a way to sign. */
const HELLO_OF_TLS_1_2 = clientHello({
  cipherSuites: [0xc02b],
  extensions: [serverName(HOST), supportedGroups(29, 23), signatureAlgorithms(0x0403)],
});
const UNKNOWN_CA = 48;
const CURL_PINNED_KEY_DIFFERS = 90;
let ca: TemporaryCa;
let leaf: Leaf;

beforeAll(() => {
  ca = createTemporaryCa(temporaryFolder(afterAll));
  leaf = ca.issue(HOST);
});

describe('ALPN (RFC 7301)', () => {
  it.each([
    ['h2 where it may be', ['h2', 'http/1.1'], ['h2', 'http/1.1'], 'h2'],
    ['h2 although the client likes HTTP/1.1 better', ['http/1.1', 'h2'], ['h2', 'http/1.1'], 'h2'],
    ['HTTP/1.1 where h2 may not be', ['h2', 'http/1.1'], ['http/1.1'], 'http/1.1'],
    ['HTTP/1.1 for a client that knows no h2', ['http/1.0', 'http/1.1'], ['h2', 'http/1.1'], 'http/1.1'],
    ['HTTP/1.1 for a client without ALPN', [], ['h2', 'http/1.1'], 'http/1.1'],
  ] as const)('%s', async (_, offered, allowed, protocol) => {
    const opener = await start({ alpn: allowed });
    const client = dial(opener, offered.length === 0 ? {} : { ALPNProtocols: [...offered] });
    expect(await outcome(opener)).toMatchObject({ kind: 'opened', protocol });
    client.destroy();
  });

  it('a client that offers nothing of it is told so: no_application_protocol', async () => {
    const opener = await start({ alpn: ['h2', 'http/1.1'] });
    await expect(converse(opener, { ALPNProtocols: ['imap'] })).rejects.toThrow(/alert no application protocol/);
    expect(await outcome(opener)).toMatchObject({
      kind: 'refused',
      alert: null,
      reason: 'the handshake failed: no application protocol',
      distrust: null,
    });
  });
});

describe('versions', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', async (version) => {
    const opener = await start();
    const { protocol } = await converse(opener, { minVersion: version, maxVersion: version });
    expect(protocol).toBe(version);
  });
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('sessions in %s', (version) => {
  it('are resumed by their ticket', async () => {
    const opener = await start();
    const first = await converse(opener, { maxVersion: version });
    const again = await converse(opener, { maxVersion: version, session: first.session });
    expect([first.isResumed, again.isResumed]).toEqual([false, true]);
  });
});

describe('a client that does not complete it', () => {
  it('stays silent after its hello: the time is limited', async () => {
    const opener = await start({ timeoutMs: 200 });
    sendHello(opener);
    expect(await outcome(opener)).toEqual({
      kind: 'refused',
      alert: null,
      reason: 'the handshake was not complete in 200 ms',
      distrust: null,
    });
  });

  it.each(['end', 'resetAndDestroy'] as const)('leaves with our certificate in its hands (%s): it may have been refused', async (leave) => {
    const opener = await start();
    const client = sendHello(opener);
    client.once('data', () => client[leave]());
    expect(await outcome(opener)).toMatchObject({ kind: 'refused', alert: null, distrust: { kind: 'suspected' } });
  });

  it('closes its side behind its hello', async () => {
    const opener = await start();
    const client = connectTcp({ port: opener.port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void client.destroy());
    client.end(HELLO_OF_TLS_1_2);
    expect(await outcome(opener)).toMatchObject({ kind: 'refused', alert: null });
  });

  it('sends what is no TLS: that says nothing about our certificate', async () => {
    const opener = await start();
    const client = sendHello(opener);
    client.once('data', () => client.write('GET / HTTP/1.1\r\n\r\n'));
    expect(await outcome(opener)).toMatchObject({
      kind: 'refused',
      alert: null,
      distrust: null,
      reason: expect.stringMatching(/^the handshake failed: /),
    });
  });
});

describe('after the handshake', () => {
  it('the alert of a client that decides late says that it does not believe us (RFC 8446 §4.4.2.4)', async () => {
    const opener = await start();
    const client = new LateClient(opener.port);
    onTestFinished(() => client.close());
    await client.opened;
    const handshake = await outcome(opener);
    if (handshake?.kind !== 'opened') throw new Error(JSON.stringify(handshake));
    const failure = new Promise<Error>((resolve) => handshake.socket.once('error', resolve));
    client.sendAlert(UNKNOWN_CA);
    expect(distrustOf(await failure)).toEqual({ kind: 'said', alert: 'unknown_ca' });
  });

  it('what is no TLS says nothing of our certificate: the client has not left', async () => {
    const opener = await start();
    const client = new LateClient(opener.port);
    onTestFinished(() => client.close());
    await client.opened;
    const handshake = await outcome(opener);
    if (handshake?.kind !== 'opened') throw new Error(JSON.stringify(handshake));
    const failure = new Promise<Error>((resolve) => handshake.socket.once('error', resolve));
    client.sendPlain('GET / HTTP/1.1\r\n\r\n');
    expect(distrustAtEnd({ error: await failure, hasSpoken: false, openMs: 5 })).toBeNull();
  });

  it.each<[string, OpenedEnd, Distrust | null]>([
    ['at once and in order: suspected', { error: null, hasSpoken: false, openMs: 5 }, { kind: 'suspected' }],
    ['at once, by a reset: suspected', { error: new Error('read ECONNRESET'), hasSpoken: false, openMs: 5 }, { kind: 'suspected' }],
    ['after a while, unused: a connection ahead of need', { error: null, hasSpoken: false, openMs: 30_000 }, null],
    ['after a request', { error: null, hasSpoken: true, openMs: 5 }, null],
  ])('a client that leaves %s', (_, end, distrust) => {
    expect(distrustAtEnd(end)).toEqual(distrust);
  });
});

describeWith(['curl', 'openssl', 'python3'], 'other clients', () => {
  it('curl believes a certificate of a CA that it was given', async () => {
    const opener = await start();
    const { code, out, err } = await curl(opener, '--cacert', ca.certFile);
    expect({ code, out: String(out) }, err).toEqual({ code: 0, out: 'opened\n' });
    expect(await outcome(opener)).toMatchObject({ kind: 'opened', protocol: 'http/1.1' });
  });

  it('curl speaks HTTP/2 in it', async () => {
    const opener = await start({ alpn: ['h2', 'http/1.1'] });
    const { out, err } = await curl(opener, '--http2', '--cacert', ca.certFile, '--write-out', '%{http_version}');
    expect(String(out), err).toBe('opened\n2');
    expect(await outcome(opener)).toMatchObject({ kind: 'opened', protocol: 'h2' });
  });

  it.each(['1.2', '1.3'])('curl in TLS %s says unknown_ca when it was not', async (version) => {
    const opener = await start();
    const { code } = await curl(opener, '--tls-max', version);
    expect(code).toBe(60);
    expect(await outcome(opener)).toEqual({
      kind: 'refused',
      alert: 'unknown_ca',
      reason: 'the client answered with the alert unknown_ca',
      distrust: { kind: 'said', alert: 'unknown_ca' },
    });
  });

  it('curl that was given the key of another certificate leaves once the handshake is complete, without a word', async () => {
    const opener = await start();
    const asking = curl(opener, '--cacert', ca.certFile, '--pinnedpubkey', `sha256//${Buffer.alloc(32).toString('base64')}`);
    const handshake = await outcome(opener);
    if (handshake?.kind !== 'opened') throw new Error(JSON.stringify(handshake));
    const { socket } = handshake;
    let hasSpoken = false;
    socket.on('data', () => (hasSpoken = true));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(distrustAtEnd({ error: socket.errored, hasSpoken, openMs: 5 })).toEqual({ kind: 'suspected' });
    expect((await asking).code).toBe(CURL_PINNED_KEY_DIFFERS);
  });

  it('openssl says what it thinks of a certificate, too', async () => {
    const opener = await start();
    await openssl(opener, ['-verify_return_error']);
    expect(await outcome(opener)).toMatchObject({ kind: 'refused', distrust: { kind: 'said', alert: 'unknown_ca' } });
  });

  it('Python believes and does not', async () => {
    const opener = await start();
    const program = [
      'import socket, ssl, sys',
      'context = ssl.create_default_context(cafile=sys.argv[2] if len(sys.argv) > 2 else None)',
      `context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="${HOST}")`,
    ].join('\n');
    expect(await run('python3', ['-c', program, String(opener.port), ca.certFile])).toMatchObject({ code: 0 });
    expect(await outcome(opener)).toMatchObject({ kind: 'opened' });
    expect(await run('python3', ['-c', program, String(opener.port)])).toMatchObject({ code: 1 });
    expect(await outcome(opener)).toMatchObject({ kind: 'refused', distrust: { kind: 'said', alert: 'unknown_ca' } });
  });

  it('renegotiation ends the connection', async () => {
    const opener = await start();
    const asking = openssl(opener, ['-tls1_2'], 'R\n');
    const handshake = await outcome(opener);
    if (handshake?.kind !== 'opened') throw new Error(JSON.stringify(handshake));
    const failure = await new Promise<Error>((resolve) => handshake.socket.once('error', resolve));
    expect(failure).toMatchObject({ code: 'ERR_TLS_RENEGOTIATION_DISABLED' });
    expect((await asking).err).toContain('RENEGOTIATING');
  });

  it('TLS 1.1 is refused with an alert', async () => {
    const opener = await start();
    const { err } = await openssl(opener, ['-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0']);
    expect(err).toContain('alert protocol version');
    expect(await outcome(opener)).toMatchObject({ kind: 'refused', reason: 'the handshake failed: unsupported protocol', distrust: null });
  });
});

/** What became of the next connection. */
async function outcome(opener: Opener): Promise<Handshake | null> {
  return (await opener.next()).handshake;
}

async function start(options: Partial<OpenerOptions> = {}): Promise<Opener> {
  const opener = await startOpener({ leaf, ...options });
  onTestFinished(() => opener.close());
  return opener;
}

/** One request with Node's client, which is given the CA. @throws what the connection fails with */
function converse(
  opener: Opener,
  options: ConnectionOptions,
): Promise<{ readonly protocol: string | null; readonly isResumed: boolean; readonly session: Buffer }> {
  return new Promise((resolve, reject) => {
    const client = dial(opener, options);
    let session: Buffer = Buffer.alloc(0);
    client.on('session', (latest) => (session = latest));
    client.on('secureConnect', () => client.write('GET / HTTP/1.1\r\n\r\n'));
    client.on('data', () => {
      resolve({ protocol: client.getProtocol(), isResumed: client.isSessionReused(), session });
      client.end();
    });
    client.on('error', reject);
  });
}

function dial(opener: Opener, options: ConnectionOptions): TLSSocket {
  const client = connect({ port: opener.port, host: '127.0.0.1', servername: HOST, ca: ca.cert, ...options });
  return client.on('error', () => {});
}

/** A client in TLS 1.3 that can send an alert of its own, which no TLS library lets anybody do: under the key that Node tells for key logs. */
class LateClient {
  readonly opened: Promise<void>;
  readonly #tcp: Socket;
  #secret = Buffer.alloc(0);

  constructor(port: number) {
    const tcp = connectTcp({ port, host: '127.0.0.1' });
    // Node joins a TCP socket to TLS so that nobody else can write to it; through another stream it does not.
    const between = new Duplex({ read() {}, write: (bytes: Buffer, _encoding, done) => void tcp.write(bytes, done) });
    tcp.on('data', (bytes) => between.push(bytes));
    tcp.on('error', () => {});
    this.#tcp = tcp;
    const secured = connect({ socket: between as Socket, servername: HOST, ca: ca.cert, minVersion: 'TLSv1.3' });
    secured.on('error', () => {});
    secured.on('keylog', (line) => {
      const [label, , secret = ''] = String(line).trim().split(' ');
      if (label === 'CLIENT_TRAFFIC_SECRET_0') this.#secret = Buffer.from(secret, 'hex');
    });
    this.opened = new Promise((resolve) => secured.once('secureConnect', () => resolve()));
  }

  /** As its first record, so that the nonce is the vector itself (RFC 8446 §5.2, §5.3). */
  sendAlert(description: number): void {
    const content = Buffer.from([2, description, 21]);
    const header = Buffer.from([23, 3, 3, 0, content.length + 16]);
    const cipher = createCipheriv('aes-256-gcm', this.#expand('key', 32), this.#expand('iv', 12)).setAAD(header);
    const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
    this.#tcp.write(Buffer.concat([header, sealed, cipher.getAuthTag()]));
  }

  /** Octets that are in no record. */
  sendPlain(text: string): void {
    this.#tcp.write(text);
  }

  close(): void {
    this.#tcp.destroy();
  }

  /** HKDF-Expand-Label for TLS_AES_256_GCM_SHA384 (RFC 8446 §7.1); one block is enough. */
  #expand(name: string, length: number): Buffer {
    const label = Buffer.from(`tls13 ${name}`);
    const info = Buffer.concat([Buffer.from([0, length, label.length]), label, Buffer.from([0, 1])]);
    return createHmac('sha384', this.#secret).update(info).digest().subarray(0, length);
  }
}

/** A client that can do no more than say hello. */
function sendHello(opener: Opener): Socket {
  const client = connectTcp({ port: opener.port, host: '127.0.0.1' });
  onTestFinished(() => void client.destroy());
  client.on('error', () => {});
  client.write(HELLO_OF_TLS_1_2);
  return client;
}

function curl(opener: Opener, ...words: readonly string[]): Promise<Ended> {
  const to = `${HOST}:${opener.port}`;
  return run('curl', ['-sS', '--http1.1', '--resolve', `${to}:127.0.0.1`, ...words, `https://${to}/`]);
}

/** @param input R at the beginning of a line asks for renegotiation */
function openssl(opener: Opener, words: readonly string[], input = ''): Promise<Ended> {
  return run('openssl', ['s_client', '-connect', `127.0.0.1:${opener.port}`, '-servername', HOST, ...words], { input });
}
