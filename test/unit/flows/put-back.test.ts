// Secrets put back into what was shown with masks and edited since.
import { describe, expect, test } from 'vitest';
import { withSecrets } from '../../../src/flows/redact/put-back.ts';
import { maskRules } from '../../../src/flows/redact/rules.ts';
import { maskContent, maskFieldValue, maskTarget } from '../../../src/flows/redact.ts';

const RULES = maskRules({ fields: [], query: [], json: [] });
const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const MASK = /\xe2\x80\xb9.*?\xe2\x80\xba/;

const more = (text: string): string => text.replace('b=1', 'b=2&c=3');

describe.each<[string, string, (text: string) => string, (text: string) => string]>([
  ['a URL', 'http://a.test/?token=abc&b=1&code=xyz', (url) => maskTarget(url, RULES), more],
  ['cookies', 'token=abc; b=1; code=xyz', (value) => maskFieldValue('Cookie', value, RULES), (text) => `${text}; n=1`],
  [
    'JSON',
    '{"password":"abc","b":1,"secret":12345}',
    (json) => maskContent(Buffer.from(json), 'application/json', RULES).toString('latin1'),
    (text) => text.replace('"b":1', '"b":2,"c":3'),
  ],
  [
    'a form',
    'password=abc&b=1&code=xyz',
    (form) => maskContent(Buffer.from(form), 'application/x-www-form-urlencoded', RULES).toString('latin1'),
    more,
  ],
])('%s', (_, original, mask, edit) => {
  const shown = mask(original);

  test('that nobody has touched is what it was', () => {
    expect(shown).toMatch(MASK);
    expect(withSecrets(shown, shown, original)).toBe(original);
  });

  test('has its secrets again where something else was edited', () => {
    expect(edit(shown)).not.toBe(shown);
    expect(withSecrets(edit(shown), shown, original)).toBe(edit(original));
  });

  test('has what was written in place of a secret', () => {
    const written = shown.replace(MASK, 'new');
    const restored = withSecrets(written, shown, original)!;
    expect(restored).toContain('new');
    expect(restored).not.toContain('abc');
    expect(restored).not.toMatch(MASK);
  });

  test('is refused where a mask was edited in part, or is another one', () => {
    expect(
      withSecrets(
        shown.replace(MASK, (found) => `x${found}`),
        shown,
        original,
      ),
    ).toBeNull();
    expect(withSecrets(shown.replace(MASK, latin1('‹masked 99 octets›')), shown, original)).toBeNull();
  });
});

test('of equal pieces all are there, or nobody can tell which', () => {
  const original = 'a?token=abc&token=xyz&b=1';
  const shown = maskTarget(original, RULES);
  expect(withSecrets(shown.replace('b=1', 'b=2'), shown, original)).toBe('a?token=abc&token=xyz&b=2');
  const [, second, third] = shown.split('&');
  expect(withSecrets(`a?b=0&${second}&${third}`, shown, original)).toBe('a?b=0&token=xyz&b=1');
  const cookies = 'x=1; sid=abc; y=2; sid=xyz';
  const masked = maskFieldValue('Cookie', cookies, RULES);
  expect(withSecrets(masked.replace(/; sid=[^;]*/, ''), masked, cookies)).toBeNull();
});

test('a secret with a sign in it that parts pieces is put back as a whole or not at all', () => {
  const original = '{"password":"a,b","n":1}';
  const shown = maskContent(Buffer.from(original), 'application/json', RULES).toString('latin1');
  expect(withSecrets(shown, shown, original)).toBe(original);
  expect(withSecrets(shown.replace('1', '2'), shown, original)).toBeNull();
});
