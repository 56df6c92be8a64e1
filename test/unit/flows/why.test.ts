// The story of an exchange, in the words of those who decided.
import { describe, expect, test } from 'vitest';
import { CACHE_RULE_DEFAULTS } from '../../../src/cache/rules/options.ts';
import { REUSE_REASONS } from '../../../src/cache/rules/reuse.ts';
import { STORING_REASONS } from '../../../src/cache/rules/storability.ts';
import type { RecordedCache, RecordedDecision, RecordedExchange, RecordedFields, RecordedStored } from '../../../src/flows/recorded.ts';
import { type Why, whyOf } from '../../../src/flows/why.ts';
import { exchangeOf, factsOf } from '../../support/recorded.ts';

const ASKED = { steps: [], policyDigest: 'now', cacheOptions: CACHE_RULE_DEFAULTS };
const DECISION: RecordedDecision = {
  ...{
    action: 'allow',
    decidedBy: 'rule',
    sentence: "allowed by rule 'Work' (p.yaml:3)",
    file: '/etc/p.yaml',
    line: 3,
    rule: 'Work',
    reported: [],
  },
  ...{ groups: ['staff'], policyDigest: 'now', question: {} },
};
const CACHE: RecordedCache = {
  ...{ key: 'GET http://example.com/a', outcome: 'forwarded', isCollapsed: false, reuseWhy: 'uri-miss', storing: 'no-freshness' },
  ...{ ttlSeconds: null, forwardStatus: null },
};

function told(exchange: RecordedExchange): Why {
  return whyOf(exchange, ASKED);
}

function stage(why: Why, name: string) {
  return why.sentences.filter((sentence) => sentence.stage === name);
}

describe('who and what decided', () => {
  test('a user by name, with groups; the rule with its place', () => {
    const why = told(exchangeOf({ facts: factsOf({ decision: { ...DECISION, reported: ['Trial'] } }) }, { user: 'al\xc3\xafce' }));
    expect(stage(why, 'identity')).toMatchObject([{ title: 'alïce', detail: ['groups: staff'] }]);
    expect(stage(why, 'policy')).toEqual([
      {
        ...{ stage: 'policy', title: 'Allowed', text: "Allowed by rule 'Work' (p.yaml:3).", place: '/etc/p.yaml:3' },
        detail: ['on trial, and would have denied it: Trial'],
      },
    ]);
  });

  test('nobody by the address they came from', () => {
    expect(stage(told(exchangeOf()), 'identity')).toMatchObject([
      { title: '192.0.2.10', text: 'Somebody without a name asked, from 192.0.2.10 port 50000, at 127.0.0.1:8080.' },
    ]);
  });

  test('criteria are those that the policy of now gives, which may be another', () => {
    const step = {
      number: 1,
      name: 'Work',
      action: 'allow',
      position: { file: 'p', line: 3, column: 1 },
      truth: 'true',
      criteria: [],
    } as const;
    const exchange = exchangeOf({ facts: factsOf({ decision: DECISION }) });
    expect(whyOf(exchange, { ...ASKED, steps: [step] })).toMatchObject({ criteria: [step], policyChanged: false });
    expect(whyOf(exchange, { ...ASKED, policyDigest: 'another' }).policyChanged).toBe(true);
    expect(whyOf(exchange, { ...ASKED, policyDigest: null }).policyChanged).toBe(false);
  });
});

describe('addresses', () => {
  test('each with its verdict, and the one that was used', () => {
    const judged = [
      { address: '10.0.0.1', allowed: false, reason: '10.0.0.1 is private' },
      { address: '198.51.100.1', allowed: true, reason: '' },
    ];
    expect(stage(told(exchangeOf({ facts: factsOf({ judged }) })), 'address')).toEqual([
      {
        ...{ stage: 'address', title: '198.51.100.1', text: '198.51.100.1 port 80 was connected to. The resolver gave the address.' },
        detail: ['10.0.0.1: 10.0.0.1 is private', '198.51.100.1: allowed'],
      },
    ]);
    const refused = told(exchangeOf({ facts: factsOf({ judged: judged.slice(0, 1), upstreamAddress: null }) }));
    expect(stage(refused, 'address')).toMatchObject([{ title: 'No address', detail: ['10.0.0.1: 10.0.0.1 is private'] }]);
  });

  test('a connection that was kept, and one through a parent proxy', () => {
    const [kept] = stage(told(exchangeOf({ facts: factsOf({ reusedConnection: true }) })), 'address');
    expect(kept!.text).toContain('used again');
    const [parent] = stage(told(exchangeOf({ facts: factsOf({ route: 'parent.example:3128' }) })), 'address');
    expect(parent!.text).toContain(', the parent proxy parent.example:3128 was connected to.');
  });
});

