// Interim responses of an origin whose final response is stored (RFC 9110 §15.2, RFC 9111 §3): they pass once, and are no part of what is stored.
// How they are relayed as such is in test/behaviour/interim-and-expect.test.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestHandler } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf, type WireField } from '../support/strict-message.ts';
import { answering, askAgain } from './ask-again.ts';
import { withTargeted } from './cache-suite/targeted.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy(withTargeted([]));
});
afterAll(() => proxy.close());

const LINK: WireField = ['Link', '</style.css>; rel=preload; as=style'];

/** A final response that may be stored, after interim ones. */
function following(...interim: readonly (readonly [status: number, fields: readonly WireField[]])[]): RequestHandler {
  const answer = answering({ fields: [['Cache-Control', 'max-age=3600']] });
  return async (request, reply) => {
    for (const [status, fields] of interim) await reply.interim(status, fields);
    await answer(request, reply);
  };
}

describe('a stored response that interim ones came before', () => {
  it.each([
    ['102 Processing', 102, []],
    ['103 Early Hints, with its fields (RFC 8297 §2)', 103, [LINK, ['X-Test', '1']]],
  ] as [string, number, WireField[]][])(
    '%s reaches whoever asks first, and is not repeated for who is answered from the store',
    async (_, status, fields) => {
      const { responses, requests } = await askAgain(proxy, following([status, fields]));
      expect(requests.length).toBe(1);
      expect(responses.map(({ interim }) => interim.map((each) => [each.status, each.fields]))).toEqual([[[status, fields]], []]);
      expect(responses.map(({ status, body }) => `${status} ${body}`)).toEqual(['200 content', '200 content']);
    },
  );

  it('several arrive in the order in which the origin sent them', async () => {
    const { responses } = await askAgain(proxy, following([103, [LINK]], [102, []], [103, []]));
    expect(responses.map(({ interim }) => interim.map(({ status }) => status))).toEqual([[103, 102, 103], []]);
  });

  it('has none of their fields, neither when it comes nor from the store', async () => {
    const { responses } = await askAgain(proxy, following([103, [LINK, ['Set-Cookie', 'a=b']]]));
    const names = responses.map(({ fields }) => [valuesOf(fields, 'link'), valuesOf(fields, 'set-cookie')]);
    expect(names).toEqual([
      [[], []],
      [[], []],
    ]);
  });

  it('is stored by its own fields: no-store of an interim response is not about it', async () => {
    const { requests } = await askAgain(proxy, following([103, [['Cache-Control', 'no-store']]]));
    expect(requests.length).toBe(1);
  });

  it('is not made storable by an interim response that is fresh', async () => {
    const answer = answering({});
    const hintsFirst: RequestHandler = async (request, reply) => {
      await reply.interim(103, [['Cache-Control', 'max-age=3600']]);
      await answer(request, reply);
    };
    const { requests } = await askAgain(proxy, hintsFirst);
    expect(requests.length).toBe(2);
  });
});
