import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { policySchema, type Schema } from '../../../src/policy/json-schema.ts';
import { CACHE_KEYS } from '../../../src/policy/parse-cache.ts';
import { MATCH_KEYS } from '../../../src/policy/parse-condition.ts';
import { POLICY_KEYS } from '../../../src/policy/parse-file.ts';
import { LIMIT_KEYS } from '../../../src/policy/parse-limits.ts';
import { LIST_KEYS } from '../../../src/policy/parse-names.ts';
import { RULE_KEYS } from '../../../src/policy/parse-rule.ts';
import { RESPONSE_KEYS, TEST_KEYS } from '../../../src/policy/parse-tests.ts';
import { TIME_KEYS } from '../../../src/policy/parse-time.ts';

const schema = policySchema();
const checked = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);

test('policies/policy.schema.json is what the code makes; run vitest with -u to write it', async () => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../../../policies/policy.schema.json');
});

test.each<[string, readonly string[], readonly (string | number)[]]>([
  ['a policy', POLICY_KEYS, []],
  ['a match', MATCH_KEYS, ['$defs', 'match', 'anyOf', 1]],
  ['time', TIME_KEYS, ['$defs', 'match', 'anyOf', 1, 'properties', 'time']],
  ['limits', LIMIT_KEYS, ['$defs', 'rule', 'anyOf', 0, 'properties', 'limits']],
  ['cache', CACHE_KEYS, ['$defs', 'rule', 'anyOf', 0, 'properties', 'cache', 'anyOf', 1]],
  ['a list', LIST_KEYS, ['properties', 'lists', 'additionalProperties']],
  ['a test', TEST_KEYS, ['properties', 'tests', 'items']],
  ['a response', RESPONSE_KEYS, ['properties', 'tests', 'items', 'properties', 'response']],
])('%s has the keys that the parser knows', (_name, keys, way) => {
  expect(keysAt(way).sort()).toEqual([...keys].sort());
});

test('a rule has the keys that the parser knows', () => {
  const kinds = (schema['$defs'] as { readonly rule: { readonly anyOf: readonly unknown[] } }).rule.anyOf;
  const keys = new Set(kinds.flatMap((_kind, index) => keysAt(['$defs', 'rule', 'anyOf', index])));
  expect([...keys].sort()).toEqual([...RULE_KEYS].sort());
});

describe('an editor accepts', async () => {
  const files = (await readdir('policies')).filter((name) => name.endsWith('.yaml')).map((name) => `policies/${name}`);
  test.each([...files, 'test/unit/policy/every-key.yaml'])('%s', async (file) => {
    expect(checked.safeParse(parse(await readFile(file, 'utf8'))).error?.issues).toBeUndefined();
  });
});

describe('an editor marks', () => {
  test.each([
    ['an unknown key', '{ version: 1, rule: [] }'],
    ['another version', '{ version: 2 }'],
    ['an unknown criterion', '{ version: 1, rules: [{ allow: { hosts: a.example } }] }'],
    ['two actions', '{ version: 1, rules: [{ allow: any, deny: any }] }'],
    ['no action', '{ version: 1, rules: [{ name: a }] }'],
    ['a message of what is allowed', '{ version: 1, rules: [{ allow: any, message: a }] }'],
    ['a lifetime of what is refused', '{ version: 1, rules: [{ deny: any, cache: { ttl: 1h } }] }'],
    ['an empty list', '{ version: 1, rules: [{ allow: { host: [] } }] }'],
    ['time without a zone', '{ version: 1, rules: [{ allow: { time: { days: mon } } }] }'],
    ['a status that asks for credentials', '{ version: 1, rules: [{ deny: any, status: 407 }] }'],
    ['a list without its format', '{ version: 1, lists: { a: { file: a.txt } } }'],
  ])('%s', (_name, yaml) => {
    expect(checked.safeParse(parse(yaml)).success).toBe(false);
  });
});

function keysAt(way: readonly (string | number)[]): string[] {
  const at = way.reduce<unknown>((part, step) => (part as Record<string | number, unknown>)[step], schema);
  return Object.keys((at as Schema)['properties'] as object);
}
