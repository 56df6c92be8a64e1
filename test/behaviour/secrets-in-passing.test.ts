// Secrets of what is held at breakpoints, of what is stored, and of why something went as it did: no answer of the API has them unless they are asked for,
// and a person who edits around them sends them all the same.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inMemory } from '../support/cached.ts';
import { fetchThrough, type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

interface Held {
  readonly number: number;
  readonly url: string;
  readonly fields: [string, string][];
  readonly content: string;
}

const folder = temporaryFolder(afterAll);
const JSON_TYPE = { 'Content-Type': 'application/json' };
let origin: WebOrigin;
let rewriting: RewritingProxy;
const seen: { readonly url: string; readonly content: string; readonly cookie: string; readonly token: string }[] = [];

beforeAll(async () => {
  origin = await startWebOrigin((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (bytes: Buffer) => chunks.push(bytes));
    request.on('end', () => {
      const { cookie = '', 'x-api-key': token = '' } = request.headers;
      seen.push({ url: request.url!, content: String(Buffer.concat(chunks)), cookie, token: String(token) });
      const stored = { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'sid=in-set-cookie; Path=/', Vary: 'X-Api-Key' };
      response.writeHead(200, { ...JSON_TYPE, ...(request.method === 'GET' && stored) });
      response.end('{"access_token":"in-json","n":1}');
    });
  });
  const policyRules = '  - allow: { host: 127.0.0.1, path: "/asked;sid=*" }\n';
  rewriting = await startRewritingProxy(folder, createTemporaryCa(folder), '', { policyRules, config: { cache: inMemory() } });
});
afterAll(async () => {
  await rewriting?.proxy.close();
  await origin.close();
});

describe('what is held', () => {
  const send = (content = '{"password":"in-content","n":1}') =>
    fetchThrough(rewriting.proxy, `${origin.url}/held?token=in-url&n=1`, {
      method: 'POST',
      headers: { ...JSON_TYPE, Cookie: 'a=in-cookie; b=1', 'X-Api-Key': 'in-field' },
      content,
    });
  const heldNow = async (query = ''): Promise<Held> => {
    for (;;) {
      const { held } = await rewriting.api<{ held: Held[] }>('GET', `/api/breakpoints/held${query}`);
      if (held[0] !== undefined) return held[0];
    }
  };
  const release = ({ number }: Held, edited?: object) =>
    rewriting.tryApi('POST', `/api/breakpoints/held/${number}`, { action: 'continue', edited });
  const textOf = ({ content }: Held): string => Buffer.from(content, 'base64').toString();
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const told = (held: Held): string => Buffer.from(JSON.stringify({ ...held, content: textOf(held) }), 'latin1').toString();

  beforeEach(async () => {
    await rewriting.api('PUT', '/api/breakpoints', [{ filter: 'path:/held', at: 'request', isOn: true }]);
  });

  test('is shown without its secrets, unless they are asked for', async () => {
    const answered = send();
    const masked = await heldNow();
    for (const place of ['/api/breakpoints', '/api/breakpoints/held'])
      expect(JSON.stringify(await rewriting.api('GET', place))).not.toMatch(/in-(?:url|cookie|field)/);
    expect(told(masked)).not.toMatch(/in-(?:url|cookie|field|content)/);
    expect(masked.url).toBe(`${origin.url}/held?token=‹masked+6+octets›&n=1`);
    expect(textOf(masked)).toBe('{"password":"‹masked 10 octets›","n":1}');
    const revealed = told(await heldNow('?reveal=1'));
    for (const secret of ['in-url', 'in-cookie', 'in-field', 'in-content']) expect(revealed).toContain(secret);
    expect((await release(masked)).status).toBe(200);
    await answered;
    expect(seen.at(-1)).toMatchObject({ url: '/held?token=in-url&n=1', cookie: 'a=in-cookie; b=1', token: 'in-field' });
  });

  test('goes on with its secrets where something beside them was edited', async () => {
    const answered = send();
    const masked = await heldNow();
    const fields = masked.fields
      .map(([name, value]) => [name, name === 'Cookie' ? `${value}; c=new` : value])
      .filter(([name]) => name !== 'Content-Length');
    const edited = { url: masked.url.replace('n=1', 'n=2'), fields, content: base64(textOf(masked).replace('"n":1', '"n":2')) };
    expect((await release(masked, edited)).status).toBe(200);
    await answered;
    expect(seen.at(-1)).toEqual({
      url: '/held?token=in-url&n=2',
      content: '{"password":"in-content","n":2}',
      cookie: 'a=in-cookie; b=1; c=new',
      token: 'in-field',
    });
  });

  test('stays held where a mask was edited in part, and goes on with what was written in its place', async () => {
    const answered = send();
    const masked = await heldNow();
    const half = { content: base64(textOf(masked).replace('‹masked', 'x‹masked')) };
    expect(await release(masked, half)).toMatchObject({
      status: 400,
      value: { error: expect.stringContaining('A secret of the content was edited in part') },
    });
    expect((await release(masked, { url: masked.url.replace(/token=[^&]*/, 'token=mine') })).status).toBe(200);
    await answered;
    expect(seen.at(-1)).toMatchObject({ url: '/held?token=mine&n=1', content: '{"password":"in-content","n":1}' });
  });
});

