import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../../src/errors/nearest.ts';

const KEYS = ['listen', 'limits', 'timeouts', 'dns'];

test.each([
  ['timeout', 'timeouts', 'a letter missing'],
  ['lisetn', 'listen', 'two letters swapped'],
  ['LIMITS', 'limits', 'another case'],
  ['dn', 'dns', 'one edit in a short word'],
  ['policy', null, 'nothing near'],
  ['ab', null, 'a short word that shares nothing'],
])('%s is a slip for %s (%s)', (word, known, _why) => {
  expect(nearest(word, KEYS)).toBe(known);
});

test('a common prefix does not make names near', () => {
  expect(didYouMean('SALLYPORT_FOO', ['SALLYPORT_VIA'], 'SALLYPORT_')).toBe('');
  expect(didYouMean('SALLYPORT_VAI', ['SALLYPORT_VIA'], 'SALLYPORT_')).toBe(' Did you mean "SALLYPORT_VIA"?');
});