describe('TLS', () => {
  const hello = { serverName: 'a.example', alpn: ['h2'], ja4: 't13d' };
  test.each([
    ['opened', null, 'Opened', 'The tunnel ended here, and its inside was read.'],
    ['passed', 'the client pins its certificate', 'Left closed', 'The tunnel was passed on as it was. The client pins its certificate.'],
    ['refused', null, 'Refused', 'The tunnel was ended.'],
  ] as const)('a tunnel that was %s', (interception, interceptionReason, title, text) => {
    const why = told(exchangeOf({ facts: factsOf({ hello, interceptionReason }) }, { kind: 'tunnel', interception }));
    expect(stage(why, 'tls')).toEqual([{ stage: 'tls', title, text, detail: ['name: a.example', 'protocols: h2', 'JA4: t13d'] }]);
  });

  test("the origin's certificate, and what of it was forgiven", () => {
    const certificate = {
      ...{ subject: 'CN=a.example\nO=A', issuer: 'CN=CA', names: 'DNS:a.example', validFromMs: 0, validToMs: Date.UTC(2027, 0, 31) },
      ...{ fingerprint256: 'AB:CD', chain: [] },
    };
    const originTls = { version: 'TLSv1.3', certificate, isResumed: false, acceptedFaults: [] };
    const good = told(exchangeOf({ facts: factsOf({ originTls }) }, { connectId: 4 }));
    expect(stage(good, 'tls')).toMatchObject([
      { title: 'Inside a tunnel', text: expect.stringContaining('tunnel 4') },
      {
        title: 'Origin verified',
        text: expect.stringContaining('2027-01-31; the connection speaks TLSv1.3'),
        detail: expect.arrayContaining(['subject: CN=a.example, O=A']),
      },
    ]);
    const bad = told(exchangeOf({ facts: factsOf({ originTls: { ...originTls, acceptedFaults: ['expired'] } }) }));
    expect(stage(bad, 'tls')).toMatchObject([{ title: 'Origin forgiven', text: expect.stringContaining('expired') }]);
  });
});

