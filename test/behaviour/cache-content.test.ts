// The octets themselves: what is stored is whole, what is served is exact, what is large passes without being held (RFC 9111 §3.3, §3.4, RFC 9110 §14).
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatusOf, fetchVia, onlyValueOf, requestFor, startCachingProxy } from '../support/cached.ts';
import { type Origin, type RequestHandler, type ResponseToSend, startOrigin } from '../support/origin.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import { standstill } from '../support/standstill.ts';
import type { TestProxy } from '../support/start-proxy.ts';
import { valuesOf, type WireField } from '../support/strict-message.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const FRESH: WireField = ['Cache-Control', 'max-age=3600'];
const TAG: WireField = ['ETag', '"one"'];
const MIB = 2 ** 20;
const CONTENT = '0123456789abcdefghijklmnopqrstuvwxyz';

let memory: TestProxy;
let disk: TestProxy;
const cleanUps: (() => void)[] = [];
beforeAll(async () => {
  const folder = temporaryFolder((remove) => cleanUps.push(remove));
  memory = await startCachingProxy({ memory: 16 * MIB, max_object_memory: 2 * MIB });
  disk = await startCachingProxy({ memory: 16 * MIB, max_object_memory: 2 * MIB, disk: 2 ** 30, folder });
});
afterAll(async () => {
  await memory.close();
  await disk.close();
  for (const cleanUp of cleanUps) cleanUp();
});

async function startFor(handler: RequestHandler): Promise<Origin> {
  const origin = await startOrigin(handler);
  onTestFinished(() => origin.close());
  return origin;
}

/** Gives the first answer, then the others; the last again and again. */
function originOf(...answers: readonly (ResponseToSend | RequestHandler)[]): Promise<Origin> {
  let asked = 0;
  return startFor((request, reply) => {
    const answer = answers[Math.min(asked++, answers.length - 1)]!;
    return typeof answer === 'function' ? answer(request, reply) : reply.response({ body: CONTENT, ...answer });
  });
}

function range(value: string): { readonly fields: readonly WireField[] } {
  return { fields: [['Range', value]] };
}

/** A part as an origin sends it. */
function part(first: number, last: number, fields: readonly WireField[] = [], complete: number | string = CONTENT.length): ResponseToSend {
  const all: WireField[] = [FRESH, TAG, ['Content-Range', `bytes ${first}-${last}/${complete}`], ...fields];
  return { status: 206, reason: 'Partial Content', fields: all, body: CONTENT.slice(first, last + 1) };
}

function rangesAsked(origin: Origin): (string | undefined)[] {
  return origin.requests.map(({ fields }) => valuesOf(fields, 'range')[0]);
}

it('a credential that Vary names selects over a restart, and does not lie on the disk', async () => {
  const folder = temporaryFolder(onTestFinished);
  const settings = { memory: 0, disk: 2 ** 30, folder };
  const origin = await originOf({ fields: [FRESH, ['Vary', 'Cookie']] });
  const url = `${origin.url}/`;
  const cookie = (value: string): { readonly fields: readonly WireField[] } => ({ fields: [['Cookie', `sid=${value}`]] });
  const before = await startCachingProxy(settings);
  await fetchVia(before, url, cookie('a-secret-of-ada'));
  await before.close();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const octets = Buffer.concat(files.map(({ parentPath, name }) => readFileSync(join(parentPath, name))));
  expect([octets.includes(CONTENT), octets.includes('a-secret-of-ada')]).toEqual([true, false]);
  const after = await startCachingProxy(settings);
  onTestFinished(() => after.close());
  expect(cacheStatusOf(await fetchVia(after, url, cookie('a-secret-of-ada')))).toContain('hit');
  expect(cacheStatusOf(await fetchVia(after, url, cookie('another')))).toContain('fwd=vary-miss');
});

