// One cache for all workers: what one has stored the others answer with, and what is invalid in one is so in all.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cacheStatusOf, requestFor } from '../support/cached.ts';
import { type Origin, type Reply, startOrigin } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import type { RawRequest } from '../support/strict-message.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { openTunnel } from '../support/tunnels.ts';
import { startCopiedWorkers, startWorkers } from '../support/workers.ts';

const FRESH = [['Cache-Control', 'max-age=3600']] as const;
const CHUNKED_HEAD = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nTransfer-Encoding: chunked\r\n\r\n';
/** That all of them go to one worker happens once in 30,000 runs. */
const CLIENTS = 16;

/** Kept connections to all workers of a proxy of its own. */
async function clients(): Promise<readonly RawClient[]> {
  const policy = temporaryFile(onTestFinished, 'policy.yaml', 'version: 1\ndefault: allow\nconnect_ports: any\n');
  const proxy = await startWorkers({
    SALLYPORT_POLICY: policy,
    SALLYPORT_CACHE: 'on',
    SALLYPORT_CACHE_FOLDER: temporaryFolder(onTestFinished),
  });
  const all = await Promise.all(Array.from({ length: CLIENTS }, () => connectRaw(proxy)));
  onTestFinished(() => {
    for (const client of all) client.destroy();
  });
  return all;
}

async function origin(
  answer: (request: RawRequest, reply: Reply, count: number) => unknown,
): Promise<Origin & { readonly count: () => number }> {
  let count = 0;
  const started = await startOrigin((request, reply) => {
    count += 1;
    return answer(request, reply, count);
  });
  onTestFinished(() => started.close());
  return Object.assign(Object.create(started) as Origin, { count: () => count });
}

async function ask(client: RawClient, url: string, method = 'GET'): Promise<{ readonly text: string; readonly cacheStatus: string }> {
  await client.send(requestFor(url, { method }));
  const response = await client.readResponse(method);
  return { text: response.body.toString(), cacheStatus: cacheStatusOf(response) ?? '' };
}

describe('with two workers', () => {
  test('many who ask for the same at once are one request to the origin', async () => {
    const go = Promise.withResolvers<void>();
    const one = await origin(async (_, reply, count) => {
      await go.promise;
      await reply.response({ fields: FRESH, body: `answer ${count}` });
    });
    const asked = (await clients()).map((client) => ask(client, `${one.url}/a`));
    await expect.poll(() => one.count()).toBe(1);
    go.resolve();
    expect(new Set((await Promise.all(asked)).map(({ text }) => text))).toEqual(new Set(['answer 1']));
    expect(one.count()).toBe(1);
  });

  test('content whose length only its end tells is one request as well; where that takes long, one of each worker', async () => {
    const heads = { '/soon': Promise.withResolvers<void>(), '/late': Promise.withResolvers<void>() };
    const end = Promise.withResolvers<void>();
    const one = await origin(async ({ target }, reply) => {
      await heads[target as keyof typeof heads].promise;
      await reply.raw(`${CHUNKED_HEAD}4\r\nhalf\r\n`);
      if (target === '/late') await end.promise;
      await reply.raw('4\r\nhalf\r\n0\r\n\r\n');
    });
    const all = await clients();
    const soon = all.map((client) => ask(client, `${one.url}/soon`));
    await expect.poll(() => one.count()).toBe(1);
    heads['/soon'].resolve();
    await Promise.all(soon);
    expect(one.count()).toBe(1);
    const late = all.map((client) => ask(client, `${one.url}/late`));
    await expect.poll(() => one.count()).toBe(2);
    heads['/late'].resolve();
    await expect.poll(() => one.count()).toBe(3);
    end.resolve();
    expect(new Set((await Promise.all(late)).map(({ text }) => text))).toEqual(new Set(['halfhalf']));
    expect(one.count()).toBe(3);
  });

  test('what one has stored the others answer with at once', async () => {
    const one = await origin((_, reply, count) => reply.response({ fields: FRESH, body: `answer ${count}` }));
    const [first, ...others] = await clients();
    for (let path = 0; path < 10; path += 1) {
      await ask(first!, `${one.url}/${path}`);
      for (const other of others) expect((await ask(other, `${one.url}/${path}`)).cacheStatus).toContain('hit');
    }
    expect(one.count()).toBe(10);
  });

  test('an unsafe method invalidates in all of them before it is answered (RFC 9111 §4.4)', async () => {
    const one = await origin(({ method }, reply, count) =>
      reply.response({ fields: method === 'GET' ? FRESH : [], body: `answer ${count}` }),
    );
    const all = await clients();
    const url = `${one.url}/a`;
    for (let round = 0; round < 3; round += 1) {
      const { text: old } = await ask(all[0]!, url);
      for (const client of all) expect((await ask(client, url)).text).toBe(old);
      await ask(all[round]!, url, 'POST');
      const { text: fresh } = await ask(all[CLIENTS - 1 - round]!, url);
      expect(fresh).not.toBe(old);
      for (const client of all) expect((await ask(client, url)).text).toBe(fresh);
    }
  });
});

