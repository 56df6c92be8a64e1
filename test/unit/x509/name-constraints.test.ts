// Name constraints: what they permit, how they are written and read again. That verifiers hold to them: test/e2e/leaves.test.ts.
import { expect, test } from 'vitest';
import { encode } from '../../../src/tls/der.ts';
import { nameConstraintsExtension } from '../../../src/tls/extensions.ts';
import { describeConstraints, onlyThese, permits, readNameConstraints } from '../../../src/x509/name-constraints.ts';
import { contentOf, DER, membersOf, readDer } from '../../../src/x509/read-der.ts';

test.each<[only: string, host: string, isPermitted: boolean]>([
  ['example.com', 'example.com', true],
  ['example.com', 'a.b.example.com', true],
  ['example.com', 'notexample.com', false],
  ['example.com', 'com', false],
  // No address is named, so none is permitted.
  ['example.com', '192.0.2.1', false],
  ['example.com', '2001:db8::1', false],
  ['192.0.2.0/24', '192.0.2.255', true],
  ['192.0.2.0/24', '192.0.3.0', false],
  ['192.0.2.0/24', '2001:db8::1', false],
  ['192.0.2.0/24', 'example.com', false],
  ['192.0.2.7', '192.0.2.7', true],
  ['192.0.2.7', '192.0.2.6', false],
  ['2001:db8::/33', '2001:db8:7fff::1', true],
  ['2001:db8::/33', '2001:db8:8000::1', false],
  ['example.com 192.0.2.7', 'x.example.com', true],
  ['example.com 192.0.2.7', '192.0.2.7', true],
])('a CA for %s alone may sign for %s: %s (RFC 5280 §4.2.1.10)', (only, host, isPermitted) => {
  const constraints = onlyThese(only.split(' '));
  expect(permits(constraints, host)).toBe(isPermitted);
  expect(permits(readNameConstraints(extensionValue(constraints)), host)).toBe(isPermitted);
});

test('what is written is read again', () => {
  const constraints = onlyThese(['example.com', 'example.org', '192.0.2.0/23', '2001:db8::/32', '198.51.100.7']);
  expect(readNameConstraints(extensionValue(constraints))).toEqual(constraints);
});

test('a name below another one that is listed adds nothing', () => {
  expect(onlyThese(['a.example.com', 'example.com', 'example.com', 'b.a.example.com']).permittedNames).toEqual(['example.com']);
});

test.each([
  [['example.com'], 'only example.com, no addresses'],
  [['192.0.2.7', '192.0.2.0/31'], 'only 192.0.2.7, 192.0.2.0/31, no names'],
  [['example.com', '2001:db8::/32'], 'only example.com, 2001:db8::/32'],
])('%j is told as: %s', (only, words) => {
  expect(describeConstraints(onlyThese(only))).toBe(words);
});

/** What is inside the Extension. */
function extensionValue(constraints: ReturnType<typeof onlyThese>) {
  return contentOf(membersOf(readDer(encode(nameConstraintsExtension(constraints))), DER.sequence).at(-1), DER.octetString);
}
