import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compileMatch } from '../../../src/exchange/rewriting-subject.ts';
import type { RecordedExchange, Summary } from '../../../src/flows/recorded.ts';
import { RULE_KINDS, type RuleKind, ruleFrom } from '../../../src/inspector/rule-from-exchange.ts';
import { withRule } from '../../../src/rewrite/edit-rules.ts';
import { parseRules } from '../../../src/rewrite/parse-rules.ts';
import { exchangeOf, summaryOf } from '../../support/recorded.ts';

async function made(exchange: RecordedExchange, kind: RuleKind, content: Uint8Array | null = Buffer.from('content')) {
  const kept: string[] = [];
  const rule = await ruleFrom(
    exchange,
    kind,
    async () => content,
    async (name) => {
      kept.push(name);
      return `./${name}`;
    },
  );
  const parsed = parseRules(withRule('', rule), '/r.yaml', compileMatch);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return { rule: parsed.rules[0]!, written: rule, kept };
}

test.each<[string, Partial<Summary>]>([
  ['plain', {}],
  ['a port of its own', { port: 8080 }],
  ['IPv6', { host: '[2001:db8::1]', port: 8080 }],
  ['what the filter language would read otherwise', { path: '/a|b!(c)&"d"\\e~f: #g?x' }],
  ['the root', { path: '/' }],
  ['OPTIONS of a server', { method: 'OPTIONS', path: '*' }],
  ['a long path', { path: `/${'long/'.repeat(100)}` }],
])('a rule of each kind can be read, and fits what it was made of: %s', async (_, summary) => {
  for (const kind of RULE_KINDS) {
    const { rule } = await made(exchangeOf({}, summary), kind);
    const missing = { request: false, response: false, answer: false };
    const subject = { summary: summaryOf({ scheme: 'http', ...summary }), missing };
    expect([kind, rule.fits(subject)]).toEqual([kind, true]);
    expect(rule.fits({ missing, summary: { ...subject.summary, host: 'other.example' } })).toBe(false);
  }
});

test.each<[string, string, string]>([
  ['/../../etc/passwd', 'text/plain', '7-passwd.txt'],
  ['/a/..', 'text/html', '7-index.html'],
  ['/a%2Fb.js?c=/d', 'text/javascript', '7-a_2Fb.js'],
  ['/api', 'application/problem+json; charset=utf-8', '7-api.json'],
  ['/', 'image/png', '7-index'],
])('the file of %s is named without a way out of its folder', async (path, contentType, name) => {
  expect((await made(exchangeOf({}, { path, contentType }), 'map_local')).kept).toEqual([name]);
});

test('an answer begins as the response was, where that is text; else as something that can be seen', async () => {
  const json = (content: Uint8Array | null, fields: [string, string][] = []) => {
    const response = {
      status: 201,
      reason: '',
      version: '1.1',
      fields: [['Content-Type', 'application/json'] as [string, string], ...fields],
    };
    return made(exchangeOf({ response }, { status: 201 }), 'answer', content);
  };
  const text = '{"a": "\u00fc # \'",\n "b": 1}\n';
  const { rule } = await json(gzipSync(text), [['Content-Encoding', 'gzip']]);
  expect(rule.ending).toEqual({
    kind: 'answer',
    status: 201,
    fields: [{ name: 'Content-Type', value: 'application/json' }],
    content: Buffer.from(text),
  });
  for (const content of [null, Buffer.from([0xff, 0x00]), Buffer.alloc(20_000, 'a')])
    expect((await json(content)).rule.ending).toMatchObject({ kind: 'answer', status: 503 });
});

test('what nobody knows yet where to is switched off', async () => {
  expect((await made(exchangeOf(), 'map_remote')).rule.isOn).toBe(false);
});

test('no rule is made of a tunnel, nor a file of content that was not kept', async () => {
  await expect(made(exchangeOf({}, { kind: 'tunnel' }), 'fail')).rejects.toThrow('none');
  await expect(made(exchangeOf(), 'map_local', null)).rejects.toThrow('not kept as a whole');
});
