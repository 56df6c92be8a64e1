// Targeted cache control (RFC 9213): which field decides how a response is cached, and what it says. The list of targeted fields is the operator's
// and empty by default: CDN-Cache-Control speaks to content delivery networks, and a forward proxy is none until somebody says so.
//
// Nothing here waits for a response to grow old: its Age makes it so.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestHandler } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf, type WireField } from '../support/strict-message.ts';
import { answering, askAgain, isReused } from './ask-again.ts';
import { withTargeted } from './cache-suite/targeted.ts';

const TARGETED = 'CDN-Cache-Control';
const LONG: WireField = ['Cache-Control', 'max-age=3600'];
const FUTURE: WireField = ['Expires', 'Fri, 01 Jan 2038 00:00:00 GMT'];
const PAST: WireField = ['Expires', 'Sat, 01 Jan 2000 00:00:00 GMT'];
const AGED: WireField = ['Age', '60'];
const ETAG: WireField = ['ETag', '"1"'];
const NOT_MODIFIED = { status: 304, reason: 'Not Modified' };

function targeted(value: string): WireField {
  return [TARGETED, value];
}

describe('one targeted field is listed', () => {
  let proxy: TestProxy;
  beforeAll(async () => {
    proxy = await startTestProxy(withTargeted([TARGETED]));
  });
  afterAll(() => proxy.close());

  describe('and decides alone (§2.2)', () => {
    it.each<[string, WireField[], boolean]>([
      ['its max-age makes a response fresh that says nothing else', [targeted('max-age=3600')], true],
      ['its max-age=0 makes a response stale that Cache-Control and Expires call fresh', [targeted('max-age=0'), LONG, FUTURE], false],
      ['its long max-age wins over a short one in Cache-Control', [targeted('max-age=3600'), ['Cache-Control', 'max-age=1'], AGED], true],
      ['its short max-age wins over a long one in Cache-Control', [targeted('max-age=1'), LONG, AGED], false],
      ['its max-age wins over s-maxage in Cache-Control', [targeted('max-age=3600'), ['Cache-Control', 's-maxage=1'], AGED], true],
      ['its max-age wins over Expires in the past', [targeted('max-age=3600'), PAST], true],
      ['its max-age wins over an Expires that is no date', [targeted('max-age=3600'), ['Expires', '0']], true],
      ['its no-store keeps a response out that Cache-Control and Expires call fresh', [targeted('no-store'), LONG, FUTURE], false],
      ['its private keeps a response out that Cache-Control and Expires call fresh', [targeted('private'), LONG, FUTURE], false],
      ['no-store in Cache-Control is disregarded', [targeted('max-age=3600'), ['Cache-Control', 'no-store']], true],
      ['private in Cache-Control is disregarded', [targeted('max-age=3600'), ['Cache-Control', 'private']], true],
      ['no-cache in Cache-Control is disregarded', [targeted('max-age=3600'), ['Cache-Control', 'no-cache'], ETAG], true],
      [
        'max-age in Cache-Control and Expires are disregarded, even where it names no lifetime itself',
        [targeted('foo'), LONG, FUTURE],
        false,
      ],
      ['its name is known in any case', [['cdn-CACHE-control', 'max-age=3600']], true],
    ])('%s', async (_, fields, reused) => {
      expect(await isReused(proxy, fields)).toBe(reused);
    });

    it('Age counts against its max-age (RFC 9111 §4.2.3)', async () => {
      expect(await isReused(proxy, [targeted('max-age=3600'), ['Age', '3599']])).toBe(true);
      expect(await isReused(proxy, [targeted('max-age=3600'), ['Age', '3600']])).toBe(false);
    });

    it('its no-cache has a stored response validated before each use (RFC 9111 §5.2.2.4)', async () => {
      const fields = [targeted('no-cache'), LONG, FUTURE, ETAG];
      const { responses, requests } = await askAgain(proxy, answering({ fields }, { ...NOT_MODIFIED, fields }));
      expect(requests.map((request) => valuesOf(request.fields, 'if-none-match'))).toEqual([[], ['"1"']]);
      expect(responses.map(({ status, body }) => `${status} ${body}`)).toEqual(['200 content', '200 content']);
    });

    it('its max-age in a 304 makes the stored response fresh again (RFC 9111 §3.2)', async () => {
      const freshened = { ...NOT_MODIFIED, fields: [targeted('max-age=3600'), ETAG] };
      const { responses, requests } = await askAgain(proxy, answering({ fields: [targeted('no-cache'), ETAG] }, freshened), [[], [], []]);
      expect(requests.length).toBe(2);
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
    });

    it.each([
      ['its must-revalidate forbids a stale answer when the origin is gone (RFC 9111 §5.2.2.2)', 'max-age=1, must-revalidate', [502, 504]],
      ['without it a stale answer is allowed then (RFC 9111 §4.2.4)', 'max-age=1', [200]],
    ])('%s', async (_, value, expected) => {
      const answer = answering({ fields: [targeted(value), LONG, AGED, ETAG] });
      let asked = 0;
      const goesAway: RequestHandler = (request, reply) => (asked++ === 0 ? answer(request, reply) : reply.reset());
      const { responses } = await askAgain(proxy, goesAway);
      expect(expected).toContain(responses[1]!.status);
    });

    it('reaches the client unchanged, from the origin and from the store, and so do Cache-Control and Expires', async () => {
      const sent: WireField[] = [targeted('max-age=3600, foo;bar="a, b"'), targeted('baz'), ['Cache-Control', 'no-store'], PAST];
      const { responses, requests } = await askAgain(proxy, answering({ fields: sent }));
      expect(requests.length).toBe(1);
      for (const response of responses) {
        expect(valuesOf(response.fields, 'cdn-cache-control').join(', ')).toBe('max-age=3600, foo;bar="a, b", baz');
        expect(valuesOf(response.fields, 'cache-control')).toEqual(['no-store']);
        expect(valuesOf(response.fields, 'expires')).toEqual([PAST[1]]);
      }
    });

    it('means nothing in a request (§2)', async () => {
      expect(await isReused(proxy, [targeted('max-age=3600')], [targeted('no-cache, max-age=0')])).toBe(true);
    });
  });

  describe('and is read as a Dictionary of Structured Fields (§2.1)', () => {
    it.each<[string, WireField[], boolean]>([
      ['an unknown directive is passed over', [targeted('foobar, max-age=3600')], true],
      ['an unknown directive with a value of any type is passed over', [targeted('a=("x" y);z, b=:aGk=:, c=1.5, max-age=3600')], true],
      ['a parameter of a directive is passed over', [targeted('max-age=3600;unit=h;x')], true],
      ['several lines are one Dictionary (RFC 9110 §5.3)', [targeted('max-age=3600'), targeted('no-store'), LONG], false],
      ['of two members with one name the last counts (RFC 9651 §4.2.2)', [targeted('max-age=0, max-age=3600')], true],
      ['a lifetime beyond 31 bits is long, not none (RFC 9111 §1.2.2)', [targeted('max-age=99999999999')], true],
      ['a String is no lifetime: it is not consumed', [targeted('max-age="3600"'), LONG], false],
      ['a Decimal is no lifetime: it is not consumed', [targeted('max-age=3600.0'), LONG], false],
      ['a Token is no lifetime: it is not consumed', [targeted('max-age=long'), LONG], false],
      ['a directive without a value is no lifetime: it is not consumed', [targeted('max-age'), LONG], false],
      ['a negative number is no lifetime: it is not consumed', [targeted('max-age=-1'), LONG], false],
    ])('%s', async (_, fields, reused) => {
      expect(await isReused(proxy, fields)).toBe(reused);
    });

    it.each([
      ['a member that is no key', 'max-age=3600, &&&&&'],
      ['a value of no type', 'max-age=3600, a=&'],
      ['a comma at the end', 'max-age=3600,'],
      ['an empty member', 'max-age=3600,, foo'],
      ['blanks before the equals sign', 'foo =1, max-age=3600'],
      ['blanks after it', 'foo= 1, max-age=3600'],
      ['a String without end', 'max-age=3600, a="b'],
      ['a name in capitals', 'Max-Age=3600'],
      ['an Integer of 16 digits', 'max-age=3600, a=1234567890123456'],
    ])('%s is an error that ignores the whole field, in favour of Cache-Control', async (_, value) => {
      expect(await isReused(proxy, [targeted(value), ['Cache-Control', 'no-store']])).toBe(false);
      expect(await isReused(proxy, [targeted(`no-store, ${value}`), LONG])).toBe(true);
    });

    it('an empty value is no value: Cache-Control decides (§2.2)', async () => {
      expect(await isReused(proxy, [targeted(''), LONG])).toBe(true);
      expect(await isReused(proxy, [targeted(''), ['Cache-Control', 'no-store']])).toBe(false);
    });
  });
});

