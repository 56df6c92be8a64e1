// Our reader beside OpenSSL, which is what answers: wherever both go on with a hello, they have found the same in it. We may refuse more, never hear
// something else.
import { globSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Server } from 'node:net';
import path from 'node:path';
import { connect, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readClientHello } from '../../src/tls/client-hello.ts';
import { describeWith, run } from '../support/programs.ts';
import '../support/property-seed.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { alpn, clientHello, extension, serverName, signatureAlgorithms, supportedGroups } from '../support/tls-hello.ts';

interface Heard {
  /** As it was sent. */
  readonly name: string | null;
  readonly protocols: readonly string[];
  /** Whether OpenSSL went on with the handshake. */
  readonly isAnswered: boolean;
}

const folder = path.join(import.meta.dirname, '..', 'unit', 'tls', 'hellos');
const CAUGHT = globSync('*.bin', { cwd: folder })
  .sort()
  .map((file) => [path.basename(file, '.bin'), readFileSync(path.join(folder, file))] as const);
const HANDSHAKE = 22;
/** RFC 8701 §2, in seven bits. */
const GREASE = /^([\x0a\x1a\x2a\x3a\x4a\x5a\x6a\x7a])\1$/;
let context: SecureContext;
let server: Server;

beforeAll(async () => {
  const { key, cert } = createTemporaryCa(temporaryFolder(afterAll)).issue('localhost');
  context = createSecureContext({ key, cert, minVersion: 'TLSv1.2' });
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => void server.close());

describe('hellos that were caught', () => {
  it.each(CAUGHT)('%s', async (_, bytes) => {
    const heard = await hear(bytes);
    // RSA suites alone find no certificate here.
    expect(heard.isAnswered || readHello(bytes).needsRsa).toBe(true);
    agree(bytes, heard);
  });
});

describe('hellos that a test makes', () => {
  const octets = fc.uint8Array({ maxLength: 40 }).map((text) => Buffer.from(text));
  const hosts = fc.oneof(
    fc.constantFrom('a.example', 'A.Example.', '192.0.2.1', '::1', 'a\0.example', '', '.', 'a..b', '*.example'),
    octets,
  );
  const protocols = fc.array(fc.oneof(fc.constantFrom('h2', 'http/1.1', 'http/1.0', '\x0a\x0a', ''), octets), { maxLength: 5 });

  it('any name and any protocols', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hosts, { maxLength: 2 }), fc.option(protocols), fc.boolean(), async (names, offered, isRepeated) => {
        const extensions = [signatureAlgorithms(0x0403), supportedGroups(29, 23), extension(0xff01, Buffer.alloc(1))];
        if (names.length > 0) extensions.push(serverName(...names));
        if (offered !== null) extensions.push(alpn(...offered));
        if (isRepeated && names.length > 0) extensions.push(serverName('other.example'));
        const bytes = clientHello({ cipherSuites: [0xc02b], extensions });
        agree(bytes, await hear(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it('real ones with some octets spoiled', async () => {
    const spots = fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CAUGHT), spots, async ([, caught], spoiled) => {
        const bytes = Buffer.from(caught);
        for (const [at, octet] of spoiled) bytes[at % bytes.length] = octet;
        agree(bytes, await hear(bytes));
      }),
      { numRuns: 500 },
    );
  });
});

describeWith(['curl', 'openssl', 'python3'], 'hellos of clients that are here', () => {
  it.each<[string, (port: number) => Promise<unknown>]>([
    ['curl', (port) => run('curl', ['-sk', '--resolve', `Heard.example:${port}:127.0.0.1`, `https://Heard.example:${port}/`])],
    [
      'openssl',
      (port) => run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'HEARD.example', '-alpn', 'h2,spdy/3']),
    ],
    ['openssl, TLS 1.2', (port) => run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2', '-noservername'])],
    ['openssl, in small records', (port) => run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-max_send_frag', '512'])],
    [
      'Python',
      (port) =>
        run('python3', [
          '-c',
          `import ssl,socket\nssl.create_default_context().wrap_socket(socket.create_connection(("127.0.0.1",${port})),server_hostname="heard.example")`,
        ]),
    ],
    [
      'Node',
      (port) =>
        new Promise((resolve) => {
          connect({ port, host: '127.0.0.1', servername: 'heard.example', ALPNProtocols: ['http/1.1'] })
            .on('error', () => {})
            .on('close', resolve);
        }),
    ],
  ])('%s', async (_, greet) => {
    const hello = catchHello();
    await greet(await hello.port);
    const bytes = await hello.octets;
    const heard = await hear(bytes);
    expect(heard.isAnswered).toBe(true);
    agree(bytes, heard);
  });
});

function agree(bytes: Buffer, heard: Heard): void {
  const read = readClientHello(bytes);
  if (!heard.isAnswered) return;
  expect(['hello', 'malformed'], bytes.toString('hex')).toContain(read.kind);
  if (read.kind !== 'hello') return;
  expect(read.hello.serverName, bytes.toString('hex')).toBe(heard.name?.toLowerCase().replace(/\.$/, '') ?? null);
  expect(asHeard(read.hello.alpn), bytes.toString('hex')).toEqual(asHeard(heard.protocols));
}

/** Node's ALPNCallback drops the highest bit of every octet, and keeps GREASE. */
function asHeard(protocols: readonly string[]): string[] {
  return protocols.map((protocol) => Buffer.from(protocol, 'latin1').toString('ascii')).filter((protocol) => !GREASE.test(protocol));
}

function readHello(bytes: Buffer): { readonly needsRsa: boolean } {
  const read = readClientHello(bytes);
  if (read.kind !== 'hello') throw new Error(JSON.stringify(read));
  return read.hello;
}

/** What Node's TLS server hears in these octets. One at a time. */
function hear(octets: Buffer): Promise<Heard> {
  let name: string | null = null;
  let protocols: readonly string[] = [];
  server.once('connection', (socket) => {
    const secured = new TLSSocket(socket, {
      isServer: true,
      secureContext: context,
      SNICallback(sent, done) {
        name = sent;
        done(null, context);
      },
      ALPNCallback(sent) {
        protocols = sent.protocols;
        return sent.protocols[0];
      },
    });
    secured.on('error', () => {});
    secured.resume();
  });
  return new Promise((resolve) => {
    const client = connectTcp({ port: portOf(server), host: '127.0.0.1' });
    const settle = (isAnswered: boolean): void => {
      client.destroy();
      resolve({ name, protocols, isAnswered });
    };
    client.on('error', () => {});
    client.on('data', (answer: Buffer) => settle(answer[0] === HANDSHAKE));
    client.on('close', () => settle(false));
    // Whoever waits for more octets hears that there are none.
    client.end(octets);
  });
}

/** One connection to a server that keeps what a client says first and hangs up. */
function catchHello(): { readonly port: Promise<number>; readonly octets: Promise<Buffer> } {
  const catcher = createServer();
  onTestFinished(() => void catcher.close());
  const octets = new Promise<Buffer>((resolve) => {
    catcher.on('connection', (socket) => {
      let said: Buffer = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => {
        said = Buffer.concat([said, bytes]);
        if (readClientHello(said).kind === 'need-more') return;
        resolve(said);
        socket.destroy();
      });
    });
  });
  const port = new Promise<number>((resolve) => catcher.listen(0, '127.0.0.1', () => resolve(portOf(catcher))));
  return { port, octets };
}

function portOf(listening: Server): number {
  return (listening.address() as AddressInfo).port;
}
