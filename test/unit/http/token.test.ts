import { expect, it } from 'vitest';
import { isToken } from '../../../src/http/token.ts';

const TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const everyOctet = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

it('a token is made of the characters of RFC 9110 §5.6.2 and of no other', () => {
  expect(everyOctet.filter(isToken).sort().join('')).toBe([...TOKEN].sort().join(''));
  expect(isToken('')).toBe(false);
  expect(isToken('\u0141')).toBe(false);
});
