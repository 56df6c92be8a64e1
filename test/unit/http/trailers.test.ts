import { expect, test } from 'vitest';
import { forwardedTrailers } from '../../../src/http/trailers.ts';

test.each([
  'Content-Length',
  'transfer-encoding',
  'Host',
  'Authorization',
  'Set-Cookie',
  'Content-Type',
  'Cache-Control',
  'Pragma',
  'TE',
  'Via',
])('%s is no trailer (RFC 9110 §6.5.1)', (name) => {
  expect(forwardedTrailers([{ name, value: 'x' }])).toEqual([]);
});

test('others pass, in order and as often as they came', () => {
  const trailers = ['grpc-status', 'Grpc-Message', 'ETag', 'x-sum', 'x-sum'].map((name, i) => ({ name, value: String(i) }));
  expect(forwardedTrailers(trailers)).toEqual(trailers);
});
