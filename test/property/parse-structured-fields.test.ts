import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bare, parseDictionary } from '../../src/http/parse-structured-fields.ts';
import { type BareItem, serializeBareItem, serializeMember, token } from '../../src/http/structured-fields.ts';

const key = fc.stringMatching(/^[a-z*][a-z0-9_\-.*]{0,9}$/);
const tokenText = fc.stringMatching(/^[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]{0,12}$/);
const bareItem: fc.Arbitrary<BareItem> = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 30 }),
  fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 }),
  fc.boolean(),
  tokenText.map(token),
);
const nearField = fc.string({ unit: fc.constantFrom(...'a1*="\\:;,.?@%()- \tA\u00e9'), maxLength: 60 });
const lines = fc.array(fc.oneof(nearField, fc.string({ unit: 'binary' })), { maxLength: 3 });

/** What the serialiser was given, as the parser tells it. */
function parsed(item: BareItem): Bare {
  switch (typeof item) {
    case 'string':
      return { kind: 'string', value: item };
    case 'number':
      return { kind: 'integer', value: item };
    case 'boolean':
      return { kind: 'boolean', value: item };
    default:
      return { kind: 'token', value: item.token };
  }
}

test('what the serialiser writes is read as what it was given (RFC 9651 §4.1, §4.2)', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(key, bareItem), { selector: ([name]) => name, maxLength: 6 }), (members) => {
      const text = members.map(([name, item]) => `${name}=${serializeBareItem(item)}`);
      const expected = members.map(([name, item]) => [name, { ...parsed(item), parameters: new Map() }] as const);
      expect(parseDictionary([text.join(', ')])).toEqual(new Map(expected));
      expect(parseDictionary(text)).toEqual(new Map(expected));
      expect(parseDictionary([text.join('\t ,')])).toEqual(new Map(expected));
    }),
    { numRuns: 1000 },
  );
});

test('a member with parameters too, alone and in an inner list', () => {
  const parameters = fc.dictionary(key, bareItem, { maxKeys: 5, noNullPrototype: true });
  fc.assert(
    fc.property(tokenText, parameters, (name, given) => {
      const member = serializeMember(name, given);
      // A false parameter is not written: both fields for which the serialiser is there read an absent one as false.
      const written = Object.entries(given).filter(([, item]) => item !== false);
      const item = { kind: 'token', value: name, parameters: new Map(written.map(([name, item]) => [name, parsed(item)])) };
      expect(parseDictionary([`a=${member}`])!.get('a')).toEqual(item);
      expect(parseDictionary([`a=(${member}  ${member})`])!.get('a')).toEqual({
        kind: 'inner-list',
        items: [item, item],
        parameters: new Map(),
      });
    }),
    { numRuns: 1000 },
  );
});

test('any lines are a Dictionary or null', () => {
  fc.assert(
    fc.property(lines, (text) => {
      const dictionary = parseDictionary(text);
      expect(dictionary === null || dictionary instanceof Map).toBe(true);
    }),
    { numRuns: 10_000 },
  );
});

test('a field that breaks off is refused at every length but between members', () => {
  const whole = 'a=(1 "b";c=2 d);e=?0,b=:aGVsbG8=:,c=@15,d=%"%c3%bc",e="x\\"y"';
  const readable = Array.from(whole, (_, end) => whole.slice(0, end)).filter((text) => parseDictionary([text]) !== null);
  expect(readable).toEqual([
    '',
    'a',
    'a=(1 "b";c=2 d)',
    'a=(1 "b";c=2 d);e',
    'a=(1 "b";c=2 d);e=?0',
    ...['b', 'b=:aGVsbG8=:', 'b=:aGVsbG8=:,c', 'b=:aGVsbG8=:,c=@1', 'b=:aGVsbG8=:,c=@15'].map((more) => `a=(1 "b";c=2 d);e=?0,${more}`),
    ...['d', 'd=%"%c3%bc"', 'd=%"%c3%bc",e'].map((more) => `a=(1 "b";c=2 d);e=?0,b=:aGVsbG8=:,c=@15,${more}`),
  ]);
});
