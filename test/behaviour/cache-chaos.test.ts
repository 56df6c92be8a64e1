// Clients that come, read slowly and leave, and origins that do what they like, all at once: whoever stays gets a whole answer or a clear failure, and
// nothing is left behind: no exchange without a record, no key that nobody can ask for any more, no request to an origin that nobody waits for.
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fetchVia, requestFor, startCachingProxy } from '../support/cached.ts';
import { type Origin, type Reply, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { BrokenOffError } from '../support/raw-connection.ts';
import type { TestProxy } from '../support/start-proxy.ts';
import { type RawRequest, type RawResponse, valuesOf, type WireField } from '../support/strict-message.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const CLIENTS = 600;
const AT_ONCE = 40;
const KEYS = 12;

/** The same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let count = 0;
  return (below) =>
    createHash('sha256')
      .update(`${seed} ${(count += 1)}`)
      .digest()
      .readUInt32BE() % below;
}

function contentOf(path: string, version: number): Buffer {
  const length = [0, 1, 700, 20_000, 300_000, 2_500_000][Number(path.slice(1)) % 6]!;
  return Buffer.alloc(length, `${path} of version ${version}, `);
}

async function answer(request: RawRequest, reply: Reply, version: number, next: (below: number) => number): Promise<void> {
  const path = request.target;
  const content = contentOf(path, version);
  const tag = `"${version}"`;
  const control = ['max-age=0', 'max-age=3600', 'no-cache', 'no-store', 'private', 'max-age=0, stale-while-revalidate=60'][next(6)]!;
  const fields: WireField[] = [
    ['Cache-Control', control],
    ['ETag', tag],
    ['X-Version', String(version)],
  ];
  if (next(4) === 0) fields.push(['Vary', 'X-Kind']);
  const how = next(12);
  if (how === 0) return reply.reset();
  if (how === 1) return reply.end();
  if (how === 2) return reply.response({ status: [404, 500, 503][next(3)]!, fields, body: '' });
  if (request.method !== 'GET') return reply.response({ status: 204 });
  if (valuesOf(request.fields, 'if-none-match').includes(tag)) return reply.response({ status: 304, fields });
  const range = /^bytes=(\d+)-(\d*)$/.exec(valuesOf(request.fields, 'range')[0] ?? '');
  const ifRange = valuesOf(request.fields, 'if-range')[0] ?? tag;
  const first = Number(range?.[1] ?? 0);
  if (range !== null && first < content.length && ifRange === tag && how !== 3) {
    const last = Math.min(Number(range[2] === '' ? content.length : range[2]), content.length - 1);
    fields.push(['Content-Range', `bytes ${first}-${last}/${content.length}`]);
    return reply.response({ status: 206, fields, body: content.subarray(first, last + 1) });
  }
  if (how === 4 && content.length > 0) {
    await reply.raw(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nX-Version: ${version}\r\nContent-Length: ${content.length}\r\n\r\n`);
    await reply.raw(content.subarray(0, content.length >> 1));
    return next(2) === 0 ? reply.end() : reply.reset();
  }
  return reply.response({ fields, body: content, chunked: next(2) === 0 });
}

/** One client. @returns what became of it */
async function visit(proxy: TestProxy, origin: Origin, next: (below: number) => number): Promise<string> {
  const path = `/${next(KEYS)}`;
  const fields: WireField[] = [];
  if (next(4) === 0) fields.push(['X-Kind', String(next(2))]);
  if (next(6) === 0) fields.push(['Cache-Control', ['no-cache', 'max-stale', 'only-if-cached', 'no-store'][next(4)]!]);
  if (next(6) === 0) fields.push(['Range', ['bytes=0-99', 'bytes=100-', 'bytes=-5', 'bytes=0-0,10-19'][next(4)]!]);
  if (next(10) === 0) fields.push(['Authorization', 'Basic eDp5']);
  const method = next(12) === 0 ? 'POST' : next(10) === 0 ? 'HEAD' : 'GET';
  using client = await connectRaw({ port: proxy.port, timeoutMs: 15_000 });
  await client.send(requestFor(origin.url + path, { method, fields, ...(method === 'POST' ? { body: 'x' } : {}) }));
  const how = next(6);
  if (how === 0) {
    client.reset();
    return 'left at once';
  }
  if (how === 1) {
    await client.readExactly(1).catch(() => {});
    client.reset();
    return 'left in the middle';
  }
  if (how === 2) {
    client.pause();
    await fetchVia(proxy, `${origin.url}/none`, { fields: [['Cache-Control', 'only-if-cached']] });
    client.resume();
  }
  const response = await client.readResponse(method).catch((error: unknown) => {
    if (error instanceof BrokenOffError) return null;
    throw error;
  });
  if (response === null) return 'broke off';
  expectRight(path, method, response);
  return `${response.status}`;
}

/** What came is what the origin has of that version: all of it, or the stretch that it says. */
function expectRight(path: string, method: string, response: RawResponse): void {
  const version = valuesOf(response.fields, 'x-version')[0];
  if (method !== 'GET' || version === undefined || response.status >= 300) return;
  const content = contentOf(path, Number(version));
  if (response.status === 200) {
    if (!response.body.equals(content)) throw new Error(`${path}: ${response.body.length} octets of ${content.length}\n${response.head}`);
    return;
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(valuesOf(response.fields, 'content-range')[0] ?? '');
  if (range === null) {
    expect(valuesOf(response.fields, 'content-type')[0]).toMatch(/^multipart\/byteranges/);
    return;
  }
  expect(Number(range[3])).toBe(content.length);
  expect(response.body.equals(content.subarray(Number(range[1]), Number(range[2]) + 1))).toBe(true);
}

describe.each(['memory', 'disk'])('with what is stored in %s', (where) => {
  it.each([1])('all at once, course %i', async (seed) => {
    const next = numbers(seed);
    const disk = where === 'disk' ? { disk: 2 ** 30, folder: temporaryFolder(onTestFinished) } : {};
    const proxy = await startCachingProxy({ memory: 16 * 2 ** 20, max_object_memory: 2 ** 20, ...disk });
    onTestFinished(() => proxy.close());
    let version = 1;
    let isCalm = false;
    const origin = await startOrigin(async (request, reply) => {
      if (isCalm) return reply.response({ fields: [['Cache-Control', 'no-store']], body: 'calm' });
      if (next(20) === 0) version += 1;
      // A turn later for some, so that others may come in between.
      for (let turns = next(4); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
      return answer(request, reply, version, next);
    });
    onTestFinished(() => origin.close().catch(() => {}));
    const outcomes = new Map<string, number>();
    let left = CLIENTS;
    const course = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const outcome = await visit(proxy, origin, next);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, course));
    isCalm = true;
    expect(outcomes.get('200')).toBeGreaterThan(CLIENTS / 5);
    // Nobody waits in vain for what is not under way any more.
    for (let key = 0; key < KEYS; key += 1) {
      const fields: WireField[] = [
        ['Cache-Control', 'no-cache'],
        ['X-Kind', 'calm'],
      ];
      expect((await fetchVia(proxy, `${origin.url}/${key}`, { fields })).status).toBe(200);
    }
    expect(proxy.reports).toEqual([]);
    expect(proxy.flows.every(({ totalMs }) => totalMs !== null)).toBe(true);
    expect(new Set(proxy.flows.map(({ id }) => id)).size).toBe(proxy.flows.length);
  });
});
