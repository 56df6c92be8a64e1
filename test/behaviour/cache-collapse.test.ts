// Many who ask for the same at once: one request to the origin, and nobody is worse off for it (RFC 9111 §4, RFC 9211 §2.6).
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatusOf, fetchVia, inMemory, requestFor, startCachingProxy } from '../support/cached.ts';
import { type Origin, type Reply, startOrigin } from '../support/origin.ts';
import { connectRaw, type FinalResponse, type RawClient } from '../support/raw-client.ts';
import { type TestProxy, testConfig } from '../support/start-proxy.ts';
import { type RawRequest, valuesOf, type WireField } from '../support/strict-message.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const FRESH: WireField = ['Cache-Control', 'max-age=3600'];
const TAG: WireField = ['ETag', '"one"'];
const MANY = 50;
/** More than the kernel and the proxy's own bounds hold between an origin and a client that reads nothing. */
const BIG = Buffer.alloc(6 * 2 ** 20, '0123456789');

/** An origin whose answers wait until the test lets them go. */
interface HeldOrigin extends Origin {
  /** Answers everything that has been asked, and will be. */
  letGo(): void;
  /** Settles when so many requests have come. */
  asked(count: number): Promise<void>;
}

async function startHeld(answer: (request: RawRequest, reply: Reply) => unknown): Promise<HeldOrigin> {
  const held = Promise.withResolvers<void>();
  let count = 0;
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const origin = await startOrigin(async (request, reply) => {
    count += 1;
    for (const each of waiting) if (each.count <= count) each.resolve();
    await held.promise;
    await answer(request, reply);
  });
  onTestFinished(() => origin.close());
  return Object.assign(Object.create(origin) as Origin, {
    letGo: () => held.resolve(),
    asked: (wanted: number) =>
      new Promise<void>((resolve) => {
        if (count >= wanted) resolve();
        else waiting.push({ count: wanted, resolve });
      }),
  });
}

/** So many clients that have sent the same request, of which the proxy has read all: those on one connection are answered in order. */
async function ask(proxy: TestProxy, url: string, count: number, fields: readonly WireField[] = []): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => connectRaw(proxy)));
  onTestFinished(() => {
    for (const client of clients) client.destroy();
  });
  for (const client of clients) await client.send(requestFor(url, { fields }));
  return clients;
}

/** The proxy has read whatever was sent to it before: it answers what comes on a new connection after that. */
async function hasRead(proxy: TestProxy): Promise<void> {
  for (let i = 0; i < 3; i += 1)
    await fetchVia(proxy, `http://127.0.0.1:${proxy.port}/nothing-stored`, { fields: [['Cache-Control', 'only-if-cached']] });
}

function read(clients: readonly RawClient[]): Promise<FinalResponse[]> {
  return Promise.all(clients.map((client) => client.readResponse()));
}

function countedBy(responses: readonly FinalResponse[], word: string): number {
  return responses.filter((response) => cacheStatusOf(response)?.includes(word)).length;
}

