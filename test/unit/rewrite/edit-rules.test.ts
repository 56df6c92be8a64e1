import { expect, test } from 'vitest';
import { compileMatch } from '../../../src/exchange/rewriting-subject.ts';
import { freeName, withRule, withRuleToggled } from '../../../src/rewrite/edit-rules.ts';
import { parseRules } from '../../../src/rewrite/parse-rules.ts';

const WRITTEN = `# Mine, all mine.
version: 1
rules:
  - name: First   # the first
    match: host:a.example
    answer: { status: 503, body: "yes: #no" }

  # The second.
  - { name: Second, match: "~u ^http", fail: reset, on: false }
# The end.
`;

test('a rule more comes behind the others, and all else stays as it is written', () => {
  const after = withRule(WRITTEN, { name: 'yes', match: 'a "b"', answer: { status: '200', body: 'no\n# x\n\ttab' } });
  expect(after).toContain('# Mine, all mine.');
  expect(after).toContain('# The second.\n  - { name: Second, match: "~u ^http", fail: reset, on: false }');
  const parsed = parseRules(after, '/r.yaml', compileMatch);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const added = parsed.rules[2]!;
  expect([parsed.rules.length, added.name, added.match]).toEqual([3, 'yes', 'a "b"']);
  expect(added.ending?.kind === 'answer' && added.ending.content.toString()).toBe('no\n# x\n\ttab');
});

test.each(['', '# only a comment\n', 'version: 1\n', 'version: 1\nrules: []\n'])('the first one makes the list: %j', (text) => {
  const parsed = parseRules(withRule(text, { name: 'a', match: 'b', fail: 'reset' }), '/r.yaml', compileMatch);
  expect('rules' in parsed && parsed.rules.map(({ name }) => name)).toEqual(['a']);
});

test('a rule is switched off and on again, and its text is as before', () => {
  const off = withRuleToggled(WRITTEN, 'First')!;
  expect(isOn(off)).toEqual([false, false]);
  expect(isOn(withRuleToggled(off, 'Second')!)).toEqual([false, true]);
  expect(withRuleToggled(withRuleToggled(off, 'First')!, 'First')).toBe(off);
  expect(withRuleToggled(WRITTEN, 'Third')).toBeNull();
});

test('a name that is taken gets a number', () => {
  expect([freeName(WRITTEN, 'First'), freeName(WRITTEN, 'Third'), freeName('', 'a')]).toEqual(['First 2', 'Third', 'a']);
});

function isOn(text: string): boolean[] {
  const parsed = parseRules(text, '/r.yaml', compileMatch);
  return 'rules' in parsed ? parsed.rules.map((rule) => rule.isOn) : [];
}
