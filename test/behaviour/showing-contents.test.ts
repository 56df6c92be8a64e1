// Contents on the thread on which they are looked at: what takes too long, or too much memory, ends there, is said in words, and holds nobody up.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { ContentView } from '../../src/flows/content/content-view.ts';
import type { ExchangeDiff } from '../../src/flows/diff.ts';
import type { RecordedFields } from '../../src/flows/recorded.ts';
import { maskRules } from '../../src/flows/redact/rules.ts';
import type { BatchFrame } from '../../src/flows/store/batch-frames.ts';
import { FlowSession } from '../../src/flows/store/flow-session.ts';
import type { KeptOctets } from '../../src/flows/store/show-task.ts';
import { NotShown, SHOWING_LIMITS, Showing, type ShowingLimits } from '../../src/flows/store/showing.ts';
import { contentOf, maskContentWith, viewOf, writeHar } from '../../src/flows/store/shown-content.ts';
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
  const showing = new Showing(SHOWING_LIMITS);
  afterAll(() => showing.close());

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
    const difference = parsed<ExchangeDiff>(await showing.ask({ kind: 'diff', ...task }, 'a'));
    expect(difference.requestContent.map(({ kind, text }) => `${kind} ${text.trim()}`).slice(0, 4)).toEqual([
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
    using own = closing({ ...SHOWING_LIMITS, deadlineMs: 1_500 });
    const bomb = bombOf('a=%7B&');
    const exchange = exchangeOf({
      request: { ...exchangeOf().request, fields: FORM },
      response: { ...exchangeOf().response!, fields: FORM },
    });
    const both = { exchange, requestOctets: bomb, responseOctets: bomb };
    const slow = own.ask({ kind: 'diff', before: both, after: both, masks: MASKS }, 'a');
    const next = own.ask({ kind: 'masked', content: kept(Buffer.from(SECRET)), masks: MASKS }, 'b');
    await expect(slow).rejects.toThrow(new NotShown('it took longer than 1.5 s'));
    expect(await next).not.toBeNull();
  });

  test('ends where a question takes more memory than it may', async () => {
    using own = closing({ ...SHOWING_LIMITS, deadlineMs: 60_000, heapMb: 24 });
    const content = kept(bombOf('{"a":{},"b":[]},'), GZIP);
    await expect(own.ask({ kind: 'view', content, as: null, masks: null }, 'a')).rejects.toThrow('more memory than it may');
  });

  test('ends when nobody has asked for a while, and begins again', async () => {
    using own = closing({ ...SHOWING_LIMITS, idleMs: 1 });
    for (const about of ['a', 'b']) {
      expect(await own.ask({ kind: 'masked', content: kept(Buffer.from(SECRET)), masks: MASKS }, about)).not.toBeNull();
      await expect.poll(() => own.isRunning).toBe(false);
    }
  });
});

test('where a content takes too long, each answer says so: a view, what is to be masked, an archive, what is shared', async () => {
  using showing = closing({ ...SHOWING_LIMITS, deadlineMs: 100 });
  const place = `${folder}/one`;
  mkdirSync(place);
  const opening = FlowSession.open(place, { maxBytes: 1 << 30, maxAgeMs: 1e12, segmentBytes: 1 << 26 });
  let step = opening.next();
  while (step.done !== true) step = opening.next();
  const session = step.value;
  try {
    const bomb = bombOf('a=%7B&');
    session.write([formOf(bomb)], bomb.length, Date.now());
    const shown = viewed(await viewOf(showing, session, { id: 1, of: 'response', as: null, masks: MASKS }));
    expect(shown).toMatchObject({ kind: 'hex', decoded: { codings: ['gzip'] } });
    expect(shown.problem).toBe('It cannot be shown: it took longer than 0.1 s. Its octets can be saved as they are.');
    await expect(contentOf(showing, session, 1, 'response', MASKS)).rejects.toThrow(
      'could not be masked: it took longer than 0.1 s. Ask for it',
    );
    const file = `${folder}/one.har`;
    await writeHar(showing, session, [1], { file, version: '1', masks: MASKS });
    const [entry] = (JSON.parse(readFileSync(file, 'utf8')) as { log: { entries: { comment: string; response: { content: object } }[] } })
      .log.entries;
    expect(entry!.comment).toBe('Its contents are left out: it took longer than 0.1 s.');
    expect(entry!.response.content).not.toHaveProperty('text');
    expect(await maskContentWith(showing)({ octets: bomb, isCut: false, fields: FORM }, MASKS)).toHaveLength(0);
  } finally {
    session.close();
  }
});

test('whoever asks the store for something else does not wait for a content that takes long', async () => {
  await using opened = await openTestStore(`${folder}/sessions`);
  await opened.write(formOf(bombOf('a=%7B&')));
  const order: string[] = [];
  const view = opened.ask({ kind: 'view', id: 1, of: 'response', as: null, masks: MASKS }).finally(() => order.push('view'));
  for (let i = 0; i < 3; i += 1) await opened.ask({ kind: 'list', filter: 'body:"nothing"', order: 'id', offset: 0, limit: 1 });
  order.push('list');
  // On a machine that is very slow it is said that it took too long.
  expect(['form', 'hex']).toContain(viewed(await view).kind);
  expect(order).toEqual(['list', 'view']);
});

/** One with other limits, until the end of the test. */
function closing(limits: ShowingLimits): Showing & Disposable {
  const showing = new Showing(limits);
  return Object.assign(showing, { [Symbol.dispose]: () => showing.close() });
}

/** An exchange whose response is a form. */
function formOf(response: Buffer): BatchFrame {
  const frame = finished(1, { response, coding: 'gzip' });
  const detail = String(frame.detail).replace('text/html; charset=utf-8', 'application/x-www-form-urlencoded');
  return { ...frame, detail: Buffer.from(detail) };
}

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