describe('content that breaks off is never stored as complete', () => {
  const head = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n';
  it.each([
    ['before its Content-Length', `${head}Content-Length: 100\r\n\r\nbegun`, 'end'],
    ['in the middle of a chunk', `${head}Transfer-Encoding: chunked\r\n\r\n64\r\nbegun`, 'end'],
    ['before the last chunk', `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n`, 'end'],
    ['with a chunk that is none', `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\nnone\r\n`, 'end'],
    ['by a reset, where the close would be its end', `${head}\r\nbegun`, 'reset'],
  ] as const)('%s', async (_, octets, how) => {
    for (const proxy of [memory, disk]) {
      const seen = Promise.withResolvers<void>();
      const origin = await originOf(
        async (_request, reply) => {
          await reply.raw(octets);
          await seen.promise;
          if (how === 'end') reply.end();
          else reply.reset();
        },
        { fields: [FRESH] },
      );
      using client = await connectRaw(proxy);
      await client.send(requestFor(`${origin.url}/`));
      await client.readUntil('begun').catch(() => {});
      seen.resolve();
      expect((await client.closed).hadReset).toBe(true);
      const again = await fetchVia(proxy, `${origin.url}/`);
      expect([again.body.toString(), cacheStatusOf(again), origin.requests.length]).toEqual([
        CONTENT,
        expect.stringContaining('fwd=uri-miss'),
        2,
      ]);
    }
  });

  it('but content that ends with the connection, as its framing says, is', async () => {
    const origin = await originOf(async (_, reply) => {
      await reply.raw(`HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n\r\n${CONTENT}`);
      reply.end();
    });
    expect((await fetchVia(memory, `${origin.url}/`)).body.toString()).toBe(CONTENT);
    const hit = await fetchVia(memory, `${origin.url}/`);
    expect([hit.body.toString(), hit.framing, cacheStatusOf(hit)]).toEqual([CONTENT, 'length', expect.stringMatching(/^hit/)]);
  });

  it('a client that leaves early keeps short content from nobody', async () => {
    const rest = Promise.withResolvers<void>();
    const origin = await originOf(async (_, reply) => {
      await reply.raw(`HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: ${CONTENT.length}\r\n\r\n${CONTENT.slice(0, 5)}`);
      await rest.promise;
      await reply.raw(CONTENT.slice(5));
    });
    const client = await connectRaw(memory);
    await client.send(requestFor(`${origin.url}/`));
    await client.readUntil(CONTENT.slice(0, 5));
    const before = memory.flows.length;
    client.reset();
    await memory.flow(before);
    rest.resolve();
    expect((await fetchVia(memory, `${origin.url}/`)).body.toString()).toBe(CONTENT);
    expect(origin.requests).toHaveLength(1);
  });
});