describe.each(['memory', 'disk'])('with what is stored in %s', (where) => {
  let proxy: TestProxy;
  const cleanUps: (() => void)[] = [];
  beforeAll(async () => {
    const folder = temporaryFolder((remove) => cleanUps.push(remove));
    proxy = await startCachingProxy(where === 'memory' ? {} : { disk: 2 ** 30, folder });
  });
  afterAll(async () => {
    await proxy.close();
    for (const cleanUp of cleanUps) cleanUp();
  });

  it('fifty at once are one request to the origin, and each gets all of it', async () => {
    const origin = await startHeld((_, reply) => reply.response({ fields: [FRESH], body: BIG, chunked: true }));
    const clients = await ask(proxy, `${origin.url}/`, MANY);
    await origin.asked(1);
    await hasRead(proxy);
    origin.letGo();
    const responses = await read(clients);
    expect(responses.every(({ status, body }) => status === 200 && body.equals(BIG))).toBe(true);
    expect([origin.requests.length, countedBy(responses, 'collapsed'), countedBy(responses, 'stored')]).toEqual([1, MANY - 1, 1]);
    expect(proxy.flows.slice(-MANY).filter(({ cache }) => cache?.isCollapsed === true)).toHaveLength(MANY - 1);
  });

  it('fifty validations at once are one, and its 304 answers all of them', async () => {
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    let validations = 0;
    const origin = await startOrigin(async (request, reply) => {
      if (valuesOf(request.fields, 'if-none-match').length === 0)
        return reply.response({ fields: [FRESH, ['Age', '3600'], TAG], body: 'content' });
      validations += 1;
      asked.resolve();
      await held.promise;
      return reply.response({ status: 304, fields: [TAG] });
    });
    onTestFinished(() => origin.close());
    await fetchVia(proxy, `${origin.url}/`);
    const clients = await ask(proxy, `${origin.url}/`, MANY);
    await asked.promise;
    await hasRead(proxy);
    held.resolve();
    const responses = await read(clients);
    expect(responses.every(({ status, body }) => status === 200 && body.toString() === 'content')).toBe(true);
    expect([validations, countedBy(responses, 'collapsed')]).toEqual([1, MANY - 1]);
  });

  it('whoever comes while content is on its way reads along, from its first octet', async () => {
    const rest = Promise.withResolvers<void>();
    const origin = await startOrigin(async (_, reply) => {
      await reply.raw(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: ${BIG.length}\r\n\r\n`);
      await reply.raw(BIG.subarray(0, 1000));
      await rest.promise;
      await reply.raw(BIG.subarray(1000));
    });
    onTestFinished(() => origin.close());
    const [first] = await ask(proxy, `${origin.url}/`, 1);
    await first!.readUntil((unread) => (unread.includes('\r\n\r\n0123456789') ? 1 : -1));
    const [late] = await ask(proxy, `${origin.url}/`, 1);
    await late!.readUntil((unread) => (unread.includes('\r\n\r\n0123456789') ? unread.indexOf('\r\n\r\n') + 4 : -1));
    rest.resolve();
    expect((await late!.readExactly(BIG.length)).equals(BIG)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it.each<[string, WireField[]]>([
    [
      'is stale by then',
      [
        ['Cache-Control', 'max-age=1'],
        ['Age', '60'],
        ['ETag', '"one"'],
      ],
    ],
    [
      'has to be validated at each use',
      [
        ['Cache-Control', 'no-cache'],
        ['ETag', '"one"'],
      ],
    ],
  ])('whoever comes while content is on its way does not read along with what %s (RFC 9111 §4)', async (_, fields) => {
    const rest = Promise.withResolvers<void>();
    let asked = 0;
    const origin = await startOrigin(async (_request, reply) => {
      asked += 1;
      if (asked > 1) return reply.response({ fields, body: 'for the second' });
      await reply.raw(`HTTP/1.1 200 OK\r\n${fields.map((field) => `${field.join(': ')}\r\n`).join('')}Content-Length: 10\r\n\r\nbegun`);
      await rest.promise;
      return reply.raw('ended');
    });
    onTestFinished(() => origin.close());
    const [first] = await ask(proxy, `${origin.url}/`, 1);
    await first!.readUntil((unread) => (unread.includes('begun') ? 1 : -1));
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('for the second');
    rest.resolve();
    await first!.readUntil('begunended');
  });

  it('a first client that reads nothing does not slow the others', async () => {
    const origin = await startHeld((_, reply) => reply.response({ fields: [FRESH], body: BIG }));
    const [slow] = await ask(proxy, `${origin.url}/`, 1);
    slow!.pause();
    await origin.asked(1);
    const clients = await ask(proxy, `${origin.url}/`, 5);
    await hasRead(proxy);
    origin.letGo();
    for (const { body } of await read(clients)) expect(body.equals(BIG)).toBe(true);
    slow!.resume();
    expect((await slow!.readResponse()).body.equals(BIG)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('the first client leaves before the head: the others get it whole', async () => {
    const origin = await startHeld((_, reply) => reply.response({ fields: [FRESH], body: BIG }));
    const [leader] = await ask(proxy, `${origin.url}/`, 1);
    await origin.asked(1);
    const clients = await ask(proxy, `${origin.url}/`, 5);
    await hasRead(proxy);
    const before = proxy.flows.length;
    leader!.reset();
    const left = await proxy.flow(before);
    expect(left).toMatchObject({ outcome: 'aborted', status: 0 });
    origin.letGo();
    for (const { body } of await read(clients)) expect(body.equals(BIG)).toBe(true);
    // Its record was closed when it left.
    expect([origin.requests.length, left.outcome, left.status]).toEqual([1, 'aborted', 0]);
  });

  it('the first client leaves in the middle of the content: the others get it whole', async () => {
    const rest = Promise.withResolvers<void>();
    const origin = await startOrigin(async (_, reply) => {
      await reply.raw(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: ${BIG.length}\r\n\r\n`);
      await reply.raw(BIG.subarray(0, 1000));
      await rest.promise;
      await reply.raw(BIG.subarray(1000));
    });
    onTestFinished(() => origin.close());
    const [leader] = await ask(proxy, `${origin.url}/`, 1);
    await leader!.readUntil('0123456789');
    const clients = await ask(proxy, `${origin.url}/`, 5);
    await Promise.all(
      clients.map((client) => client.readUntil((unread) => (unread.includes('\r\n\r\n0123456789') ? unread.indexOf('\r\n\r\n') + 4 : -1))),
    );
    const before = proxy.flows.length;
    leader!.reset();
    expect((await proxy.flow(before)).outcome).toBe('aborted');
    rest.resolve();
    for (const client of clients) expect((await client.readExactly(BIG.length)).equals(BIG)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it.each(['before the head', 'in the middle of the content'])('everybody leaves %s: so does the proxy', async (when) => {
    const origin = await startOrigin(async (_, reply) => {
      if (when !== 'before the head') {
        await reply.raw(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: ${BIG.length}\r\n\r\n`);
        await reply.raw(BIG.subarray(0, 1000));
      }
      const ending = reply.hang();
      gone.resolve(ending);
      await ending;
      reply.end();
    });
    const gone = Promise.withResolvers<unknown>();
    onTestFinished(() => origin.close());
    const clients = await ask(proxy, `${origin.url}/`, 3);
    await hasRead(proxy);
    if (when !== 'before the head') await Promise.all(clients.map((client) => client.readUntil('0123456789')));
    // One after the other, the first one first.
    for (const client of clients) {
      const before = proxy.flows.length;
      client.reset();
      expect((await proxy.flow(before)).outcome).toBe('aborted');
    }
    await gone.promise;
    expect(origin.requests).toHaveLength(1);
  });

  it.each<[string, WireField[]]>([
    ['no-store', [['Cache-Control', 'no-store']]],
    ['private', [['Cache-Control', 'private, max-age=60']]],
    ['Vary: *', [FRESH, ['Vary', '*']]],
    ['nothing that would let it be stored', []],
    // Stored, but for nobody without a question to its origin, which may have another one for each (RFC 9111 §4, §5.2.2.4).
    ['a validator alone', [['ETag', '"one"']]],
    ['no-cache', [['Cache-Control', 'no-cache'], TAG]],
    ['max-age=0', [['Cache-Control', 'max-age=0, must-revalidate'], TAG]],
    ['a lifetime that is over', [FRESH, ['Age', '3600'], TAG]],
  ])('a response with %s is for one client: the others are released at once, and asked for together', async (_, fields) => {
    const barrier = Promise.withResolvers<void>();
    let asked = 0;
    const first = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const origin = await startOrigin(async (_request, reply) => {
      asked += 1;
      const mine = asked;
      if (mine === 1) {
        first.resolve();
        await go.promise;
      } else {
        // All of them are here at once, or this would never go on.
        if (mine === 10) barrier.resolve();
        await barrier.promise;
      }
      await reply.response({ fields, body: `content ${mine}` });
    });
    onTestFinished(() => origin.close());
    const clients = await ask(proxy, `${origin.url}/`, 10);
    await first.promise;
    await hasRead(proxy);
    go.resolve();
    const bodies = (await read(clients)).map(({ body }) => body.toString());
    expect(new Set(bodies).size).toBe(10);
    expect(asked).toBe(10);
  });

  it('what has to be validated at each use is validated for each, and nobody waits for another', async () => {
    const barrier = Promise.withResolvers<void>();
    let validations = 0;
    const origin = await startOrigin(async (request, reply) => {
      const fields: WireField[] = [['Cache-Control', 'no-cache'], TAG];
      if (valuesOf(request.fields, 'if-none-match').length === 0) return reply.response({ fields, body: 'of one' });
      validations += 1;
      if (validations === 5) barrier.resolve();
      await barrier.promise;
      const isSame = valuesOf(request.fields, 'cookie')[0] === 'u=one';
      return reply.response(isSame ? { status: 304, fields } : { fields: [fields[0]!, ['ETag', '"other"']], body: 'of another' });
    });
    onTestFinished(() => origin.close());
    await fetchVia(proxy, `${origin.url}/`);
    const same = await ask(proxy, `${origin.url}/`, 3, [['Cookie', 'u=one']]);
    const others = await ask(proxy, `${origin.url}/`, 2, [['Cookie', 'u=another']]);
    expect((await read(same)).map(({ body }) => body.toString())).toEqual(['of one', 'of one', 'of one']);
    expect((await read(others)).map(({ body }) => body.toString())).toEqual(['of another', 'of another']);
  });

  it.each<[string, WireField[]]>([
    ['was for one client alone', [['Cache-Control', 'no-store']]],
    ['had to be validated at once', [['Cache-Control', 'no-cache'], TAG]],
  ])('keys whose last response %s are not waited for', async (_, fields) => {
    const held = Promise.withResolvers<void>();
    const barrier = Promise.withResolvers<void>();
    let asked = 0;
    const origin = await startOrigin(async (_, reply) => {
      asked += 1;
      if (asked === 6) barrier.resolve();
      if (asked > 1) await held.promise;
      await reply.response({ fields });
    });
    onTestFinished(() => origin.close());
    await fetchVia(proxy, `${origin.url}/`);
    const clients = await ask(proxy, `${origin.url}/`, 5);
    await barrier.promise;
    held.resolve();
    expect((await read(clients)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it('a response that was selected by other fields releases those whom it does not fit', async () => {
    const origin = await startHeld((request, reply) =>
      reply.response({ fields: [FRESH, ['Vary', 'X-Kind']], body: valuesOf(request.fields, 'x-kind').join() }),
    );
    const a = await ask(proxy, `${origin.url}/`, 3, [['X-Kind', 'a']]);
    await origin.asked(1);
    const b = await ask(proxy, `${origin.url}/`, 3, [['X-Kind', 'b']]);
    await hasRead(proxy);
    origin.letGo();
    expect((await read(a)).map(({ body }) => body.toString())).toEqual(['a', 'a', 'a']);
    expect((await read(b)).map(({ body }) => body.toString())).toEqual(['b', 'b', 'b']);
    expect(origin.requests.map(({ fields }) => valuesOf(fields, 'x-kind')[0])).toEqual(['a', 'b', 'b', 'b']);
  });

  it('a part that nobody asked for is for whoever got it', async () => {
    const fields: WireField[] = [FRESH, ['Content-Range', 'bytes 0-3/36']];
    const origin = await startHeld((_, reply) => reply.response({ status: 206, fields, body: 'part' }));
    const clients = await ask(proxy, `${origin.url}/`, 3);
    await origin.asked(1);
    await hasRead(proxy);
    origin.letGo();
    await read(clients);
    expect(origin.requests).toHaveLength(3);
  });

  it('an origin that breaks off gives nobody a clean end, and is asked again', async () => {
    const cut = Promise.withResolvers<void>();
    let asked = 0;
    const origin = await startOrigin(async (_, reply) => {
      asked += 1;
      if (asked > 1) return reply.response({ fields: [FRESH], body: 'whole' });
      await reply.raw('HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n');
      await cut.promise;
      return reply.end();
    });
    onTestFinished(() => origin.close());
    const clients = await ask(proxy, `${origin.url}/`, 5);
    await Promise.all(clients.map((client) => client.readUntil('begun')));
    cut.resolve();
    for (const client of clients) expect((await client.closed).hadReset).toBe(true);
    expect((await fetchVia(proxy, `${origin.url}/`)).body.toString()).toBe('whole');
  });

  it('an origin that gives no answer is asked by all who waited at once, not by one after the other', async () => {
    const cut = Promise.withResolvers<void>();
    const barrier = Promise.withResolvers<void>();
    let asked = 0;
    const first = Promise.withResolvers<void>();
    const origin = await startOrigin(async (_, reply) => {
      asked += 1;
      if (asked === 1) {
        first.resolve();
        await cut.promise;
      } else {
        if (asked === MANY) barrier.resolve();
        await barrier.promise;
      }
      // Half an answer: nothing is repeated after that.
      await reply.raw('HTTP/1.1 200');
      reply.end();
    });
    onTestFinished(() => origin.close());
    const clients = await ask(proxy, `${origin.url}/`, MANY);
    await first.promise;
    await hasRead(proxy);
    cut.resolve();
    const responses = await read(clients);
    expect([asked, new Set(responses.map(({ status }) => status))]).toEqual([MANY, new Set([502])]);
  });

  it.each<[string, WireField[]]>([
    ['Range', [['Range', 'bytes=0-1']]],
    ['Authorization', [['Authorization', 'Basic eDp5']]],
    ['Cache-Control: no-store', [['Cache-Control', 'no-store']]],
    ['If-Match', [['If-Match', '"one"']]],
  ])('requests with %s are not made to wait for one another', async (_, fields) => {
    const origin = await startHeld((_request, reply) => reply.response({ fields: [FRESH], body: 'content' }));
    const clients = await ask(proxy, `${origin.url}/`, 5, fields);
    await origin.asked(5);
    origin.letGo();
    for (const { status } of await read(clients)) expect(status).toBe(200);
  });

  it('a request with a condition joins what has been asked for without one, and is answered by it', async () => {
    const origin = await startHeld((_, reply) => reply.response({ fields: [FRESH, ['ETag', '"one"']], body: 'content' }));
    const [leader] = await ask(proxy, `${origin.url}/`, 1);
    await origin.asked(1);
    const [same, other] = [
      await ask(proxy, `${origin.url}/`, 1, [['If-None-Match', '"one"']]),
      await ask(proxy, `${origin.url}/`, 1, [['If-None-Match', '"two"']]),
    ];
    await hasRead(proxy);
    origin.letGo();
    const responses = await read([leader!, ...same, ...other]);
    expect(responses.map(({ status, body }) => `${status} ${body}`)).toEqual(['200 content', '304 ', '200 content']);
    expect(origin.requests).toHaveLength(1);
  });

  it('a request with a condition leads nobody: what it gets may be a 304', async () => {
    const origin = await startHeld((request, reply) =>
      reply.response(valuesOf(request.fields, 'if-none-match').length > 0 ? { status: 304 } : { fields: [FRESH], body: 'content' }),
    );
    const conditional = await ask(proxy, `${origin.url}/`, 1, [['If-None-Match', '"one"']]);
    await origin.asked(1);
    const plain = await ask(proxy, `${origin.url}/`, 1);
    await origin.asked(2);
    origin.letGo();
    expect((await read([...conditional, ...plain])).map(({ status, body }) => `${status} ${body}`)).toEqual(['304 ', '200 content']);
  });

  it('content that outgrows the store reaches everybody who reads along, whole', async () => {
    const small = await startCachingProxy({ max_object_memory: 2 ** 16 });
    onTestFinished(() => small.close());
    const origin = await startHeld((_, reply) => reply.response({ fields: [FRESH], body: BIG, chunked: true }));
    const clients = await ask(small, `${origin.url}/`, 10);
    await origin.asked(1);
    await hasRead(small);
    origin.letGo();
    for (const { body } of await read(clients)) expect(body.equals(BIG)).toBe(true);
    expect(origin.requests).toHaveLength(1);
  });

  it('those who fetch the same apart from each other leave one stored response behind', async () => {
    const origin = await startHeld((_, reply) => reply.response({ fields: [['Cache-Control', 'public, max-age=3600']], body: 'content' }));
    const clients = await ask(proxy, `${origin.url}/`, 10, [['Authorization', 'Basic eDp5']]);
    await origin.asked(10);
    origin.letGo();
    await read(clients);
    const next = await fetchVia(proxy, `${origin.url}/`);
    const { reuse } = proxy.flows.at(-1)!.cache!;
    expect([next.body.toString(), reuse?.kind]).toEqual(['content', 'hit']);
    await fetchVia(proxy, `${origin.url}/`, { fields: [['Cache-Control', 'no-store']] });
    expect(proxy.flows.at(-1)!.cache!.reuse).toMatchObject({ kind: 'miss', variants: 1 });
  });
});

describe('a reload in the middle', () => {
  it.each<[string, Parameters<typeof inMemory>[0], number]>([
    ['that keeps the store', {}, 1],
    // A store that is closed takes nothing, so each fetches its own.
    ['that replaces the store', { memory: 2 ** 25 }, 5],
  ])('%s takes nothing from those who wait, nor from those who read', async (_, settings, requests) => {
    const own = await startCachingProxy();
    onTestFinished(() => own.close());
    const rest = Promise.withResolvers<void>();
    const head = Promise.withResolvers<void>();
    const isAsked = Promise.withResolvers<void>();
    const origin = await startOrigin(async (request, reply) => {
      if (request.target !== '/') return reply.response({});
      isAsked.resolve();
      await head.promise;
      await reply.raw(`HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: ${BIG.length}\r\n\r\n`);
      await reply.raw(BIG.subarray(0, 1000));
      await rest.promise;
      return reply.raw(BIG.subarray(1000));
    });
    onTestFinished(() => origin.close());
    const clients = await ask(own, `${origin.url}/`, 5);
    await isAsked.promise;
    await hasRead(own);
    const reload = (): Promise<void> => own.running.reload(testConfig({ viaName: 'sally', cache: inMemory(settings) }));
    await reload();
    head.resolve();
    const isBegun = (unread: Buffer): number => (unread.includes('\r\n\r\n0123456789') ? unread.indexOf('\r\n\r\n') + 4 : -1);
    await Promise.all(clients.map((client) => client.readUntil(isBegun)));
    await reload();
    rest.resolve();
    for (const client of clients) expect((await client.readExactly(BIG.length)).equals(BIG)).toBe(true);
    expect(origin.requests).toHaveLength(requests);
  });
});
