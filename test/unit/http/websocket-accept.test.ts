// The proof of a WebSocket's server, and what it is made of (RFC 6455 §1.3, §4.2.1).
import { expect, test } from 'vitest';
import { acceptFor, isWebSocketKey } from '../../../src/http/websocket-accept.ts';

test('the proof is that of the RFC (§1.3)', () => {
  expect(acceptFor('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test.each<[boolean, string, string[]]>([
  [true, '16 octets in Base64', ['dGhlIHNhbXBsZSBub25jZQ==']],
  [false, 'none', []],
  [false, 'two', ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ==']],
  [false, 'an empty one', ['']],
  [false, '15 octets', ['dGhlIHNhbXBsZSBub25j']],
  [false, '17 octets', ['dGhlIHNhbXBsZSBub25jZSE=']],
  [false, 'other characters', ['dGhlIHNhbXBsZSBub25-_Q==']],
])('it is %s that a handshake may begin with %s', (isKey, _, values) => {
  expect(isWebSocketKey(values)).toBe(isKey);
});
