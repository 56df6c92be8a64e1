import { describe, expect, it } from 'vitest';
import { matches, selectingFields, varyOf } from '../../../../src/cache/rules/vary.ts';
import type { StoredResponse } from '../../../../src/cache/stored-response.ts';
import { fieldsOf } from './fields-of.ts';

interface Storing {
  readonly request?: readonly string[];
  readonly response?: readonly string[];
  readonly secretFields?: readonly string[];
}

/** A response as it is stored with the request that brought it. */
function stored({ request = [], response = [], secretFields = [] }: Storing): StoredResponse {
  const fields = fieldsOf(...response);
  const vary = varyOf(fields);
  return {
    id: '1',
    key: 'http://origin.example/',
    selectedBy: vary === '*' ? [] : selectingFields(vary, fieldsOf(...request), secretFields),
    status: 200,
    reason: 'OK',
    version: '1.1',
    fields,
    requestTimeMs: 0,
    responseTimeMs: 0,
    extent: { first: 0, length: 0, completeLength: 0 },
    isFromAuthorized: false,
    isInvalidated: false,
    origin: null,
    tags: [],
  };
}

describe('varyOf (RFC 9110 §12.5.5)', () => {
  it.each<[string[], string[] | '*']>([
    [[], []],
    [['Vary:'], []],
    [['Vary: Foo'], ['foo']],
    [['Vary: Foo, bar'], ['bar', 'foo']],
    [
      ['Vary: foo', 'vary: BAR,Foo'],
      ['bar', 'foo'],
    ],
    [['Vary: , Foo ,,'], ['foo']],
    [['Vary: *'], '*'],
    [['Vary: *, *'], '*'],
    [['Vary: *', 'Vary: *'], '*'],
    [['Vary: , *'], '*'],
    [['Vary:', 'Vary: *'], '*'],
    [['Vary: *, Foo'], '*'],
    [['Vary: Foo, *'], '*'],
    [['Vary: Foo', 'Vary: *'], '*'],
    [['Vary: Accept Encoding'], '*'],
    [['Vary: "Foo"'], '*'],
    [['Vary: Foo; Bar'], '*'],
    // What no origin sees.
    [['Vary: Foo, Proxy-Authorization, connection, X-Forwarded-For, Host'], ['foo']],
    [['Vary: Proxy-Authorization'], []],
    [['Vary: Proxy-Authorization, *'], '*'],
  ])('reads %j as %j', (lines, expected) => {
    expect(varyOf(fieldsOf(...lines))).toEqual(expected);
  });
});