test('a new start to a version of another index leaves the folder to the old worker that goes on, then takes it; no answer is wrong', async () => {
  const one = await origin((_, reply, count) => reply.response({ fields: FRESH, body: `answer ${count}` }));
  await using echo = await startEcho();
  const cache = temporaryFolder(onTestFinished);
  const policy = temporaryFile(onTestFinished, 'policy.yaml', 'version: 1\ndefault: allow\nconnect_ports: any\n');
  const settings = { SALLYPORT_CACHE: 'on', SALLYPORT_CACHE_FOLDER: cache, SALLYPORT_TIMEOUTS_DRAIN: '60s' };
  const proxy = await startCopiedWorkers({ ...settings, SALLYPORT_POLICY: policy });
  const answer = async (target: string): Promise<{ readonly text: string; readonly cacheStatus: string }> => {
    using client = await connectRaw(proxy);
    return await ask(client, `${one.url}${target}`);
  };
  for (let i = 0; i < 20; i += 1) await answer(`/${i}`);
  using tunnel = await openTunnel(proxy, echo.authority);
  const index = path.join(cache, 'index.sqlite');
  const { ino } = statSync(index);
  const file = path.join(proxy.sources, 'cache/stores/disk-index.ts');
  const [before, ofBefore] = [readFileSync(file, 'utf8'), /SCHEMA_VERSION = \d+;/];
  expect(before).toMatch(ofBefore);
  writeFileSync(file, before.replace(ofBefore, 'SCHEMA_VERSION = 1_000;'));
  proxy.primary.kill('SIGUSR2');
  await proxy.says(/cache: nothing can be stored in .* is version 1000; a process that uses it still runs\); answers go on without/);
  await proxy.says(/started anew on SIGUSR2: 2 workers\n.* itself goes on as it was started/);
  for (let i = 0; i < 20; i += 1) expect((await answer(`/${i}`)).text).toMatch(/^answer \d+$/);
  expect(statSync(index).ino).toBe(ino);
  expect(proxy.said).not.toContain('set aside');
  tunnel.end();
  await proxy.says(/index\.sqlite is of version 3, and this is version 1000\. It has been set aside/);
  // Both have it now: what one stores there, the other finds.
  const isShared = async (): Promise<boolean> => {
    const target = `/shared/${Math.random()}`;
    await answer(target);
    const again = await Promise.all(Array.from({ length: CLIENTS }, () => answer(target)));
    return again.every(({ cacheStatus }) => cacheStatus.includes('hit'));
  };
  await expect.poll(isShared).toBe(true);
  expect(proxy.said.match(/set aside/g)).toHaveLength(1);
}, 180_000);
