import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/policy/decide.ts';
import { explainShort } from '../../../src/policy/explain.ts';
import * as q from '../../support/questions.ts';

const POLICY = `version: 1
default: deny
rules:
  - { name: brewing, allow: { host: pot.example, method: [BREW, GET] } }
  - { name: no brewing, deny: { host: tea.example, method: BREW } }
  - { name: dav, allow: { host: dav.example } }
`;

describe('a method that nobody has registered passes only where a rule names it', () => {
  test.each([
    ['BREW http://pot.example/', 'allow', "allowed by rule 'brewing' (p.yaml:4)"],
    ['WHEN http://dav.example/', 'deny', "denied because WHEN is not a registered method, and rule 'dav' (p.yaml:6) does not name it"],
    ['get http://dav.example/', 'deny', "denied because get is not a registered method, and rule 'dav' (p.yaml:6) does not name it"],
    ['PROPFIND http://dav.example/', 'allow', "allowed by rule 'dav' (p.yaml:6)"],
    ['CONNECT dav.example:443', 'allow', "allowed by rule 'dav' (p.yaml:6)"],
    ['BREW http://tea.example/', 'deny', "denied by rule 'no brewing' (p.yaml:5)"],
    ['WHEN http://other.example/', 'deny', 'denied by the default (p.yaml:2)'],
  ])('%s: %s', (request, action, sentence) => {
    const decision = decide(q.compiledYaml(POLICY), q.questionFor(request));
    expect([decision.action, explainShort(decision)]).toEqual([action, sentence]);
  });

  test('the default lets none pass either, unless the policy says so', () => {
    const open = 'version: 1\ndefault: allow\n';
    const asked = q.questionFor('BREW http://pot.example/');
    const decision = decide(q.compiledYaml(open), asked);
    expect(explainShort(decision)).toBe(
      "denied because BREW is not a registered method, and the policy (p.yaml:2) does not say 'methods: any'",
    );
    expect(decide(q.compiledYaml(`${open}methods: any\n`), asked).action).toBe('allow');
    expect(decide(q.compiledYaml(`${open}methods: registered\n`), asked).action).toBe('deny');
  });
});
