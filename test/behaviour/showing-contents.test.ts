// Contents on the thread on which they are looked at: what takes too long, or too much memory, ends there, is said in words, and holds nobody up.
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ContentView } from '../../src/flows/content/content-view.ts';
import type { ExchangeDiff } from '../../src/flows/diff.ts';
import type { RecordedFields } from '../../src/flows/recorded.ts';
import { maskRules } from '../../src/flows/redact/rules.ts';
import type { KeptOctets } from '../../src/flows/store/show-task.ts';
import { NotShown, SHOWING_LIMITS, Showing } from '../../src/flows/store/showing.ts';
import { finished } from '../support/flow-batches.ts';
import { openTestStore } from '../support/flow-store.ts';
import { exchangeOf } from '../support/recorded.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const MASKS = maskRules({ fields: [], query: [], json: [] });
const JSON_TYPE: RecordedFields[number] = ['Content-Type', 'application/json'];
const GZIP: RecordedFields[number] = ['Content-Encoding', 'gzip'];
const SECRET = '{"password":"hunter2"}';

describe('the thread', () => {
  let showing: Showing;
  beforeEach(() => {
    showing = new Showing(SHOWING_LIMITS);
  });
  afterEach(() => showing.close());

  test('gives views, and contents without their secrets', async () => {
    const shown = viewed(await showing.ask({ kind: 'view', content: kept(gzipSync(SECRET), GZIP), as: null, masks: MASKS }, 'a'));
    expect(shown).toMatchObject({ kind: 'json', text: '{\n  "password": "‹masked 7 octets›"\n}', decoded: { codings: ['gzip'] } });
    const masked = await showing.ask({ kind: 'masked', content: kept(gzipSync(SECRET), GZIP), masks: MASKS }, 'b');
    expect(Buffer.from(masked!).toString()).toBe('{"password":"‹masked 7 octets›"}');
    expect(await showing.ask({ kind: 'masked', content: kept(Buffer.from('{}')), masks: MASKS }, 'c')).toBeNull();
  });

  test('gives differences and requests to paste elsewhere, with secrets masked and no coding left where one was', async () => {
    const request = { method: 'POST', target: 'http://example.com/', version: '1.1', fields: [JSON_TYPE, GZIP] };
    const requestContent = { length: 1, kept: 1, digest: null, isComplete: true, trailers: [] };
    const withContent = (content: string) => ({
      exchange: exchangeOf({ request, requestContent }),
      requestOctets: gzipSync(content),
      responseOctets: null,
    });
    const task = { before: withContent(SECRET), after: withContent('{"password":"other"}'), masks: MASKS };
    const { content } = parsed<ExchangeDiff>(await showing.ask({ kind: 'diff', ...task }, 'a'));
    expect(content.map(({ kind, text }) => `${kind} ${text.trim()}`).slice(0, 4)).toEqual([
      'same {',
      'removed "password": "‹masked 7 octets›"',
      'added "password": "‹masked 5 octets›"',
      'same }',
    ]);
    const { text } = parsed<{ text: string }>(await showing.ask({ kind: 'copy', of: task.before, form: 'curl', masks: MASKS }, 'b'));
    expect(text).toContain(`--data-raw '{"password":"‹masked 7 octets›"}'`);
    expect(text).not.toMatch(/content-encoding/i);
  });

  test('is asked once for what is asked twice', async () => {
    const task = { kind: 'masked', content: kept(Buffer.from(SECRET)), masks: MASKS } as const;
    const [one, two] = [showing.ask(task, 'a'), showing.ask(task, 'a')];
    expect(await one).toBe(await two);
    expect(showing.ask(task, 'a')).not.toBe(one);
  });

  test('ends where a question takes longer than it may, and the next one has another', async () => {
    showing.close();
    showing = new Showing({ ...SHOWING_LIMITS, deadlineMs: 1_500 });
    const bomb = bombOf('a=%7B&');
    const exchange = exchangeOf({
      request: { ...exchangeOf().request, fields: FORM },
      response: { ...exchangeOf().response!, fields: FORM },
    });
    const both = { exchange, requestOctets: bomb, responseOctets: bomb };
    const slow = showing.ask({ kind: 'diff', before: both, after: both, masks: MASKS }, 'a');
    const next = showing.ask({ kind: 'masked', content: kept(Buffer.from(SECRET)), masks: MASKS }, 'b');
    await expect(slow).rejects.toThrow(new NotShown('it took longer than 1.5 s'));
    expect(await next).not.toBeNull();
  });

  test('ends where a question takes more memory than it may', async () => {
    showing.close();
    showing = new Showing({ ...SHOWING_LIMITS, deadlineMs: 60_000, heapMb: 24 });
    const content = kept(bombOf('{"a":{},"b":[]},'), GZIP);
    await expect(showing.ask({ kind: 'view', content, as: null, masks: null }, 'a')).rejects.toThrow('more memory than it may');
  });

  test('ends when nobody has asked for a while, and begins again', async () => {
    showing.close();
    showing = new Showing({ ...SHOWING_LIMITS, idleMs: 1 });
    for (const about of ['a', 'b']) {
      expect(await showing.ask({ kind: 'masked', content: kept(Buffer.from(SECRET)), masks: MASKS }, about)).not.toBeNull();
      await expect.poll(() => showing.isRunning).toBe(false);
    }
  });
});

test('whoever asks the store for something else does not wait for a content that takes long', async () => {
  await using opened = await openTestStore(`${folder}/sessions`);
  await opened.write(finished(1, { response: bombOf('"" '), coding: 'gzip' }));
  const order: string[] = [];
  const view = opened.ask({ kind: 'view', id: 1, of: 'response', as: null, masks: MASKS }).then((json) => {
    order.push('view');
    return viewed(json);
  });
  const content = opened.ask({ kind: 'content', id: 1, of: 'response', masks: MASKS }).finally(() => order.push('content'));
  for (let i = 0; i < 3; i += 1) await opened.ask({ kind: 'list', filter: 'body:"nothing"', order: 'id', offset: 0, limit: 1 });
  order.push('list');
  // On a machine that is very slow it is said that they took too long.
  await Promise.allSettled([view, content]);
  expect(order).toEqual(['list', 'view', 'content']);
});

function kept(octets: Buffer, ...fields: RecordedFields): KeptOctets {
  return { octets, isCut: false, fields: [JSON_TYPE, ...fields] };
}

/** As much as is unpacked of anything, and a little that is not as simple. */
function bombOf(piece: string): Buffer {
  return gzipSync(Buffer.concat([Buffer.from(`[${piece.repeat(Math.ceil((16 << 20) / piece.length))}`), randomBytes(64)]));
}

function viewed(json: Uint8Array | null): ContentView {
  return parsed<ContentView>(json);
}

function parsed<T>(json: Uint8Array | null): T {
  return JSON.parse(new TextDecoder().decode(json!)) as T;
}

const FORM: RecordedFields = [['Content-Type', 'application/x-www-form-urlencoded'], GZIP];
