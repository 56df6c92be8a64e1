// Handshakes with other people's clients, from octets that have been read before: those that believe our certificate, and those that do not.
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
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
    await converse(opener, offered.length === 0 ? {} : { ALPNProtocols: [...offered] });
    expect(await outcome(opener)).toMatchObject({ kind: 'opened', protocol });
  });

  it('a client that offers nothing of it is told so: no_application_protocol', async () => {
    const opener = await start({ alpn: ['h2', 'http/1.1'] });
    await expect(converse(opener, { ALPNProtocols: ['imap'] })).rejects.toThrow(/alert no application protocol/);
    expect(await outcome(opener)).toMatchObject({
      kind: 'refused',
      alert: null,
      reason: 'it failed: no application protocol',
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
    expect(await outcome(opener)).toEqual({ kind: 'refused', alert: null, reason: 'it was not complete in 200 ms', distrust: null });
  });

  it.each(['end', 'resetAndDestroy'] as const)('leaves with our certificate in its hands (%s): it may have been refused', async (leave) => {
    const opener = await start();
    const client = sendHello(opener);
    client.once('data', () => client[leave]());
    expect(await outcome(opener)).toMatchObject({ kind: 'refused', alert: null, distrust: { kind: 'suspected' } });
  });

  it('sends what is no TLS: that says nothing about our certificate', async () => {
    const opener = await start();
    const client = sendHello(opener);
    client.once('data', () => client.write('GET / HTTP/1.1\r\n\r\n'));
    expect(await outcome(opener)).toMatchObject({
      kind: 'refused',
      alert: null,
      distrust: null,
      reason: expect.stringMatching(/^it failed: /),
    });
  });
});

describeWith(['curl', 'openssl', 'python3'], 'other clients', () => {
  it('curl believes a certificate of a CA that it was given', async () => {
    const opener = await start();
    const { code, out, err } = await curl(opener, '--cacert', ca.certFile);
    expect({ code, out: String(out) }, err).toEqual({ code: 0, out: 'opened\n' });
    expect(await outcome(opener)).toMatchObject({ kind: 'opened', protocol: 'http/1.1' });
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

  it('openssl says what it thinks of a certificate, too', async () => {
    const opener = await start();
    await openssl(opener, '-verify_return_error');
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

  it('TLS 1.1 is refused with an alert', async () => {
    const opener = await start();
    const { err } = await openssl(opener, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0');
    expect(err).toContain('alert protocol version');
    expect(await outcome(opener)).toMatchObject({ kind: 'refused', reason: 'it failed: unsupported protocol', distrust: null });
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
    const client: TLSSocket = connect({ port: opener.port, host: '127.0.0.1', servername: HOST, ca: ca.cert, ...options });
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

/** A client that can do no more than say hello. */
function sendHello(opener: Opener): ReturnType<typeof connectTcp> {
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

function openssl(opener: Opener, ...words: readonly string[]): Promise<Ended> {
  return run('openssl', ['s_client', '-connect', `127.0.0.1:${opener.port}`, '-servername', HOST, ...words]);
}
