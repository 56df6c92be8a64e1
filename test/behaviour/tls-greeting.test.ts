// What a client says first, and that whoever goes on still has all of it.
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Deadlines } from '../../src/net/deadlines.ts';
import { readGreeting } from '../../src/tls/read-greeting.ts';
import { clientHello, fragmented, helloMessage } from '../support/tls-hello.ts';

const NOTHING = Buffer.alloc(0);
const HELLO = clientHello();
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
let deadlines: Deadlines;

beforeAll(() => {
  deadlines = new Deadlines();
});

afterAll(() => deadlines.close());

describe('a greeting', () => {
  it('is known, and every octet is there for whoever goes on', async () => {
    const { client, accepted } = await connection();
    const greeting = readGreeting(accepted, NOTHING, { timeoutMs: 5_000 }, deadlines);
    client.write(HELLO);
    expect(await greeting).toMatchObject({ kind: 'tls', octets: HELLO, hello: { serverName: 'www.example.com' } });
  });

  it('leaves the socket paused, without listeners, and what follows unread', async () => {
    const { client, accepted } = await connection();
    const before = listenersOf(accepted);
    const reading = readGreeting(accepted, NOTHING, { timeoutMs: 5_000 }, deadlines);
    client.write(REQUEST);
    expect(await reading).toMatchObject({ kind: 'http', protocol: 'http/1.1', octets: REQUEST });
    expect(listenersOf(accepted)).toEqual(before);
    expect(accepted.isPaused()).toBe(true);
    client.write('more');
    const more = await new Promise((resolve) => accepted.once('data', resolve).resume());
    expect(String(more)).toBe('more');
  });

  it('may have come behind the CONNECT already', async () => {
    const { accepted } = await connection();
    const greeting = await readGreeting(accepted, HELLO, { timeoutMs: 5_000 }, deadlines);
    expect(greeting).toMatchObject({ kind: 'tls', octets: HELLO });
  });

  it.each([
    ['a hello', HELLO, 'tls'],
    ['a hello in several records', fragmented(helloMessage(), 20), 'tls'],
    ['a request', REQUEST, 'http'],
    ['the preface of HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'http'],
  ])('that comes octet by octet: %s', async (_, bytes, kind) => {
    const { client, accepted } = await connection();
    client.setNoDelay(true);
    const reading = readGreeting(accepted, bytes.subarray(0, 2), { timeoutMs: 10_000 }, deadlines);
    for (const octet of bytes.subarray(2)) await new Promise((written) => client.write(Buffer.of(octet), written));
    const greeting = await reading;
    expect(greeting.kind).toBe(kind);
    if (greeting.kind !== 'gone') expect(bytes.subarray(0, greeting.octets.length)).toEqual(greeting.octets);
  });

  it('that is neither TLS nor HTTP', async () => {
    const { client, accepted } = await connection();
    const banner = Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n');
    client.write(banner);
    const greeting = await readGreeting(accepted, NOTHING, { timeoutMs: 5_000 }, deadlines);
    expect(greeting).toEqual({ kind: 'other', reason: 'it is neither TLS nor HTTP', octets: banner });
  });

  it('that is spoiled TLS says what is wrong', async () => {
    const { accepted } = await connection();
    const octets = Buffer.from([22, 3, 1, 0, 0]);
    const greeting = await readGreeting(accepted, octets, { timeoutMs: 5_000 }, deadlines);
    expect(greeting).toEqual({ kind: 'unclear', isTls: true, reason: 'a handshake record of 0 octets', octets });
  });

  it('does not come from a client that waits for the server to speak first', async () => {
    const { accepted } = await connection();
    const greeting = await readGreeting(accepted, NOTHING, { timeoutMs: 100 }, deadlines);
    expect(greeting).toEqual({ kind: 'other', reason: 'it said nothing for 100 ms', octets: NOTHING });
  });

  it('that stops in the middle is not waited for', async () => {
    const { client, accepted } = await connection();
    client.write(HELLO.subarray(0, 50));
    const greeting = await readGreeting(accepted, NOTHING, { timeoutMs: 300 }, deadlines);
    const reason = 'only 50 octets of it came within 300 ms';
    expect(greeting).toEqual({ kind: 'unclear', isTls: true, reason, octets: HELLO.subarray(0, 50) });
  });

  it.each<[string, (client: Socket) => void]>([
    ['closes', (client) => client.end()],
    ['breaks off', (client) => client.resetAndDestroy()],
  ])('does not come from a client that %s', async (_, leave) => {
    const { client, accepted } = await connection();
    const greeting = readGreeting(accepted, HELLO.subarray(0, 9), { timeoutMs: 5_000 }, deadlines);
    leave(client);
    expect(await greeting).toEqual({ kind: 'gone' });
  });

  it('does not come from a client that left before it was asked', async () => {
    const { client, accepted } = await connection();
    const closed = new Promise((resolve) => accepted.once('close', resolve));
    client.resetAndDestroy();
    accepted.resume();
    await closed;
    expect(await readGreeting(accepted, NOTHING, { timeoutMs: 5_000 }, deadlines)).toEqual({ kind: 'gone' });
  });
});

function listenersOf(socket: Socket): number[] {
  return ['data', 'end', 'close', 'error'].map((event) => socket.listenerCount(event));
}

async function connection(): Promise<{ client: Socket; accepted: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const incoming = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  const client = connect({ port, host: '127.0.0.1' });
  const accepted = await incoming;
  for (const socket of [client, accepted]) socket.on('error', () => {});
  onTestFinished(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return { client, accepted };
}
