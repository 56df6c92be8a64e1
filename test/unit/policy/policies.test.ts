import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { NO_FIELDS } from '../../../src/http/message.ts';
import type { Question } from '../../../src/match/question.ts';
import { decide } from '../../../src/policy/decide.ts';
import { explainShort } from '../../../src/policy/explain.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { formatProblem, parsePolicy } from '../../../src/policy/parse.ts';

const FOLDER = 'policies';
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml')).map((name) => `${FOLDER}/${name}`);

describe.each(files)('%s', (file) => {
  test('has no problems', async () => {
    const loaded = await loadPolicy(file);
    expect('problems' in loaded ? loaded.problems.map(formatProblem) : []).toEqual([]);
  });

  test('opens with a comment that says what it shows', async () => {
    expect(await readFile(file, 'utf8')).toMatch(/^# yaml-language-server: \$schema=policy\.schema\.json\n# Shows .{20,}\n/);
  });
});

test('every complete example in policies/README.md is a policy without problems', async () => {
  const text = await readFile(`${FOLDER}/README.md`, 'utf8');
  const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1]!).filter((yaml) => yaml.includes('version:'));
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect(parsePolicy(example, 'policies/README.md')).toHaveProperty('policy');
});

describe('what they say', () => {
  test.each([
    ['open', 'GET', 'http', 'anything.example', 80, '/', 'allow'],
    ['open', 'CONNECT', 'tunnel', 'dev.example', 5173, null, 'allow'],
    ['allowlist', 'CONNECT', 'tunnel', 'registry.npmjs.org', 443, null, 'allow'],
    ['allowlist', 'CONNECT', 'tunnel', 'registry.npmjs.org', 22, null, 'deny'],
    ['allowlist', 'CONNECT', 'tunnel', 'objects.githubusercontent.com', 443, null, 'allow'],
    ['allowlist', 'CONNECT', 'tunnel', 'gist.githubusercontent.com', 443, null, 'deny'],
    ['allowlist', 'GET', 'http', 'deb.debian.org', 80, '/debian/dists/bookworm/InRelease', 'allow'],
    ['allowlist', 'GET', 'http', 'deb.debian.org', 80, '/debian/../server-status', 'deny'],
    ['allowlist', 'POST', 'http', 'deb.debian.org', 80, '/debian/', 'deny'],
    ['allowlist', 'GET', 'http', 'registry.corp.example', 8042, '/v2/', 'allow'],
    ['allowlist', 'GET', 'http', 'example.com', 80, '/', 'deny'],
  ] as const)('%s: %s %s %s:%i %s: %s', async (name, method, scheme, host, port, pathAndQuery, action) => {
    const loaded = await loadPolicy(`${FOLDER}/${name}.yaml`);
    if ('problems' in loaded) throw new Error('the policy has problems');
    const question: Question = { ...PLAIN, method, scheme, host, port, pathAndQuery };
    const decision = decide(loaded.compiled, question);
    expect(decision.action, explainShort(decision)).toBe(action);
  });
});

const PLAIN = {
  fields: NO_FIELDS,
  contentLength: 0,
  upgrade: null,
  clientAddress: '127.0.0.1',
  listener: '',
  identity: 'nobody',
  address: null,
  response: null,
  nowMs: 0,
} as const;
