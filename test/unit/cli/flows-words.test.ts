// What a terminal says in the place of a URL that there is not.
import { expect, test } from 'vitest';
import { exchangeText, summaryLine } from '../../../src/cli/flows-words.ts';
import { exchangeOf, summaryOf } from '../../support/recorded.ts';

test.each([
  ['answered', '(the proxy itself)'],
  ['failed', '(not understood)'],
] as const)('without a URL, of what was %s: %s', (outcome, words) => {
  expect(summaryLine(summaryOf({ scheme: '', host: '', port: 0, path: '', outcome }))).toMatch(
    new RegExp(`${words.replace(/[()]/g, '.')}$`),
  );
});

test('a URL is written in full, and a tunnel as an authority', () => {
  expect(summaryLine(summaryOf({ scheme: 'http', host: 'a.example', port: 80, path: '/b' }))).toContain('http://a.example/b');
  expect(summaryLine(summaryOf({ scheme: 'tunnel', host: 'a.example', port: 443, path: '' }))).toContain('a.example:443');
});

test('of a request that went on by HTTP/2, nothing that stands in its first line is told as added', () => {
  const fields = [
    [':method', 'GET'],
    [':authority', 'example.com'],
    ['via', '1.1 sallyport'],
  ] as const;
  const text = exchangeText(exchangeOf({ sent: { method: 'GET', target: '/a?b=1', version: '2', fields } }), {
    ...{ request: [], response: [], messages: [] },
  });
  expect(text.split('\n').filter((line) => /^[-+] /.test(line))).toEqual(['+ via: 1.1 sallyport']);
});
