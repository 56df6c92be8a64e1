import { expect, test } from 'vitest';
import { compileMatch } from '../../../src/exchange/rewriting-subject.ts';
import { parseRules } from '../../../src/rewrite/parse-rules.ts';
import { ruleWords } from '../../../src/rewrite/rule-words.ts';

function parsed(rules: string) {
  return parseRules(`version: 1\nrules:\n${rules}`, '/etc/rewrite.yaml', compileMatch);
}

test.each<[string, readonly string[]]>([
  ['map_local: ./site', ['map_local /etc/site']],
  ['map_remote: "https://staging.example:8443/base/"', ['map_remote https://staging.example:8443/base']],
  ['rewrite_url: { pattern: "^http:", with: "https:" }', ['rewrite_url']],
  ['set: { request: { X-A: "1" }, response: { X-B: "2" } }', ['set X-A, X-B']],
  ['remove: { request: [Cookie], response: Set-Cookie }', ['remove cookie, set-cookie']],
  ['status: 404', ['status 404']],
  ['replace: { find: a, with: b }', ['replace']],
  ['replace: [{ in: request, pattern: "a+" }, { find: b, with: "" }]', ['replace']],
  ['answer: { status: 503, fields: { Retry-After: "5" }, body: no }', ['answer 503']],
  ['answer: { body: "" }', ['answer 200']],
  ['fail: timeout', ['fail timeout']],
  ['fail: empty', ['fail empty']],
  ['fail: offline', ['fail offline']],
  ['fail: truncate, status: 500', ['status 500', 'fail truncate']],
  ['delay: 1.5s', ['delay 1500 ms']],
  ['throttle: 3g', ['throttle']],
  ['throttle: { down: 50KB/s, latency: 100ms }', ['throttle']],
])('a rule is read: %s', (action, words) => {
  const found = parsed(`  - { name: a, match: "host:a.example", ${action} }\n`);
  if ('problems' in found) throw new Error(JSON.stringify(found.problems));
  expect(found.rules.map(ruleWords)).toEqual([words]);
});

test.each(['', '\n# nothing yet\n', 'version: 1\n', 'version: 1\nrules: []\n'])('a file may have no rules: %j', (text) => {
  expect(parseRules(text, '/r.yaml', compileMatch)).toEqual({ rules: [] });
});

test.each<[string, string, string]>([
  ['{ match: a, fail: reset }', '3:5', 'name: a rule needs it'],
  ['{ name: a, fail: reset }', '3:5', 'match: a rule needs it'],
  ['{ name: a, match: a }', '3:5', 'a rule does something: give it one of map_local'],
  ['{ name: a, match: "host:(", fail: reset }', '3:23', 'match: '],
  ['{ name: a, match: "host:b !is:failed", fail: reset }', '3:23', 'is:failed is known only once an exchange has ended'],
  ['{ name: a, match: "time:>1s", fail: reset }', '3:23', 'time: is known only once'],
  ['{ name: a, match: a, fail: broken }', '3:32', "expected reset, empty, timeout, offline or truncate; found 'broken'"],
  ['{ name: a, match: a, fail: reset, map_local: x }', '3:5', 'map_local and fail: an exchange ends once'],
  ['{ name: a, match: a, map_remote: "ftp://x" }', '3:38', 'is not served'],
  ['{ name: a, match: a, map_remote: "http://x/?q" }', '3:38', 'a query has no place here'],
  ['{ name: a, match: a, set: { request: { Host: x } } }', '3:44', 'Host is made by the proxy'],
  ['{ name: a, match: a, set: { request: { "a b": x } } }', '3:44', 'is no name of a field'],
  ['{ name: a, match: a, set: { request: { "a:b": x } } }', '3:44', 'is no name of a field'],
  ['{ name: a, match: a, set: { request: { X: "a\\nb" } } }', '3:47', 'no line breaks'],
  ['{ name: a, match: a, status: 101 }', '3:34', 'expected a status from 200 to 599'],
  ['{ name: a, match: a, replace: { with: x } }', '3:26', 'give it "find"'],
  ['{ name: a, match: a, replace: { pattern: "(" } }', '3:46', 'not a regular expression of RE2'],
  ['{ name: a, match: a, replace: { pattern: "a", with: "$1" } }', '3:46', '$1: the pattern has 0 groups'],
  ['{ name: a, match: a, throttle: 5g }', '3:36', 'expected gprs, slow-3g, 3g, 4g or dsl'],
  ['{ name: a, match: a, throttle: { down: 0 } }', '3:44', 'at least 1B/s'],
  ['{ name: a, match: a, delay: 5 }', '3:33', 'expected a duration'],
  ['{ name: a, match: a, delya: 5s }', '3:26', "unknown key 'delya'"],
])('a problem is told with its place: %s', (rule, place, message) => {
  const found = parsed(`  - ${rule}\n`);
  const problems = 'problems' in found ? found.problems : [];
  expect(problems.map(({ line, column, message: said }) => `${line}:${column} ${said}`).join('\n')).toContain(`${place} `);
  expect(problems.map(({ message: said }) => said).join('\n')).toContain(message);
});

test('a name is taken once; every problem is told, in order', () => {
  const found = parsed('  - { name: a, match: x, fail: reset }\n  - { name: a, match: x, fail: rest }\n');
  expect('problems' in found && found.problems.map(({ line }) => line)).toEqual([4, 4]);
});
