import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reasonPhrase, standardReason } from '../../../src/pages/reason-phrase.ts';

describe('a reason phrase (RFC 9112 §4)', () => {
  it.each([
    ['a sentence, with a capital', ["denied by rule 'Adverts' (corp.yaml:12)"], "Denied by rule 'Adverts' (corp.yaml:12)"],
    ['the next one, if the first is too long', ['x'.repeat(81), 'denied by corp.yaml:12'], 'Denied by corp.yaml:12'],
    ['80 octets', ['x'.repeat(80)], `X${'x'.repeat(79)}`],
    ['the next one, if the first is not ASCII', ["denied by rule 'Würfel'", 'denied by corp.yaml:12'], 'Denied by corp.yaml:12'],
    ["the status's own, if no text can be one", ['a\r\nSet-Cookie: b', 'tab\there', '', ' x', '\u007f'], 'Forbidden'],
    ["the status's own, if there is no text", [], 'Forbidden'],
  ])('is %s', (_, candidates, phrase) => {
    expect(reasonPhrase(403, candidates)).toBe(phrase);
  });

  it('is visible ASCII and short, whatever a policy holds', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 100 })), (candidates) => {
        expect(reasonPhrase(403, candidates)).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,79}$/);
      }),
    );
  });

  it('is there for a status that nobody has registered', () => {
    expect(standardReason(599)).toBe('Error');
  });
});