describe('what comes with content, or without', () => {
  it('trailers are never merged into what is stored (RFC 9110 §6.5.1)', async () => {
    const trailers: WireField[] = [
      ['X-Late', '1'],
      ['Cache-Control', 'no-store'],
      ['ETag', '"late"'],
    ];
    const origin = await originOf({ fields: [FRESH], chunked: true, trailers });
    for (let i = 0; i < 2; i += 1) {
      const response = await fetchVia(memory, `${origin.url}/`);
      expect([response.trailers, ...['x-late', 'cache-control', 'etag'].map((name) => valuesOf(response.fields, name))]).toEqual([
        [],
        [],
        [FRESH[1]],
        [],
      ]);
    }
    expect(origin.requests).toHaveLength(1);
  });

  it.each([
    ['empty content', { status: 200, body: '' }],
    ['empty content in chunks', { status: 200, body: '', chunked: true }],
    ['204', { status: 204, reason: 'No Content' }],
    ['301', { status: 301, reason: 'Moved Permanently', body: 'moved' }],
    ['404', { status: 404, reason: 'Not Found', body: 'nothing' }],
    ['410 in chunks', { status: 410, reason: 'Gone', body: 'gone', chunked: true }],
    ['a status that nobody knows', { status: 299, reason: 'Odd', body: 'odd' }],
  ])('%s is stored as it is', async (_, answer: ResponseToSend) => {
    for (const proxy of [memory, disk]) {
      const origin = await originOf({ ...answer, fields: [FRESH] });
      for (let i = 0; i < 2; i += 1) {
        const response = await fetchVia(proxy, `${origin.url}/`);
        expect([response.status, response.reason, response.body.toString()]).toEqual([
          answer.status,
          answer.reason ?? 'OK',
          answer.body ?? '',
        ]);
      }
      expect(origin.requests).toHaveLength(1);
    }
  });

  it('content in a coding is for those who may have it, and goes out as it came (Vary)', async () => {
    const origin = await startFor((request, reply) => {
      const isCoded = valuesOf(request.fields, 'accept-encoding').join().includes('br');
      const coding: WireField[] = isCoded ? [['Content-Encoding', 'br']] : [];
      return reply.response({ fields: [FRESH, ['Vary', 'Accept-Encoding'], ...coding], body: isCoded ? 'coded' : 'plain' });
    });
    const asked = [[['Accept-Encoding', 'br, gzip']], [], [['Accept-Encoding', 'gzip,br']], []] as const;
    const bodies: string[] = [];
    for (const fields of asked) bodies.push((await fetchVia(memory, `${origin.url}/`, { fields })).body.toString());
    expect([bodies, origin.requests.length]).toEqual([['coded', 'plain', 'coded', 'plain'], 2]);
  });
});

describe('large content', () => {
  const PIECE = Buffer.alloc(256 * 1024, 'x');

  /** Sends as much as it is let, to each request anew. */
  function endless(total: number): { readonly handler: RequestHandler; sent(): number } {
    let sent = 0;
    return {
      sent: () => sent,
      handler: async (_, reply) => {
        sent = 0;
        await reply.raw(`HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: ${total}\r\n\r\n`);
        for (; sent < total; sent += PIECE.length) await reply.raw(PIECE);
      },
    };
  }

  /** Reads and drops. @returns how many octets came, the head included */
  async function drop(proxy: TestProxy, url: string): Promise<number> {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(requestFor(url, { fields: [['Connection', 'close']] }));
    let octets = 0;
    for await (const bytes of socket) octets += (bytes as Buffer).length;
    return octets;
  }

  it('many times the memory of the store passes through it without being held', async () => {
    const total = 384 * MIB;
    for (const proxy of [memory, disk]) {
      const { handler } = endless(total);
      const origin = await startFor(handler);
      await drop(proxy, `${origin.url}/warm`);
      const before = process.memoryUsage();
      expect(await drop(proxy, `${origin.url}/`)).toBeGreaterThan(total);
      const after = process.memoryUsage();
      // The origin and the client live in this process, too, and what nobody holds any more is collected when V8 sees fit.
      expect((after.rss - before.rss) / MIB).toBeLessThan(160);
      expect((after.arrayBuffers - before.arrayBuffers) / MIB).toBeLessThan(128);
    }
  });

  it('beyond what the store takes holds the origin back for a client that stands still', async () => {
    const { handler, sent } = endless(128 * MIB);
    const origin = await startFor(handler);
    using client = await connectRaw(memory);
    client.pause();
    await client.send(requestFor(`${origin.url}/`));
    // It goes on until the kernel's buffers and our own bounds are full, and no further.
    await standstill(sent);
    expect(sent() / MIB).toBeLessThan(32);
  });

  it('beyond what the store takes passes unstored, and says so', async () => {
    const body = Buffer.alloc(3 * MIB, 'y');
    for (const chunked of [false, true]) {
      const origin = await originOf({ fields: [FRESH], body, chunked });
      for (let i = 0; i < 2; i += 1) expect((await fetchVia(memory, `${origin.url}/`)).body.equals(body)).toBe(true);
      expect(origin.requests).toHaveLength(2);
      expect(memory.flows.at(-1)!.cache!.storing).toBe('store-refused');
    }
  });

  it('comes back from the store octet for octet, also to a client that is slow', async () => {
    const body = Buffer.alloc(1_900_001);
    for (let i = 0; i < body.length; i += 1) body[i] = (i * 7919) >> 3;
    for (const proxy of [memory, disk]) {
      for (const chunked of [false, true]) {
        const origin = await originOf({ fields: [FRESH], body, chunked });
        expect((await fetchVia(proxy, `${origin.url}/`)).body.equals(body)).toBe(true);
        using client = await connectRaw(proxy);
        client.pause();
        await client.send(requestFor(`${origin.url}/`));
        await fetchVia(proxy, `${origin.url}/`);
        client.resume();
        expect((await client.readResponse()).body.equals(body)).toBe(true);
        expect(origin.requests).toHaveLength(1);
      }
    }
  });
});