test('what is stored is listed, shown and explained without its secrets, and forgotten by the URL that is shown', async () => {
  await rewriting.api('PUT', '/api/breakpoints', []);
  const url = `${origin.url}/stored?code=in-url`;
  await fetchThrough(rewriting.proxy, url, { headers: { 'X-Api-Key': 'in-field' } });
  const asked = { url, fields: [['X-Api-Key', 'other']] };
  const inWords = { url, fields: [{ name: 'X-Api-Key', value: 'other' }] };
  const entry = `entry?url=${encodeURIComponent(url)}`;
  // As pages ask, and as the commands of `cache` do.
  const answers = async (reveal: '' | 'reveal=1') => {
    const found = [
      await rewriting.api('GET', `/api/cache/entries?${reveal}`),
      await rewriting.api('GET', `/cache/entries?${reveal}`),
      await rewriting.api('GET', `/api/cache/${entry}&${reveal}`),
      await rewriting.api('GET', `/cache/${entry}&${reveal}`),
      await rewriting.api('POST', `/api/cache/why?${reveal}`, asked),
      await rewriting.api('POST', `/cache/why?${reveal}`, inWords),
    ];
    return found.map((answer) => JSON.stringify(answer));
  };
  for (const answer of await answers('')) expect(answer).not.toMatch(/in-(?:url|field|set-cookie)/);
  // What a field said that Vary names is kept by nobody.
  const secrets = ['in-url', 'in-url', 'in-set-cookie', 'in-set-cookie', 'kept as a digest only', 'kept as a digest only'];
  for (const [i, answer] of (await answers('reveal=1')).entries()) expect(answer).toContain(secrets[i]);
  const { entries } = await rewriting.api<{ entries: { url: string }[] }>('GET', '/api/cache/entries');
  expect(entries.map((entry) => entry.url)).toEqual([`${origin.url}/stored?code=‹masked+6+octets›`]);
  expect(await rewriting.api('POST', '/api/cache/purge', { kind: 'url', url: entries[0]!.url })).toEqual({ purged: 1 });
});

test('why an exchange went as it did says no secret that a criterion looked at', async () => {
  await fetchThrough(rewriting.proxy, `${origin.url}/asked;sid=in-path`, { method: 'POST' });
  const newest = async () =>
    (await rewriting.api<{ rows: { id: number; path: string; state: string }[] }>('GET', '/api/exchanges?order=-id&limit=1')).rows[0];
  await expect.poll(newest).toMatchObject({ path: expect.stringMatching(/^\/asked;sid=.+masked/), state: 'done' });
  const { id } = (await newest())!;
  const why = (query: string) => rewriting.api('GET', `/api/exchanges/${id}/why${query}`);
  expect(JSON.stringify(await why(''))).not.toContain('in-path');
  expect(JSON.stringify(await why('?reveal=1'))).toContain('path /asked;sid=in-path matches');
});
