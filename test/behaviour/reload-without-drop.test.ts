// A reload takes effect with the next request and drops nobody: not an exchange, not a tunnel, not a connection, not a line of the log.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AUTH_DEFAULTS } from '../../src/auth/options.ts';
import type { ListenAddress } from '../../src/listeners/listener.ts';
import { ACCESS_LOG_DEFAULTS } from '../../src/observe/access-log.ts';
import { startDnsServer } from '../support/dns-server.ts';
import { type Origin, type Reply, startOrigin, startRawServer } from '../support/origin.ts';
import { policyOf } from '../support/policies.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { startTestProxy, type TestConfig, testConfig } from '../support/start-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { failure, openTunnel } from '../support/tunnels.ts';

test('another policy holds for the next request on a connection that stays', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
  await using proxy = await startTestProxy();
  using client = await connectRaw(proxy);
  expect((await get(client, origin)).status).toBe(200);
  await proxy.running.reload(testConfig(denyAll()));
  expect(failure(await get(client, origin))).toEqual({ status: 403, error: 'http_request_denied' });
  await proxy.running.reload(testConfig());
  expect((await get(client, origin)).status).toBe(200);
  expect(new Set(proxy.flows.map(({ connectionId }) => connectionId)).size).toBe(1);
});

test('an exchange that has begun ends by the rules that it began with', async () => {
  const asked = Promise.withResolvers<Reply>();
  await using origin = await startOrigin((_, reply) => asked.resolve(reply));
  await using proxy = await startTestProxy();
  using client = await connectRaw(proxy);
  const answer = get(client, origin);
  const reply = await asked.promise;
  await proxy.running.reload(testConfig(denyAll()));
  await reply.response({ body: 'as promised' });
  expect((await answer).body.toString()).toBe('as promised');
});

test('an exchange that waits for a name keeps its resolver when a reload brings another', async () => {
  const dns = await startDnsServer();
  onTestFinished(() => dns.close());
  const address = Promise.withResolvers<{ addresses: string[]; ttlSeconds: number }>();
  dns.answer('A', 'slow.example', address.promise);
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'found' }));
  await using proxy = await startTestProxy({ resolver: { servers: [dns.address], hostsFile: '' } });
  using client = await connectRaw(proxy);
  await client.send(`GET http://slow.example:${origin.port}/ HTTP/1.1\r\nHost: slow.example\r\n\r\n`);
  await expect.poll(() => dns.questions).toContain('udp A slow.example');
  await proxy.running.reload(testConfig({ resolver: { servers: ['127.0.0.1:9'], hostsFile: '' } }));
  address.resolve({ addresses: ['127.0.0.1'], ttlSeconds: 60 });
  expect((await client.readResponse()).body.toString()).toBe('found');
});

test('an open tunnel that the new policy denies is closed after a grace, with the new decision in its record', async () => {
  await using echo = await startEcho();
  await using proxy = await startTestProxy();
  using client = await openTunnel(proxy, echo.authority);
  await proxy.running.reload(testConfig({ ...denyAll(), tunnelGraceMs: 1_000 }));
  expect(proxy.reports).toEqual(['the new policy denies 1 open tunnel; closing in 1 s']);
  await client.send('still open');
  expect((await client.readExactly(10)).toString()).toBe('still open');
  const flow = await proxy.flow(0);
  expect(flow).toMatchObject({
    outcome: 'failed',
    decision: { action: 'deny', decidedBy: 'default' },
    error: { code: 'http_request_denied' },
  });
  expect(flow.error?.message).toMatch(/^The policy has changed: this tunnel is denied by the default \(deny\.yaml:2\)\.$/);
});

test('an open tunnel that the new policy allows stays, and so does one that a newer policy allows again within the grace', async () => {
  await using echo = await startEcho();
  await using proxy = await startTestProxy();
  using client = await openTunnel(proxy, echo.authority);
  await proxy.running.reload(testConfig());
  expect(proxy.reports).toEqual([]);
  await proxy.running.reload(testConfig({ ...denyAll(), tunnelGraceMs: GRACE_MS }));
  await proxy.running.reload(testConfig());
  await new Promise((resolve) => setTimeout(resolve, GRACE_MS + 200));
  await client.send('still open');
  expect((await client.readExactly(10)).toString()).toBe('still open');
});