describe('a stored response with Vary answers a request (RFC 9111 §4.1)', () => {
  it.each<[string, string, string[], string[], boolean]>([
    ['with the same value', 'Foo', ['Foo: 1'], ['Foo: 1'], true],
    ['with a name in another case', 'fOO', ['FOO: 1'], ['foo: 1'], true],
    ['with another value', 'Foo', ['Foo: 1'], ['Foo: 2'], false],
    ['with a value in another case', 'Foo', ['Foo: a'], ['Foo: A'], false],
    ['without it, when it was there', 'Foo', ['Foo: 1'], [], false],
    ['with it, when it was not there', 'Foo', [], ['Foo: 1'], false],
    ['without it, when it was not there', 'Foo', [], [], true],
    ['with an empty one, when it was not there', 'Foo', [], ['Foo:'], false],
    ['without it, when it was empty', 'Foo', ['Foo:'], [], false],
    ['with two values, both the same', 'Foo, Bar', ['Foo: 1', 'Bar: 2'], ['Foo: 1', 'Bar: 2'], true],
    ['with two values, in another order of fields', 'Foo, Bar', ['Foo: 1', 'Bar: 2'], ['Bar: 2', 'Foo: 1'], true],
    ['with two values, one of them other', 'Foo, Bar', ['Foo: 1', 'Bar: 2'], ['Foo: 1', 'Bar: 3'], false],
    ['with other fields that Vary does not name', 'Foo', ['Foo: 1', 'Other: a'], ['Foo: 1', 'Other: b'], true],
    ['with lines joined', 'Foo', ['Foo: 1', 'Foo: 2'], ['Foo: 1, 2'], true],
    ['with lines in another order', 'Foo', ['Foo: 1', 'Foo: 2'], ['Foo: 2', 'Foo: 1'], false],
    ['with a line more', 'Foo', ['Foo: 1'], ['Foo: 1', 'Foo: 2'], false],
    ['with blanks around commas', 'Foo', ['Foo: 1,2'], ['Foo:  1 ,\t2 '], true],
    ['with blanks elsewhere', 'Foo', ['Foo: a b'], ['Foo: a  b'], false],
    ['with blanks in a quoted string', 'Foo', ['Foo: "1,2"'], ['Foo: "1, 2"'], false],
    ['with blanks after an escaped quotation mark', 'Foo', ['Foo: "\\", 2"'], ['Foo: "\\",2"'], false],
    ['with blanks after a quoted string', 'Foo', ['Foo: "a" ,2'], ['Foo: "a",2'], true],
    ['with an empty member more', 'Foo', ['Foo: 1,2'], ['Foo: 1,,2'], false],
    ['with languages in another order', 'Accept-Language', ['Accept-Language: en, de'], ['Accept-Language: de, en'], true],
    ['with languages in another case', 'Accept-Language', ['Accept-Language: en, de'], ['Accept-Language: eN, De'], true],
    ['with blanks among languages', 'Accept-Language', ['Accept-Language: en,de;q=0.5'], ['Accept-Language:  en ,  de ; q=0.5'], true],
    ['with languages on two lines', 'Accept-Language', ['Accept-Language: en, de'], ['Accept-Language: de', 'Accept-Language: en'], true],
    [
      'with weights written otherwise',
      'Accept-Language',
      ['Accept-Language: en, de;q=0.50'],
      ['Accept-Language: de;Q=0.5, en;q=1.000'],
      true,
    ],
    ['with languages by weight', 'Accept-Language', ['Accept-Language: de;q=0.5, en;q=0.9'], ['Accept-Language: en;q=0.9, de;q=0.5'], true],
    ['with other weights', 'Accept-Language', ['Accept-Language: en, de;q=0.5'], ['Accept-Language: en;q=0.5, de'], false],
    ['with another language', 'Accept-Language', ['Accept-Language: en'], ['Accept-Language: en, de'], false],
    ['with languages that are malformed alike', 'Accept-Language', ['Accept-Language: en;x, de'], ['Accept-Language: EN;x , de'], true],
    ['with malformed languages in another order', 'Accept-Language', ['Accept-Language: en;x, de'], ['Accept-Language: de, en;x'], false],
    ['with a weight that is none', 'Accept-Language', ['Accept-Language: en;q=2'], ['Accept-Language: en'], false],
    ['with codings in another order', 'Accept-Encoding', ['Accept-Encoding: gzip, br'], ['Accept-Encoding: BR,gzip'], true],
    ['with a coding less', 'Accept-Encoding', ['Accept-Encoding: gzip, br'], ['Accept-Encoding: gzip'], false],
    ['with a coding refused', 'Accept-Encoding', ['Accept-Encoding: gzip'], ['Accept-Encoding: gzip;q=0'], false],
    ['with no coding wanted, when nothing was said of it', 'Accept-Encoding', [], ['Accept-Encoding:'], false],
    ['with other fields ordered, which may mean something', 'Accept', ['Accept: a/b, c/d'], ['Accept: c/d, a/b'], false],
  ])('%s', (_, vary, before, now, expected) => {
    expect(matches(stored({ request: before, response: [`Vary: ${vary}`] }), fieldsOf(...now))).toBe(expected);
  });

  it('of any kind, when it has no Vary', () => {
    expect(matches(stored({ request: ['Foo: 1'] }), fieldsOf('Foo: 2'))).toBe(true);
  });

  it.each<[string, string, string, boolean]>([
    ['is the one that is liked best', 'de', 'fr;q=0.5, de;q=1.0', true],
    ['is it in another case', 'DE', 'fr;q=0.5, De', true],
    ['is the only one asked for', 'de', 'de', true],
    ['is liked less', 'de', 'fr, de;q=0.5', false],
    ['is liked as much as another', 'de', 'fr, de', false],
    ['is not wanted', 'de', 'de;q=0', false],
    ['is only a part of what is asked for', 'de', 'de-CH, fr;q=0.5', false],
    ['is one of two', 'de, fr', 'de', false],
    ['is not known', '', 'de', false],
    ['is asked for in a malformed way', 'de', 'de;x', false],
  ])('in a language that %s', (_, language, asked, expected) => {
    const response = ['Vary: Accept-Language', `Content-Language: ${language}`];
    expect(matches(stored({ request: ['Accept-Language: en, de'], response }), fieldsOf(`Accept-Language: ${asked}`))).toBe(expected);
  });

  it('not in the best language when another field differs, or none is asked for', () => {
    const response = ['Vary: Accept-Language, Foo', 'Content-Language: de'];
    const german = stored({ request: ['Accept-Language: en, de', 'Foo: 1'], response });
    expect(matches(german, fieldsOf('Accept-Language: de', 'Foo: 2'))).toBe(false);
    expect(matches(german, fieldsOf('Foo: 1'))).toBe(false);
  });
});

it('keeps variants apart, side by side, whichever was asked for last', () => {
  const response = ['Vary: Accept-Language, Accept-Encoding'];
  const english = stored({ request: ['Accept-Language: en, de', 'Accept-Encoding: gzip'], response });
  const german = stored({ request: ['Accept-Language: de', 'Accept-Encoding: br, gzip'], response });
  for (let i = 0; i < 2; i += 1) {
    for (const [one, other, asked] of [
      [english, german, fieldsOf('Accept-Language: de, en', 'Accept-Encoding: GZIP')],
      [german, english, fieldsOf('Accept-Language: DE', 'Accept-Encoding: gzip, br')],
    ] as const) {
      expect(matches(one, asked)).toBe(true);
      expect(matches(other, asked)).toBe(false);
    }
  }
});

describe.each(['Cookie', 'Authorization', 'X-Api-Key', 'X-Tenant-Secret'])('a response that was selected by a credential, %s', (name) => {
  const kept = stored({ request: [`${name}: a-secret, b`], response: [`Vary: ${name}`], secretFields: ['x-tenant-secret'] });

  it('is kept without it, and selected by it', () => {
    expect(JSON.stringify(kept)).not.toContain('a-secret');
    expect(matches(kept, fieldsOf(`${name}: a-secret, b`))).toBe(true);
    expect(matches(kept, fieldsOf(`${name}: a-secret,b`))).toBe(true);
    expect(matches(kept, fieldsOf(`${name}: another`))).toBe(false);
    expect(matches(kept, [])).toBe(false);
  });

  it('is not selected by its digest', () => {
    expect(matches(kept, fieldsOf(`${name}: ${kept.selectedBy[0]!.value!.trim()}`))).toBe(false);
  });

  it('is selected without it where it was absent', () => {
    const absent = stored({ response: [`Vary: ${name}`] });
    expect(matches(absent, [])).toBe(true);
    expect(matches(absent, fieldsOf(`${name}: a-secret`))).toBe(false);
  });
});
