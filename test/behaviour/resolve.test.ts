// What a client's destination becomes: the resolver against a DNS server of our own, the system's resolver and a hosts file on disk.
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ProxyError } from '../../src/errors/proxy-error.ts';
import { type DnsAnswer, systemSource } from '../../src/upstream/dns-source.ts';
import { HostsFile } from '../../src/upstream/hosts-file.ts';
import { RESOLVER_DEFAULTS, type ResolverOptions } from '../../src/upstream/options.ts';
import { type Resolved, Resolver } from '../../src/upstream/resolve.ts';
import { type DnsReply, type DnsServer, startDnsServer } from '../support/dns-server.ts';

let server: DnsServer;
let nowMs: number;
let closing: (() => void | Promise<void>)[];

beforeEach(async () => {
  server = await startDnsServer();
  nowMs = 1_000_000;
  closing = [() => server.close()];
});

afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

test('gives IPv6 and IPv4 in turn, IPv6 first (RFC 8305 §4)', async () => {
  server.answer('A', 'shop.example', { addresses: ['192.0.2.1', '192.0.2.2', '192.0.2.3'], ttlSeconds: 60 });
  server.answer('AAAA', 'shop.example', { addresses: ['2001:db8::1'], ttlSeconds: 60 });
  expect(await resolver().resolve('shop.example')).toEqual({
    addresses: ['2001:db8::1', '192.0.2.1', '192.0.2.2', '192.0.2.3'],
    from: 'resolver',
  });
});

test('answers from the cache at once until the least TTL has passed', async () => {
  server.answer('A', 'shop.example', { addresses: ['192.0.2.1'], ttlSeconds: 60 });
  server.answer('AAAA', 'shop.example', { addresses: ['2001:db8::1'], ttlSeconds: 20 });
  const subject = resolver();
  await subject.resolve('shop.example');

  nowMs += 19_999;
  expect(subject.resolve('shop.example')).toEqual({ addresses: ['2001:db8::1', '192.0.2.1'], from: 'cache' });
  expect(server.questions).toHaveLength(2);

  nowMs += 1;
  expect(await subject.resolve('shop.example')).toMatchObject({ from: 'resolver' });
  expect(server.questions).toHaveLength(4);
});

test.each([
  { ttlSeconds: 0, keptMs: 2_000 },
  { ttlSeconds: 0x8000_0000, keptMs: 2_000 }, // RFC 2181 §8: to be taken for zero
  { ttlSeconds: 5, keptMs: 5_000 },
  { ttlSeconds: 86_400, keptMs: 10_000 },
])('keeps an answer with a TTL of $ttlSeconds s for $keptMs ms when the bounds are 2 and 10 s', async ({ ttlSeconds, keptMs }) => {
  server.answer('A', 'shop.example', { addresses: ['192.0.2.1'], ttlSeconds });
  const subject = resolver({ minTtlMs: 2_000, maxTtlMs: 10_000 });
  await subject.resolve('shop.example');
  nowMs += keptMs - 1;
  expect(subject.resolve('shop.example')).toMatchObject({ from: 'cache' });
  nowMs += 1;
  expect(await subject.resolve('shop.example')).toMatchObject({ from: 'resolver' });
});

test('forgets the name that was used least recently when all entries are taken', async () => {
  for (const name of ['a.example', 'b.example', 'c.example']) server.answer('A', name, { addresses: ['192.0.2.1'], ttlSeconds: 60 });
  const subject = resolver({ entries: 2 });
  for (const name of ['a.example', 'b.example', 'a.example', 'c.example']) await subject.resolve(name);
  expect(subject.resolve('a.example')).toMatchObject({ from: 'cache' });
  expect(await subject.resolve('b.example')).toMatchObject({ from: 'resolver' });
});

test('asks once for a name that many want at the same moment', async () => {
  server.answer('A', 'shop.example', { addresses: ['192.0.2.1'], ttlSeconds: 60 });
  const subject = resolver();
  const answers = await Promise.all(Array.from({ length: 50 }, () => subject.resolve('shop.example')));
  expect(new Set(answers).size).toBe(1);
  expect(server.questions.toSorted()).toEqual(['udp A shop.example', 'udp AAAA shop.example']);
});