describe('ranges of what is stored whole (RFC 9110 §14)', () => {
  it.each([
    ['bytes=2-5', '2345', 'bytes 2-5/36'],
    ['bytes=30-', CONTENT.slice(30), 'bytes 30-35/36'],
    ['bytes=-4', 'wxyz', 'bytes 32-35/36'],
    ['bytes=0-0', '0', 'bytes 0-0/36'],
    ['bytes=34-99', 'yz', 'bytes 34-35/36'],
    ['bytes=-99', CONTENT, 'bytes 0-35/36'],
  ])('%s', async (asked, expected, contentRange) => {
    for (const proxy of [memory, disk]) {
      const origin = await originOf({ fields: [FRESH, TAG, ['X-Kept', 'a']] });
      await fetchVia(proxy, `${origin.url}/`);
      const response = await fetchVia(proxy, `${origin.url}/`, range(asked));
      expect([response.status, response.body.toString(), onlyValueOf(response, 'content-range')]).toEqual([206, expected, contentRange]);
      expect([onlyValueOf(response, 'content-length'), onlyValueOf(response, 'x-kept'), origin.requests.length]).toEqual([
        String(expected.length),
        'a',
        1,
      ]);
    }
  });

  it.each(['bytes=36-', 'bytes=99-100', 'bytes=-0'])('%s is not satisfiable: 416, with the length', async (asked) => {
    const origin = await originOf({ fields: [FRESH] });
    await fetchVia(memory, `${origin.url}/`);
    const response = await fetchVia(memory, `${origin.url}/`, range(asked));
    expect([response.status, onlyValueOf(response, 'content-range'), response.body.length, origin.requests.length]).toEqual([
      416,
      'bytes */36',
      0,
      1,
    ]);
  });

  it.each(['lines=1-2', 'bytes=5-2', 'bytes=', 'bytes=a-b', 'bytes=0-1,2-3,4-5,6-7,8-9,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1'])(
    '%s is ignored: 200, with everything',
    async (asked) => {
      const origin = await originOf({ fields: [FRESH] });
      await fetchVia(memory, `${origin.url}/`);
      const response = await fetchVia(memory, `${origin.url}/`, range(asked));
      expect([response.status, response.body.toString()]).toEqual([200, CONTENT]);
    },
  );

  it('several ranges are parts of one answer (§14.6)', async () => {
    const body = CONTENT.repeat(100);
    for (const proxy of [memory, disk]) {
      const origin = await originOf({ fields: [FRESH, ['Content-Type', 'text/plain']], body });
      await fetchVia(proxy, `${origin.url}/`);
      const response = await fetchVia(proxy, `${origin.url}/`, range('bytes=0-3, 100-109, -2'));
      expect([response.status, origin.requests.length]).toEqual([206, 1]);
      expect(partsOf(response)).toEqual([
        ['bytes 0-3/3600', 'text/plain', body.slice(0, 4)],
        ['bytes 100-109/3600', 'text/plain', body.slice(100, 110)],
        ['bytes 3598-3599/3600', 'text/plain', body.slice(-2)],
      ]);
    }
  });

  it.each([
    ['the entity tag that is stored', '"one"', 206],
    ['another entity tag', '"two"', 200],
    ['a weak entity tag', 'W/"one"', 200],
  ])('If-Range with %s', async (_, tag, status) => {
    const origin = await originOf({ fields: [FRESH, TAG] });
    await fetchVia(memory, `${origin.url}/`);
    const response = await fetchVia(memory, `${origin.url}/`, {
      fields: [
        ['Range', 'bytes=0-1'],
        ['If-Range', tag],
      ],
    });
    expect([response.status, response.body.toString(), origin.requests.length]).toEqual([status, status === 206 ? '01' : CONTENT, 1]);
  });

  it('a stale answer in several parts has the boundary that its head names (RFC 9111 §4.2.4)', async () => {
    const body = CONTENT.repeat(100);
    const origin = await originOf({ fields: [['Cache-Control', 'max-age=1'], ['Age', '60'], TAG], body }, (_, reply) => reply.reset());
    await fetchVia(memory, `${origin.url}/`);
    const response = await fetchVia(memory, `${origin.url}/`, range('bytes=0-1,10-11'));
    expect([response.status, partsOf(response).map(([, , text]) => text)]).toEqual([206, ['01', 'ab']]);
    expect(Number(onlyValueOf(response, 'age'))).toBeGreaterThanOrEqual(60);
  });
});