describe('several targeted fields are listed, and the first that is valid decides (§2.2)', () => {
  const NEARER = 'Sally-Cache-Control';
  let proxy: TestProxy;
  beforeAll(async () => {
    proxy = await startTestProxy(withTargeted([NEARER, TARGETED]));
  });
  afterAll(() => proxy.close());

  it.each<[string, WireField[], boolean]>([
    ['the first listed wins with a yes', [[NEARER, 'max-age=3600'], targeted('no-store')], true],
    ['the first listed wins with a no', [[NEARER, 'no-store'], targeted('max-age=3600'), LONG], false],
    ['the order in the response is nothing to it', [targeted('no-store'), [NEARER, 'max-age=3600']], true],
    ['the second decides where the first is absent', [targeted('max-age=3600'), ['Cache-Control', 'no-store']], true],
    ['the second decides where the first is empty', [[NEARER, ''], targeted('max-age=3600'), ['Cache-Control', 'no-store']], true],
    [
      'the second decides where the first has an error',
      [[NEARER, 'no-store, &'], targeted('max-age=3600'), ['Cache-Control', 'no-store']],
      true,
    ],
    ['the second adds nothing to the first', [[NEARER, 'foo'], targeted('max-age=3600'), LONG], false],
    ['Cache-Control decides where both have errors', [[NEARER, 'no-store, &'], targeted('no-store, &'), LONG], true],
  ])('%s', async (_, fields, reused) => {
    expect(await isReused(proxy, fields)).toBe(reused);
  });
});

describe('no targeted field is listed, as by default', () => {
  let proxy: TestProxy;
  beforeAll(async () => {
    proxy = await startTestProxy(withTargeted([]));
  });
  afterAll(() => proxy.close());

  it.each<[string, WireField[], boolean]>([
    ['CDN-Cache-Control makes nothing fresh', [targeted('max-age=3600')], false],
    ['CDN-Cache-Control lifts no no-store', [targeted('max-age=3600'), ['Cache-Control', 'no-store']], false],
    ['CDN-Cache-Control keeps nothing out', [targeted('no-store, private'), LONG], true],
  ])('%s', async (_, fields, reused) => {
    expect(await isReused(proxy, fields)).toBe(reused);
  });
});