describe('the cache', () => {
  function cached(cache: Partial<RecordedCache>, fields: RecordedFields = [], asked: RecordedFields = []): Why {
    const answer = { status: 200, reason: 'OK', version: '1.1', fields: [['Date', 'Thu, 09 Oct 2025 08:53:20 GMT'], ...fields] } as const;
    const request = { method: 'GET', target: '/a', version: '1.1', fields: asked };
    return told(exchangeOf({ request, received: answer, response: answer, facts: factsOf({ cache: { ...CACHE, ...cache } }) }));
  }

  test.each(Object.entries(REUSE_REASONS))('says of %s what its table says, with the section', (reuseWhy, { sentence, section }) => {
    const [reuse] = stage(cached({ reuseWhy }), 'cache');
    expect(reuse!.text.toLowerCase()).toContain(sentence.slice(0, -1).toLowerCase());
    expect(reuse!.section).toBe(section);
  });

  test.each(Object.entries(STORING_REASONS))('says of storing, %s, what its table says', (storing, { sentence, section, isStored }) => {
    const [, stored] = stage(cached({ storing }), 'cache');
    expect(stored).toMatchObject({ title: isStored ? 'Stored' : 'Not stored', section });
    expect(stored!.text.toLowerCase()).toContain(sentence.slice(0, -1).toLowerCase());
  });

  test('tells nothing of codes that it does not know, nor where it was not asked', () => {
    expect(stage(cached({ reuseWhy: 'of-another-version', storing: 'too' }), 'cache')).toEqual([]);
    expect(stage(told(exchangeOf()), 'cache')).toEqual([]);
  });

  const stored: RecordedStored = {
    ...{ ageSeconds: 130, lifetimeSeconds: 60, lifetimeFrom: 'max-age', controlledBy: 'Cache-Control', ageValueSeconds: 30 },
    ...{ apparentAgeSeconds: 0, responseDelayMs: 0, initialAgeMs: 30_000 },
  };

  test('does the sum of ages where it was recorded, and proposes the lifetime that would have done', () => {
    const why = cached({ outcome: 'validated', reuseWhy: 'stale', storing: null, stored, forwardStatus: 304 }, [
      ['Cache-Control', 'max-age=60'],
    ]);
    expect(stage(why, 'cache')).toMatchObject([
      {
        ...{ title: 'Validated', section: 'RFC 9111 §4.2' },
        detail: [
          'key: GET http://example.com/a',
          'age 130 s = 30 s as received + 100 s here; lifetime 60 s from max-age: stale for 70 s',
          'the origin answered 304',
        ],
      },
    ]);
    expect(why.cacheHint).toBe('raise max-age from 60 to 131 or more');
  });

  test('says what the response was selected by', () => {
    const [hit] = stage(cached({ outcome: 'hit', reuseWhy: 'fresh', storing: null }, [['Vary', 'Foo, Bar']], [['Foo', 'a,  b']]), 'cache');
    expect(hit!.detail).toEqual(['key: GET http://example.com/a', 'selected by: bar: (absent); foo: a,b']);
  });

  test('has the age from the response where that is all there is', () => {
    const [hit] = stage(cached({ outcome: 'hit', reuseWhy: 'fresh', storing: null, ttlSeconds: 20 }, [['Age', '40']]), 'cache');
    expect(hit!.detail).toEqual(['key: GET http://example.com/a', 'age 40 s; lifetime 60 s: fresh for 20 s more']);
  });

  test.each<[string, Partial<RecordedCache>, RecordedFields, RecordedFields, string | null]>([
    ['nothing says how long it lives', {}, [], [], 'add max-age=N; now nothing says how long it stays fresh'],
    [
      'no-store',
      { storing: 'no-store' },
      [['Cache-Control', 'no-store, max-age=60']],
      [],
      'remove no-store; lifetime 60 s from max-age then lets it answer',
    ],
    [
      'authorization',
      { reuseWhy: 'authorization', storing: null },
      [],
      [['Authorization', 'x']],
      'add public or s-maxage, since the request carries Authorization',
    ],
    [
      'another variant',
      { reuseWhy: 'vary-miss', storing: 'stored-explicit' },
      [['Vary', 'Foo, Bar']],
      [['Foo', '1']],
      'remove bar, foo from Vary, as far as the answer does not depend on them',
    ],
    ['a hit', { outcome: 'hit', reuseWhy: 'fresh', storing: null, stored: { ...stored, ageSeconds: 30 } }, [], [], null],
    ['stored now', { storing: 'stored-explicit' }, [['Cache-Control', 'max-age=60']], [], null],
    ['what the client asked for', { reuseWhy: 'request-no-cache', storing: null, stored }, [], [['Cache-Control', 'no-cache']], null],
  ])('proposes: %s', (_, cache, fields, asked, hint) => {
    expect(cached(cache, fields, asked).cacheHint).toBe(hint);
  });
});

describe('the end', () => {
  test('of what was answered: the status, where from, how much, what was changed on the way', () => {
    const changes = [{ stage: 'response', rule: 'Local', what: 'set field X' }] as const;
    expect(stage(told(exchangeOf({ facts: factsOf({ changes }) })), 'outcome')).toEqual([
      {
        stage: 'outcome',
        title: '200, from the origin',
        text: '0 octets of content in, 5 out in 20 ms.',
        detail: ['response: Local: set field X'],
      },
    ]);
  });

  test('of a failure: its code, what was wrong, and who can help', () => {
    const facts = factsOf({ errorMessage: 'no answer from a.example in 30000 ms' });
    expect(stage(told(exchangeOf({ facts }, { outcome: 'failed', error: 'connection_timeout', status: 504 })), 'outcome')).toMatchObject([
      {
        ...{
          title: 'connection_timeout',
          text: 'No answer from a.example in 30000 ms. The origin or the way to it is the cause.',
          section: 'RFC 9209 §2.3',
        },
        detail: ['0 octets of content in, 5 out in 20 ms.'],
      },
    ]);
  });

  test('of a failure whose sentence begins with a host: its name is written as it is', () => {
    const facts = factsOf({ errorMessage: 'shop.example:8443 closed the connection without answering' });
    expect(stage(told(exchangeOf({ facts }, { outcome: 'failed', error: 'connection_terminated', status: 502 })), 'outcome')).toMatchObject(
      [{ text: 'shop.example:8443 closed the connection without answering. The origin or the way to it is the cause.' }],
    );
  });

  test('of what has none yet', () => {
    const pending = exchangeOf({ response: null, received: null }, { state: 'pending', outcome: null, totalMs: null, status: 0 });
    expect(stage(told(pending), 'outcome')).toMatchObject([{ title: 'Pending' }]);
  });
});
