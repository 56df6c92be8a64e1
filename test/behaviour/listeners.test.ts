// Where the proxy listens, and how many it lets in.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { BoundSocket, connect } from 'node:net';
import path from 'node:path';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ListeningSockets } from '../../src/cluster/listening-sockets.ts';
import { bindSockets } from '../../src/listeners/bind-socket.ts';
import type { ListenAddress } from '../../src/listeners/listener.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw, type Destination, type RawClient } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { closedPort, failure, openTunnel } from '../support/tunnels.ts';

const folder = temporaryFolder(afterAll);
const LOCAL: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: 0 };

describe('addresses', () => {
  test('several at once, IPv4, IPv6 and a Unix socket, each named in the record', async () => {
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    const file = path.join(folder, 'several.sock');
    await using proxy = await startTestProxy({ listen: [LOCAL, { kind: 'tcp', host: '::1', port: 0 }, { kind: 'unix', path: file }] });
    const [four, six, unix] = proxy.running.listening.map(({ url }) => url);
    expect(four).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(six).toMatch(/^http:\/\/\[::1\]:[1-9]\d*$/);
    expect(unix).toBe(`unix:${file}`);
    const doors: Destination[] = [proxy, { host: '::1', port: Number(new URL(six!).port) }, { path: file }];
    for (const door of doors) expect((await get(door, origin)).status).toBe(200);
    expect(proxy.flows.map(({ listener, clientAddress }) => ({ listener, clientAddress }))).toEqual([
      { listener: four!.slice(7), clientAddress: '127.0.0.1' },
      { listener: six!.slice(7), clientAddress: '::1' },
      { listener: `unix:${file}`, clientAddress: 'unix' },
    ]);
  });

  test('tunnels go through a Unix socket too, and break off without harm', async () => {
    await using origin = await startOrigin((_, reply) =>
      reply.raw('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf').then(() => reply.reset()),
    );
    const file = path.join(folder, 'tunnel.sock');
    await using proxy = await startTestProxy({ listen: [{ kind: 'unix', path: file }, LOCAL] });
    using tunnel = await openTunnel({ path: file }, origin.authority);
    await tunnel.send(`GET / HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
    await tunnel.readToEnd().catch(() => {});
    using client = await connectRaw({ path: file });
    await client.send(`GET ${origin.url}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`);
    await expect(client.readResponse()).rejects.toThrow();
    expect((await proxy.flow(1)).outcome).toBe('failed');
    expect(proxy.reports).toEqual([]);
  });

  test('a socket file that a killed process left is replaced, and removed at the end', async () => {
    const file = path.join(folder, 'stale.sock');
    const program = `require('node:net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await new Promise((resolve) => spawn(process.execPath, ['-e', program]).once('exit', resolve));
    expect(existsSync(file)).toBe(true);
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    const proxy = await startTestProxy({ listen: [LOCAL, { kind: 'unix', path: file }] });
    expect((await get({ path: file }, origin)).status).toBe(200);
    await proxy.close();
    expect(existsSync(file)).toBe(false);
  });

  test('of several that start at once where a killed process has left its socket file, one has it', async () => {
    const file = path.join(folder, 'contended.sock');
    const program = `require('node:net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await new Promise((resolve) => spawn(process.execPath, ['-e', program]).once('exit', resolve));
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    const started = await Promise.allSettled(Array.from({ length: 3 }, () => startTestProxy({ listen: [{ kind: 'unix', path: file }] })));
    const proxies = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    onTestFinished(() => Promise.all(proxies.map((each) => each.close())).then(() => undefined));
    expect(started.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []))).toEqual([
      expect.stringContaining('in use'),
      expect.stringContaining('in use'),
    ]);
    expect((await get({ path: file }, origin)).status).toBe(200);
    await proxies[0]!.close();
    await using _next = await startTestProxy({ listen: [{ kind: 'unix', path: file }] });
    expect((await get({ path: file }, origin)).status).toBe(200);
  });

  test('a socket file that is bound for workers, none of which listens yet, is left to them', async () => {
    const file = path.join(folder, 'bound.sock');
    const sockets = await new ListeningSockets(2, true).with([{ kind: 'unix', path: file }]);
    const { ino } = statSync(file);
    await expect(startTestProxy({ listen: [{ kind: 'unix', path: file }] })).rejects.toThrow(/in use/);
    expect(statSync(file).ino).toBe(ino);
    sockets.close();
    await using _proxy = await startTestProxy({ listen: [{ kind: 'unix', path: file }] });
  });

  test('a socket file that somebody answers on is left to them, and so is a file that is no socket', async () => {
    const file = path.join(folder, 'live.sock');
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    await using _first = await startTestProxy({ listen: [LOCAL, { kind: 'unix', path: file }] });
    await expect(startTestProxy({ listen: [{ kind: 'unix', path: file }] })).rejects.toThrow(/in use/);
    expect((await get({ path: file }, origin)).status).toBe(200);
    const plain = path.join(folder, 'notes.txt');
    writeFileSync(plain, 'keep');
    await expect(startTestProxy({ listen: [{ kind: 'unix', path: plain }] })).rejects.toThrow();
    expect(existsSync(plain)).toBe(true);
  });

  test('a socket file is left to its process, too, where more wait for that than it lets', async () => {
    const file = path.join(folder, 'full.sock');
    // It listens, and never looks again.
    const program = `require('node:net').createServer().listen({ path: ${JSON.stringify(file)}, backlog: 1 }, () => {
      require('node:fs').writeSync(1, 'it listens');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
    const owner = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void owner.kill('SIGKILL'));
    await once(owner.stdout, 'data');
    const ask = (): Promise<string> =>
      new Promise((resolve) => {
        const client = connect(file, () => resolve('taken'));
        client.once('error', ({ message }) => resolve(message));
        onTestFinished(() => void client.destroy());
      });
    while ((await ask()) === 'taken');
    expect(await ask()).toContain('EAGAIN');
    const { ino } = statSync(file);
    await expect(startTestProxy({ listen: [{ kind: 'unix', path: file }] })).rejects.toThrow(/in use/);
    expect(statSync(file).ino).toBe(ino);
  });

  test.skipIf(process.platform !== 'linux')(
    'a port that the system has chosen for several sockets is not let go of meanwhile',
    async () => {
      const close = vi.spyOn(BoundSocket.prototype, 'close');
      onTestFinished(() => close.mockRestore());
      const sockets = await bindSockets(LOCAL, 3);
      expect(close).not.toHaveBeenCalled();
      const ports = sockets.map((socket) => socket.address().port);
      for (const socket of sockets) socket.close();
      expect([ports.length, new Set(ports).size]).toEqual([3, 1]);
    },
  );

  test('when one of several cannot be had, none is kept', async () => {
    const port = await closedPort();
    const free: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port };
    await using other = await startTestProxy();
    const taken: ListenAddress = { kind: 'tcp', host: '127.0.0.1', port: other.port };
    await expect(startTestProxy({ listen: [free, taken] })).rejects.toThrow(/in use/);
    await using again = await startTestProxy({ listen: [free] });
    expect(again.port).toBe(port);
  });
});

describe('limits', () => {
  test('connections are counted over all listeners; the first too many is told so, and room is made when one goes', async () => {
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    await using proxy = await startTestProxy({
      listen: [LOCAL, { kind: 'tcp', host: '127.0.0.2', port: 0 }],
      listener: { connections: 3 },
    });
    const second = { host: '127.0.0.2', port: Number(new URL(proxy.running.listening[1]!.url).port) };
    const held = [await answered(proxy, origin), await answered(proxy, origin), await answered(second, origin)];
    using refused = await connectRaw(second);
    const response = await refused.readLastResponse();
    expect(failure(response)).toEqual({ status: 503, error: 'connection_limit_reached' });
    expect(response.body.toString()).toContain('3 connections');
    refused.end();
    held.pop()!.destroy();
    await expect.poll(async () => (await get(second, origin)).status).toBe(200);
    for (const client of held) client.destroy();
  });

  test('one client may have so many, and another still gets in', async () => {
    await using origin = await startOrigin((_, reply) => reply.response({ body: 'ok' }));
    await using proxy = await startTestProxy({ listener: { connectionsPerClient: 2 } });
    using first = await answered(proxy, origin);
    using second = await answered(proxy, origin);
    using third = await connectRaw(proxy);
    expect(failure(await third.readLastResponse())).toEqual({ status: 503, error: 'connection_limit_reached' });
    const elsewhere = await connectRaw({ ...proxy, localAddress: '127.0.0.9' } as Destination);
    await elsewhere.send(request(origin));
    expect((await elsewhere.readResponse()).status).toBe(200);
    elsewhere.destroy();
    for (const client of [first, second]) client.destroy();
  });
});

function request(origin: Origin): string {
  return `GET ${origin.url}/ HTTP/1.1\r\nHost: ${origin.authority}\r\n\r\n`;
}

async function get(proxy: Destination | TestProxy, origin: Origin) {
  using client = await connectRaw(proxy);
  await client.send(request(origin));
  return await client.readResponse();
}

/** A client that was served once and stays. */
async function answered(proxy: Destination | TestProxy, origin: Origin): Promise<RawClient> {
  const client = await connectRaw(proxy);
  await client.send(request(origin));
  expect((await client.readResponse()).status).toBe(200);
  return client;
}