describe('parts that are stored (RFC 9111 §3.3, §3.4)', () => {
  it('answer ranges that lie within them, and no GET for the whole', async () => {
    const origin = await originOf(part(5, 14), { fields: [FRESH] });
    await fetchVia(memory, `${origin.url}/`, range('bytes=5-14'));
    const within = await fetchVia(memory, `${origin.url}/`, range('bytes=7-9'));
    expect([within.status, within.body.toString(), onlyValueOf(within, 'content-range')]).toEqual([206, '789', 'bytes 7-9/36']);
    expect(origin.requests).toHaveLength(1);
    expect((await fetchVia(memory, `${origin.url}/`)).body.toString()).toBe(CONTENT);
  });

  it('the whole is made of the part that is stored and the rest, which alone is asked for', async () => {
    for (const proxy of [memory, disk]) {
      const origin = await originOf(part(0, 9), part(10, 35, [['X-New', 'a']]));
      await fetchVia(proxy, `${origin.url}/`, range('bytes=0-9'));
      const whole = await fetchVia(proxy, `${origin.url}/`);
      expect([whole.status, whole.body.toString(), onlyValueOf(whole, 'content-range'), onlyValueOf(whole, 'x-new')]).toEqual([
        200,
        CONTENT,
        undefined,
        'a',
      ]);
      expect(cacheStatusOf(whole)).toContain('fwd=partial;fwd-status=206');
      expect([rangesAsked(origin), valuesOf(origin.requests[1]!.fields, 'if-range')]).toEqual([['bytes=0-9', 'bytes=10-'], ['"one"']]);
      const hit = await fetchVia(proxy, `${origin.url}/`);
      expect([hit.body.toString(), cacheStatusOf(hit)]).toEqual([CONTENT, expect.stringMatching(/^hit/)]);
    }
  });

  it('a range is made of what is stored and what is missing of it, before it or behind', async () => {
    for (const [asked, missing] of [
      ['bytes=12-19', [15, 19]],
      ['bytes=6-12', [6, 9]],
    ] as const) {
      const origin = await originOf(part(10, 14), part(missing[0], missing[1]));
      await fetchVia(memory, `${origin.url}/`, range('bytes=10-14'));
      const response = await fetchVia(memory, `${origin.url}/`, range(asked));
      const [first, last] = asked.slice(6).split('-').map(Number);
      expect([response.status, response.body.toString()]).toEqual([206, CONTENT.slice(first, last! + 1)]);
      expect(rangesAsked(origin)[1]).toBe(`bytes=${missing[0]}-${missing[1]}`);
    }
  });

  it.each<[string, string, string, ResponseToSend]>([
    ['less of what is missing behind', 'bytes=12-19', 'bytes=15-19', part(15, 17)],
    ['less of what is missing before', 'bytes=6-12', 'bytes=6-9', part(8, 9)],
    ['that there is nothing behind', 'bytes=12-19', 'bytes=15-19', { status: 416, fields: [['Content-Range', 'bytes */15']], body: '' }],
  ])('of a range comes %s: the range is asked for as the client did', async (_, asked, missing, answer) => {
    const [first, last] = asked.slice(6).split('-').map(Number);
    const origin = await originOf(part(10, 14), answer, part(first!, last!));
    await fetchVia(memory, `${origin.url}/`, range('bytes=10-14'));
    const response = await fetchVia(memory, `${origin.url}/`, range(asked));
    expect([response.status, onlyValueOf(response, 'content-range')]).toEqual([206, `bytes ${first}-${last}/36`]);
    expect([response.body.toString(), rangesAsked(origin)]).toEqual([CONTENT.slice(first, last! + 1), ['bytes=10-14', missing, asked]]);
  });

  it('of a changed representation comes all of it, in their place', async () => {
    const origin = await originOf(part(0, 9), { fields: [FRESH, ['ETag', '"two"']], body: 'changed' });
    await fetchVia(memory, `${origin.url}/`, range('bytes=0-9'));
    for (let i = 0; i < 2; i += 1) expect((await fetchVia(memory, `${origin.url}/`)).body.toString()).toBe('changed');
    expect(origin.requests).toHaveLength(2);
  });

  it('more may come than was asked for: octets on both sides of what is stored', async () => {
    const origin = await originOf(part(10, 14), part(5, 25));
    await fetchVia(memory, `${origin.url}/`, range('bytes=10-14'));
    const response = await fetchVia(memory, `${origin.url}/`, range('bytes=12-19'));
    expect([response.status, response.body.toString()]).toEqual([206, CONTENT.slice(12, 20)]);
    expect((await fetchVia(memory, `${origin.url}/`, range('bytes=5-25'))).body.toString()).toBe(CONTENT.slice(5, 26));
    expect(origin.requests).toHaveLength(2);
  });

  it.each<[string, ResponseToSend]>([
    ['of another representation', part(10, 35, [['ETag', '"two"']])],
    ['of other octets', part(20, 35)],
    ['of octets that are stored already', part(2, 5)],
    ['of the whole less than all', part(10, 20)],
    ['that disagrees about the length', part(10, 35, [], 50)],
    ['that says 416', { status: 416, fields: [['Content-Range', 'bytes */10']], body: '' }],
  ])('a part %s never stands in for the whole, which is asked for instead', async (_, answer) => {
    const fields = answer.fields!.filter(([name]) => name !== 'ETag' || answer.fields!.every(([, value]) => value !== '"two"'));
    const replaced = answer.fields!.some(([, value]) => value === '"two"') ? [...fields, ['ETag', '"two"'] as WireField] : fields;
    const origin = await originOf(part(0, 9), { ...answer, fields: replaced }, { fields: [FRESH] });
    await fetchVia(memory, `${origin.url}/`, range('bytes=0-9'));
    const whole = await fetchVia(memory, `${origin.url}/`);
    expect([whole.status, whole.body.toString(), rangesAsked(origin)]).toEqual([200, CONTENT, ['bytes=0-9', 'bytes=10-', undefined]]);
    expect(cacheStatusOf(whole)).toContain('fwd=partial');
    const next = await fetchVia(memory, `${origin.url}/`);
    expect([next.body.toString(), cacheStatusOf(next)]).toEqual([CONTENT, expect.stringMatching(/^hit/)]);
  });

  it('a rest that says no-store completes the answer, and is not stored (§5.2.2.5)', async () => {
    const origin = await originOf(part(0, 9), part(10, 35, [['Cache-Control', 'no-store']]), { fields: [FRESH], body: 'asked again' });
    await fetchVia(memory, `${origin.url}/`, range('bytes=0-9'));
    expect((await fetchVia(memory, `${origin.url}/`)).body.toString()).toBe(CONTENT);
    expect(memory.flows.at(-1)!.cache!.storing).toBe('no-store');
    expect((await fetchVia(memory, `${origin.url}/`, range('bytes=20-21'))).body.toString()).not.toBe(CONTENT.slice(20, 22));
  });

  it('a rest that breaks off gives no clean end, and nothing whole is stored', async () => {
    const seen = Promise.withResolvers<void>();
    const origin = await originOf(
      part(0, 9),
      async (_, reply) => {
        await reply.raw(`HTTP/1.1 206 Partial Content\r\nETag: "one"\r\nContent-Range: bytes 10-35/36\r\nContent-Length: 26\r\n\r\nabc`);
        await seen.promise;
        reply.end();
      },
      { fields: [FRESH] },
    );
    await fetchVia(memory, `${origin.url}/`, range('bytes=0-9'));
    using client = await connectRaw(memory);
    await client.send(requestFor(`${origin.url}/`));
    await client.readUntil('0123456789abc');
    seen.resolve();
    expect((await client.closed).hadReset).toBe(true);
    expect((await fetchVia(memory, `${origin.url}/`)).body.toString()).toBe(CONTENT);
  });

  it('the rest waits for a client that is slow with the part, without being gathered in memory', async () => {
    const total = 64 * MIB;
    const first = 2 * MIB - 1000;
    const piece = Buffer.alloc(256 * 1024, 'x');
    let sent = 0;
    const origin = await originOf(
      { status: 206, fields: [FRESH, TAG, ['Content-Range', `bytes 0-${first - 1}/${total}`]], body: Buffer.alloc(first, 'x') },
      async (_, reply) => {
        const rest = total - first;
        await reply.raw(
          `HTTP/1.1 206 Partial Content\r\nETag: "one"\r\nContent-Range: bytes ${first}-${total - 1}/${total}\r\nContent-Length: ${rest}\r\n\r\n`,
        );
        for (; sent < rest; sent += piece.length) await reply.raw(piece.subarray(0, Math.min(piece.length, rest - sent)));
      },
    );
    const small = await startCachingProxy({ memory: 16 * MIB, max_object_memory: 2 * MIB });
    onTestFinished(() => small.close());
    await fetchVia(small, `${origin.url}/`, range(`bytes=0-${first - 1}`));
    using client = await connectRaw({ port: small.port, timeoutMs: 20_000 });
    client.pause();
    await client.send(requestFor(`${origin.url}/`));
    await standstill(() => sent);
    expect(sent / MIB).toBeLessThan(16);
    client.resume();
    await client.readUntil('\r\n\r\n');
    for (let left = total; left > 0; ) left -= (await client.readExactly(Math.min(left, MIB))).length;
  });
});

/** Content-Range, Content-Type and content of each part. */
function partsOf(response: FinalResponse): (string | undefined)[][] {
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(onlyValueOf(response, 'content-type') ?? '')?.[1];
  const text = response.body.toString('latin1');
  const sections = text.split(`\r\n--${boundary}`);
  expect([sections[0], sections.at(-1)]).toEqual(['', '--\r\n']);
  return sections.slice(1, -1).map((section) => {
    const end = section.indexOf('\r\n\r\n');
    const head = section.slice(0, end);
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1]?.trim();
    return [field('Content-Range'), field('Content-Type'), section.slice(end + 4)];
  });
}