test('an open tunnel is judged again by the address that it leads to, and not by the first of those that might have been dialled', async () => {
  await using echo = await startEcho();
  const hostsFile = temporaryFile(onTestFinished, 'hosts', '127.0.0.2 two.example\n127.0.0.1 two.example\n');
  const denying = (address: string): TestConfig => ({
    policyFile: policyOf(`default: allow\nconnect_ports: any\nrules:\n  - deny: { address: ${address} }\n`),
    resolver: { hostsFile },
    tunnelGraceMs: 20,
  });
  await using proxy = await startTestProxy(denying('192.0.2.1'));
  using client = await openTunnel(proxy, echo.authority.replace('127.0.0.1', 'two.example'));
  await proxy.running.reload(testConfig(denying('127.0.0.2')));
  expect(proxy.reports).toEqual([]);
  await client.send('still open');
  expect((await client.readExactly(10)).toString()).toBe('still open');
  await proxy.running.reload(testConfig(denying('127.0.0.1')));
  expect(await proxy.flow(0)).toMatchObject({ upstreamAddress: '127.0.0.1', decision: { action: 'deny', decidedBy: 'rule' } });
});

test('what a reload opened before it failed is closed again: nobody watches its password file', async () => {
  const [kept, refused] = ['kept', 'refused'].map((name) => temporaryFile(onTestFinished, name, PASSWORDS));
  const auth = (htpasswdFile: string) => ({ ...AUTH_DEFAULTS, htpasswdFile });
  await using proxy = await startTestProxy({ auth: auth(kept!) });
  const accessLog = { ...ACCESS_LOG_DEFAULTS, file: path.join(temporaryFolder(onTestFinished), 'missing', 'access.log') };
  await expect(proxy.running.reload(testConfig({ auth: auth(refused!), accessLog }))).rejects.toThrow('access.log');
  writeFileSync(refused!, 'broken');
  // Two turns of the one who watches are at least one of the other.
  for (const content of ['broken', 'broken too']) {
    const before = proxy.reports.length;
    writeFileSync(kept!, content);
    await expect.poll(() => proxy.reports.length).toBeGreaterThan(before);
  }
  expect(proxy.reports.filter((line) => line.startsWith(`${refused}: the password file stays in force`))).toEqual([]);
});

test('a listener that is dropped accepts no more, finishes what it has, and is counted until then', async () => {
  const asked = Promise.withResolvers<Reply>();
  await using origin = await startOrigin((_, reply) => asked.resolve(reply));
  const stays: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };
  const goes: ListenAddress = { kind: 'tcp', host: '127.0.0.2', port: 0 };
  await using proxy = await startTestProxy({ listen: [stays, goes] });
  const [kept, dropped] = proxy.running.listening.map(({ url }) => destination(url));
  using client = await connectRaw(dropped!);
  const answer = get(client, origin);
  const reply = await asked.promise;
  await proxy.running.reload(testConfig({ listen: [stays] }));
  expect(proxy.running.listening.map(({ url }) => destination(url))).toEqual([kept]);
  await expect(connectRaw(dropped!)).rejects.toThrow('ECONNREFUSED');
  const drained = proxy.running.drain(5_000);
  await reply.response({ body: 'last' });
  const response = await answer;
  expect(response.body.toString()).toBe('last');
  client.end();
  expect(await drained).toBe(0);
});

test('a stop cuts off what a dropped listener still has', async () => {
  const asked = Promise.withResolvers<Reply>();
  await using origin = await startOrigin((_, reply) => asked.resolve(reply));
  const stays: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };
  const goes: ListenAddress = { kind: 'tcp', host: '127.0.0.2', port: 0 };
  const proxy = await startTestProxy({ listen: [stays, goes] });
  using client = await connectRaw(destination(proxy.running.listening[1]!.url));
  const answer = get(client, origin).catch((error: Error) => error);
  await asked.promise;
  await proxy.running.reload(testConfig({ listen: [stays] }));
  expect(await proxy.running.drain(1)).toBe(1);
  await proxy.close();
  expect(await answer).toBeInstanceOf(Error);
});

