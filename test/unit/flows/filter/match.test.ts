// What each word finds.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { STORING_REASONS } from '../../../../src/cache/rules/storability.ts';
import type { Filter } from '../../../../src/flows/filter/filter.ts';
import { matches, needs } from '../../../../src/flows/filter/match.ts';
import { parseFilter } from '../../../../src/flows/filter/parse.ts';
import type { FilterSubject } from '../../../../src/flows/filter/subject.ts';
import type { Summary } from '../../../../src/flows/recorded.ts';
import { exchangeOf, factsOf, summaryOf } from '../../../support/recorded.ts';

const POST = subject({
  ...{ method: 'POST', scheme: 'https', host: 'api.example.com', port: 8443, path: '/v1/Users?q=caf\xc3\xa9', status: 404 },
  ...{ client: '10.1.2.3', user: 'alice', rule: 'No trackers', touched: ['Local copy'], contentType: 'application/json; charset=utf-8' },
  ...{ requestBytes: 600, responseBytes: 500, totalMs: 1_500, decision: 'intercept', cache: 'hit', error: null, connectId: 4, id: 1_234 },
});

test.each<[string, boolean]>([
  ['~all', true],
  ['users', true],
  ['"POST https://api"', true],
  ['"GET https://api"', false],
  ['café', true],
  ['host:example.com', true],
  ['host:EXAMPLE.com', true],
  ['host:*.example.com', true],
  ['host:ample.com', false],
  ['host:api.example.com:8443', true],
  ['host:api.example.com:443', false],
  ['path:/v1/', true],
  ['path:/users', false],
  ['path:users', true],
  ['url::8443/v1', true],
  ['method:post', true],
  ['status:404', true],
  ['status:4xx', true],
  ['status:<404', false],
  ['status:400-404', true],
  ['type:json', true],
  ['client:10.1.', true],
  ['client:10.1.2', false],
  ['client:10.1.2.3', true],
  ['user:Alice', true],
  ['rule:"no trackers"', true],
  ['rule:trackers', false],
  ['touched:"local copy"', true],
  ['decision:intercept', true],
  ['cache:hit', true],
  ['scheme:https', true],
  ['scheme:http', false],
  ['port:>8000', true],
  ['size:>1KB', true],
  ['size:<=1100B', true],
  ['size:<1100B', false],
  ['time:>1s', true],
  ['id:1000-1300', true],
  ['error:timeout', false],
  ['is:hit is:slow is:inside is:rewritten is:done', true],
  ['is:denied | is:failed', false],
  ['~d ^API\\.', true],
  ['~u /v[0-9]+/', true],
  ['~m P(OS|U)T', true],
  ['~c 404', true],
  ['~hq "^host: "', true],
  ['~hs ^host:', false],
  ['~h x-none', false],
  ['!~h x-none', true],
  ['header:host', true],
  ['header:"content-type: json"', false],
  ['header:"Content-Type: PLAIN"', true],
  ['~b needle', true],
  ['~bq needle', false],
  ['~bs needle', true],
  ['body:NEEDLE', true],
  ['text:needle', true],
  ['~t json', true],
  ['~tq .', false],
  ['~src ^10', true],
  ['~dst :8443$', true],
  ['~q', false],
  ['~s', true],
  ['~e', false],
  ['~a', false],
  ['~http !~tcp !~websocket !~replay', true],
])('%s of a POST: %s', (text, isFound) => {
  expect(matches(filterOf(text), POST)).toBe(isFound);
});

test.each<[string, Partial<Summary>]>([
  ['is:pending ~q', { state: 'pending', status: 0, outcome: null }],
  ['is:miss', { cache: 'forwarded' }],
  ['is:revalidated', { cache: 'validated' }],
  ['is:failed ~e error:timeout', { outcome: 'failed', error: 'connection_timeout' }],
  ['is:held !is:rewritten', { touched: ['breakpoint'] }],
  ['is:opened is:tunnel ~tcp', { kind: 'tunnel', interception: 'opened' }],
  ['is:sse', { contentType: 'text/event-stream' }],
  ['~a', { contentType: 'image/png' }],
  ['host:[::1]', { host: '[::1]' }],
  ['host:::1', { host: '[::1]' }],
  ['host:10.1', { host: '192.168.10.1' }],
  ['host:bücher.example', { host: 'www.xn--bcher-kva.example' }],
])('%s', (text, summary) => {
  expect(matches(filterOf(text), subject(summary))).toBe(true);
});

test.each(Object.entries(STORING_REASONS))('is:stored says of %s what the cache says', (code, { isStored }) => {
  const cache = { key: '', outcome: 'forwarded', isCollapsed: false, reuseWhy: null, ttlSeconds: null, forwardStatus: null } as const;
  const facts = factsOf({ cache: { ...cache, storing: code } });
  expect(matches(filterOf('is:stored'), { summary: summaryOf(), facts })).toBe(isStored);
  expect(matches(filterOf('is:stored'), { summary: summaryOf() })).toBe(false);
});

test('the language imports nothing of Node, so that the page can have it', () => {
  const root = path.join(import.meta.dirname, '../../../../src');
  const seen = new Set<string>();
  const waiting = ['parse', 'match', 'complete', 'filter', 'words'].map((name) => path.join(root, 'flows/filter', `${name}.ts`));
  for (const file of waiting) {
    if (seen.has(file)) continue;
    seen.add(file);
    // Types are gone before it runs.
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/^import (?!type).*?from '([^']+)';$/gms)) {
      expect(specifier, file).not.toMatch(/^node:/);
      if (specifier!.startsWith('.')) waiting.push(path.resolve(path.dirname(file), specifier!));
    }
  }
  expect(seen.size).toBeGreaterThan(8);
});

test.each<[string, string]>([
  ['host:a status:200', 'summary'],
  ['~ts json is:hit login', 'summary'],
  ['host:a ~h b', 'fields'],
  ['is:stored', 'fields'],
  ['!(host:a | body:x)', 'content'],
])('%s needs the %s and no more', (text, need) => {
  expect(needs(filterOf(text))).toBe(need);
});

test('content is not read where the row decides', () => {
  let reads = 0;
  const responseText = (): string => {
    reads += 1;
    return '';
  };
  expect(matches(filterOf('body:x host:other.example'), { summary: summaryOf(), responseText })).toBe(false);
  expect(reads).toBe(0);
});

function subject(summary: Partial<Summary>): FilterSubject {
  const { request, response, facts } = exchangeOf();
  return { summary: summaryOf(summary), request, response, facts, requestText: () => null, responseText: () => 'a Needle in a haystack' };
}

function filterOf(text: string): Filter {
  const parsed = parseFilter(text);
  if ('problem' in parsed) throw new Error(`${text}: ${parsed.problem.message}`);
  return parsed.ok;
}
