import { expect, test } from 'vitest';
import { parseStubStatus } from '../../bench/origin.ts';

test('reads requests, not connections', () => {
  const text = 'Active connections: 1 \nserver accepts handled requests\n 12 12 3456 \nReading: 0 Writing: 1 Waiting: 0 \n';
  expect(parseStubStatus(text)).toBe(3_456);
});

test('an nginx without that page is named', () => {
  expect(() => parseStubStatus('<h1>404 Not Found</h1>')).toThrow('it lacks the module stub_status, or says "<h1>404 Not Found</h1>"');
});