test('a listener that is added serves, and the own sockets that no request may reach include it', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
  await using proxy = await startTestProxy();
  const listen: ListenAddress[] = [
    { kind: 'tcp', host: '127.0.0.1', port: 0 },
    { kind: 'tcp', host: '127.0.0.3', port: 0 },
  ];
  await proxy.running.reload(testConfig({ listen }));
  const added = destination(proxy.running.listening[1]!.url);
  using client = await connectRaw(added);
  expect((await get(client, origin)).status).toBe(200);
  await client.send(`GET http://127.0.0.3:${added.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
  expect(failure(await client.readResponse())).toEqual({ status: 502, error: 'destination_ip_prohibited' });
  expect(destination(proxy.running.listening[0]!.url).port).toBe(proxy.port);
});

test('two listeners on ports of the system’s choice are both kept', async () => {
  const anyPort: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };
  await using proxy = await startTestProxy({ listen: [anyPort, anyPort] });
  const before = proxy.running.listening;
  await proxy.running.reload(testConfig({ listen: [anyPort, anyPort], viaName: 'changed' }));
  expect(proxy.running.listening).toEqual(before);
});

test.for([
  ['a policy with a mistake', () => ({ policyFile: temporaryFile(onTestFinished, 'bad.yaml', 'version: 1\ndefault: maybe\n') })],
  ['a policy that is gone', () => ({ policyFile: path.join(temporaryFolder(onTestFinished), 'none.yaml') })],
  ['roots that are none', () => ({ rootCertificates: temporaryFile(onTestFinished, 'roots.pem', 'nothing') })],
  ['a log that cannot be opened', () => ({ accessLog: { ...ACCESS_LOG_DEFAULTS, file: '/nowhere/at/all/access.log' } })],
  ['an address that is not ours', () => ({ listen: [ANY_PORT, { kind: 'tcp', host: '192.0.2.1', port: 0 }] as ListenAddress[] })],
] as const)('%s keeps everything as it was', async ([, wrong]) => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
  await using proxy = await startTestProxy();
  const { listening, policySummary } = proxy.running;
  using client = await connectRaw(proxy);
  await get(client, origin);
  await expect(proxy.running.reload(testConfig(wrong()))).rejects.toThrow();
  expect((await get(client, origin)).status).toBe(200);
  using next = await connectRaw(proxy);
  expect((await get(next, origin)).status).toBe(200);
  expect(proxy.running).toMatchObject({ listening, policySummary });
  expect(origin.accepted).toBe(1);
});

test('an address that another program has keeps everything as it was', async () => {
  await using other = await startRawServer(() => {});
  await using proxy = await startTestProxy();
  const before = proxy.running.listening;
  const renamed: ListenAddress = { ...ANY_PORT, name: 'renamed', auth: 'never' };
  const listen: ListenAddress[] = [renamed, { kind: 'tcp', host: '127.0.0.1', port: other.port }];
  await expect(proxy.running.reload(testConfig({ listen }))).rejects.toThrow(/in use by another program/);
  expect(proxy.running.listening).toEqual(before);
});

test('an address that takes in the one where it listens is refused with that reason, and what listens stays', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
  await using proxy = await startTestProxy();
  const everywhere: ListenAddress = { kind: 'tcp', host: '0.0.0.0', port: proxy.port };
  await expect(proxy.running.reload(testConfig({ listen: [everywhere] }))).rejects.toThrow(
    `0.0.0.0:${proxy.port} takes in 127.0.0.1:${proxy.port}, where this proxy listens.`,
  );
  using client = await connectRaw(proxy);
  expect((await get(client, origin)).status).toBe(200);
});

test('exchanges that end after the log has changed are in the new one', async () => {
  const folder = temporaryFolder(onTestFinished);
  const log = (name: string) => ({ ...ACCESS_LOG_DEFAULTS, file: path.join(folder, name) });
  const asked = Promise.withResolvers<Reply>();
  await using origin = await startOrigin((_, reply) => asked.resolve(reply));
  const proxy = await startTestProxy({ accessLog: log('old') });
  using client = await connectRaw(proxy);
  const answer = get(client, origin);
  const reply = await asked.promise;
  await proxy.running.reload(testConfig({ accessLog: log('new') }));
  await reply.response({ body: 'late' });
  await answer;
  await proxy.close();
  expect(readFileSync(path.join(folder, 'old'), 'utf8')).toBe('');
  expect(JSON.parse(readFileSync(path.join(folder, 'new'), 'utf8'))).toMatchObject({ outcome: 'forwarded', status: 200 });
});

test('a hundred reloads under load fail no request and leave no descriptor behind', async () => {
  await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
  await using echo = await startEcho();
  const folder = temporaryFolder(onTestFinished);
  const write = (round: number): void =>
    writeFileSync(
      path.join(folder, 'config.yaml'),
      // Everything that a reload can replace is another one each time.
      `policy: policy.yaml\nvia: round-${round}\naccess_log: log-${round % 2}\ndns: { timeout: ${1_000 + round}ms }\nlisten: 127.0.0.1:0\n`,
    );
  writeFileSync(path.join(folder, 'policy.yaml'), 'version: 1\ndefault: allow\nconnect_ports: any\n');
  write(0);
  const child = startChild(folder);
  const banner = await child.said((text) => /browser .*\n/.test(text));
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(banner)![1]);
  using tunnel = await openTunnel({ port }, echo.authority);

  let isOver = false;
  let requests = 0;
  const load = Array.from({ length: 6 }, async () => {
    using client = await connectRaw({ port });
    for (; !isOver; requests += 1) expect((await get(client, origin)).status).toBe(200);
  });
  const reload = async (round: number): Promise<void> => {
    write(round);
    child.process.kill('SIGHUP');
    await child.said((text) => text.split('sallyport: reloaded on SIGHUP').length > round);
  };
  for (let round = 1; round <= 10; round += 1) await reload(round);
  const before = descriptors(child.process);
  for (let round = 11; round <= 100; round += 1) await reload(round);
  isOver = true;
  await Promise.all(load);
  await tunnel.send('x');
  await tunnel.readExactly(1);
  expect(requests).toBeGreaterThan(100);
  // Connections to the origin come and go with each set of parts.
  await expect.poll(() => descriptors(child.process)).toBeLessThan(before + 10);
}, 180_000);

/** Longer than the next reload takes, also where the machine is busy. */
const GRACE_MS = 1_000;
const ANY_PORT: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };

/** Of alice, `wonderland`. */
const PASSWORDS = 'alice:$5$saltsalt$IeaomH1t0t79ShF5t59ZywXLL/dm2jA/3vpoR6EMo74\n';

function denyAll(): TestConfig {
  return { policyFile: temporaryFile(onTestFinished, 'deny.yaml', 'version: 1\ndefault: deny\nconnect_ports: any\n') };
}

function destination(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

async function get(client: RawClient, origin: Origin) {
  await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
  return await client.readResponse();
}

interface Child {
  readonly process: ChildProcess;
  /** All that was said on standard error so far, once it is what is waited for. */
  said(isEnough: (text: string) => boolean): Promise<string>;
}

/** `sallyport run` with the `config.yaml` of a folder, killed at the end of the test. */
function startChild(folder: string): Child {
  const main = path.join(import.meta.dirname, '../../src/main.ts');
  const child = spawn(process.execPath, [main, 'run', '--config', 'config.yaml'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SALLYPORT_CACHE_DISK: '0' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  let look = (): void => {};
  child.stderr.on('data', (bytes) => {
    text += bytes;
    look();
  });
  return {
    process: child,
    said: (isEnough) =>
      new Promise((resolve) => {
        look = () => {
          if (isEnough(text)) resolve(text);
        };
        look();
      }),
  };
}

/** How many descriptors a process has open (Linux). */
function descriptors({ pid }: ChildProcess): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
