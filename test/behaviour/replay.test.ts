// Requests that are sent again, or written by hand, as the origin gets them: octet by octet, on a connection of the proxy's own line.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw } from '../support/raw-client.ts';
import { type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
let origin: Origin;
let rewriting: RewritingProxy;
beforeAll(async () => {
  origin = await startOrigin((_, reply) => reply.response({ fields: [['X-Origin', 'yes']], body: 'answer' }));
  rewriting = await startRewritingProxy(
    folder,
    createTemporaryCa(folder),
    'version: 1\nrules:\n  - { name: Silent, match: "path:/broken ~replay", fail: reset }\n',
    { policyRules: '  - { name: No, deny: { path: /denied } }\n' },
  );
});
afterAll(async () => {
  await rewriting?.proxy.close();
  await origin.close();
});

/** The octets of one request, from a client that says exactly that. */
async function sent(head: string, content: string | Uint8Array = ''): Promise<void> {
  const client = await connectRaw({ port: rewriting.proxy.port });
  await client.send(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(content as string)]));
  await client.readResponse(head.slice(0, head.indexOf(' ')));
  client.destroy();
}

async function replayed(at: string): Promise<number> {
  const { summary } = await rewriting.recorded(at);
  const { id } = await rewriting.api<{ id: number }>('POST', `/api/exchanges/${summary.id}/replay`);
  await ended(id);
  return id;
}

async function ended(id: number): Promise<Record<string, unknown>> {
  for (;;) {
    const { status, value } = await rewriting.tryApi('GET', `/api/exchanges/${id}?reveal=1`);
    const summary = value['summary'] as Record<string, unknown> | undefined;
    if (status === 200 && summary?.['state'] === 'done') return summary;
  }
}

test('a request is sent again octet by octet, its secrets and its content too', async () => {
  const octets = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const head =
    `POST ${origin.url}/octets?a=%20b&b=c HTTP/1.1\r\nHost: ${origin.authority}\r\nx-LOWER: a\r\nX-Twice: 1\r\nX-Twice: 2\r\n` +
    `Authorization: Bearer secret\r\nCookie: a=b\r\nX-Latin: caf\xe9\r\nContent-Length: 256\r\n\r\n`;
  await sent(head, octets);
  const id = await replayed('/octets?a=%20b&b=c');
  const [first, again] = origin.requests.slice(-2);
  expect(again!.raw.toString('latin1')).toBe(first!.raw.toString('latin1'));
  expect(again!.raw.toString('latin1')).toContain('X-Latin: caf\xe9');
  expect(await ended(id)).toMatchObject({ outcome: 'forwarded', status: 200, replayOf: expect.any(Number), client: '127.0.0.1' });
});

test('without content it is sent without, and chunked content with its length', async () => {
  await sent(`HEAD ${origin.url}/head HTTP/1.1\r\nHost: x\r\n\r\n`);
  await replayed('/head');
  expect(origin.requests.at(-1)).toMatchObject({ method: 'HEAD' });
  await sent(`PUT ${origin.url}/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`);
  await replayed('/chunked');
  const { body, fields } = origin.requests.at(-1)!;
  expect([body.toString(), fields.find(([name]) => name === 'Content-Length')?.[1]]).toEqual(['abc', '3']);
});

test('a request is written by hand, and goes where its URL says, whatever its Host', async () => {
  const { id } = await rewriting.api<{ id: number }>('POST', '/api/send', {
    method: 'PATCH',
    url: `${origin.url}/written/\u00fc`,
    fields: [
      ['Host', 'other.example'],
      ['X-Mine', 'yes'],
      ['Content-Length', '99'],
      ['Connection', 'close'],
    ],
    content: Buffer.from('by hand').toString('base64'),
  });
  await ended(id);
  const { method, target, fields, body } = origin.requests.at(-1)!;
  expect([method, target, body.toString()]).toEqual(['PATCH', '/written/%C3%BC', 'by hand']);
  expect(fields.filter(([name]) => /^(?:host|x-mine|content-length|connection)$/i.test(name))).toEqual([
    ['Host', origin.authority],
    ['X-Mine', 'yes'],
    ['Content-Length', '7'],
  ]);
});

test('policy judges it as any other, and the proxy itself is out of reach', async () => {
  const send = (url: string) => rewriting.api<{ id: number }>('POST', '/api/send', { method: 'GET', url });
  expect(await ended((await send(`${origin.url}/denied`)).id)).toMatchObject({ outcome: 'denied', status: 403, rule: 'No' });
  expect(await ended((await send(`${rewriting.proxy.url}/`)).id)).toMatchObject({ error: 'destination_ip_prohibited' });
});

test('one that a rule breaks off ends, too', async () => {
  await sent(`GET ${origin.url}/broken HTTP/1.1\r\nHost: x\r\n\r\n`);
  const id = await replayed('/broken');
  expect(await ended(id)).toMatchObject({ outcome: 'failed', error: 'connection_terminated', touched: ['Silent'] });
});

test.each<[object, RegExp]>([
  [{ method: 'CONNECT', url: 'http://a.example/' }, /method/],
  [{ method: 'GET', url: '/path' }, /absolute URL/],
  [{ method: 'GET', url: 'http://user@a.example/' }, /User information/],
  [{ method: 'GET', url: 'http://a.example/', fields: [['X', 'a\r\nb']] }, /line breaks/],
  [{ method: 'GET', url: 'http://a.example/', fields: [['a b', 'c']] }, /name of a field/],
])('what is no request is refused: %j', async (request, why) => {
  const { status, value } = await rewriting.tryApi('POST', '/api/send', request);
  expect([status, value['error']]).toEqual([400, expect.stringMatching(why)]);
});
