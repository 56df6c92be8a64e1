// What the page about rewriting rules shows is what is read.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { compileMatch } from '../../../src/exchange/rewriting-subject.ts';
import { parseRules } from '../../../src/rewrite/parse-rules.ts';
import { THROTTLE_PROFILES } from '../../../src/rewrite/rule.ts';

const page = readFileSync(path.join(import.meta.dirname, '../../../src/rewrite/README.md'), 'utf8');

function problemsOf(text: string): readonly string[] {
  const parsed = parseRules(text, '/r.yaml', compileMatch);
  return 'problems' in parsed ? parsed.problems.map(({ line, message }) => `${line}: ${message}`) : [];
}

test('its example is a file of rules', () => {
  const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
  expect(blocks.map(problemsOf)).toEqual([[]]);
});

test('each key of its table can be written as it is there', () => {
  const cells = [...page.matchAll(/^\| (`[^|]*?) +\|/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));
  const actions = cells
    .map((code) => (code.startsWith('{') ? `throttle: ${code}` : code))
    .map((code) =>
      code.replaceAll('{...}', '{ X-A: b }').replaceAll('[...]', '[X-A]').replace('URL', 'https://a.example').replace('PATH', './site'),
    );
  expect(actions.length).toBeGreaterThan(11);
  for (const action of actions)
    expect([action, problemsOf(`version: 1\nrules:\n  - { name: a, match: b, ${action} }\n`)]).toEqual([action, []]);
});

test('it names every profile', () => {
  for (const profile of Object.keys(THROTTLE_PROFILES)) expect(page).toContain(`\`${profile}\``);
});