test.each<DnsReply>(['SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'NOERROR'])(
  'is content with one family when the other says %s (RFC 4074 §4)',
  async (reply) => {
    server.answer('A', 'old.example', { addresses: ['192.0.2.1'], ttlSeconds: 60 });
    server.answer('AAAA', 'old.example', reply);
    server.answer('A', 'new.example', reply);
    server.answer('AAAA', 'new.example', { addresses: ['2001:db8::1'], ttlSeconds: 60 });
    const subject = resolver();
    expect(await subject.resolve('old.example')).toMatchObject({ addresses: ['192.0.2.1'] });
    expect(await subject.resolve('new.example')).toMatchObject({ addresses: ['2001:db8::1'] });
  },
);

test('does not wait for a silent family, and takes its addresses in when they arrive (RFC 8305 §3)', async () => {
  const late = Promise.withResolvers<DnsReply>();
  server.answer('A', 'shop.example', { addresses: ['192.0.2.1'], ttlSeconds: 60 });
  server.answer('AAAA', 'shop.example', late.promise);
  const subject = resolver();
  expect(await subject.resolve('shop.example')).toEqual({ addresses: ['192.0.2.1'], from: 'resolver' });

  late.resolve({ addresses: ['2001:db8::1'], ttlSeconds: 60 });
  await vi.waitFor(
    () => expect(subject.resolve('shop.example')).toEqual({ addresses: ['2001:db8::1', '192.0.2.1'], from: 'cache' }),
    PATIENTLY,
  );
});

test('names a name that does not exist, and remembers that for a while', async () => {
  const subject = resolver({ negativeTtlMs: 5_000 });
  const expected = {
    code: 'dns_error',
    status: 502,
    parameters: { rcode: 'NXDOMAIN' },
    message: 'The name shpo.example does not exist (NXDOMAIN).',
  };
  expect(await failure(subject.resolve('shpo.example'))).toMatchObject(expected);
  nowMs += 4_999;
  expect(await failure(subject.resolve('shpo.example'))).toMatchObject(expected);
  expect(server.questions).toHaveLength(2);
  nowMs += 1;
  await failure(subject.resolve('shpo.example'));
  expect(server.questions).toHaveLength(4);
});

test('tells a name without addresses from a name that does not exist', async () => {
  server.answer('A', 'mail.example', 'NOERROR');
  expect(await failure(resolver().resolve('mail.example'))).toMatchObject({ code: 'dns_error', parameters: { rcode: 'NOERROR' } });
});

test.each<DnsReply>(['SERVFAIL', 'REFUSED', 'NOTIMP', 'FORMERR'])(
  'reports %s by its name and asks again after one second (RFC 9520 §3.2)',
  async (rcode) => {
    server.answer('A', 'broken.example', rcode);
    server.answer('AAAA', 'broken.example', rcode);
    const subject = resolver({ negativeTtlMs: 60_000 });
    expect(await failure(subject.resolve('broken.example'))).toMatchObject({ code: 'dns_error', status: 502, parameters: { rcode } });

    server.answer('A', 'broken.example', { addresses: ['192.0.2.1'], ttlSeconds: 60 });
    nowMs += 999;
    await failure(subject.resolve('broken.example'));
    nowMs += 1;
    expect(await subject.resolve('broken.example')).toMatchObject({ addresses: ['192.0.2.1'] });
  },
);

test('takes a server failure for one family more seriously than "none" for the other', async () => {
  server.answer('A', 'broken.example', 'SERVFAIL');
  server.answer('AAAA', 'broken.example', 'NOERROR');
  expect(await failure(resolver().resolve('broken.example'))).toMatchObject({ parameters: { rcode: 'SERVFAIL' } });
});

test('gives up on silent servers at the deadline, and still uses an answer that comes after it', async () => {
  const late = Promise.withResolvers<DnsReply>();
  server.answer('A', 'slow.example', late.promise);
  server.answer('AAAA', 'slow.example', late.promise);
  const subject = resolver({ timeoutMs: 100 });
  expect(await failure(subject.resolve('slow.example'))).toMatchObject({
    code: 'dns_timeout',
    status: 504,
    message: expect.stringContaining('No DNS server answered for slow.example in 100 ms.'),
  });

  late.resolve({ addresses: ['192.0.2.1'], ttlSeconds: 60 });
  server.answer('AAAA', 'slow.example', 'NOERROR');
  await vi.waitFor(
    async () => expect(await subject.resolve('slow.example')).toMatchObject({ addresses: ['192.0.2.1'], from: 'cache' }),
    PATIENTLY,
  );
});

test('asks again within the deadline when a datagram is lost', async () => {
  server.answer('A', 'shop.example', 'silence');
  server.answer('AAAA', 'shop.example', 'silence');
  const pending = resolver({ timeoutMs: 4_000 }).resolve('shop.example');
  await vi.waitFor(() => expect(server.questions).toHaveLength(2), PATIENTLY);
  server.answer('A', 'shop.example', { addresses: ['192.0.2.1'], ttlSeconds: 60 });
  server.answer('AAAA', 'shop.example', 'NOERROR');
  expect(await pending).toMatchObject({ addresses: ['192.0.2.1'], from: 'resolver' });
});

test('says that no server could be reached when nobody listens', async () => {
  const subject = resolver();
  await server.close();
  closing.shift();
  const error = await failure(subject.resolve('shop.example'));
  expect(error).toMatchObject({ code: 'dns_error', parameters: {} });
  expect(error.message).toMatch(/^No DNS server could be asked for shop\.example \(ECONNREFUSED\)/);
});

test('fetches an answer that is too long for UDP over TCP, and keeps 32 of its addresses (RFC 1035 §4.2)', async () => {
  server.answer('A', 'farm.example', { addresses: Array.from({ length: 200 }, (_, index) => `192.0.2.${index + 1}`), ttlSeconds: 60 });
  const { addresses } = await resolver().resolve('farm.example');
  expect(addresses).toHaveLength(32);
  expect(server.questions).toContain('tcp A farm.example');
});

test('adds no search domain for the listed servers', async () => {
  await failure(resolver().resolve('printer'));
  expect(server.questions.toSorted()).toEqual(['udp A printer', 'udp AAAA printer']);
});

test.each(['hidden.onion', 'name.invalid', 'invalid', '127.1', '2130706433', '0x7f.1', 'shop.1'])('asks no server for %s', async (host) => {
  expect(await failure(resolver().resolve(host))).toMatchObject({ code: 'dns_error', parameters: { rcode: 'NXDOMAIN' } });
  expect(server.questions).toEqual([]);
});

test('looks into the hosts file before it asks', async () => {
  const hostsFile = path.join(await folder(), 'hosts');
  await writeFile(hostsFile, '192.0.2.7 shop.example\n2001:db8::7 shop.example\n');
  const subject = resolver({ hostsFile });
  expect(subject.resolve('shop.example')).toEqual({ addresses: ['192.0.2.7', '2001:db8::7'], from: 'hosts' });
  expect(server.questions).toEqual([]);
});

test('fails the look-ups under way when it is closed', async () => {
  server.answer('A', 'slow.example', 'silence');
  server.answer('AAAA', 'slow.example', 'silence');
  const subject = new Resolver({ ...RESOLVER_DEFAULTS, hostsFile: '', servers: [server.address] });
  const pending = failure(subject.resolve('slow.example'));
  subject.close();
  expect(await pending).toMatchObject({ code: 'dns_error', message: expect.stringContaining('stopping') });
});

test("takes the system's answers without a TTL for as long as it is told", async () => {
  const found = await asked('localhost');
  expect(found).toMatchObject({ kind: 'found', ttlMs: 30_000 });
});

test("does not know from the system's resolver whether a name or only its addresses are missing", async () => {
  const tooLongALabel = `${'x'.repeat(64)}.example`;
  const subject = resolver({ servers: [] });
  const error = await failure(subject.resolve(tooLongALabel));
  expect(error).toMatchObject({ code: 'dns_error', parameters: {}, message: expect.stringContaining('does not exist or has no address') });
});

test('reads a hosts file again when it changes, is replaced, goes and comes back', async () => {
  const directory = await folder();
  const file = path.join(directory, 'hosts');
  const subject = new HostsFile(file, 5);
  closing.push(() => subject.close());
  expect(subject.find('a.example')).toBeUndefined();

  await writeFile(file, '192.0.2.1 a.example\n');
  await vi.waitFor(() => expect(subject.find('a.example')).toEqual(['192.0.2.1']), PATIENTLY);

  await writeFile(path.join(directory, 'new'), '192.0.2.2 a.example\n');
  await rename(path.join(directory, 'new'), file);
  await vi.waitFor(() => expect(subject.find('a.example')).toEqual(['192.0.2.2']), PATIENTLY);

  await rm(file);
  await vi.waitFor(() => expect(subject.find('a.example')).toBeUndefined(), PATIENTLY);
});

test('does not start with a hosts file that it cannot read', async () => {
  const directory = await folder();
  expect(() => new HostsFile(directory)).toThrow(`The hosts file ${directory} cannot be read (EISDIR).`);
});

function resolver(options: Partial<ResolverOptions> = {}): Resolver {
  const subject = new Resolver({ ...RESOLVER_DEFAULTS, hostsFile: '', servers: [server.address], ...options }, () => nowMs);
  closing.push(() => subject.close());
  return subject;
}

async function failure(outcome: Resolved | Promise<Resolved>): Promise<ProxyError> {
  return Promise.resolve(outcome).then(
    ({ addresses }) => Promise.reject(new Error(`resolved to ${addresses.join(', ')}`)),
    (error: ProxyError) => error,
  );
}

function asked(host: string): Promise<DnsAnswer> {
  return new Promise((report) => systemSource(30_000).ask(host, report));
}

async function folder(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sallyport-resolve-'));
  closing.push(() => rm(directory, { recursive: true }));
  return directory;
}

const PATIENTLY = { timeout: 15_000, interval: 20 };
