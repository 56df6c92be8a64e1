// Rules and breakpoints whose filters look into content: it is waited for before they are judged, and passes whole then. What is too much is not seen, fits
// nothing, and the record says so.
import type { RequestListener } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inBothVersions } from '../support/both-versions.ts';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { ask, openSession } from '../support/http2-in-tunnels.ts';
import { type Answer, fetchThrough, type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
let plain: WebOrigin;
let secure: DualOrigin;
let rewriting: RewritingProxy;
let session: ClientHttp2Session | null = null;

const LARGE = 3 * 1024 * 1024;

/** Answers with what it was sent, in gzip. */
const answer: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (bytes: Buffer) => chunks.push(bytes));
  request.on('end', () => {
    if (request.url === '/events') response.setHeader('Content-Type', 'text/event-stream');
    else response.setHeader('Content-Encoding', 'gzip');
    const sent = Buffer.concat(chunks);
    const content = request.url?.startsWith('/large') ? Buffer.alloc(LARGE, 'secret ') : Buffer.from(`got ${sent.length}: ${sent}`);
    // Without compression: what counts is what is on the line.
    const octets = request.url === '/events' ? Buffer.from('data: secret\n\n') : gzipSync(content, { level: 0 });
    response.setHeader('Content-Length', octets.length);
    response.end(octets);
  });
};

beforeAll(async () => {
  plain = await startWebOrigin(answer);
  secure = await startDualOrigin(ca, inBothVersions(answer));
  rewriting = await startRewritingProxy(
    folder,
    ca,
    `version: 1
rules:
  - { name: Asked, match: "path:/asked body:secret", set: { response: { X-Asked: "yes" }, request: { X-Asked: "yes" } } }
  - { name: Answered, match: "path:/answered ~bs got", set: { response: { X-Answered: "yes" } } }
  - { name: Mocked, match: "path:/mocked ~bq GetUser", answer: { status: 203, body: mocked } }
  - { name: Not, match: "path:/large !body:other", set: { response: { X-Not: "yes" } } }
  - { name: Sized, match: "path:/large size:>2MB", set: { response: { X-Sized: "yes" } } }
  - { name: Events, match: "path:/events body:secret", set: { response: { X-Events: "yes" } } }
`,
  );
});
afterAll(async () => {
  await rewriting?.proxy.close();
  await Promise.all([plain.close(), secure.close()]);
});

type Ask = (path: string, content?: string) => Promise<Answer>;

const overHttp1: Ask = (at, content) =>
  fetchThrough(rewriting.proxy, `${plain.url}${at}`, content === undefined ? {} : { method: 'POST', content });
const overHttp2: Ask = async (at, content) => {
  if (session === null || session.destroyed) session = await openSession(rewriting.proxy, `localhost:${secure.port}`);
  const octets = content === undefined ? undefined : Buffer.from(content);
  const { headers, content: answered } = await ask(session, { ':method': content === undefined ? 'GET' : 'POST', ':path': at }, octets);
  return { status: Number(headers[':status']), headers, content: answered };
};

async function misses(at: string): Promise<string[]> {
  const { facts, summary } = await rewriting.recorded(at);
  const missed = facts.changes.filter(({ isMiss }) => isMiss);
  for (const { rule } of missed) expect(summary.touched).not.toContain(rule);
  return missed.map(({ stage, rule, what }) => `${stage} ${rule}: ${what}`);
}

describe.each<[string, string, Ask]>([
  ['HTTP/1.1', '1', overHttp1],
  ['HTTP/2 in an opened tunnel', '2', overHttp2],
])('over %s', (_, version, asks) => {
  test('a rule fits what was sent, and what comes of it; what it does not fit passes whole', async () => {
    const found = await asks(`/asked/${version}`, 'a Secret');
    expect([found.headers['x-asked'], found.headers['content-encoding']]).toEqual(['yes', 'gzip']);
    expect((await rewriting.recorded(`/asked/${version}`)).facts.changes.map(({ stage }) => stage)).toEqual(['request', 'response']);
    const other = await asks('/asked/other', 'nothing');
    expect([other.headers['x-asked'], other.status]).toEqual([undefined, 200]);
  });

  test('a rule fits what was answered, out of its coding', async () => {
    expect((await asks('/answered')).headers['x-answered']).toBe('yes');
    expect((await asks('/answered', 'x')).headers['x-answered']).toBe('yes');
  });

  test('a rule answers some calls of one address, and not others', async () => {
    expect((await asks('/mocked', '{"query": "GetUser"}')).content.toString()).toBe('mocked');
    expect((await asks('/mocked', '{"query": "GetOrder"}')).status).toBe(200);
    expect((await asks('/mocked')).status).toBe(200);
  });

  test('the size of a response is what its head announces', async () => {
    expect((await asks('/large')).headers['x-sized']).toBe('yes');
  });

  test('what is too much passes, fits nothing, and the record says why', async () => {
    const sent = await asks(`/mocked/${version}/large`, 'GetUser '.repeat(200_000));
    expect([sent.status, sent.content.length > 1_000_000]).toEqual([200, true]);
    expect(await misses(`/mocked/${version}/large`)).toEqual(['request Mocked: did not fit, since the content is more than 1 MiB']);
    const got = await asks(`/large/${version}`);
    expect([got.headers['x-not'], got.content.length > LARGE]).toEqual([undefined, true]);
    expect(await misses(`/large/${version}`)).toContain('response Not: did not fit, since the content is more than 1 MiB');
  });
});

test('nobody waits for a stream of events', async () => {
  expect((await overHttp1('/events')).headers['x-events']).toBe(undefined);
  expect(await misses('/events')).toEqual(['response Events: did not fit, since a stream of events is not looked into']);
});

test.each(['request', 'response'] as const)('a breakpoint at a %s holds what its filter finds in content, and nothing else', async (at) => {
  await rewriting.api('PUT', '/api/breakpoints', [{ filter: 'path:/break body:"hold me"', at, isOn: true }]);
  expect((await overHttp1('/break', 'let me go')).status).toBe(200);
  const answered = overHttp1('/break', 'please hold me');
  let held: { readonly number: number; readonly at: string }[] = [];
  while (held.length === 0) ({ held } = await rewriting.api('GET', '/api/breakpoints/held'));
  expect(held[0]!.at).toBe(at);
  await rewriting.api('POST', `/api/breakpoints/held/${held[0]!.number}`, { action: 'continue' });
  expect((await answered).status).toBe(200);
  await rewriting.api('PUT', '/api/breakpoints', []);
});
